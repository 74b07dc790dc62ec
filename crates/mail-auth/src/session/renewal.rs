//! The one renewal of a session that may be under way.
//!
//! It runs in its own task, because an answer of the login service can carry the only copy of
//! the next cookie: no caller who goes away may lose it. Whatever comes is stored before it is
//! used.

use std::sync::Arc;
use std::time::Duration;

use mail_model::UnixTime;
use secrecy::ExposeSecret;
use tokio::sync::watch;
use tracing::trace;

use super::SessionError;
use super::live::{Inner, Live};
use super::state::{Effect, Event, NeedsSignIn, Validity};
use crate::authress::{ATTEMPTS, AuthressError, Tokens};
use crate::credentials::{Credentials, VerifiedIdentity};
use crate::sealed_file::SealedFile;
use crate::steps::STEP;
use crate::verify::VerifyError;

/// Between two tries while the server fails, doubling.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// No new renewal by itself before this, in seconds, unless the server names a time.
const PAUSE: i64 = 15;

/// Begins; the receiver closes when it has ended.
pub(super) fn start(inner: &Arc<Inner>, live: &Live) -> watch::Receiver<()> {
    let (running, done) = watch::channel(());
    let run = Run {
        inner: Arc::clone(inner),
        epoch: live.epoch,
        finished: false,
        running: Some(running),
    };
    let credentials = live.credentials();
    tokio::spawn(async move {
        // Without credentials there is nothing to renew; dropping `run` says so.
        if let Some(credentials) = credentials {
            run.prepare(credentials).await;
        }
    });
    done
}

/// Holds what the file is sealed with for as long as it runs, so that an answer can be stored
/// although the account is locked meanwhile.
struct Run {
    inner: Arc<Inner>,
    epoch: u64,
    finished: bool,
    running: Option<watch::Sender<()>>,
}

/// What came of it.
enum End {
    Renewed(Arc<Credentials>),
    Postponed(Option<Duration>),
    Over(NeedsSignIn),
    NotStored(Arc<Credentials>, SessionError),
}

impl Run {
    /// The key first: an answer that could not be stored had better not be asked for.
    async fn prepare(mut self, credentials: Arc<Credentials>) {
        match self.inner.sealed_file().await {
            Ok(sealed) => self.run(credentials, &sealed).await,
            Err(error) => {
                tracing::warn!(account = %self.inner.parts.account, %error, "not renewed");
                self.finish(Event::VaultFailed, None, Some(&error));
            }
        }
    }

    async fn run(mut self, credentials: Arc<Credentials>, sealed: &Arc<SealedFile>) {
        let end = self.ask(&credentials, sealed).await;
        let account = &self.inner.parts.account;
        match end {
            End::Renewed(fresh) => {
                tracing::info!(%account, "the session was renewed");
                let validity = fresh.validity;
                let now = self.inner.parts.clock.now();
                self.finish(Event::Renewed { validity, now }, Some(fresh), None);
                trace!(target: STEP, "the new token is in use");
            }
            End::Postponed(wait) => {
                let until = self.not_before(wait);
                self.finish(Event::RenewalPostponed { until }, None, None);
            }
            End::Over(why) => {
                tracing::warn!(%account, ?why, "the session is over");
                let effects = self.finish(Event::SessionOver { why }, None, None);
                if effects.contains(&Effect::NoteOver) {
                    self.note_over(&credentials, sealed, why).await;
                }
            }
            End::NotStored(kept, error) => {
                tracing::error!(%account, %error, "the renewed session could not be saved");
                self.finish(Event::VaultFailed, Some(kept), Some(&error));
            }
        }
    }

