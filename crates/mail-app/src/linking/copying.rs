//! The copy that is taken along: made by the engine, read back, and bound to the change by the
//! digest of what lists it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mail_engine::export::{
    ExportAccount, ExportError, ExportOptions, ExportProgress, ExportReport, ExportRequest,
    ExportStage, Passphrase, export,
};
use mail_model::MessageId;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::flow::{Copy, Copying, Flow, trouble, trouble_in_words};
use super::machine::Event;
use crate::account::{Account, OpenAccount};
use crate::app::App;
use crate::contract::{
    ErrorCode, LinkExportRequest, LinkExportView, LinkTrouble, LinkTroubleView, UiError,
};

/// Most messages that are named as missing.
const NAMED: usize = 100;

/// What copy the person wants.
#[derive(Clone)]
pub(super) struct Wanted {
    pub(super) folder: PathBuf,
    pub(super) eml: bool,
    pub(super) passphrase: Option<Passphrase>,
}

impl App {
    /// Asks where the copy goes, unless it goes where the last try went. False when the person
    /// changed their mind.
    pub(super) async fn prepare_copy(
        &self,
        flow: &Arc<Flow>,
        request: LinkExportRequest,
    ) -> Result<bool, UiError> {
        if request.retry && flow.now().wanted.is_some() {
            return Ok(true);
        }
        let name = flow.now().set_aside.view.name.clone();
        let asked = self.host().ask_save_path(&folder_name(&name)).await;
        let folder = asked.map_err(|error| {
            tracing::warn!(%error, "nobody could be asked where to save");
            UiError::new(ErrorCode::Bug)
        })?;
        let Some(folder) = folder else {
            return Ok(false);
        };
        let wanted = Wanted {
            folder,
            eml: request.eml,
            passphrase: passphrase(request.passphrase),
        };
        flow.with(|now| now.wanted = Some(wanted));
        Ok(true)
    }

    /// Makes the copy of a change where the caller says, instead of asking.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::BadRequest`] where no copy is to be made.
    pub async fn export_link_to(
        &self,
        flow: &str,
        folder: PathBuf,
        eml: bool,
        secret: Option<String>,
    ) -> Result<(), UiError> {
        let flow = self.0.linking.find(flow)?;
        let wanted = Wanted {
            folder,
            eml,
            passphrase: passphrase(secret),
        };
        flow.with(|now| now.wanted = Some(wanted));
        self.person_at(&flow, Event::Export).await?;
        Ok(())
    }

    /// Makes the copy.
    pub(super) async fn copy_mail(
        &self,
        flow: &Arc<Flow>,
        stop: &CancellationToken,
    ) -> (Event, Option<LinkTroubleView>) {
        let wanted = flow.now().wanted.clone();
        let account = self.both(flow).ok().map(|(_, set_aside)| set_aside);
        let (Some(wanted), Some(account)) = (wanted, account) else {
            return (Event::NotCopied(LinkTrouble::Unexpected), None);
        };
        let (progress, mut seen) = watch::channel(ExportProgress::default());
        let making = self.export_of(&account, wanted, &progress, stop);
        tokio::pin!(making);
        let made = loop {
            tokio::select! {
                made = &mut making => break made,
                changed = seen.changed() => {
                    if changed.is_ok() {
                        let copying = copying(*seen.borrow_and_update());
                        flow.with(|now| now.copying = copying);
                    }
                }
            }
        };
        flow.with(|now| now.copying = Copying::default());
        match made {
            Ok(made) => {
                let whole = made.missing.is_empty() && made.report.is_complete();
                let copy = Copy {
                    view: made.view(),
                    witness: made.witness,
                    whole,
                };
                flow.with(|now| now.copy = Some(copy));
                (Event::Copied { whole }, None)
            }
            Err(error) => {
                tracing::warn!(%error, "a copy could not be made");
                let told = of_export(&error);
                (Event::NotCopied(told.kind), Some(told))
            }
        }
    }

