//! Sealed copies of accounts: kept closed, brought back, deleted when their time is over.
//!
//! A copy is a registry row, a folder below `sealed/` and a key under another name. The row says
//! what shall be; whatever a run that was cut short has left undone is done at the next start.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mail_auth::{Session, VaultError};
use mail_model::UnixTime;
use mail_store::{AccountRecord, AccountState, Removed, Seal, SealReason, StoreError};

use crate::accounts::vault_error;
use crate::app::{App, Inner, now};
use crate::contract::{
    Empty, ErrorCode, KeepSealedRequest, ReceiptItemView, ReceiptKind, ReceiptView, SealedRequest,
    SealedView, SealedWhy, UiError,
};
use crate::life::Left;

/// How long the copy of an account that was signed out is kept.
pub(crate) const KEPT_DAYS: u32 = 30;

/// How often it is looked whether a copy's time is over.
const LOOK: Duration = Duration::from_secs(60 * 60);

const DAY: i64 = 24 * 60 * 60;

/// That many days after a moment.
pub(crate) fn days_from(at: UnixTime, days: u32) -> UnixTime {
    UnixTime::from_seconds(at.seconds().saturating_add(i64::from(days) * DAY))
}

/// The target of events that name the moments at which the process may be ended. No log of the
/// program keeps them; a test ends a child at each.
const STEP: &str = "mail_app::step";

/// A step that the next start can go on from is done.
pub(crate) fn step_done(step: &'static str) {
    tracing::trace!(target: STEP, step);
}

/// Whether nobody ever wanted the copy: what the person had wiped.
fn is_unwanted(seal: &Seal) -> bool {
    seal.keep_until.is_some_and(|until| until <= seal.at)
}

/// Octets of all files below a folder.
pub(crate) fn folder_octets(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    let octets = entries.flatten().filter_map(|entry| {
        let found = entry.metadata().ok()?;
        Some(if found.is_dir() {
            folder_octets(&entry.path())
        } else {
            found.len()
        })
    });
    octets.sum()
}

impl App {
    /// Whether a copy's time is over, by a clock that is believed.
    fn is_over(&self, seal: &Seal) -> bool {
        let is_past = seal.keep_until.is_some_and(|until| until <= now());
        is_unwanted(seal) || (is_past && self.0.believable.is_believed())
    }

    /// All sealed copies of the tenant in use, newest first.
    pub(crate) async fn sealed_records(&self) -> Result<Vec<AccountRecord>, StoreError> {
        let issuer = self.0.tenant.read().await.as_ref().map(|it| it.issuer());
        let mut records = self.0.registry.accounts().await?;
        records.retain(|record| {
            record.seal.is_some_and(|seal| !self.is_over(&seal))
                && Some(&record.issuer) == issuer.as_ref()
        });
        records.sort_by_key(|record| std::cmp::Reverse(record.seal.map(|seal| seal.at)));
        Ok(records)
    }

    pub(crate) fn sealed_view(&self, record: &AccountRecord) -> Option<SealedView> {
        let seal = record.seal?;
        Some(SealedView {
            id: record.id.to_string(),
            name: record.name.clone(),
            email: record.email.clone(),
            letter: record.letter.clone(),
            color: record.color,
            why: match seal.why {
                SealReason::SignedOut => SealedWhy::SignedOut,
                SealReason::SetAside => SealedWhy::SetAside,
                SealReason::KeyLost => SealedWhy::KeyLost,
            },
            sealed_at: seal.at.seconds(),
            keep_until: seal.keep_until.map(UnixTime::seconds),
            until_quit: seal.why != SealReason::KeyLost && self.ends_with_run(record),
            octets: folder_octets(&self.0.paths.sealed(&record.id)),
            journal: record.link_journal.is_some().then(|| record.id.to_string()),
        })
    }

