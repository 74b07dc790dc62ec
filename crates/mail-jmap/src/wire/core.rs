//! RFC 8620: the session, requests, and the standard methods' answers.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

pub(crate) const CAPABILITY_CORE: &str = "urn:ietf:params:jmap:core";
pub(crate) const CAPABILITY_MAIL: &str = "urn:ietf:params:jmap:mail";
pub(crate) const CAPABILITY_SUBMISSION: &str = "urn:ietf:params:jmap:submission";

/// The session resource (section 2).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionWire {
    pub(crate) capabilities: CapabilitiesWire,
    pub(crate) accounts: HashMap<String, AccountWire>,
    #[serde(default)]
    pub(crate) primary_accounts: HashMap<String, String>,
    pub(crate) api_url: String,
    pub(crate) download_url: String,
    pub(crate) upload_url: String,
    pub(crate) event_source_url: Option<String>,
    pub(crate) state: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct CapabilitiesWire {
    #[serde(rename = "urn:ietf:params:jmap:core")]
    pub(crate) core: Option<CoreWire>,
    #[serde(rename = "urn:ietf:params:jmap:mail")]
    pub(crate) mail: Option<Value>,
    /// RFC 8887 section 3.1. Read with care: a malformed one costs the web socket only.
    #[serde(rename = "urn:ietf:params:jmap:websocket")]
    pub(crate) web_socket: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CoreWire {
    pub(crate) max_size_upload: u64,
    pub(crate) max_concurrent_upload: u64,
    pub(crate) max_size_request: u64,
    pub(crate) max_concurrent_requests: u64,
    pub(crate) max_calls_in_request: u64,
    pub(crate) max_objects_in_get: u64,
    pub(crate) max_objects_in_set: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountWire {
    /// Null in Cyrus until the account's first mailbox exists.
    account_capabilities: Option<Map<String, Value>>,
}

impl AccountWire {
    pub(crate) fn offers(&self, capability: &str) -> bool {
        self.account_capabilities
            .as_ref()
            .is_some_and(|all| all.contains_key(capability))
    }
}

/// A request (section 3.3).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RequestWire<'a> {
    pub(crate) using: Vec<&'static str>,
    pub(crate) method_calls: &'a [(&'static str, Value, String)],
}

/// A response (section 3.4), its results still unread.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ResponseWire {
    pub(crate) method_responses: Vec<(String, Box<RawValue>, String)>,
    pub(crate) session_state: String,
}

/// `Foo/get` (section 5.1).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GetWire<T> {
    pub(crate) account_id: String,
    pub(crate) state: String,
    pub(crate) list: Vec<T>,
    /// Null in Cyrus when empty.
    pub(crate) not_found: Option<Vec<String>>,
}

/// `Foo/changes` (section 5.2).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChangesWire {
    pub(crate) account_id: String,
    pub(crate) old_state: String,
    pub(crate) new_state: String,
    pub(crate) has_more_changes: bool,
    pub(crate) created: Vec<String>,
    pub(crate) updated: Vec<String>,
    pub(crate) destroyed: Vec<String>,
}

/// `Foo/query` (section 5.5).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QueryWire {
    pub(crate) account_id: String,
    pub(crate) query_state: String,
    pub(crate) ids: Vec<String>,
    pub(crate) total: Option<u64>,
}

/// `Foo/set` (section 5.3) and `Email/import`, as far as they are read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SetWire {
    pub(crate) account_id: String,
    pub(crate) created: Option<HashMap<String, CreatedWire>>,
    pub(crate) not_created: Option<HashMap<String, SetErrorWire>>,
    pub(crate) updated: Option<HashMap<String, Option<Map<String, Value>>>>,
    pub(crate) not_updated: Option<HashMap<String, SetErrorWire>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct CreatedWire {
    pub(crate) id: String,
}

/// A `SetError` (section 5.3).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SetErrorWire {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// With `alreadyExists` (RFC 8621 section 4.8).
    pub(crate) existing_id: Option<String>,
}

/// The answer to an upload (section 6.1).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UploadWire {
    pub(crate) account_id: String,
    pub(crate) blob_id: String,
    pub(crate) size: u64,
}
