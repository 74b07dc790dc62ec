//! One attempt to sign in: browser, redirect, code, tokens.
//!
//! Nothing exists outside the attempt until it has succeeded: the cookie jar, the verifier and
//! the redirect address are its own, and a failed or cancelled attempt leaves no trace.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mail_model::{Reaction, UnixTime};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::authress::{AuthressClient, AuthressError, LoginRequest, Refusal, Tokens};
use crate::callback::{ATTEMPT_SECONDS, Pending, Refused, judge};
use crate::clock::Clock;
use crate::credentials::{Credentials, SignedIn, VerifiedIdentity};
use crate::http::NetworkError;
use crate::jar::CookieJar;
use crate::loopback::{Judge, Listening, Loopback, NoFreePort};
use crate::page::Page;
use crate::pkce::Pkce;
use crate::session::{Effect, Event, Origin, State, Validity, step};
use crate::tenant::TenantConfig;
use crate::verify::{TokenVerifier, VerifyError};

/// For telling the login service that a session is not wanted after all.
const FAREWELL: Duration = Duration::from_secs(2);

/// Why a sign-in came to nothing. Nothing was changed in any of these cases.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignInError {
    /// Another program holds every redirect port.
    #[error(transparent)]
    NoFreePort(#[from] NoFreePort),
    /// The network cannot be used at all.
    #[error("the network cannot be used")]
    Network(#[source] NetworkError),
    /// The login service did not do what was asked.
    #[error(transparent)]
    Login(#[from] AuthressError),
    /// The person gave up here.
    #[error("the sign-in was cancelled")]
    Cancelled,
    /// Nothing came back from the browser in five minutes.
    #[error("the sign-in took too long")]
    Expired,
    /// The person or the organisation said no in the browser.
    #[error("the sign-in was declined ({code})")]
    Declined {
        /// A short word of the protocol, for the log.
        code: String,
    },
    /// The login service put tokens into the address although a code was asked for.
    #[error("the login service answered with tokens in the address, which is not accepted")]
    TokensInAddress,
    /// The browser came back without a usable code.
    #[error("the login service answered without a code")]
    NoCode,
    /// The code was not taken: too late, used, or changed on the way.
    #[error("the login service does not accept its own code: {}", refusal.title)]
    CodeRefused {
        /// What it says.
        refusal: Refusal,
    },
    /// The tokens are not good.
    #[error(transparent)]
    Verify(#[from] VerifyError),
}

impl SignInError {
    /// What the caller should do.
    #[must_use]
    pub fn reaction(&self) -> Reaction {
        match self {
            Self::NoFreePort(_)
            | Self::Network(_)
            | Self::Declined { .. }
            | Self::TokensInAddress
            | Self::NoCode
            | Self::CodeRefused { .. } => Reaction::AskPerson,
            Self::Login(error) => error.reaction(),
            Self::Cancelled => Reaction::GiveUp,
            Self::Expired => Reaction::SignInAgain,
            Self::Verify(error) => error.reaction(),
        }
    }
}

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
    ///
    /// # Errors
    /// No HTTP client can be made on this machine.
    pub fn new(tenant: TenantConfig) -> Result<Self, NetworkError> {
        let tenant = Arc::new(tenant);
        let clock: Arc<dyn Clock> = Arc::new(crate::clock::SystemClock);
        let verifier = TokenVerifier::new(Arc::clone(&tenant), Arc::clone(&clock))?;
        Ok(Self {
            tenant,
            verifier: Arc::new(verifier),
            clock,
        })
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
    state: State,
    outcomes: mpsc::UnboundedReceiver<Outcome>,
    listening: Listening,
}

enum Outcome {
    Code(SecretString),
    Failed(SignInError),
}

impl SignIn {
    /// Opens the redirect address and asks the login service for an address to show in the
    /// system's browser. About a minute at most.
    ///
    /// # Errors
    /// See [`SignInError`].
    pub async fn begin(parts: SignInParts, request: LoginRequest) -> Result<Self, SignInError> {
        let loopback = Loopback::bind(&parts.tenant.redirect_ports).await?;
        let redirect = loopback.redirect_url().ok_or(NoFreePort::without_cause())?;
        let origin = redirect.origin().ascii_serialization();
        let client = AuthressClient::new(Arc::clone(&parts.tenant), CookieJar::empty(), &origin)
            .map_err(SignInError::Network)?;
        let pkce = Pkce::new();
        let started = parts.clock.now();
        let login = client
            .start_login(&request, &redirect, pkce.challenge(), started)
            .await?;
        let pending = Pending {
            request_id: login.request_id.clone(),
            issuer: parts.tenant.issuer().to_owned(),
            started,
            used: false,
        };
        let (report, outcomes) = mpsc::unbounded_channel();
        let listening = loopback.serve(judging(pending, Arc::clone(&parts.clock), report));
        tracing::info!("a sign-in has begun");
        Ok(Self {
            parts,
            client: Arc::new(client),
            pkce,
            redirect,
            request_id: login.request_id,
            url: login.url,
            state: State::Authorizing {
                from: Origin::SignedOut,
            },
            expires_at: UnixTime::from_seconds(started.seconds().saturating_add(ATTEMPT_SECONDS)),
            outcomes,
            listening,
        })
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
    pub async fn wait(mut self, cancel: &CancellationToken) -> Result<SignedIn, SignInError> {
        let limit = Duration::from_secs(ATTEMPT_SECONDS.unsigned_abs());
        let outcome = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(SignInError::Cancelled),
            outcome = self.outcomes.recv() => outcome,
            () = tokio::time::sleep(limit) => None,
        };
        let code = match outcome {
            Some(Outcome::Code(code)) => code,
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
        result
    }
}

/// What is left of an attempt once there is a code.
struct Exchange {
    parts: SignInParts,
    client: Arc<AuthressClient>,
    pkce: Pkce,
    redirect: Url,
    request_id: String,
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
            expires_at: claims.expires_at,
        };
        tracing::info!("a sign-in has succeeded");
        Ok(SignedIn {
            credentials: Credentials {
                client: Arc::clone(&self.client),
                access: tokens.access,
                identity: identity.clone(),
                validity: Validity::from(self.parts.clock.now(), claims.expires_at),
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
                (page, ending(refused).map(Outcome::Failed))
            }
        };
        if outcome.is_some_and(|outcome| report.send(outcome).is_err()) {
            tracing::info!("an answer of the browser came after the attempt had ended");
        }
        page
    })
}

/// A refusal that ends the attempt: it names the attempt rightly, so no better answer will come.
fn ending(refused: Refused) -> Option<SignInError> {
    match refused {
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
