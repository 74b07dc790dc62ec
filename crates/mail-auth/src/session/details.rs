//! What a person may want to know about a session: no secret in it.

use mail_model::UnixTime;

use super::live::{Live, Session};
use super::state::State;
use crate::credentials::{Credentials, VerifiedIdentity};

/// A session in words and times. What is not known is absent: nobody is signed in, or an older
/// version stored the session.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionDetails {
    /// When the person signed in.
    pub signed_in_at: Option<UnixTime>,
    /// When the session was last renewed; absent before the first time.
    pub renewed_at: Option<UnixTime>,
    /// The end of the token in hand.
    pub token_until: Option<UnixTime>,
    /// The end of the session as the login service last named it with its cookie. It may end
    /// earlier, and a renewal may move it.
    pub session_until: Option<UnixTime>,
    /// The connection used.
    pub connection: Option<String>,
    /// Who it is.
    pub identity: Option<VerifiedIdentity>,
}

impl SessionDetails {
    pub(super) fn of(credentials: &Credentials) -> Self {
        Self {
            signed_in_at: credentials.signed_in_at,
            renewed_at: credentials.renewed_at,
            token_until: Some(credentials.validity.expires),
            session_until: credentials.client.session_until(),
            connection: credentials.identity.connection.clone(),
            identity: Some(credentials.identity.clone()),
        }
    }

    /// The same once it is over: nothing of it ends any more.
    pub(super) fn over(credentials: &Credentials) -> Self {
        Self {
            token_until: None,
            session_until: None,
            ..Self::of(credentials)
        }
    }
}

impl Session {
    /// Who is signed in, since when and until when. After the end of a session, and while it is
    /// locked, who it was; after a sign-out nothing.
    #[must_use]
    pub fn details(&self) -> SessionDetails {
        let live = self.0.live();
        match &live.credentials {
            Some(credentials) => SessionDetails::of(credentials),
            None => live.last.clone(),
        }
    }
}

impl Live {
    /// Called before credentials leave memory.
    pub(super) fn remember(&mut self) {
        if self.state == State::SignedOut {
            self.last = SessionDetails::default();
        } else if let Some(credentials) = &self.credentials {
            self.last = SessionDetails::over(credentials);
        }
    }
}