    async fn export_of(
        &self,
        account: &Account,
        wanted: Wanted,
        progress: &watch::Sender<ExportProgress>,
        stop: &CancellationToken,
    ) -> Result<Made, ExportError> {
        let open = account.open().ok_or(ExportError::Fault)?;
        let record = account.record();
        let settings = serde_json::json!({
            "name": record.name,
            "email": record.email,
            "letter": record.letter,
            "color": record.color.as_str(),
            "group": record.group.as_ref().map(|group| group.as_str()),
            "connection": record.connection,
            "login_service": record.issuer,
        });
        let request = ExportRequest {
            account: ExportAccount {
                id: record.id.to_string(),
                name: record.name,
                email: record.email,
            },
            folder: wanted.folder,
            eml: wanted.eml,
            passphrase: wanted.passphrase,
            settings: Some(settings),
            now: self.0.linking.now(),
            options: ExportOptions {
                free: self.0.linking.free_space,
                ..ExportOptions::default()
            },
        };
        let report = export(Arc::clone(&open.source), request, progress, stop).await?;
        let witness = if report.at.is_dir() {
            report.at.join("manifest.json")
        } else {
            report.at.clone()
        };
        let digest = digest(&witness).map_err(|source| ExportError::Io {
            path: witness.clone(),
            source,
        })?;
        let failed = report.failed.iter().map(|failure| &failure.id);
        let missing = names(&open, failed.take(NAMED)).await;
        Ok(Made {
            report,
            witness,
            digest,
            missing,
        })
    }

    /// Exports an account by itself.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::Disk`], [`ErrorCode::Offline`] or
    /// [`ErrorCode::Refused`] with the reason in words.
    pub async fn export_account(
        &self,
        account: &str,
        folder: PathBuf,
        eml: bool,
        secret: Option<String>,
    ) -> Result<LinkExportView, UiError> {
        let account = self.account(account)?;
        let wanted = Wanted {
            folder,
            eml,
            passphrase: passphrase(secret),
        };
        let progress = watch::Sender::new(ExportProgress::default());
        let stop = CancellationToken::new();
        match self.export_of(&account, wanted, &progress, &stop).await {
            Ok(made) => Ok(made.view()),
            Err(error) => Err(match &error {
                ExportError::Source(source) => crate::error::source_error(source),
                _ => UiError::with_detail(ErrorCode::Disk, error.to_string()),
            }),
        }
    }
}

/// A copy that was made.
struct Made {
    report: ExportReport,
    witness: PathBuf,
    digest: String,
    missing: Vec<String>,
}

impl Made {
    fn view(&self) -> LinkExportView {
        let name = self.report.at.file_name();
        LinkExportView {
            name: name
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
            written: self.report.written,
            expected: self.report.expected,
            octets: self.report.octets,
            missing: self.missing.clone(),
            digest: self.digest.clone(),
        }
    }
}

const fn copying(progress: ExportProgress) -> Copying {
    Copying {
        done: progress.done,
        total: progress.total,
        octets: progress.octets,
        checking: matches!(progress.stage, ExportStage::Checking | ExportStage::Packing),
    }
}

fn passphrase(secret: Option<String>) -> Option<Passphrase> {
    secret
        .filter(|secret| !secret.is_empty())
        .map(Passphrase::new)
}

fn folder_name(account: &str) -> String {
    let name: String = account
        .chars()
        .filter(|c| !c.is_control() && !matches!(c, '/' | '\\' | ':'))
        .collect();
    format!("{} mail", name.trim().trim_start_matches('.'))
}

/// SHA-256 of a file, hexadecimal.
pub(super) fn digest(file: &Path) -> std::io::Result<String> {
    use std::fmt::Write as _;
    use std::io::Read as _;

    let mut hash = Sha256::new();
    let mut file = std::fs::File::open(file)?;
    let mut piece = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            break;
        }
        hash.update(piece.get(..read).unwrap_or_default());
    }
    let mut text = String::with_capacity(64);
    for byte in hash.finalize() {
        // Writing into a String cannot fail.
        write!(text, "{byte:02x}").map_err(std::io::Error::other)?;
    }
    Ok(text)
}

/// Subjects, or ids where there is none.
async fn names(open: &OpenAccount, ids: impl Iterator<Item = &MessageId>) -> Vec<String> {
    let mut names = Vec::new();
    for id in ids {
        let subject = async {
            let key = open.store.message_key(id).await.ok()??;
            let message = open.store.message(key).await.ok()??;
            Some(message.message.subject).filter(|subject| !subject.is_empty())
        };
        names.push(subject.await.unwrap_or_else(|| id.to_string()));
    }
    names
}

fn of_export(error: &ExportError) -> LinkTroubleView {
    let figure = |n: u64| Some(i64::try_from(n).unwrap_or(i64::MAX));
    match error {
        ExportError::Space { needed, free } => LinkTroubleView {
            number: figure(*needed),
            other_number: figure(*free),
            ..trouble(LinkTrouble::NoSpace)
        },
        error if error.is_disk_full() => trouble(LinkTrouble::NoSpace),
        ExportError::Source(_) => trouble(LinkTrouble::Offline),
        ExportError::Cancelled => trouble(LinkTrouble::NotFinished),
        error => trouble_in_words(LinkTrouble::Unexpected, error.to_string()),
    }
}
