//! What the tenant remembers: users, authentication requests, sessions, issued tokens and keys.
//!
//! Codes and session cookies are kept as SHA-256 only, so that the file cannot be used to sign in.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::TenantConfig;
use super::keys::Keys;
use super::returning::{Flow, ResponseLocation, Returning, returning};
use super::users::SetAside;
use crate::people::{Linking, Person};

/// Everything that outlives the process.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Ledger {
    pub(super) users: BTreeMap<String, User>,
    pub(super) requests: BTreeMap<String, AuthenticationRequest>,
    pub(super) sessions: BTreeMap<String, Session>,
    pub(super) tokens: BTreeMap<String, IssuedToken>,
    pub(super) keys: Keys,
    #[serde(default)]
    pub(super) set_aside: BTreeMap<String, SetAside>,
    /// How connections link, where that was changed.
    #[serde(default)]
    pub(super) linking: BTreeMap<String, Linking>,
}

/// A user and the identities that lead to them.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct User {
    /// Who it is; absent only in files of before this was kept, until everybody is welcomed.
    #[serde(default)]
    pub(super) person: Option<Person>,
    pub(super) identities: Vec<Identity>,
    #[serde(default)]
    pub(super) devices: Vec<Device>,
    /// The providers' own access tokens, one for each connection.
    #[serde(default)]
    pub(super) credentials: BTreeMap<String, Credential>,
    /// The identities before their last change, for reads that lag behind.
    #[serde(skip)]
    pub(super) before: Option<Vec<Identity>>,
}

/// What a provider calls a user.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) connection: String,
    pub(super) connection_user_id: String,
    /// When it was linked, seconds since 1970.
    pub(super) linked: i64,
}

/// A provider's access token. Kept as it is, because it is given out again.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Credential {
    pub(super) token: String,
    /// Seconds since 1970.
    pub(super) ends: i64,
}

/// A second factor, by name only: the rehearsal never asks for it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Device {
    pub(super) device_id: String,
    pub(super) name: String,
}

/// A sign-in under way.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct AuthenticationRequest {
    /// When it began, seconds since 1970.
    pub(super) began: i64,
    pub(super) redirect_url: url::Url,
    pub(super) code_challenge: String,
    /// The connection the client asked for, directly or by an address.
    pub(super) connection: Option<String>,
    pub(super) audiences: Vec<String>,
    pub(super) location: ResponseLocation,
    pub(super) flow: Flow,
    /// Whether a session of the browser may answer without the person.
    pub(super) always_ask: bool,
    /// The user the identity is to be joined to, instead of signing in.
    #[serde(default)]
    pub(super) link: Option<String>,
    pub(super) stage: Stage,
}

/// How far a sign-in has come.
#[derive(Clone, Serialize, Deserialize)]
pub(super) enum Stage {
    /// The person has not chosen yet.
    Open,
    /// The person is back at the application, which may exchange this code.
    Code {
        hash: String,
        issued: i64,
        user: String,
        connection: String,
        #[serde(default)]
        connection_user_id: Option<String>,
    },
    /// Nothing more can come of it.
    Over,
}

/// A signed-in client or browser.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) user: String,
    pub(super) connection: String,
    /// What the provider calls the person; absent in files of before this was kept.
    #[serde(default)]
    pub(super) connection_user_id: Option<String>,
    pub(super) audiences: Vec<String>,
    /// The cookie last given out.
    pub(super) cookie: String,
    /// The cookie before it, good until the last one has been used: its answer may have been lost.
    pub(super) previous: Option<String>,
    /// When it can no longer be continued, seconds since 1970.
    pub(super) ends: i64,
}

/// An access token that was given out.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct IssuedToken {
    pub(super) user: String,
    pub(super) connection: String,
    /// The session it came from.
    pub(super) session: String,
    /// Seconds since 1970.
    pub(super) ends: i64,
    /// Set when it was declared expired before its time.
    #[serde(default)]
    pub(super) expired: bool,
}

