//! After the service has made the change: the sealed copy takes the account's place, and its old
//! session is ended.

use std::sync::Arc;

use mail_auth::{AccountKey, Session, SessionParts, Vault, VaultError};
use mail_model::AccountId;
use mail_store::{AccountRecord, AccountState, Seal, SealReason};

use super::flow::{Flow, trouble};
use super::journal::{Entry, Stage};
use super::machine::Event;
use crate::app::App;
use crate::contract::{LinkStep, LinkTrouble, LinkTroubleView, UiError};
use crate::sealed::{KEPT_DAYS, days_from, step_done};

impl App {
    /// Keeps the sealed copy, ends the old session, and lets the kept mailbox go on.
    pub(super) async fn close_old(&self, flow: &Arc<Flow>) -> (Event, Option<LinkTroubleView>) {
        let Some(entry) = flow.now().entry.clone() else {
            return (Event::Closed { ended: false }, None);
        };
        // To the end of the old session, which waits two seconds at most: nobody may bring the
        // copy back meanwhile.
        let turn = self.one_change().await;
        flow.with(|now| now.working = LinkStep::Closing);
        let until = match self.keep_sealed_copy(&entry).await {
            Ok(until) => until,
            Err(error) => {
                tracing::error!(%error, "a sealed copy is not in the list yet");
                return (Event::NotClosed, None);
            }
        };
        step_done("copy kept");
        let ended = self.end_old_session(&entry).await;
        drop(turn);
        let (Some(kept), Some(set_aside)) = (entry.kept.id(), entry.set_aside.id()) else {
            return (Event::Closed { ended }, None);
        };
        self.0.linking.let_go(&kept, &set_aside);
        if let Ok(account) = self.account(kept.as_str()) {
            account.thaw().await;
            if let Ok(profile) = account.session.profile().await {
                account.remember_identities(&profile).await;
            }
        }
        let noted = self.note(flow, |entry| {
            entry.stage = Stage::Done;
            entry.session_ended = Some(ended);
            entry.ended_at = Some(self.0.linking.now().seconds());
        });
        if noted.is_err() {
            tracing::warn!("the end of a change is written down at the next start");
        }
        step_done("done");
        self.0.accounts.members_changed();
        let told = LinkTroubleView {
            number: until,
            ..trouble(LinkTrouble::SessionLeft)
        };
        (Event::Closed { ended }, (!ended).then_some(told))
    }

    /// The account leaves the rail and becomes a sealed copy. When its old session ends by
    /// itself, if the service has said so.
    async fn keep_sealed_copy(&self, entry: &Entry) -> Result<Option<i64>, UiError> {
        let Some(id) = entry.set_aside.id() else {
            return Ok(None);
        };
        let account = self.account(id.as_str()).ok();
        let until = account
            .as_ref()
            .and_then(|account| account.session.details().session_until)
            .map(mail_model::UnixTime::seconds);
        let records = self.0.registry.accounts().await?;
        if let Some(record) = records.into_iter().find(|record| record.id == id)
            && record.state != AccountState::Sealed
        {
            let at = self.0.linking.now();
            let sealed = AccountRecord {
                state: AccountState::Sealed,
                seal: Some(Seal {
                    at,
                    why: SealReason::SetAside,
                    keep_until: Some(days_from(at, KEPT_DAYS)),
                }),
                ..record
            };
            self.0
                .registry
                .set_link_journal(&id, Some(&entry.id))
                .await?;
            self.0.registry.update(sealed).await?;
        }
        if let Some(account) = account {
            self.0.accounts.remove(&account);
        }
        self.refresh_rail().await?;
        Ok(until)
    }

    /// The session of the mailbox that is set aside, from its sealed file and with its sealed
    /// key; nothing where there is none.
    pub(super) async fn old_session(&self, entry: &Entry) -> Option<(AccountId, Session)> {
        let id = entry.set_aside.id()?;
        let file = self.0.paths.sealed(&id).join("session.sealed");
        if !file.exists() {
            return None;
        }
        let records = self.0.registry.accounts().await.ok()?;
        let record = records.into_iter().find(|record| record.id == id)?;
        let parts = self.session_parts(&record).await.ok()?;
        let vault: Arc<dyn Vault> = Arc::new(Sealed(Arc::clone(&parts.vault)));
        let session = Session::open(SessionParts {
            vault,
            file,
            ..parts
        })
        .await;
        Some((id, session))
    }

    /// Ends the session of the mailbox that was set aside.
    async fn end_old_session(&self, entry: &Entry) -> bool {
        let Some((id, session)) = self.old_session(entry).await else {
            return entry.session_ended.unwrap_or(false);
        };
        match session.sign_out().await {
            Ok(report) => report.told_login_service,
            Err(error) => {
                tracing::warn!(account = %id, %error, "an old session did not end well");
                false
            }
        }
    }
}

/// Gives the sealed key for the live one, to read the sealed session and nothing else.
struct Sealed(Arc<dyn Vault>);

#[async_trait::async_trait]
impl Vault for Sealed {
    async fn key(&self, account: &AccountId) -> Result<Option<AccountKey>, VaultError> {
        self.0.sealed_key(account).await
    }

    async fn create_key(&self, _: &AccountId) -> Result<AccountKey, VaultError> {
        Err(VaultError::AlreadyThere)
    }

    async fn delete_key(&self, _: &AccountId) -> Result<(), VaultError> {
        Err(VaultError::NoKey)
    }

    async fn replace_damaged_key(&self, _: &AccountId) -> Result<AccountKey, VaultError> {
        Err(VaultError::AlreadyThere)
    }

    async fn seal_key(&self, _: &AccountId) -> Result<(), VaultError> {
        Err(VaultError::NoKey)
    }

    async fn unseal_key(&self, _: &AccountId) -> Result<(), VaultError> {
        Err(VaultError::NoKey)
    }

    async fn sealed_key(&self, account: &AccountId) -> Result<Option<AccountKey>, VaultError> {
        self.0.sealed_key(account).await
    }

    async fn delete_sealed_key(&self, _: &AccountId) -> Result<(), VaultError> {
        Err(VaultError::NoKey)
    }

    async fn sealed_names(&self) -> Result<Vec<AccountId>, VaultError> {
        self.0.sealed_names().await
    }

    fn forget(&self, account: &AccountId) {
        self.0.forget(account);
    }

    async fn names(&self) -> Result<Vec<AccountId>, VaultError> {
        Ok(Vec::new())
    }

    fn is_lasting(&self) -> bool {
        self.0.is_lasting()
    }
}
