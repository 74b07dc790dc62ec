//! The session resource (RFC 8620 section 2): found, checked, and resolved to what calls need.

use std::collections::HashMap;
use std::sync::Arc;

use mail_model::StateString;
use mail_model::remote::SourceError;
use reqwest::Response;
use reqwest::header::LOCATION;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use url::Url;

use crate::config::ServerAddress;
use crate::fault::{Fault, bad_answer};
use crate::http::{Outgoing, Transport};
use crate::mailboxes::state_string;
use crate::wire::core::{CAPABILITY_CORE, CAPABILITY_MAIL, CAPABILITY_SUBMISSION, SessionWire};

/// A well-known address leads to the session in one or two steps; more is a circle.
const MOST_REDIRECTS: usize = 5;
/// More at once would help nobody and annoy the server.
const MOST_REQUESTS: usize = 4;

/// What one account's server offers, checked.
pub(crate) struct Session {
    pub(crate) state: String,
    pub(crate) api: Url,
    pub(crate) account: String,
    /// Stands for the account in the states given out.
    mark: String,
    /// The account to send with, where there is one.
    pub(crate) submission_account: Option<String>,
    pub(crate) limits: Limits,
    pub(crate) requests: Arc<Semaphore>,
    pub(crate) uploads: Arc<Semaphore>,
    pub(crate) event_source: Option<String>,
    /// Where changes are announced over a web socket, as the address of its handshake.
    pub(crate) web_socket: Option<Url>,
    base: Url,
    download: String,
    upload: String,
}

/// The server's limits, at least 1 each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) size_upload: usize,
    pub(crate) size_request: usize,
    pub(crate) calls_in_request: usize,
    pub(crate) objects_in_get: usize,
    pub(crate) objects_in_set: usize,
}

impl Session {
    /// Looks for the session resource and checks it.
    ///
    /// # Errors
    /// [`SourceError::NoService`] where there is no mail for this account,
    /// [`SourceError::BadAnswer`] for a document that is malformed or names other servers.
    pub(crate) async fn discover(
        transport: &Transport,
        address: &ServerAddress,
    ) -> Result<Self, SourceError> {
        let (base, answer) = follow(transport, address.first()).await?;
        let wire = transport.read_json(answer).await?;
        Self::check(wire, base, transport)
    }

    /// Checks a document that came from `base`.
    fn check(wire: SessionWire, base: Url, transport: &Transport) -> Result<Self, SourceError> {
        let core = wire
            .capabilities
            .core
            .ok_or_else(|| no_service("it does not speak JMAP"))?;
        if wire.capabilities.mail.is_none() {
            return Err(no_service("it has no mail"));
        }
        let account = mail_account(&wire.primary_accounts, &wire.accounts)?;
        let submission_account = submission_account(&wire.primary_accounts, &wire.accounts);
        let web_socket = web_socket(wire.capabilities.web_socket.as_ref(), transport);
        let limits = Limits {
            size_upload: at_least_one(core.max_size_upload)?,
            size_request: at_least_one(core.max_size_request)?,
            calls_in_request: at_least_one(core.max_calls_in_request)?,
            objects_in_get: at_least_one(core.max_objects_in_get)?,
            objects_in_set: at_least_one(core.max_objects_in_set)?,
        };
        let requests = at_least_one(core.max_concurrent_requests)?.min(MOST_REQUESTS);
        let uploads = at_least_one(core.max_concurrent_upload)?.min(MOST_REQUESTS);
        Ok(Self {
            state: wire.state,
            api: resolve(&base, &wire.api_url, transport)?,
            mark: mark_of(&account),
            account,
            submission_account,
            limits,
            requests: Arc::new(Semaphore::new(requests)),
            uploads: Arc::new(Semaphore::new(uploads)),
            event_source: wire.event_source_url.filter(|url| !url.is_empty()),
            web_socket,
            base,
            download: wire.download_url,
            upload: wire.upload_url,
        })
    }

    /// A state as it is given out: with a mark of the account it belongs to. States of two
    /// accounts may be the same text and mean different things.
    ///
    /// # Errors
    /// [`SourceError::BadAnswer`] for one that is empty or too long.
    pub(crate) fn mark_state(&self, state: &str) -> Result<StateString, SourceError> {
        state_string(state)?;
        StateString::new(format!("{}:{state}", self.mark))
            .map_err(|_| bad_answer("a state is malformed"))
    }

    /// The server's own words for a state that was given out; none for one of another account. A
    /// state without a mark was kept before there were marks: it is taken for this account's.
    pub(crate) fn own_state<'a>(&self, state: &'a StateString) -> Option<&'a str> {
        match state.as_str().split_once(':') {
            Some((mark, own)) if is_mark(mark) => (mark == self.mark).then_some(own),
            _ => Some(state.as_str()),
        }
    }

    /// Where a blob is.
    pub(crate) fn download_url(
        &self,
        blob: &str,
        transport: &Transport,
    ) -> Result<Url, SourceError> {
        let values = [
            ("accountId", self.account.as_str()),
            ("blobId", blob),
            ("type", "application/octet-stream"),
            ("name", "blob"),
        ];
        self.expand(&self.download, &values, &["accountId", "blobId"], transport)
    }

    /// Where a blob goes.
    pub(crate) fn upload_url(&self, transport: &Transport) -> Result<Url, SourceError> {
        let values = [("accountId", self.account.as_str())];
        self.expand(&self.upload, &values, &["accountId"], transport)
    }

    /// Where changes are announced.
    pub(crate) fn event_url(
        &self,
        ping_seconds: u32,
        transport: &Transport,
    ) -> Result<Option<Url>, SourceError> {
        let Some(template) = &self.event_source else {
            return Ok(None);
        };
        let ping = ping_seconds.to_string();
        let values = [
            ("types", "*"),
            ("closeafter", "no"),
            ("ping", ping.as_str()),
        ];
        self.expand(template, &values, &[], transport).map(Some)
    }

    fn expand(
        &self,
        template: &str,
        values: &[(&str, &str)],
        needed: &[&str],
        transport: &Transport,
    ) -> Result<Url, SourceError> {
        let text = crate::template::expand(template, values, needed)
            .ok_or_else(|| bad_answer("a URL template of the session is malformed"))?;
        resolve(&self.base, &text, transport)
    }
}

