//! The session object (RFC 8620 section 2) and the limits it promises.

use serde_json::{Map, Value, json};

use super::SeatSession;
use crate::people::Person;

pub(crate) const CORE: &str = "urn:ietf:params:jmap:core";
pub(crate) const MAIL: &str = "urn:ietf:params:jmap:mail";
pub(crate) const WEB_SOCKET: &str = "urn:ietf:params:jmap:websocket";
pub(crate) const SUBMISSION: &str = "urn:ietf:params:jmap:submission";

/// `maxCallsInRequest`.
pub(crate) const MOST_CALLS: usize = 16;
/// `maxObjectsInGet`.
pub(crate) const MOST_IN_GET: usize = 500;
/// `maxObjectsInSet`.
pub(crate) const MOST_IN_SET: usize = 500;
/// `maxSizeRequest`, octets.
pub(crate) const LARGEST_REQUEST: usize = 10_000_000;
/// `maxSizeUpload`, octets.
pub(crate) const LARGEST_UPLOAD: usize = 50_000_000;
/// `maxConcurrentRequests`, per account.
pub(crate) const MOST_REQUESTS: usize = 4;
/// `maxConcurrentUpload`, per account.
pub(crate) const MOST_UPLOADS: usize = 4;
/// The longest page of a query.
pub(crate) const LONGEST_PAGE: usize = 5_000;
/// `maxSizeMailboxName`, octets.
pub(crate) const LONGEST_MAILBOX_NAME: usize = 200;

/// The session of one person, with addresses under `origin`.
pub(crate) fn session(person: &Person, now: &SeatSession, origin: &str) -> Value {
    let core = json!({
        "maxSizeUpload": LARGEST_UPLOAD,
        "maxConcurrentUpload": MOST_UPLOADS,
        "maxSizeRequest": LARGEST_REQUEST,
        "maxConcurrentRequests": MOST_REQUESTS,
        "maxCallsInRequest": MOST_CALLS,
        "maxObjectsInGet": MOST_IN_GET,
        "maxObjectsInSet": MOST_IN_SET,
        "collationAlgorithms": ["i;ascii-casemap", "i;unicode-casemap"],
    });
    let mail = json!({
        "maxMailboxesPerEmail": null,
        "maxMailboxDepth": 10,
        "maxSizeMailboxName": LONGEST_MAILBOX_NAME,
        "maxSizeAttachmentsPerEmail": LARGEST_UPLOAD,
        "emailQuerySortOptions": ["receivedAt", "sentAt", "size", "from", "to", "subject", "hasKeyword", "allInThreadHaveKeyword", "someInThreadHaveKeyword"],
        "mayCreateTopLevelMailbox": true,
    });
    let (mut accounts, mut primary) = (Map::new(), Map::new());
    if let Some(account) = &now.account_id {
        let described = json!({
            "name": person.email,
            "isPersonal": true,
            "isReadOnly": false,
            "accountCapabilities": {
                CORE: {},
                MAIL: mail,
                SUBMISSION: { "maxDelayedSend": 0, "submissionExtensions": {} },
            },
        });
        accounts.insert(account.clone(), described);
        for capability in [CORE, MAIL, SUBMISSION] {
            primary.insert(capability.to_owned(), account.as_str().into());
        }
    }
    // `https` becomes `wss`.
    let socket_origin = origin.replacen("http", "ws", 1);
    let web_socket = json!({ "url": format!("{socket_origin}/jmap/ws"), "supportsPush": true });
    json!({
        "capabilities": { CORE: core, MAIL: {}, SUBMISSION: {}, WEB_SOCKET: web_socket },
        "accounts": accounts,
        "primaryAccounts": primary,
        "username": person.email,
        "apiUrl": format!("{origin}/jmap/api"),
        "downloadUrl": format!("{origin}/jmap/download/{{accountId}}/{{blobId}}/{{name}}?type={{type}}"),
        "uploadUrl": format!("{origin}/jmap/upload/{{accountId}}/"),
        "eventSourceUrl": format!("{origin}/jmap/eventsource?types={{types}}&closeafter={{closeafter}}&ping={{ping}}"),
        "state": now.state.to_string(),
    })
}
