//! What an account asks the login service about its person, and what it changes there.
//!
//! Reading is repeated once with a fresh token when the token is refused. What changes who the
//! person is, is asked exactly once.

use std::sync::Arc;
use std::time::Duration;

use mail_model::remote::{BearerToken, TokenSource as _};
use url::Url;

use super::SessionError;
use super::live::Session;
use crate::authress::{
    AuthressClient, AuthressError, ConnectionIdentity, Device, Heard, Profile, Refusal,
};
use crate::tenant::{TenantConfig, is_segment};

/// What is known after asking the login service once to link or unlink. Whatever it is, only
/// [`Session::profile`] tells what is so.
#[derive(Debug)]
pub enum LinkAnswer {
    /// It said yes.
    Accepted,
    /// It said no: nothing was changed.
    Refused {
        /// HTTP status, 4xx.
        status: u16,
        /// What it says.
        refusal: Refusal,
        /// Not again before this long; with 429.
        retry_after: Option<Duration>,
    },
    /// It was not asked: no byte of the request has left this machine.
    NotSent(SessionError),
    /// It may have been done or not: the service failed, or its answer did not arrive whole.
    Unknown {
        /// What happened, for the log and the details; no secret in it.
        reason: String,
    },
}

/// Which of the service's own settings pages to open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingsPage {
    /// The person's profile.
    Profile,
    /// The devices sign-ins are confirmed with.
    Mfa,
}

impl SettingsPage {
    const fn name(self) -> &'static str {
        match self {
            Self::Profile => "Profile",
            Self::Mfa => "MFA",
        }
    }
}

impl Session {
    /// The login service this session is of.
    pub(crate) fn tenant(&self) -> &TenantConfig {
        &self.0.parts.tenant
    }

    /// Authress's id for the person the account belongs to.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.0.parts.subject
    }

    /// Who the person is and every way they can sign in, from the login service.
    ///
    /// # Errors
    /// [`SessionError::Token`], [`SessionError::Login`].
    pub async fn profile(&self) -> Result<Profile, SessionError> {
        self.asking(|client, token| async move { client.profile(token.expose()).await })
            .await
    }

    /// The devices the person confirms sign-ins with; `None` if the service offers no such list.
    ///
    /// # Errors
    /// [`SessionError::Token`], [`SessionError::Login`].
    pub async fn devices(&self) -> Result<Option<Vec<Device>>, SessionError> {
        self.asking(|client, token| async move { client.devices(token.expose()).await })
            .await
    }

    /// Removes one of the devices.
    ///
    /// # Errors
    /// [`SessionError::BadId`], [`SessionError::Token`], [`SessionError::Login`].
    pub async fn remove_device(&self, id: &str) -> Result<(), SessionError> {
        if !is_segment(id) {
            return Err(SessionError::BadId);
        }
        self.asking(|client, token| async move { client.remove_device(id, token.expose()).await })
            .await
    }

    /// The service's own settings page, for the system's browser; from there the person comes
    /// back to `redirect`. No secret in it.
    #[must_use]
    pub fn settings_url(&self, start_page: SettingsPage, redirect: &Url) -> Url {
        let tenant = self.tenant();
        let mut url = tenant.join(&["settings"]);
        url.query_pairs_mut()
            .append_pair("client_id", tenant.application_id())
            .append_pair("start_page", start_page.name())
            .append_pair("redirect_uri", redirect.as_str());
        url
    }

    /// Makes another identity one more way into this account:
    /// `PATCH /v1/users/{subject}/identities`, **once**. A refused token is not replaced and
    /// nothing is repeated, whatever comes back. The token is taken beforehand and has five
    /// minutes left, unless the login service could not renew it. Thirty seconds at most; a
    /// caller who drops the future has to treat the outcome as [`LinkAnswer::Unknown`].
    pub async fn link_identity(&self, identity: &ConnectionIdentity) -> LinkAnswer {
        let user = self.subject();
        if !is_segment(user) {
            return LinkAnswer::NotSent(SessionError::BadId);
        }
        self.once(|client, token| async move { client.link(user, identity, token.expose()).await })
            .await
    }

    /// Removes one way in, named by what the provider calls the person
    /// ([`ConnectionIdentity::user_id`]): `DELETE /api/session/identities/{id}`, **once**, as
    /// carefully as [`Session::link_identity`].
    pub async fn unlink_identity(&self, id: &str) -> LinkAnswer {
        if !is_segment(id) {
            return LinkAnswer::NotSent(SessionError::BadId);
        }
        self.once(|client, token| async move { client.unlink(id, token.expose()).await })
            .await
    }

    async fn once<F>(
        &self,
        request: impl FnOnce(Arc<AuthressClient>, BearerToken) -> F,
    ) -> LinkAnswer
    where
        F: Future<Output = Heard>,
    {
        let token = match self.token().await {
            Ok(token) => token,
            Err(error) => return LinkAnswer::NotSent(error.into()),
        };
        let client = match self.0.client() {
            Ok(client) => client,
            Err(error) => return LinkAnswer::NotSent(error.into()),
        };
        let heard = request(client, token).await;
        self.0.keep_jar_or_say().await;
        match heard {
            Heard::Accepted => LinkAnswer::Accepted,
            Heard::Refused {
                status,
                refusal,
                retry_after,
            } => LinkAnswer::Refused {
                status,
                refusal,
                retry_after,
            },
            Heard::NotSent(error) => {
                LinkAnswer::NotSent(SessionError::Login(AuthressError::Unreachable(error)))
            }
            Heard::Unknown { reason } => LinkAnswer::Unknown { reason },
        }
    }

    /// Asks with the token in hand, and once more with a fresh one if that is refused.
    pub(super) async fn asking<T, F>(
        &self,
        request: impl Fn(Arc<AuthressClient>, BearerToken) -> F,
    ) -> Result<T, SessionError>
    where
        F: Future<Output = Result<T, AuthressError>>,
    {
        let token = self.token().await?;
        let client = self.0.client()?;
        let mut answer = request(Arc::clone(&client), token.clone()).await;
        if matches!(answer, Err(AuthressError::Refused { status: 401, .. })) {
            let token = self.replace(&token).await?;
            answer = request(client, token).await;
        }
        self.0.keep_jar_or_say().await;
        Ok(answer?)
    }
}