    /// All sealed copies, newest first.
    ///
    /// # Errors
    /// [`ErrorCode::Bug`] when the list of accounts cannot be read.
    pub async fn sealed_now(&self) -> Result<Vec<SealedView>, UiError> {
        let records = self.sealed_records().await?;
        Ok(records
            .iter()
            .filter_map(|it| self.sealed_view(it))
            .collect())
    }

    async fn sealed_record(&self, id: &str) -> Result<AccountRecord, UiError> {
        let records = self.sealed_records().await?;
        let mut records = records.into_iter();
        records
            .find(|record| record.id.as_str() == id)
            .ok_or_else(|| UiError::new(ErrorCode::NotFound))
    }

    /// A copy that a person could have brought back when they sign in.
    pub(crate) async fn sealed_of(&self, issuer: &str, subject: &str) -> Option<AccountRecord> {
        let records = self.sealed_records().await.ok()?;
        records.into_iter().find(|record| {
            record.issuer == issuer
                && record.subject == subject
                && record
                    .seal
                    .is_some_and(|seal| seal.why != SealReason::KeyLost)
        })
    }

    /// Puts folder and key where the row says they belong, or deletes them when their time is
    /// over. Done again it does what is left.
    pub(crate) async fn finish_sealing(
        &self,
        record: &AccountRecord,
        session_ended: bool,
    ) -> Result<Left, UiError> {
        let seal = record.seal.ok_or_else(|| UiError::new(ErrorCode::Bug))?;
        if self.is_over(&seal) {
            let receipt = self.destroy(record, session_ended).await?;
            return Ok(Left::Wiped(receipt));
        }
        let (folder, sealed) = (
            self.0.paths.account(&record.id),
            self.0.paths.sealed(&record.id),
        );
        if folder.exists() || sealed.exists() {
            mail_store::seal_account_folder(&folder, &sealed)?;
        }
        step_done("folder");
        self.seal_key(record).await;
        step_done("key");
        let view = self.sealed_view(record);
        view.map(Left::Sealed)
            .ok_or_else(|| UiError::new(ErrorCode::Bug))
    }

    /// A key the keyring does not move now is moved at the next start: the copy is closed anyway.
    async fn seal_key(&self, record: &AccountRecord) {
        let vault = self.0.vault.get();
        match vault.seal_key(&record.id).await {
            Ok(()) | Err(VaultError::NoKey) => {}
            Err(error) => {
                tracing::warn!(account = %record.id, %error, "a key could not be sealed yet");
            }
        }
        vault.forget(&record.id);
    }

    /// Deletes files, keys and row of a copy, in this order, and looks whether they are gone.
    async fn destroy(
        &self,
        record: &AccountRecord,
        session_ended: bool,
    ) -> Result<ReceiptView, UiError> {
        let mut items = Vec::new();
        let mut octets = 0;
        for folder in [
            self.0.paths.account(&record.id),
            self.0.paths.sealed(&record.id),
        ] {
            let removed = mail_store::remove_account_folder(&folder)?;
            octets += removed.octets;
            items.extend(files(&folder, removed));
        }
        step_done("files");
        let files = items.len();
        let keys = self.0.vault.destroy_keys(&record.id).await;
        let key_deleted = keys.iter().all(|(_, gone)| *gone);
        items.extend(keys.into_iter().map(|(name, gone)| ReceiptItemView {
            kind: ReceiptKind::Key,
            name,
            octets: None,
            gone,
        }));
        step_done("keys");
        self.0.registry.remove(&record.id).await?;
        let left = self.0.registry.accounts().await?;
        items.push(ReceiptItemView {
            kind: ReceiptKind::Entry,
            name: record.id.to_string(),
            octets: None,
            gone: left.iter().all(|other| other.id != record.id),
        });
        Ok(ReceiptView {
            email: record.email.clone(),
            at: now().seconds(),
            items,
            files: u32::try_from(files).unwrap_or(u32::MAX),
            octets,
            key_deleted,
            session_ended,
        })
    }