/// Octets of a mark; short, because a state has 255 at most.
const MARK: usize = 12;

/// The same for one account on every start.
fn mark_of(account: &str) -> String {
    let digest = Sha256::digest(account);
    digest
        .iter()
        .take(MARK / 2)
        .map(|octet| format!("{octet:02x}"))
        .collect()
}

fn is_mark(text: &str) -> bool {
    text.len() == MARK && text.bytes().all(|octet| octet.is_ascii_hexdigit())
}

/// Follows redirects to the session, only to origins that may see the token.
async fn follow(transport: &Transport, first: Url) -> Result<(Url, Response), SourceError> {
    let mut url = first;
    for _ in 0..=MOST_REDIRECTS {
        let answer = transport
            .authorised(&Outgoing::get(url.clone(), "application/json"))
            .await?;
        if !answer.status().is_redirection() {
            return match transport.successful(answer).await {
                Ok(answer) => Ok((url, answer)),
                Err(Fault::Source(SourceError::NotFound)) => {
                    Err(no_service("there is no JMAP session at this address"))
                }
                Err(fault) => Err(fault.into()),
            };
        }
        let target = answer
            .headers()
            .get(LOCATION)
            .and_then(|location| location.to_str().ok())
            .and_then(|location| url.join(location).ok())
            .ok_or_else(|| bad_answer("it redirects to nowhere"))?;
        if !transport.allows(&target) {
            return Err(no_service("it redirects to another server"));
        }
        url = target;
    }
    Err(no_service("it redirects in a circle"))
}

fn resolve(base: &Url, text: &str, transport: &Transport) -> Result<Url, SourceError> {
    let url = base
        .join(text)
        .map_err(|_| bad_answer("a URL of the session is malformed"))?;
    if transport.allows(&url) {
        Ok(url)
    } else {
        Err(bad_answer("the session names an address on another server"))
    }
}

/// The handshake of a web socket is an HTTP request (RFC 6455 section 4.1), and judged as one. A
/// server without announcements there, or with an address that may not see the token, has none.
fn web_socket(capability: Option<&Value>, transport: &Transport) -> Option<Url> {
    let capability = capability?;
    if capability.get("supportsPush") != Some(&Value::Bool(true)) {
        return None;
    }
    let mut url = Url::parse(capability.get("url")?.as_str()?).ok()?;
    let scheme = match url.scheme() {
        "wss" => "https",
        "ws" => "http",
        _ => return None,
    };
    url.set_scheme(scheme).ok()?;
    if transport.allows(&url) {
        Some(url)
    } else {
        tracing::debug!("the session names a web socket on another server");
        None
    }
}

type Accounts = HashMap<String, crate::wire::core::AccountWire>;

fn mail_account(
    primary: &HashMap<String, String>,
    accounts: &Accounts,
) -> Result<String, SourceError> {
    if let Some(id) = primary.get(CAPABILITY_MAIL) {
        return if accounts.contains_key(id) {
            Ok(id.clone())
        } else {
            Err(bad_answer("its primary account is not among its accounts"))
        };
    }
    let mut with_mail = accounts
        .iter()
        .filter(|(_, account)| account.offers(CAPABILITY_MAIL));
    match (with_mail.next(), with_mail.next()) {
        (Some((id, _)), None) => Ok(id.clone()),
        (None, _) => Err(no_service("it has no mail for this account")),
        (Some(_), Some(_)) => Err(no_service("it has several accounts and names none first")),
    }
}

fn submission_account(primary: &HashMap<String, String>, accounts: &Accounts) -> Option<String> {
    let id = primary
        .get(CAPABILITY_SUBMISSION)
        .or_else(|| primary.get(CAPABILITY_MAIL))?;
    accounts
        .get(id)?
        .offers(CAPABILITY_SUBMISSION)
        .then(|| id.clone())
}

fn at_least_one(limit: u64) -> Result<usize, SourceError> {
    match usize::try_from(limit) {
        Ok(0) => Err(bad_answer("a limit of the session is zero")),
        Ok(limit) => Ok(limit),
        Err(_) => Ok(usize::MAX),
    }
}

fn no_service(reason: &str) -> SourceError {
    SourceError::NoService {
        reason: reason.into(),
    }
}

/// The capabilities a request names (RFC 8620 section 3.3).
pub(crate) fn using(submission: bool) -> Vec<&'static str> {
    let mut using = vec![CAPABILITY_CORE, CAPABILITY_MAIL];
    if submission {
        using.push(CAPABILITY_SUBMISSION);
    }
    using
}
