//! An attempt that adds a way in to an account that is signed in.
//!
//! The service makes the link while the browser is with it, so that there is no taking back once
//! the page is open. Use it only where the other identity owns nothing yet; otherwise
//! [`Session::link_identity`] lets the caller choose the moment.

use mail_model::remote::TokenSource as _;
use tokio_util::sync::CancellationToken;

use super::{Opening, Purpose, SignIn, SignInError, SignInParts};
use crate::authress::{AuthressError, LoginRequest, LoginStarted};
use crate::credentials::SignedIn;
use crate::session::Session;

/// The browser came back from adding a way in. Whether it is there now only
/// [`Session::profile`] tells.
pub struct LinkReturn {
    /// A fresh session of the same person, if the service gave a code for one. It may take the
    /// place of the old one ([`Session::replace_credentials`]), else it is to be discarded
    /// ([`SignedIn::discard`]).
    pub signed_in: Option<SignedIn>,
}

impl SignIn {
    /// Begins an attempt that makes the identity the person signs in with one more way into the
    /// account of `session`: `POST /api/authentication` with `linkIdentity` and that session's
    /// token, which is renewed once if it is refused. The attempt has a cookie jar, a verifier
    /// and a redirect address of its own; `session` is not changed by it, however it ends.
    ///
    /// # Errors
    /// [`SignInError::NoConnection`] if `request` names neither a connection nor an address,
    /// [`SignInError::OtherTenant`] if `parts` are of another login service than the session,
    /// [`SignInError::Token`], [`SignInError::Conflict`] for 409 and 422, and as in
    /// [`SignIn::begin`]. Nothing has been linked in any of these cases.
    pub async fn begin_linking(
        parts: SignInParts,
        session: &Session,
        request: LoginRequest,
    ) -> Result<Self, SignInError> {
        if !names_a_connection(&request) {
            return Err(SignInError::NoConnection);
        }
        // The token must not reach any other host than the one that gave it.
        if parts.tenant.login_host() != session.tenant().login_host()
            || parts.tenant.application_id() != session.tenant().application_id()
        {
            return Err(SignInError::OtherTenant);
        }
        let token = session.token().await?;
        let opening = Opening::new(parts).await?;
        let mut login = opening.link(&request, token.expose()).await;
        if matches!(
            login,
            Err(SignInError::Login(AuthressError::Refused {
                status: 401,
                ..
            }))
        ) {
            let token = session.replace(&token).await?;
            login = opening.link(&request, token.expose()).await;
        }
        let login = login?;
        tracing::info!("adding a way in has begun");
        let subject = session.subject().to_owned();
        Ok(opening.begun(login, Purpose::Link { subject }))
    }

    /// Waits for the browser to come back from adding a way in, within the limits of
    /// [`SignIn::wait`]. If it brings a code, that is exchanged and verified; when it turns out
    /// to be somebody else's, their session is ended at once.
    ///
    /// # Errors
    /// [`SignInError::OtherPerson`]; [`SignInError::Conflict`] and [`SignInError::Declined`] in
    /// the service's word; and as in [`SignIn::wait`]. The link may exist all the same: read
    /// [`Session::profile`] and compare.
    pub async fn wait_link(self, cancel: &CancellationToken) -> Result<LinkReturn, SignInError> {
        if !matches!(self.purpose, Purpose::Link { .. }) {
            return Err(SignInError::OtherPurpose);
        }
        let signed_in = self.answered(cancel).await?;
        Ok(LinkReturn { signed_in })
    }
}

impl Opening {
    async fn link(
        &self,
        request: &LoginRequest,
        bearer: &str,
    ) -> Result<LoginStarted, SignInError> {
        self.client
            .start_linking(
                request,
                &self.redirect,
                self.pkce.challenge(),
                self.started,
                bearer,
            )
            .await
            .map_err(|error| match error {
                AuthressError::Refused {
                    status: 409 | 422,
                    refusal,
                } => SignInError::Conflict {
                    detail: refusal.title,
                },
                error => error.into(),
            })
    }
}

fn names_a_connection(request: &LoginRequest) -> bool {
    [&request.connection, &request.tenant_lookup]
        .into_iter()
        .flatten()
        .any(|name| !name.is_empty())
}

/// No list of these words is published: whatever speaks of a conflict, or of something that is
/// taken already, is one.
pub(super) fn is_conflict(code: &str) -> bool {
    ["conflict", "already", "in_use", "taken"]
        .iter()
        .any(|word| code.contains(word))
}
