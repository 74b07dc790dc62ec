//! One attempt to sign in: browser, redirect, code, tokens; or one to add a way in to an
//! account that is signed in ([`linking`]).
//!
//! Nothing exists outside the attempt until it has succeeded: the cookie jar, the verifier and
//! the redirect address are its own, and a failed or cancelled attempt leaves no trace.

mod error;
mod linking;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mail_model::UnixTime;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::authress::{AuthressClient, AuthressError, LoginRequest, LoginStarted, Tokens};
use crate::callback::{ATTEMPT_SECONDS, AttemptKind, Pending, Refused, judge};
use crate::clock::Clock;
use crate::credentials::{Credentials, SignedIn, VerifiedIdentity};
use crate::jar::CookieJar;
use crate::loopback::{Judge, Listening, Loopback, NoFreePort};
use crate::page::Page;
use crate::pkce::Pkce;
use crate::session::{Effect, Event, Origin, State, Validity, step};
use crate::tenant::TenantConfig;
use crate::verify::TokenVerifier;
pub use error::SignInError;
pub use linking::LinkReturn;

/// For telling the login service that a session is not wanted after all.
const FAREWELL: Duration = Duration::from_secs(2);

/// What an attempt works with.
#[derive(Clone)]
pub struct SignInParts {
    /// Where to sign in.
    pub tenant: Arc<TenantConfig>,
    /// Verifies that tenant's tokens.
    pub verifier: Arc<TokenVerifier>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl SignInParts {
    /// With the machine's clock and a verifier of its own.
    #[must_use]
    pub fn new(tenant: TenantConfig) -> Self {
        let tenant = Arc::new(tenant);
        let clock: Arc<dyn Clock> = Arc::new(crate::clock::SystemClock);
        let verifier = TokenVerifier::new(Arc::clone(&tenant), Arc::clone(&clock));
        Self {
            tenant,
            verifier: Arc::new(verifier),
            clock,
        }
    }
}

/// A pending attempt. Dropping it closes the redirect address and forgets everything.
pub struct SignIn {
    parts: SignInParts,
    client: Arc<AuthressClient>,
    pkce: Pkce,
    redirect: Url,
    request_id: String,
    url: Url,
    expires_at: UnixTime,
    purpose: Purpose,
    state: State,
    outcomes: mpsc::UnboundedReceiver<Outcome>,
    listening: Listening,
}

/// What an attempt is for.
enum Purpose {
    Login,
    /// Nobody but this person may come of it.
    Link {
        subject: String,
    },
}

enum Outcome {
    Code(Option<SecretString>),
    Failed(SignInError),
}

/// An attempt whose redirect address is open and whose login is not begun yet.
struct Opening {
    parts: SignInParts,
    loopback: Loopback,
    redirect: Url,
    client: AuthressClient,
    pkce: Pkce,
    started: UnixTime,
}

impl SignIn {
    /// Opens the redirect address and asks the login service for an address to show in the
    /// system's browser. About a minute at most.
    ///
    /// # Errors
    /// See [`SignInError`].
    pub async fn begin(parts: SignInParts, request: LoginRequest) -> Result<Self, SignInError> {
        let opening = Opening::new(parts).await?;
        let login = opening
            .client
            .start_login(
                &request,
                &opening.redirect,
                opening.pkce.challenge(),
                opening.started,
            )
            .await?;
        tracing::info!("a sign-in has begun");
        Ok(opening.begun(login, Purpose::Login))
    }

    /// The page to open in the system's browser.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// When the attempt ends by itself.
    #[must_use]
    pub const fn expires_at(&self) -> UnixTime {
        self.expires_at
    }

    /// Waits for the browser to come back, then exchanges and verifies. Ends within five
    /// minutes and the time of one exchange, at once when `cancel` is cancelled. A session that
    /// was opened although the attempt was cancelled is ended again.
    ///
    /// # Errors
    /// See [`SignInError`].
    pub async fn wait(self, cancel: &CancellationToken) -> Result<SignedIn, SignInError> {
        if !matches!(self.purpose, Purpose::Login) {
            return Err(SignInError::OtherPurpose);
        }
        self.answered(cancel).await?.ok_or(SignInError::NoCode)
    }

