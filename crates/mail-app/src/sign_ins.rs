//! Sign-ins under way: from "the browser opens" to "the account is there".
//!
//! An attempt changes nothing until its last step; what a finished one means is decided in
//! [`crate::settling`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mail_auth::{AuthressError, Flaw, LoginRequest, SignIn, SignInError, SignedIn, VerifyError};
use mail_model::AccountColor;
use mail_store::AccountState;
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::app::App;
use crate::contract::{
    AttemptRequest, AttemptView, BeginSignInRequest, ConfirmSignInRequest, DataChoice, Empty,
    ErrorCode, SignInEvent, SignInView, UiError,
};
use crate::feed::{FeedSink, OpenFeed};

/// How many ended attempts are remembered, for a page that asks late.
const REMEMBERED: usize = 32;

/// The longest wait for attempts that are given up with the app.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// Who takes a person to the sign-in page.
#[derive(Clone)]
pub(crate) enum Guide {
    /// The system's browser.
    Browser,
    /// The rehearsal's own way, with the query that chooses somebody.
    Rehearsal(String),
}

/// What the person has chosen for the account that is added.
pub(crate) struct Chosen {
    pub(crate) name: String,
    pub(crate) color: AccountColor,
    /// Whether their sealed copy is brought back.
    pub(crate) restore: bool,
    /// What becomes of the mail of accounts that have to leave.
    pub(crate) replaced_data: DataChoice,
}

pub(crate) struct Attempt {
    pub(crate) phase: watch::Sender<SignInView>,
    pub(crate) cancel: CancellationToken,
    url: Mutex<Option<Url>>,
    pub(crate) confirm: Mutex<Option<oneshot::Sender<Chosen>>>,
}

/// All attempts of this run.
#[derive(Default)]
pub(crate) struct SignIns {
    all: Mutex<HashMap<String, Arc<Attempt>>>,
    running: TaskTracker,
}

impl SignIns {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Arc<Attempt>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self) -> (String, Arc<Attempt>) {
        let attempt = Arc::new(Attempt {
            phase: watch::Sender::new(SignInView::Preparing),
            cancel: CancellationToken::new(),
            url: Mutex::default(),
            confirm: Mutex::default(),
        });
        let name = uuid::Uuid::new_v4().to_string();
        let mut all = self.all();
        if all.len() >= REMEMBERED {
            all.retain(|_, attempt| !has_ended(&attempt.phase.borrow()));
        }
        all.insert(name.clone(), Arc::clone(&attempt));
        (name, attempt)
    }

    fn find(&self, name: &str) -> Result<Arc<Attempt>, UiError> {
        let found = self.all().get(name).cloned();
        found.ok_or_else(|| UiError::new(ErrorCode::NotFound))
    }

    pub(crate) fn cancel_all(&self) {
        for attempt in self.all().values() {
            attempt.cancel.cancel();
        }
    }

    /// Cancels all and waits until each has ended, its unwanted session at the tenant too.
    pub(crate) async fn end_all(&self) {
        self.cancel_all();
        self.running.close();
        if tokio::time::timeout(LAST_WAIT, self.running.wait())
            .await
            .is_err()
        {
            tracing::warn!("a sign-in did not end in time");
        }
    }
}

fn has_ended(phase: &SignInView) -> bool {
    match phase {
        SignInView::Preparing
        | SignInView::Waiting
        | SignInView::Finishing
        | SignInView::Confirm { .. } => false,
        SignInView::Renewed { .. }
        | SignInView::AlreadyHere { .. }
        | SignInView::AlreadyOpens { .. }
        | SignInView::LinkedByItself { .. }
        | SignInView::IdentityAdded { .. }
        | SignInView::Proved { .. }
        | SignInView::OtherPerson { .. }
        | SignInView::Added { .. }
        | SignInView::Failed { .. }
        | SignInView::Cancelled => true,
    }
}

