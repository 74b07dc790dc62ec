//! What a finished sign-in means.
//!
//! Whoever signed in is compared, by `(iss, sub)`, with the accounts that are here before
//! anything is kept and before any cache is touched. Nobody is added twice, nobody's cache is
//! given to somebody else, and a session that is not wanted is ended at the tenant.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use mail_auth::{SessionState, SignedIn, VerifiedIdentity};
use mail_store::AccountRecord;
use tokio::sync::oneshot;

use crate::account::Account;
use crate::app::App;
use crate::contract::{ErrorCode, IdentityView, SignInView, UiError};
use crate::identities::KnownIdentity;
use crate::sign_ins::{Attempt, Chosen, discard};

/// How long a person's ways in may take to be told.
const PROFILE: Duration = Duration::from_secs(5);

impl App {
    /// Decides what a finished sign-in means, and does it.
    pub(crate) async fn settle(
        &self,
        attempt: &Attempt,
        signed_in: SignedIn,
        asked_for: Option<String>,
    ) -> Result<SignInView, UiError> {
        let identity = signed_in.identity.clone();
        let turn = self.one_change().await;
        let known = self.account_of(&identity.issuer, &identity.subject);
        if let Some(asked_for) = asked_for {
            return self.settle_again(&asked_for, known, signed_in).await;
        }
        if let Some(known) = known {
            return self.settle_known(&known, signed_in, turn).await;
        }
        drop(turn);
        let (chosen, replaced) = match self.named(attempt, &identity).await {
            Ok(Some(named)) => named,
            Ok(None) => {
                discard(signed_in).await;
                return Ok(SignInView::Cancelled);
            }
            Err(error) => {
                discard(signed_in).await;
                return Err(error);
            }
        };
        let turn = self.one_change().await;
        if attempt.cancel.is_cancelled() {
            discard(signed_in).await;
            return Ok(SignInView::Cancelled);
        }
        // Another attempt may have added the same person while this one waited for a name.
        if let Some(known) = self.account_of(&identity.issuer, &identity.subject) {
            return self.settle_known(&known, signed_in, turn).await;
        }
        self.settle_new(signed_in, chosen, &replaced).await
    }

    /// Signed in again, as the account that was asked for or as somebody else.
    async fn settle_again(
        &self,
        asked_for: &str,
        known: Option<Arc<Account>>,
        signed_in: SignedIn,
    ) -> Result<SignInView, UiError> {
        let expected = match self.account(asked_for) {
            Ok(account) => account.record(),
            Err(gone) => {
                discard(signed_in).await;
                return Err(gone);
            }
        };
        let same = known.filter(|known| known.id == expected.id);
        let Some(account) = same else {
            let found = signed_in.identity.email.clone().unwrap_or_default();
            discard(signed_in).await;
            return Ok(SignInView::OtherPerson {
                expected: expected.email,
                found,
            });
        };
        self.renew(&account, signed_in).await?;
        Ok(SignInView::Renewed {
            account: account.id.to_string(),
        })
    }

    /// Somebody was to be added who is here already.
    async fn settle_known(
        &self,
        known: &Arc<Account>,
        signed_in: SignedIn,
        turn: tokio::sync::MutexGuard<'_, ()>,
    ) -> Result<SignInView, UiError> {
        let account = known.id.to_string();
        let state = *known.session.state().borrow();
        match state {
            SessionState::SignedIn { .. }
            | SessionState::LockedByPerson
            | SessionState::VaultUnavailable { .. } => {}
            // What the person wants is there already but for the session.
            SessionState::SignedOut | SessionState::NeedsSignIn { .. } | SessionState::Sealed => {
                self.renew(known, signed_in).await?;
                return Ok(SignInView::Renewed { account });
            }
        }
        let used = signed_in.identity.connection.clone();
        // Nothing is changed from here on; the service is asked without a turn.
        drop(turn);
        let Some(used) = used.filter(|used| known.record().connection.as_ref() != Some(used))
        else {
            discard(signed_in).await;
            return Ok(SignInView::AlreadyHere { account });
        };
        let before = known.known_identities().await;
        let profile = tokio::time::timeout(PROFILE, signed_in.profile()).await;
        let email = signed_in.identity.email.clone();
        discard(signed_in).await;
        let now = match profile {
            Ok(Ok(profile)) => known.remember_identities(&profile).await,
            Ok(Err(error)) => {
                tracing::info!(%error, "the ways in of a person are not told");
                before.clone()
            }
            Err(_late) => before.clone(),
        };
        let is_used = |identity: &&KnownIdentity| identity.connection == used;
        let was_known = before.is_empty() || before.iter().any(|it| is_used(&it));
        let found = now.iter().find(is_used);
        let identity = IdentityView {
            id: found.map(|it| it.user.clone()).unwrap_or_default(),
            connection_name: self
                .connection_name(&used)
                .await
                .unwrap_or_else(|| used.clone()),
            person: found
                .and_then(|it| it.name.clone().or_else(|| it.email.clone()))
                .or(email),
            since: found.and_then(|it| it.since),
            connection: used,
            current: false,
        };
        Ok(if was_known {
            SignInView::AlreadyOpens { account, identity }
        } else {
            SignInView::LinkedByItself { account, identity }
        })
    }