    /// Brings a sealed copy back to the rail. Its mail can be read at once; to get new mail the
    /// person signs in again.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::PersonHere`] when the person has an account again;
    /// [`ErrorCode::ChooseAccount`] where only one account may be here; [`ErrorCode::VaultLocked`],
    /// [`ErrorCode::Disk`]: the copy stays sealed then.
    pub async fn restore_sealed(&self, request: SealedRequest) -> Result<Empty, UiError> {
        let _turn = self.one_change().await;
        let record = self.sealed_record(&request.sealed).await?;
        if self.account_of(&record.issuer, &record.subject).is_some() {
            return Err(UiError::new(ErrorCode::PersonHere));
        }
        if self.is_one_account() && !self.0.accounts.all().is_empty() {
            return Err(UiError::new(ErrorCode::ChooseAccount));
        }
        let record = self.unseal(record).await?;
        let session = Session::open(self.session_parts(&record).await?).await;
        self.take_in(record, session).await;
        self.refresh_rail().await?;
        Ok(Empty {})
    }

    /// Folder, key and row of a copy back to where an account has them. The row comes last: a
    /// run that is cut short leaves a sealed copy. The caller has a turn ([`App::one_change`]).
    pub(crate) async fn unseal(&self, sealed: AccountRecord) -> Result<AccountRecord, UiError> {
        let record = AccountRecord {
            state: AccountState::Active,
            seal: None,
            position: self.0.accounts.next_position(),
            ..sealed.clone()
        };
        if let Err(error) = self.move_back(&record).await {
            if let Err(error) = self.finish_sealing(&sealed, false).await {
                tracing::warn!(account = %sealed.id, %error, "a copy is half brought back");
            }
            return Err(error);
        }
        Ok(record)
    }

    async fn move_back(&self, record: &AccountRecord) -> Result<(), UiError> {
        let (folder, sealed) = (
            self.0.paths.account(&record.id),
            self.0.paths.sealed(&record.id),
        );
        mail_store::unseal_account_folder(&sealed, &folder)?;
        step_done("folder");
        match self.0.vault.get().unseal_key(&record.id).await {
            // Without a key it asks for a sign-in and begins anew, as any account does.
            Ok(()) | Err(VaultError::NoKey) => {}
            Err(error) => return Err(vault_error(&error)),
        }
        step_done("key");
        self.0.registry.update(record.clone()).await?;
        Ok(())
    }

    /// Deletes a sealed copy and says what was deleted.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::Disk`].
    pub async fn destroy_sealed(&self, request: SealedRequest) -> Result<ReceiptView, UiError> {
        let _turn = self.one_change().await;
        let record = self.sealed_record(&request.sealed).await?;
        let receipt = self.destroy(&record, false).await;
        self.refresh_rail().await?;
        receipt
    }

    /// Says how long a sealed copy is kept.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::BadRequest`] for no day at all.
    pub async fn keep_sealed(&self, request: KeepSealedRequest) -> Result<Empty, UiError> {
        let _turn = self.one_change().await;
        let mut record = self.sealed_record(&request.sealed).await?;
        if request.days == Some(0) {
            return Err(UiError::new(ErrorCode::BadRequest));
        }
        if let Some(seal) = &mut record.seal {
            seal.keep_until = request.days.map(|days| days_from(now(), days));
        }
        self.0.registry.update(record).await?;
        self.refresh_rail().await?;
        Ok(Empty {})
    }