impl From<SignInError> for UiError {
    fn from(error: SignInError) -> Self {
        tracing::info!(%error, "a sign-in came to nothing");
        match error {
            SignInError::NoFreePort(_) => Self::new(ErrorCode::RedirectPort),
            SignInError::Expired => Self::new(ErrorCode::SignInExpired),
            SignInError::Declined { code } => Self::with_detail(ErrorCode::SignInRefused, code),
            SignInError::Conflict { detail } => Self::with_detail(ErrorCode::SignInTaken, detail),
            SignInError::OtherPerson => Self::new(ErrorCode::SignInUntrusted),
            SignInError::TokensInAddress | SignInError::NoCode => {
                Self::new(ErrorCode::SignInUntrusted)
            }
            SignInError::CodeRefused { refusal } => {
                Self::with_detail(ErrorCode::SignInRefused, refusal.title)
            }
            SignInError::Login(AuthressError::Refused { refusal, .. }) => {
                Self::with_detail(ErrorCode::ApplicationRefused, refusal.title)
            }
            SignInError::Verify(VerifyError::Rejected(Flaw::Early)) => Self::new(ErrorCode::Clock),
            SignInError::Verify(error) => match error.reaction() {
                mail_model::Reaction::RetryLater(_) => Self::new(ErrorCode::TenantUnreachable),
                _ => Self::new(ErrorCode::SignInUntrusted),
            },
            SignInError::Login(_) => Self::new(ErrorCode::TenantUnreachable),
            _ => Self::new(ErrorCode::Bug),
        }
    }
}

impl App {
    /// Starts a sign-in in the person's browser.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] without a tenant or for an unknown account.
    pub async fn begin_sign_in(&self, request: BeginSignInRequest) -> Result<AttemptView, UiError> {
        self.begin_guided(request, Guide::Browser).await
    }

    pub(crate) async fn begin_guided(
        &self,
        request: BeginSignInRequest,
        guide: Guide,
    ) -> Result<AttemptView, UiError> {
        if let Some(account) = &request.account
            && self.account(account)?.record().state == AccountState::Locked
        {
            return Err(UiError::new(ErrorCode::Locked));
        }
        let connection = match (&request.connection, &request.account) {
            (Some(connection), _) => Some(connection.clone()),
            (None, Some(account)) => self.account(account)?.record().connection,
            (None, None) => None,
        };
        let parts = {
            let tenant = self.tenant().read().await;
            let tenant = tenant
                .as_ref()
                .ok_or_else(|| UiError::new(ErrorCode::NotFound))?;
            tenant.sign_in_parts(connection.as_deref())
        };
        let login = LoginRequest {
            connection,
            tenant_lookup: None,
            invite: None,
        };
        let app = self.clone();
        Ok(self.begin_attempt(|attempt| async move {
            app.attempt(&attempt, parts, login, request.account, guide)
                .await
        }))
    }

    /// Runs an attempt by itself; its phases are in the `sign_in` feed until it has ended.
    pub(crate) fn begin_attempt<F>(&self, run: impl FnOnce(Arc<Attempt>) -> F) -> AttemptView
    where
        F: Future<Output = Result<SignInView, UiError>> + Send + 'static,
    {
        let (name, attempt) = self.sign_ins().add();
        let running = run(Arc::clone(&attempt));
        self.sign_ins().running.spawn(async move {
            let phase = match running.await {
                Ok(phase) => phase,
                Err(_) if attempt.cancel.is_cancelled() => SignInView::Cancelled,
                Err(error) => SignInView::Failed {
                    code: error.code,
                    detail: error.detail,
                },
            };
            attempt.phase.send_replace(phase);
        });
        AttemptView { attempt: name }
    }

    async fn attempt(
        &self,
        attempt: &Attempt,
        parts: mail_auth::SignInParts,
        login: LoginRequest,
        asked_for: Option<String>,
        guide: Guide,
    ) -> Result<SignInView, UiError> {
        let pending = tokio::select! {
            pending = SignIn::begin(parts, login) => pending?,
            () = attempt.cancel.cancelled() => return Ok(SignInView::Cancelled),
        };
        let url = pending.url().clone();
        let signed_in = self
            .through_browser(attempt, url, guide, |waiting| async move {
                pending.wait(&waiting).await
            })
            .await?;
        self.settle(attempt, signed_in, asked_for).await
    }