    /// `None` where the browser came back well and without a code.
    async fn answered(
        mut self,
        cancel: &CancellationToken,
    ) -> Result<Option<SignedIn>, SignInError> {
        let limit = Duration::from_secs(ATTEMPT_SECONDS.unsigned_abs());
        let outcome = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(SignInError::Cancelled),
            outcome = self.outcomes.recv() => outcome,
            () = tokio::time::sleep(limit) => None,
        };
        let code = match outcome {
            Some(Outcome::Code(Some(code))) => code,
            Some(Outcome::Code(None)) => return Ok(None),
            Some(Outcome::Failed(error)) => return Err(error),
            None => return Err(SignInError::Expired),
        };
        let next = step(self.state, Event::CodeArrived);
        if !next.is_ok_and(|(_, effects)| effects.contains(&Effect::ExchangeCode)) {
            return Err(SignInError::NoCode);
        }
        // In a task of its own: a code that has been sent is answered, come what may.
        let (answer, finished) = oneshot::channel();
        let exchange = Exchange {
            parts: self.parts,
            client: self.client,
            pkce: self.pkce,
            redirect: self.redirect,
            request_id: self.request_id,
            purpose: self.purpose,
        };
        tokio::spawn(async move {
            let client = Arc::clone(&exchange.client);
            let result = exchange.run(&code).await;
            if let Err(Ok(_unwanted)) = answer.send(result) {
                client.end_within(FAREWELL).await;
            }
        });
        let result = tokio::select! {
            biased;
            () = cancel.cancelled() => Err(SignInError::Cancelled),
            finished = finished => {
                finished.unwrap_or(Err(SignInError::Login(AuthressError::ShuttingDown)))
            }
        };
        drop(self.listening);
        result.map(Some)
    }
}

impl Opening {
    async fn new(parts: SignInParts) -> Result<Self, SignInError> {
        let loopback = Loopback::bind(&parts.tenant.redirect_ports).await?;
        let redirect = loopback.redirect_url().ok_or(NoFreePort::without_cause())?;
        let origin = redirect.origin().ascii_serialization();
        let client = AuthressClient::new(Arc::clone(&parts.tenant), CookieJar::empty(), &origin);
        Ok(Self {
            loopback,
            redirect,
            client,
            pkce: Pkce::new(),
            started: parts.clock.now(),
            parts,
        })
    }

    /// From here on the redirect is listened for.
    fn begun(self, login: LoginStarted, purpose: Purpose) -> SignIn {
        let pending = Pending {
            kind: match purpose {
                Purpose::Login => AttemptKind::Login,
                Purpose::Link { .. } => AttemptKind::Link,
            },
            request_id: login.request_id.clone(),
            issuer: self.parts.tenant.issuer().to_owned(),
            started: self.started,
            used: false,
        };
        let (report, outcomes) = mpsc::unbounded_channel();
        let clock = Arc::clone(&self.parts.clock);
        let listening = self.loopback.serve(judging(pending, clock, report));
        let expires_at = self.started.seconds().saturating_add(ATTEMPT_SECONDS);
        SignIn {
            parts: self.parts,
            client: Arc::new(self.client),
            pkce: self.pkce,
            redirect: self.redirect,
            request_id: login.request_id,
            url: login.url,
            purpose,
            state: State::Authorizing {
                from: Origin::SignedOut,
            },
            expires_at: UnixTime::from_seconds(expires_at),
            outcomes,
            listening,
        }
    }
}

/// What is left of an attempt once there is a code.
struct Exchange {
    parts: SignInParts,
    client: Arc<AuthressClient>,
    pkce: Pkce,
    redirect: Url,
    request_id: String,
    purpose: Purpose,
}