    /// Says who is about to be added, and who has to leave for that, and waits for a name; none
    /// when it is given up. Gives the ids of those who were named too.
    async fn named(
        &self,
        attempt: &Attempt,
        identity: &VerifiedIdentity,
    ) -> Result<Option<(Chosen, Vec<String>)>, UiError> {
        let (confirm, confirmed) = oneshot::channel();
        *attempt
            .confirm
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(confirm);
        let connection = match &identity.connection {
            Some(id) => self.connection_name(id).await,
            None => None,
        };
        let sealed = self.sealed_of(&identity.issuer, &identity.subject).await;
        let replaces = self.replaced();
        let named = replaces.iter().map(|it| it.id.clone()).collect();
        attempt.phase.send_replace(SignInView::Confirm {
            person: identity.name.clone().unwrap_or_default(),
            name: self.suggested_name(identity).await,
            email: identity.email.clone().unwrap_or_default(),
            connection,
            color: self.free_color(),
            sealed: sealed.and_then(|record| self.sealed_view(&record)),
            replaces,
        });
        tokio::select! {
            chosen = confirmed => match chosen {
                Ok(chosen) => Ok(Some((chosen, named))),
                Err(_) => Err(UiError::new(ErrorCode::Bug)),
            },
            () = attempt.cancel.cancelled() => Ok(None),
            () = tokio::time::sleep(self.0.confirm_within) => {
                Err(UiError::new(ErrorCode::SignInExpired))
            }
        }
    }

    /// Adds the account; where only one may be here, those the person was told of are signed out
    /// after that. Of anybody else who has come meanwhile the person is asked.
    async fn settle_new(
        &self,
        signed_in: SignedIn,
        chosen: Chosen,
        replaced: &[String],
    ) -> Result<SignInView, UiError> {
        let leaving = self.is_one_account();
        let mut leave = replaced.iter().filter_map(|id| self.0.accounts.find(id));
        if leaving && leave.any(|account| account.is_frozen()) {
            discard(signed_in).await;
            return Err(UiError::new(ErrorCode::ChangeUnderWay));
        }
        let data = chosen.replaced_data;
        let identity = &signed_in.identity;
        let copy = match chosen.restore {
            true => self.sealed_of(&identity.issuer, &identity.subject).await,
            false => None,
        };
        let account = match copy {
            Some(copy) => self.restore_signed_in(copy, signed_in, &chosen).await?,
            None => self.add_account(signed_in, chosen).await?,
        };
        crate::sealed::step_done("added");
        if leaving && let Err(error) = self.send_away(replaced, data).await {
            // Both are here; the page is told that one has to be chosen.
            tracing::warn!(%error, "an account that had to leave is still here");
        }
        if let Some(account) = self.0.accounts.find(&account) {
            self.learn_identities(&account);
        }
        Ok(SignInView::Added { account })
    }

    async fn restore_signed_in(
        &self,
        copy: AccountRecord,
        signed_in: SignedIn,
        chosen: &Chosen,
    ) -> Result<String, UiError> {
        let copy = AccountRecord {
            name: crate::accounts::short_name(&chosen.name, Some(&copy.email)),
            color: chosen.color,
            ..copy
        };
        let restored = async {
            let record = self.unseal(copy).await?;
            let session = mail_auth::Session::open(self.session_parts(&record).await?).await;
            Ok::<_, UiError>(self.take_in(record, session).await)
        };
        let account = match restored.await {
            Ok(account) => account,
            Err(error) => {
                discard(signed_in).await;
                return Err(error);
            }
        };
        self.refresh_rail().await?;
        self.renew(&account, signed_in).await?;
        Ok(account.id.to_string())
    }

    /// Remembers the ways in of a new account, so that one the service adds by itself is noticed.
    fn learn_identities(&self, account: &Arc<Account>) {
        let account = Arc::clone(account);
        let stopping = self.0.stopping.clone();
        tokio::spawn(async move {
            let asked = tokio::select! {
                asked = account.session.profile() => asked,
                () = stopping.cancelled() => return,
            };
            match asked {
                Ok(profile) => {
                    account.remember_identities(&profile).await;
                }
                Err(error) => tracing::info!(%error, "the ways in of a person are not told"),
            }
        });
    }
}