    /// Shows an attempt's page and waits until the browser has come back, or cannot be opened.
    pub(crate) async fn through_browser<T, F>(
        &self,
        attempt: &Attempt,
        url: Url,
        guide: Guide,
        wait: impl FnOnce(CancellationToken) -> F,
    ) -> Result<T, UiError>
    where
        F: Future<Output = Result<T, SignInError>>,
    {
        *attempt.url.lock().unwrap_or_else(PoisonError::into_inner) = Some(url.clone());
        attempt.phase.send_replace(SignInView::Waiting);
        let waiting = attempt.cancel.child_token();
        let guided = {
            let (app, waiting) = (self.clone(), waiting.clone());
            tokio::spawn(async move {
                let guided = app.guide(&url, guide).await;
                // Nobody can come back from a page that was never shown.
                if guided.is_err() {
                    waiting.cancel();
                }
                guided
            })
        };
        let back = match wait(waiting.clone()).await {
            Ok(back) => back,
            Err(error) if waiting.is_cancelled() && !attempt.cancel.is_cancelled() => {
                return match guided.await {
                    Ok(Err(guide)) => Err(guide),
                    _ => Err(error.into()),
                };
            }
            Err(error) => return Err(error.into()),
        };
        attempt.phase.send_replace(SignInView::Finishing);
        Ok(back)
    }

    async fn guide(&self, url: &Url, guide: Guide) -> Result<(), UiError> {
        match guide {
            Guide::Browser => self.host().open_url(url).await.map_err(|error| {
                tracing::warn!(%error, "no browser");
                UiError::new(ErrorCode::Browser)
            }),
            Guide::Rehearsal(query) => crate::rehearsal::follow(url, &query)
                .await
                .map_err(|error| UiError::with_detail(ErrorCode::SignInRefused, error.to_string())),
        }
    }

    pub(crate) async fn reopen_sign_in(&self, request: AttemptRequest) -> Result<Empty, UiError> {
        let attempt = self.sign_ins().find(&request.attempt)?;
        let url = attempt
            .url
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let url = url.ok_or_else(|| UiError::new(ErrorCode::NotFound))?;
        self.guide(&url, Guide::Browser).await?;
        Ok(Empty {})
    }

    /// Adds the account an attempt has named.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when the attempt has named nobody, or was confirmed already.
    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub async fn confirm_sign_in(&self, request: ConfirmSignInRequest) -> Result<Empty, UiError> {
        let attempt = self.sign_ins().find(&request.attempt)?;
        let confirm = attempt
            .confirm
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let confirm = confirm.ok_or_else(|| UiError::new(ErrorCode::NotFound))?;
        let chosen = Chosen {
            name: request.name,
            color: request.color,
            restore: request.restore,
            replaced_data: request.replaced_data.unwrap_or(DataChoice::Sealed),
        };
        confirm
            .send(chosen)
            .map_err(|_| UiError::new(ErrorCode::NotFound))?;
        Ok(Empty {})
    }

    /// Gives an attempt up. Nothing has changed.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`].
    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub async fn cancel_sign_in(&self, request: AttemptRequest) -> Result<Empty, UiError> {
        self.sign_ins().find(&request.attempt)?.cancel.cancel();
        Ok(Empty {})
    }

    /// Where an attempt stands, now and from now on.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`].
    pub fn sign_in_phases(&self, attempt: &str) -> Result<watch::Receiver<SignInView>, UiError> {
        Ok(self.sign_ins().find(attempt)?.phase.subscribe())
    }

    #[allow(clippy::unused_async, reason = "one shape for all feeds")]
    pub(crate) async fn open_sign_in_feed(
        &self,
        request: AttemptRequest,
        sink: FeedSink,
    ) -> Result<OpenFeed, UiError> {
        let mut phases = self.sign_in_phases(&request.attempt)?;
        Ok(OpenFeed::spawn(move |_| async move {
            let mut seq = 0;
            loop {
                let sign_in = phases.borrow_and_update().clone();
                let ended = has_ended(&sign_in);
                if !sink.send(&SignInEvent { seq, sign_in }) || ended {
                    return;
                }
                seq += 1;
                if phases.changed().await.is_err() {
                    return;
                }
            }
        }))
    }
}

/// Ends a session that nobody wants. Nothing of it was stored here.
pub(crate) async fn discard(signed_in: SignedIn) {
    let issuer = signed_in.identity.issuer.clone();
    let told = signed_in.discard().await;
    tracing::info!(issuer, told, "a finished sign-in was not kept");
}
