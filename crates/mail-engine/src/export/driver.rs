//! Drives an export: asks, fetches, writes, reads back, asks again.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use futures::{StreamExt as _, stream};
use mail_model::remote::{MailSource, MailboxSnapshot, RawEntry, SourceError};
use mail_model::{MessageId, Reaction, StateString};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::archive::Archive;
use super::error::{At as _, ExportError};
use super::manifest::{Begun, MANIFEST_VERSION, ServerStates};
use super::{
    AT_ONCE, ExportFailure, ExportProgress, ExportReport, ExportRequest, ExportStage,
    FailureReason, pack, plan, verify,
};

/// Entries asked for at once.
pub(super) const PAGE: usize = 500;
/// Failures in a row after which the server counts as unreachable.
const IN_A_ROW: usize = 20;

pub(super) struct Driver<'a> {
    pub(super) source: Arc<dyn MailSource>,
    pub(super) request: ExportRequest,
    pub(super) progress: &'a watch::Sender<ExportProgress>,
    pub(super) stop: &'a CancellationToken,
}

impl<'a> Driver<'a> {
    pub(super) fn new(
        source: Arc<dyn MailSource>,
        request: ExportRequest,
        progress: &'a watch::Sender<ExportProgress>,
        stop: &'a CancellationToken,
    ) -> Self {
        Self {
            source,
            request,
            progress,
            stop,
        }
    }

    pub(super) async fn run(self) -> Result<ExportReport, ExportError> {
        self.stage(ExportStage::Looking, 0, 0);
        let mailboxes = self.ask(|| self.source.mailboxes()).await?;
        let (before, inventory) = self.inventory().await?;
        let archive = self.open(&mailboxes).await?;
        self.make_sure_of_room(&archive, &inventory).await?;
        let mut failed = self.write_missing(&archive, &inventory).await?;
        let mut files = self.extras(&archive, &mailboxes, &inventory).await?;
        let by_id: BTreeMap<&MessageId, &RawEntry> =
            inventory.iter().map(|entry| (&entry.id, entry)).collect();
        let found = self.check(&archive, &by_id, &mut failed).await?;
        files.extend(found.files);

        self.stage(ExportStage::Looking, 0, 0);
        let (after, inventory) = self.inventory().await?;
        let server = ServerStates {
            messages_before: before,
            messages_after: after,
            mailboxes: mailboxes.state,
        };
        let report = self.report(&archive, &inventory, failed, found.damaged);
        self.finish(archive, files, server, report).await
    }

    // --- asking

    pub(super) fn stage(&self, stage: ExportStage, done: u64, total: u64) {
        self.progress.send_modify(|progress| {
            progress.stage = stage;
            progress.done = done;
            progress.total = total;
        });
    }