impl Exchange {
    async fn run(self, code: &SecretString) -> Result<SignedIn, SignInError> {
        let now = self.parts.clock.now();
        let tokens = self
            .client
            .exchange(
                &self.request_id,
                &self.redirect,
                code,
                self.pkce.verifier(),
                now,
            )
            .await
            .map_err(|error| match error {
                AuthressError::Refused {
                    status: 400 | 409,
                    refusal,
                } => SignInError::CodeRefused { refusal },
                error => SignInError::Login(error),
            })?;
        let verified = self.verify(tokens).await;
        let verified = match (verified, &self.purpose) {
            (Ok(signed_in), Purpose::Link { subject })
                if signed_in.identity.subject != *subject =>
            {
                Err(SignInError::OtherPerson)
            }
            (verified, _) => verified,
        };
        if verified.is_err() {
            self.client.end_within(FAREWELL).await;
        }
        verified
    }

    async fn verify(&self, tokens: Tokens) -> Result<SignedIn, SignInError> {
        let verifier = &self.parts.verifier;
        let claims = verifier.access(tokens.access.expose_secret()).await?;
        let shown = match &tokens.id {
            Some(id) => {
                verifier
                    .display(id.expose_secret(), &claims.subject)
                    .await?
            }
            None => crate::verify::DisplayClaims::default(),
        };
        let identity = VerifiedIdentity {
            issuer: self.parts.tenant.issuer().to_owned(),
            subject: claims.subject,
            connection: claims.connection,
            name: shown.name,
            email: shown.email,
            picture: shown.picture,
            connection_user_id: shown.connection_user_id,
            expires_at: claims.expires_at,
        };
        tracing::info!("a sign-in has succeeded");
        let now = self.parts.clock.now();
        Ok(SignedIn {
            credentials: Credentials {
                client: Arc::clone(&self.client),
                access: tokens.access,
                identity: identity.clone(),
                validity: Validity::from(now, claims.expires_at),
                signed_in_at: Some(now),
                renewed_at: None,
            },
            identity,
        })
    }
}

fn judging(
    pending: Pending,
    clock: Arc<dyn Clock>,
    report: mpsc::UnboundedSender<Outcome>,
) -> Judge {
    let kind = pending.kind;
    let pending = Mutex::new([pending]);
    Arc::new(move |query| {
        let mut pending = pending.lock().unwrap_or_else(PoisonError::into_inner);
        let (page, outcome) = match judge(query, &*pending, clock.now()) {
            Ok(accepted) => {
                for open in pending.iter_mut() {
                    open.used = true;
                }
                (Page::Welcome, Some(Outcome::Code(accepted.code)))
            }
            Err(refused) => {
                tracing::warn!(reason = %refused, "an answer of the browser was refused");
                let page = match refused {
                    Refused::Declined { .. } => Page::Declined,
                    _ => Page::NotAccepted,
                };
                (page, ending(kind, refused).map(Outcome::Failed))
            }
        };
        if outcome.is_some_and(|outcome| report.send(outcome).is_err()) {
            tracing::info!("an answer of the browser came after the attempt had ended");
        }
        page
    })
}

/// A refusal that ends the attempt: it names the attempt rightly, so no better answer will come.
fn ending(kind: AttemptKind, refused: Refused) -> Option<SignInError> {
    match refused {
        Refused::Declined { code, .. }
            if kind == AttemptKind::Link && linking::is_conflict(&code) =>
        {
            Some(SignInError::Conflict { detail: code })
        }
        Refused::Declined { code, .. } => Some(SignInError::Declined { code }),
        Refused::Tokens { .. } => Some(SignInError::TokensInAddress),
        Refused::CodeMissing { .. } => Some(SignInError::NoCode),
        Refused::Late => Some(SignInError::Expired),
        Refused::TooLong
        | Refused::Malformed
        | Refused::Repeated
        | Refused::NonceMissing
        | Refused::NonceUnknown
        | Refused::IssuerMissing
        | Refused::IssuerDiffers
        | Refused::Replayed => None,
    }
}