    /// Finishes what an earlier run has begun and deletes the copies whose time is over.
    pub(crate) async fn tend_sealed(&self) -> Result<(), UiError> {
        let _turn = self.one_change().await;
        if !self.0.believable.look(now()) {
            tracing::warn!("the clock has gone far ahead; nothing is deleted by it for a day");
        }
        let mut records = self.0.registry.accounts().await?;
        records.retain(|record| record.seal.is_some());
        if records.is_empty() {
            return Ok(());
        }
        let live = match self.0.vault.get().names().await {
            Ok(names) => names,
            Err(error) => {
                self.0.vault.note(&error);
                Vec::new()
            }
        };
        for record in records {
            let over = record.seal.is_some_and(|seal| self.is_over(&seal));
            let folder = self.0.paths.account(&record.id);
            if self.has_no_files(&record) {
                self.0.registry.remove(&record.id).await?;
                continue;
            }
            self.note_lost_key(&record).await?;
            if !over && !folder.exists() && !live.contains(&record.id) {
                continue;
            }
            let session_ended = self.end_left_session(&record).await;
            if let Err(error) = self.finish_sealing(&record, session_ended).await {
                tracing::warn!(account = %record.id, %error, "a sealed copy is not as it should be");
            }
        }
        self.refresh_rail().await?;
        Ok(())
    }

    /// Whether the row is one a run was cut short of sealing files without a key under: they are
    /// still the account's own, which begins anew when its person signs in again.
    fn has_no_files(&self, record: &AccountRecord) -> bool {
        let is_key_lost = record
            .seal
            .is_some_and(|seal| seal.why == SealReason::KeyLost);
        is_key_lost
            && !self.0.paths.sealed(&record.id).exists()
            && !self.0.paths.account(&record.id).exists()
    }

    /// A copy whose key was in memory only cannot be opened once the run that had it has ended.
    async fn note_lost_key(&self, record: &AccountRecord) -> Result<(), UiError> {
        let Some(seal) = record.seal else {
            return Ok(());
        };
        if seal.why != SealReason::SignedOut || !self.ends_with_run(record) {
            return Ok(());
        }
        let vault = self.0.vault.get();
        let (key, sealed) = (
            vault.key(&record.id).await,
            vault.sealed_key(&record.id).await,
        );
        if matches!((key, sealed), (Ok(None), Ok(None))) {
            let seal = Some(Seal {
                why: SealReason::KeyLost,
                ..seal
            });
            let record = record.clone();
            self.0
                .registry
                .update(AccountRecord { seal, ..record })
                .await?;
        }
        Ok(())
    }

    /// Whether a copy's key never was in a keyring.
    fn ends_with_run(&self, record: &AccountRecord) -> bool {
        let note = self.0.paths.session_only(&record.id);
        note.file_name()
            .is_some_and(|note| self.0.paths.sealed(&record.id).join(note).exists())
    }

    /// Ends a session that a run was cut short of ending.
    async fn end_left_session(&self, record: &AccountRecord) -> bool {
        if !self.0.paths.session(&record.id).exists() {
            return false;
        }
        let Ok(parts) = self.session_parts(record).await else {
            return false;
        };
        let ended = match Session::open(parts).await.sign_out().await {
            Ok(report) => report.told_login_service,
            Err(error) => {
                tracing::warn!(account = %record.id, %error, "a left session did not end well");
                false
            }
        };
        let file = self.0.paths.session(&record.id);
        if let Err(error) = std::fs::remove_file(file)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(account = %record.id, %error, "a left session could not be deleted");
        }
        ended
    }

    /// Looks after sealed copies at once and from time to time, by the clock, until the app ends.
    pub(crate) fn tend_sealed_daily(&self) {
        let stopping = self.0.stopping.clone();
        let inner = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            loop {
                let Some(app) = inner.upgrade() else { return };
                tend(app).await;
                tokio::select! {
                    () = tokio::time::sleep(LOOK) => {}
                    () = stopping.cancelled() => return,
                }
            }
        });
    }
}

async fn tend(inner: Arc<Inner>) {
    let app = App(inner);
    if app.0.stopping.is_cancelled() {
        return;
    }
    if let Err(error) = app.tend_sealed().await {
        tracing::warn!(%error, "sealed copies could not be looked after");
    }
}

fn files(folder: &Path, removed: Removed) -> Vec<ReceiptItemView> {
    let items = removed.list.into_iter().map(|file| ReceiptItemView {
        gone: !folder.join(&file.name).exists(),
        kind: ReceiptKind::File,
        name: file.name,
        octets: Some(file.octets),
    });
    items.collect()
}