impl AuthenticationRequest {
    /// What goes back to the application. A link never brings tokens: the official browser client takes
    /// them from the address unasked, and a page that did so could be signed in by anybody's link.
    pub(super) fn returning(&self) -> Returning {
        let mut what = returning(&self.redirect_url, self.location, self.flow);
        if self.link.is_some() {
            what.tokens = None;
        }
        what
    }
}

impl Ledger {
    /// Begins a session and gives its id and the cookie that continues it.
    pub(super) fn begin_session(
        &mut self,
        user: &str,
        (connection, connection_user_id): (&str, Option<&str>),
        audiences: &[String],
        ends: i64,
    ) -> (String, String) {
        let (id, cookie) = (secret(), secret());
        let session = Session {
            user: user.to_owned(),
            connection: connection.to_owned(),
            connection_user_id: connection_user_id.map(str::to_owned),
            audiences: audiences.to_vec(),
            cookie: hash(&cookie),
            previous: None,
            ends,
        };
        self.sessions.insert(id.clone(), session);
        (id, cookie)
    }

    /// The session a cookie belongs to.
    pub(super) fn session_of(&self, cookie: &str, now: i64) -> Option<(&str, &Session)> {
        let hash = hash(cookie);
        self.sessions
            .iter()
            .find(|(_, session)| {
                session.ends > now
                    && (session.cookie == hash || session.previous.as_ref() == Some(&hash))
            })
            .map(|(id, session)| (id.as_str(), session))
    }

    /// Continues a session: a new cookie for the one shown, which stays good until the new one is used.
    pub(super) fn continue_session(
        &mut self,
        cookie: &str,
        now: i64,
        ends: i64,
    ) -> Option<(String, Session, String)> {
        let id = self.session_of(cookie, now)?.0.to_owned();
        let session = self.sessions.get_mut(&id)?;
        let next = secret();
        session.previous = Some(hash(cookie));
        session.cookie = hash(&next);
        session.ends = ends;
        Some((id, session.clone(), next))
    }

    /// Declares every token given out so far expired.
    pub(super) fn expire_tokens(&mut self) {
        for token in self.tokens.values_mut() {
            token.expired = true;
        }
    }

    /// Drops what can no longer be asked for.
    pub(super) fn forget_what_is_over(&mut self, now: i64, config: &TenantConfig) {
        let kept = seconds(config.sign_in_life).saturating_add(seconds(config.code_life));
        self.requests
            .retain(|_, request| request.began.saturating_add(kept) > now);
        self.sessions.retain(|_, session| session.ends > now);
        self.tokens.retain(|_, token| token.ends > now);
    }
}

/// A new secret nobody can guess: 256 bits, base64url.
pub(super) fn secret() -> String {
    let bytes: [u8; 32] = rand::random();
    URL_SAFE_NO_PAD.encode(bytes)
}

/// How a secret is kept.
pub(super) fn hash(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(secret))
}

/// A duration in whole seconds, as times are kept here.
pub(super) fn seconds(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_session() -> (Ledger, String) {
        let mut ledger = Ledger::default();
        let (_, cookie) = ledger.begin_session("a", ("google", None), &[], 100);
        (ledger, cookie)
    }

    #[test]
    fn a_lost_answer_is_not_a_lost_session() {
        let (mut ledger, first) = with_session();
        let (_, _, lost) = ledger.continue_session(&first, 0, 100).unwrap();
        let (_, _, second) = ledger.continue_session(&first, 0, 100).unwrap();
        assert!(ledger.session_of(&lost, 0).is_none());
        assert!(ledger.session_of(&second, 0).is_some());
    }

    #[test]
    fn a_cookie_is_spent_once_its_successor_is_used() {
        let (mut ledger, first) = with_session();
        let (_, _, second) = ledger.continue_session(&first, 0, 100).unwrap();
        ledger.continue_session(&second, 0, 100).unwrap();
        assert!(ledger.continue_session(&first, 0, 100).is_none());
    }

    #[test]
    fn a_session_ends_at_its_time() {
        let (mut ledger, cookie) = with_session();
        assert!(ledger.session_of(&cookie, 99).is_some());
        assert!(ledger.session_of(&cookie, 100).is_none());
        assert!(ledger.continue_session(&cookie, 100, 200).is_none());
    }
}
