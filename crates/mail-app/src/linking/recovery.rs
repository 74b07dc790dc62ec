//! The next start after a change that was cut short, and the pack with which an administrator can
//! bring a mailbox back.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use mail_model::AccountId;
use mail_store::AccountRecord;
use serde_json::json;

use super::disk;
use super::flow::{Flow, Side, trouble};
use super::journal::{Entry, Mailbox, Stage, WayIn};
use super::machine::{Effect, State};
use crate::account::Closed;
use crate::app::App;
use crate::contract::{ErrorCode, JournalRequest, LinkTrouble, SavedView, UiError};
use crate::paths::write_atomically;
use crate::read::rfc3339;

impl App {
    /// Before any account is opened: what was not asked of the service is brought back, and what
    /// was asked is held. Contacts nobody.
    pub(crate) async fn recover_links(&self) {
        let entries = match self.0.linking.journal.open_entries() {
            Ok(found) => found.entries,
            Err(error) => {
                tracing::error!(%error, "the records of changes cannot be read");
                return;
            }
        };
        for mut entry in entries {
            let (Some(kept), Some(set_aside)) = (entry.kept.id(), entry.set_aside.id()) else {
                continue;
            };
            match entry.stage {
                Stage::Prepared | Stage::Sealed | Stage::Refused => {
                    if self.unseal_files_and_key(&entry).await.is_err() {
                        self.0.linking.hold(&kept, &set_aside);
                        continue;
                    }
                    entry.stage = Stage::Undone;
                    entry.ended_at = Some(self.0.linking.now().seconds());
                    if let Err(error) = self.0.linking.journal.write(&entry) {
                        tracing::warn!(%error, "the end of a change could not be written down");
                    }
                    tracing::info!("a change of sign-ins that was not asked for was taken back");
                }
                Stage::Asked | Stage::Committed => self.0.linking.hold(&kept, &set_aside),
                Stage::Done | Stage::Undone => {}
            }
        }
    }

    /// Once the accounts are there: goes on with the change whose end is not known.
    pub(crate) async fn resume_links(&self) {
        let found = self.0.linking.journal.open_entries().unwrap_or_default();
        for entry in found.entries {
            let effect = match entry.stage {
                Stage::Asked => Effect::Look,
                Stage::Committed => Effect::Close,
                Stage::Refused | Stage::Prepared | Stage::Sealed => Effect::UndoLater,
                Stage::Done | Stage::Undone => continue,
            };
            let (Some(kept), Some(set_aside)) = (
                self.side_from(&entry.kept).await,
                self.side_from(&entry.set_aside).await,
            ) else {
                continue;
            };
            let state = match effect {
                Effect::Close => State::Closing,
                Effect::UndoLater => State::Undoing,
                _ => State::Looking,
            };
            let flow = Flow::new(entry.id.clone(), state, kept, set_aside);
            flow.with(|now| {
                now.entry = Some(entry);
                if state == State::Undoing {
                    now.trouble = Some(trouble(LinkTrouble::NotBack));
                }
            });
            self.0.linking.set_current(Some(Arc::clone(&flow)));
            self.begin_effect(&flow, effect);
            return;
        }
    }

    async fn side_from(&self, mailbox: &Mailbox) -> Option<Side> {
        let records = self.0.registry.accounts().await.ok()?;
        let record = records
            .into_iter()
            .find(|record| record.id.as_str() == mailbox.account)?;
        let connection = match &record.connection {
            Some(id) => self.connection_name(id).await,
            None => None,
        };
        Some(Side::of(&record, connection))
    }

    /// Whether the account may be opened now. One whose files are sealed stays closed; one that
    /// is kept while the end is not known is opened for reading only.
    pub(crate) async fn may_open(&self, account: &Arc<crate::account::Account>) -> bool {
        // Where files are sealed without a record that can be read, a new key and new files would
        // take their place.
        let sealed = self.0.paths.sealed(&account.id).exists();
        if sealed || self.0.linking.has_sealed(&account.id) {
            if sealed {
                tracing::warn!(account = %account.id, "an account stays closed: its files are sealed");
            }
            account.freeze().await;
            account.stay_closed(Closed::SetAside);
            return false;
        }
        if self.0.linking.keeps_read_only(&account.id) {
            account.freeze().await;
        }
        true
    }

    /// Saves the recovery pack of a change: a text and the same as JSON beside it. The change is
    /// named by its record, or by the sealed copy.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::Disk`].
    pub async fn save_recovery_pack(&self, request: JournalRequest) -> Result<SavedView, UiError> {
        // Nobody is asked where to save what is not there.
        self.entry_of(&request.journal).await?;
        let asked = self.host().ask_save_path("braid recovery.txt").await;
        let path = asked.map_err(|error| {
            tracing::warn!(%error, "nobody could be asked where to save");
            UiError::new(ErrorCode::Bug)
        })?;
        match path {
            Some(path) => self.write_recovery_pack(&request.journal, &path).await,
            None => Ok(SavedView { name: None }),
        }
    }