    /// Asks, and asks again after a failure that passes.
    pub(super) async fn ask<T, F>(&self, request: impl Fn() -> F) -> Result<T, ExportError>
    where
        F: Future<Output = Result<T, SourceError>>,
    {
        let mut tries = 0;
        loop {
            let answer = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(ExportError::Cancelled),
                answer = request() => answer,
            };
            match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => {
                    if tries >= self.request.options.tries || !self.wait(&error).await? {
                        return Err(error.into());
                    }
                    tries += 1;
                }
            }
        }
    }

    /// Waits before the next try; says whether there should be one.
    pub(super) async fn wait(&self, error: &SourceError) -> Result<bool, ExportError> {
        let Reaction::RetryLater(asked) = error.reaction() else {
            return Ok(false);
        };
        let delay = asked.unwrap_or(self.request.options.delay);
        tokio::select! {
            () = self.stop.cancelled() => Err(ExportError::Cancelled),
            () = tokio::time::sleep(delay) => Ok(true),
        }
    }

    async fn inventory(&self) -> Result<(StateString, Vec<RawEntry>), ExportError> {
        let (mut first, mut all) = (None, Vec::new());
        let mut known = BTreeSet::new();
        let mut position = 0_u64;
        loop {
            let page = self
                .ask(|| self.source.raw_inventory(position, PAGE))
                .await?;
            let state = first.get_or_insert(page.state).clone();
            if page.entries.is_empty() {
                return Ok((state, all));
            }
            position = position.saturating_add(page.entries.len() as u64);
            // Places shift while pages are read: a message can be named twice.
            all.extend(
                page.entries
                    .into_iter()
                    .filter(|entry| known.insert(entry.id.clone())),
            );
            self.stage(
                ExportStage::Looking,
                all.len() as u64,
                page.total.unwrap_or(0),
            );
        }
    }

    // --- writing

    /// Runs something on the archive on a thread that may block.
    pub(super) async fn blocking<T: Send + 'static>(
        archive: &Arc<Mutex<Archive>>,
        job: impl FnOnce(&mut Archive) -> Result<T, ExportError> + Send + 'static,
    ) -> Result<T, ExportError> {
        let archive = Arc::clone(archive);
        let task = tokio::task::spawn_blocking(move || {
            job(&mut archive.lock().unwrap_or_else(PoisonError::into_inner))
        });
        task.await.map_err(|_| ExportError::Fault)?
    }

    async fn open(&self, mailboxes: &MailboxSnapshot) -> Result<Arc<Mutex<Archive>>, ExportError> {
        let begun = Begun {
            version: MANIFEST_VERSION,
            account: self.request.account.clone(),
            at: self.request.now,
            eml: self.request.eml,
            neutral: self.request.passphrase.is_some(),
        };
        let folder = self.request.folder.clone();
        let known = mailboxes.mailboxes.clone();
        let packed = self.request.passphrase.as_ref();
        if let Some(path) = packed.map(|_| pack::target(&folder)).filter(|p| p.exists()) {
            return Err(ExportError::NotEmpty { path });
        }
        let task = tokio::task::spawn_blocking(move || Archive::open(&folder, begun, known));
        let archive = task.await.map_err(|_| ExportError::Fault)??;
        Ok(Arc::new(Mutex::new(archive)))
    }

    async fn make_sure_of_room(
        &self,
        archive: &Arc<Mutex<Archive>>,
        inventory: &[RawEntry],
    ) -> Result<(), ExportError> {
        let free = self.request.options.free;
        let (inventory, packs) = (inventory.to_vec(), self.request.passphrase.is_some());
        Self::blocking(archive, move |archive| {
            let missing = plan::missing(&inventory, &archive.messages);
            let written = packs.then(|| archive.ends.values().sum());
            let needed = plan::room(&missing, archive.begun.eml, written);
            let free = free(&archive.folder).at(&archive.folder)?;
            if free < needed {
                return Err(ExportError::Space { needed, free });
            }
            Ok(())
        })
        .await
    }

    async fn write_missing(
        &self,
        archive: &Arc<Mutex<Archive>>,
        inventory: &[RawEntry],
    ) -> Result<BTreeMap<MessageId, FailureReason>, ExportError> {
        let (missing, total) = {
            let archive = archive.lock().unwrap_or_else(PoisonError::into_inner);
            let missing = plan::missing(inventory, &archive.messages);
            (missing, inventory.len() as u64)
        };
        let mut done = total.saturating_sub(missing.len() as u64);
        self.stage(ExportStage::Writing, done, total);
        let mut failed = BTreeMap::new();
        let mut in_a_row = 0;
        let mut arriving = stream::iter(missing.into_iter().enumerate())
            .map(|(number, entry)| self.fetch(archive, number, entry))
            .buffer_unordered(AT_ONCE);
        while let Some(fetched) = arriving.next().await {
            match fetched? {
                Ok((entry, octets, spool)) => {
                    in_a_row = 0;
                    Self::blocking(archive, move |archive| {
                        archive.append(&entry, octets, &spool)
                    })
                    .await?;
                    done += 1;
                    self.stage(ExportStage::Writing, done, total);
                }
                Err((failure, error)) => {
                    failed.insert(failure.id, failure.reason);
                    in_a_row += 1;
                    if let Some(error) = error.filter(|_| in_a_row >= IN_A_ROW) {
                        return Err(error.into());
                    }
                }
            }
        }
        drop(arriving);
        Self::blocking(archive, Archive::checkpoint).await?;
        Ok(failed)
    }

    // --- checking

    /// Reads everything back; what is damaged is fetched and written once more.
    async fn check(
        &self,
        archive: &Arc<Mutex<Archive>>,
        inventory: &BTreeMap<&MessageId, &RawEntry>,
        failed: &mut BTreeMap<MessageId, FailureReason>,
    ) -> Result<verify::Found, ExportError> {
        let found = self.read_back(archive).await?;
        if found.damaged.is_empty() {
            return Ok(found);
        }
        tracing::warn!(
            count = found.damaged.len(),
            "damaged messages of an export are fetched again"
        );
        for id in &found.damaged {
            let Some(entry) = inventory.get(id) else {
                continue;
            };
            match self.fetch(archive, 0, (*entry).clone()).await? {
                Ok((entry, octets, spool)) => {
                    Self::blocking(archive, move |archive| {
                        let same = archive
                            .messages
                            .get(&entry.id)
                            .is_some_and(|message| message.sha256 == octets.sha256);
                        if same {
                            archive.rewrite(&entry.id, &spool)?;
                        }
                        Ok(())
                    })
                    .await?;
                }
                Err((failure, _)) => {
                    failed.insert(failure.id, failure.reason);
                }
            }
        }
        self.read_back(archive).await
    }

    async fn read_back(&self, archive: &Arc<Mutex<Archive>>) -> Result<verify::Found, ExportError> {
        let (progress, stop) = (self.progress.clone(), self.stop.clone());
        Self::blocking(archive, move |archive| {
            progress.send_modify(|progress| {
                progress.stage = ExportStage::Checking;
                progress.done = 0;
                progress.total = archive.messages.len() as u64;
            });
            verify::check(archive, &stop, &|| {
                progress.send_modify(|progress| progress.done += 1);
            })
        })
        .await
    }

    fn report(
        &self,
        archive: &Arc<Mutex<Archive>>,
        inventory: &[RawEntry],
        failed: BTreeMap<MessageId, FailureReason>,
        damaged: BTreeSet<MessageId>,
    ) -> ExportReport {
        let archive = archive.lock().unwrap_or_else(PoisonError::into_inner);
        let differences = plan::compare(inventory, &archive.messages);
        let mut reasons: BTreeMap<MessageId, FailureReason> = differences
            .absent
            .into_iter()
            .map(|id| {
                let reason = failed.get(&id).cloned();
                (id, reason.unwrap_or(FailureReason::Arrived))
            })
            .collect();
        let resized = differences.resized.into_iter();
        reasons.extend(resized.map(|id| (id, FailureReason::WrongSize)));
        let sound = archive.messages.len().saturating_sub(damaged.len());
        reasons.extend(damaged.into_iter().map(|id| (id, FailureReason::Damaged)));
        ExportReport {
            written: sound as u64,
            expected: inventory.len() as u64,
            failed: reasons
                .into_iter()
                .map(|(id, reason)| ExportFailure { id, reason })
                .collect(),
            gone: differences.gone,
            changed: differences.changed,
            octets: 0,
            at: archive.folder.clone(),
        }
    }
}