    async fn ask(&self, credentials: &Arc<Credentials>, sealed: &Arc<SealedFile>) -> End {
        let mut pause = FIRST_PAUSE;
        for attempt in 1..=ATTEMPTS {
            trace!(target: STEP, "the session is to be continued");
            let answer = credentials.client.continue_session().await;
            trace!(target: STEP, "the answer is here");
            // The answer's cookies first: they may have replaced the ones on disk.
            if credentials.client.jar().is_changed()
                && let Err(error) = self.store(credentials, sealed).await
            {
                return End::NotStored(Arc::clone(credentials), error);
            }
            trace!(target: STEP, "the answer's cookies are stored");
            let error = match answer {
                Ok(tokens) => return self.accept(credentials, sealed, tokens).await,
                Err(error) => error,
            };
            tracing::info!(account = %self.inner.parts.account, attempt, %error, "renewal failed");
            match error {
                AuthressError::Refused {
                    status: 400 | 401 | 403 | 404 | 409,
                    ..
                } => return End::Over(NeedsSignIn::SessionEnded),
                AuthressError::Busy {
                    retry_after: Some(wait),
                    ..
                } => return End::Postponed(Some(wait)),
                error if error.is_passing() && attempt < ATTEMPTS && !self.inner.live().paused => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                _ => break,
            }
        }
        End::Postponed(None)
    }

    async fn accept(
        &self,
        old: &Arc<Credentials>,
        sealed: &Arc<SealedFile>,
        tokens: Tokens,
    ) -> End {
        let parts = &self.inner.parts;
        let claims = match parts.verifier.access(tokens.access.expose_secret()).await {
            Ok(claims) => claims,
            Err(error @ VerifyError::Rejected(_)) => {
                tracing::error!(account = %parts.account, %error, "a renewed token is not good");
                return End::Postponed(None);
            }
            Err(_) => return End::Postponed(None),
        };
        trace!(target: STEP, "the new token is verified");
        if claims.subject != parts.subject {
            return End::Over(NeedsSignIn::OtherPerson);
        }
        let fresh = Arc::new(Credentials {
            client: Arc::clone(&old.client),
            access: tokens.access,
            identity: VerifiedIdentity {
                connection: claims
                    .connection
                    .or_else(|| old.identity.connection.clone()),
                expires_at: claims.expires_at,
                ..old.identity.clone()
            },
            validity: Validity::from(parts.clock.now(), claims.expires_at),
            signed_in_at: old.signed_in_at,
            renewed_at: Some(parts.clock.now()),
        });
        let stored = self.store(&fresh, sealed).await;
        trace!(target: STEP, "the new token is stored");
        match stored {
            Ok(()) => End::Renewed(fresh),
            Err(error) => End::NotStored(fresh, error),
        }
    }

    async fn store(
        &self,
        credentials: &Credentials,
        sealed: &Arc<SealedFile>,
    ) -> Result<(), SessionError> {
        self.inner
            .store_with(sealed, credentials, self.epoch, None)
            .await
    }

    /// So that the next start knows without asking. Without it, the next start asks.
    async fn note_over(
        &self,
        credentials: &Credentials,
        sealed: &Arc<SealedFile>,
        why: NeedsSignIn,
    ) {
        let noted = self
            .inner
            .store_with(sealed, credentials, self.epoch, Some(why));
        if let Err(error) = noted.await {
            tracing::warn!(%error, "the end of a session could not be noted");
        }
    }

    fn not_before(&self, wait: Option<Duration>) -> UnixTime {
        let now = self.inner.parts.clock.now().seconds();
        let wait = wait.map_or(PAUSE, |wait| {
            i64::try_from(wait.as_secs()).unwrap_or(i64::MAX).max(1)
        });
        UnixTime::from_seconds(now.saturating_add(wait))
    }

    fn finish(
        &mut self,
        event: Event,
        credentials: Option<Arc<Credentials>>,
        failure: Option<&SessionError>,
    ) -> Vec<Effect> {
        self.finished = true;
        let effects = self
            .inner
            .finish_renewal(self.epoch, event, credentials, failure);
        self.running = None;
        effects
    }
}

/// A renewal that was torn down (end of the program, a fault of ours) must not leave the session
/// waiting for ever.
impl Drop for Run {
    fn drop(&mut self) {
        if !self.finished {
            let until = self.not_before(None);
            self.inner
                .finish_renewal(self.epoch, Event::RenewalPostponed { until }, None, None);
        }
    }
}