    /// Writes the recovery pack where the caller says.
    ///
    /// # Errors
    /// As for [`Self::save_recovery_pack`].
    pub async fn write_recovery_pack(
        &self,
        journal: &str,
        path: &Path,
    ) -> Result<SavedView, UiError> {
        let entry = self.entry_of(journal).await?;
        let text = path.with_extension("txt");
        write_atomically(&text, self.pack_in_words(&entry).await.as_bytes()).map_err(disk)?;
        let pack = serde_json::to_vec_pretty(&pack(&entry)).map_err(UiError::bug)?;
        write_atomically(&path.with_extension("json"), &pack).map_err(disk)?;
        Ok(SavedView {
            name: text
                .file_name()
                .map(|name| name.to_string_lossy().into_owned()),
        })
    }

    async fn entry_of(&self, name: &str) -> Result<Entry, UiError> {
        let not_found = |_| UiError::new(ErrorCode::NotFound);
        if let Ok(entry) = self.0.linking.journal.read(name) {
            return Ok(entry);
        }
        let copy = AccountId::new(name).map_err(|_| UiError::new(ErrorCode::NotFound))?;
        let records: Vec<AccountRecord> = self.0.registry.accounts().await?;
        let journal = records
            .into_iter()
            .find(|record| record.id == copy)
            .and_then(|record| record.link_journal)
            .ok_or_else(|| UiError::new(ErrorCode::NotFound))?;
        self.0.linking.journal.read(&journal).map_err(not_found)
    }

    async fn pack_in_words(&self, entry: &Entry) -> String {
        let connection = self
            .connection_name(&entry.sign_in.connection)
            .await
            .unwrap_or_default();
        let time = |at: Option<i64>| at.map_or_else(|| "not known".to_owned(), rfc3339);
        let mut text = String::new();
        let lines = [
            format!("Recovery of {}", entry.set_aside.email),
            String::new(),
            "What happened".to_owned(),
            format!(
                "{} ({connection}) now opens the mailbox {}.",
                entry.set_aside.email, entry.kept.email
            ),
            format!(
                "The mailbox {} was set aside. Nothing of it was deleted by this program.",
                entry.set_aside.email
            ),
            String::new(),
            "Facts".to_owned(),
            format!("Login service: {}", entry.issuer),
            format!("Kept user: {} ({})", entry.kept.user, entry.kept.email),
            format!(
                "User that was set aside: {} ({})",
                entry.set_aside.user, entry.set_aside.email
            ),
            format!(
                "Sign-in that moved: connection {}, person {}",
                entry.sign_in.connection, entry.sign_in.user
            ),
            format!("Opened the kept user before: {}", list(&entry.before)),
            format!("Opens it now: {}", list(&entry.expected)),
            format!("Asked at: {}", time(entry.asked_at)),
            format!("Ended at: {}", time(entry.ended_at)),
            format!("Record of the change: {}", entry.id),
            format!(
                "Incident named by the service: {}",
                entry.incident.as_deref().unwrap_or("none")
            ),
            format!(
                "SHA-256 of the list of the copy: {}",
                entry.copy.as_deref().unwrap_or("no copy was made")
            ),
            format!("Braid {}", entry.version),
            String::new(),
            "Request to the administrator".to_owned(),
            format!(
                "Please restore the user {} of {}, and give it back its sign-in (connection {}, person {}), which opens {} at present.",
                entry.set_aside.user,
                entry.issuer,
                entry.sign_in.connection,
                entry.sign_in.user,
                entry.kept.user
            ),
            String::new(),
            "For the administrator".to_owned(),
            format!(
                "1. Take the sign-in away from {}; it keeps the others.",
                entry.kept.user
            ),
            format!(
                "2. Restore {} with the login service's tools for deleted or detached users.",
                entry.set_aside.user
            ),
            "3. Check that its mail is there, and tell the person.".to_owned(),
            String::new(),
            "What to expect".to_owned(),
            "Removing the sign-in by yourself does not bring the mailbox back: it may open a new, empty one.".to_owned(),
            format!(
                "Once it is restored, sign in as {} again. Braid notices it and offers its sealed copy, if that is still here.",
                entry.set_aside.email
            ),
        ];
        for line in lines {
            // Writing into a String cannot fail.
            writeln!(text, "{line}").unwrap_or_default();
        }
        text
    }
}

fn list(ways: &[WayIn]) -> String {
    let ways: Vec<String> = ways
        .iter()
        .map(|way| format!("{} {}", way.connection, way.user))
        .collect();
    ways.join(", ")
}

/// The same for a program. No token and no mail.
fn pack(entry: &Entry) -> serde_json::Value {
    json!({
        "kind": "braid-recovery-pack",
        "version": 1,
        "login_service": entry.issuer,
        "kept": entry.kept,
        "set_aside": entry.set_aside,
        "sign_in": entry.sign_in,
        "before": entry.before,
        "after": entry.expected,
        "prepared_at": rfc3339(entry.prepared_at),
        "asked_at": entry.asked_at.map(rfc3339),
        "ended_at": entry.ended_at.map(rfc3339),
        "way": entry.way,
        "record": entry.id,
        "incident": entry.incident,
        "copy_sha256": entry.copy,
        "session_ended": entry.session_ended,
        "braid": entry.version,
    })
}
