//! What stands beside the messages, and the end of an export.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use mail_model::remote::{MailboxSnapshot, RawEntry};
use mail_model::{MailboxRole, MessageId};

use super::archive::{Archive, NOTES};
use super::contacts::Contacts;
use super::disk::{self, measure};
use super::driver::{Driver, PAGE};
use super::error::{At as _, ExportError};
use super::manifest::{ExportedFile, MANIFEST_VERSION, Manifest, ServerStates};
use super::{ExportReport, ExportStage, pack};

impl Driver<'_> {
    /// Everything beside the messages.
    pub(super) async fn extras(
        &self,
        archive: &Arc<Mutex<Archive>>,
        mailboxes: &MailboxSnapshot,
        inventory: &[RawEntry],
    ) -> Result<Vec<ExportedFile>, ExportError> {
        let identities = self.ask(|| self.source.identities()).await?;
        let sent: BTreeSet<_> = mailboxes
            .mailboxes
            .iter()
            .filter(|mailbox| mailbox.role == Some(MailboxRole::Sent))
            .map(|mailbox| &mailbox.id)
            .collect();
        let ids: Vec<MessageId> = inventory
            .iter()
            .filter(|entry| entry.mailboxes.iter().any(|id| sent.contains(id)))
            .map(|entry| entry.id.clone())
            .collect();
        let mut contacts = Contacts::default();
        for ids in ids.chunks(PAGE) {
            for message in self.ask(|| self.source.messages(ids)).await? {
                contacts.add(&message);
            }
        }
        let json = |value: &serde_json::Value| {
            serde_json::to_vec_pretty(value).map_err(|_| ExportError::Fault)
        };
        let identities = serde_json::to_value(&identities).map_err(|_| ExportError::Fault)?;
        let mut files = vec![
            ("identities.json", json(&identities)?),
            ("contacts.vcf", contacts.vcards().into_bytes()),
        ];
        if let Some(settings) = &self.request.settings {
            files.push(("settings.json", json(settings)?));
        }
        Self::blocking(archive, move |archive| {
            let spool = archive.folder.join(NOTES).join("extra");
            files
                .into_iter()
                .map(|(name, octets)| {
                    disk::replace(&archive.folder.join(name), &spool, &octets)?;
                    measure(&archive.folder, name)
                })
                .collect()
        })
        .await
    }

    /// Writes the manifest and, when nothing is missing, ends the export.
    pub(super) async fn finish(
        &self,
        archive: Arc<Mutex<Archive>>,
        files: Vec<ExportedFile>,
        server: ServerStates,
        mut report: ExportReport,
    ) -> Result<ExportReport, ExportError> {
        report.octets = files.iter().map(|file| file.octets).sum();
        let finished_at = self.request.now;
        Self::blocking(&archive, move |archive| {
            let manifest = Manifest {
                version: MANIFEST_VERSION,
                account: archive.begun.account.clone(),
                begun_at: archive.begun.at,
                finished_at,
                server,
                quoting: "mboxrd".into(),
                mailboxes: archive.mailboxes.values().cloned().collect(),
                messages: archive.messages.values().cloned().collect(),
                files,
            };
            write_manifest(archive, &manifest)
        })
        .await?;
        if !report.is_complete() {
            return Ok(report);
        }
        let archive = Arc::try_unwrap(archive).map_err(|_| ExportError::Fault)?;
        let archive = archive.into_inner().unwrap_or_else(PoisonError::into_inner);
        let passphrase = self.request.passphrase.clone();
        if passphrase.is_some() {
            self.stage(ExportStage::Packing, 0, 0);
        }
        let stop = self.stop.clone();
        let task = tokio::task::spawn_blocking(move || {
            let folder = archive.folder.clone();
            match passphrase {
                // Complete only once packed: until then the next run goes on here.
                Some(passphrase) => pack::pack(&folder, &passphrase, &stop),
                None => archive.complete().map(|()| folder),
            }
        });
        report.at = task.await.map_err(|_| ExportError::Fault)??;
        Ok(report)
    }
}

/// Writes the manifest and reads it back.
fn write_manifest(archive: &Archive, manifest: &Manifest) -> Result<(), ExportError> {
    let path = archive.folder.join("manifest.json");
    let spool = archive.folder.join(NOTES).join("manifest");
    let text = serde_json::to_vec_pretty(manifest).map_err(|_| ExportError::Fault)?;
    disk::replace(&path, &spool, &text)?;
    let read = std::fs::read(&path).at(&path)?;
    match serde_json::from_slice::<Manifest>(&read) {
        Ok(read) if read == *manifest => Ok(()),
        _ => Err(ExportError::io(
            &path,
            std::io::ErrorKind::InvalidData.into(),
        )),
    }
}
