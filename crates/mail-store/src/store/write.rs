//! Writing. Every change is one transaction (rows, progress, change number) and is published
//! after its commit, by the writer's task, so changes are published in the order of their numbers.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use mail_model::{Body, MessageId, MessageKey, StoreChange};
use sqlx::{Connection as _, SqliteConnection};

use super::{AccountStore, Inner};
use crate::body::{self, Block, Packer};
use crate::crash_points::crash_point;
use crate::error::{FileKind, StoreError};
use crate::intent::{Intent, IntentId, IntentOutcome, NewIntent};
use crate::local;
use crate::mail::apply::{self, Applied};
use crate::mail::mailbox::stored_id;
use crate::mail::{pending, progress, sweep};
use crate::sync::{Sweep, SyncBatch};
use crate::writer::{Priority, Step};

/// Messages that change in one transaction.
const STEP: usize = 500;

impl AccountStore {
    /// Writes one page of what the server said, with the progress that is true once it is in.
    /// Gives what it changed, if anything that is shown did.
    ///
    /// # Errors
    /// Nothing of the batch was kept.
    ///
    /// # Cancellation
    /// Dropping the future does not take the batch back: it is in or it is not.
    pub async fn apply(&self, batch: SyncBatch) -> Result<Option<StoreChange>, StoreError> {
        let removes = !batch.remove.is_empty();
        let change = self
            .inner
            .commit(Priority::Synchronisation, Vec::new(), move |connection| {
                Box::pin(async move { apply::apply(connection, &batch).await })
            })
            .await?;
        if removes {
            self.inner.forget_bodies().await?;
        }
        Ok(change)
    }

    /// Keeps bodies. Those of messages that are not here any more are dropped.
    ///
    /// # Errors
    /// Nothing was kept.
    pub async fn store_bodies(
        &self,
        bodies: Vec<(MessageKey, Body)>,
    ) -> Result<Option<StoreChange>, StoreError> {
        let keys: Vec<MessageKey> = bodies.iter().map(|(key, _)| *key).collect();
        let ids = self.message_ids(&keys).await?;
        let stored: Vec<MessageKey> = ids.iter().map(|(key, _)| *key).collect();
        if stored.is_empty() {
            return Ok(None);
        }
        let ids: std::collections::BTreeMap<_, _> = ids.into_iter().collect();
        let blocks = tokio::task::spawn_blocking(move || {
            let mut packer = Packer::new()?;
            bodies
                .iter()
                .filter_map(|(key, body)| Some(packer.block(ids.get(key)?.clone(), body)))
                .collect::<Result<Vec<Block>, StoreError>>()
        })
        .await
        .map_err(|_| StoreError::Closed)??;
        self.inner
            .write(
                FileKind::Body,
                Priority::Synchronisation,
                move |connection| Box::pin(async move { body::store(connection, blocks).await }),
            )
            .await?;
        self.inner
            .commit(Priority::Synchronisation, stored, |_| {
                Box::pin(async { Ok(Applied::default()) })
            })
            .await
    }

    /// Begins to look which messages the server still has, because a state was lost. Until
    /// [`Self::finish_sweep`] the list stays as it is. A sweep that was running is over.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn begin_sweep(&self) -> Result<Sweep, StoreError> {
        self.inner
            .write(FileKind::Mail, Priority::Synchronisation, |connection| {
                Box::pin(async move {
                    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
                    let sweep = sweep::begin(&mut transaction).await?;
                    transaction.commit().await?;
                    crash_point!("sweep.begun");
                    Ok(sweep)
                })
            })
            .await
    }

    /// Removes what the sweep did not see, in steps of 500. Gives the last change. Does nothing if
    /// another sweep has begun since.
    ///
    /// # Errors
    /// Steps that were committed stay; the sweep may be finished again.
    pub async fn finish_sweep(&self, sweep: Sweep) -> Result<Option<StoreChange>, StoreError> {
        let mut last = None;
        loop {
            let unseen = self.unmarked(sweep, STEP).await?;
            if unseen.is_empty() {
                break;
            }
            let batch = SyncBatch {
                remove: unseen,
                ..SyncBatch::default()
            };
            last = self.apply(batch).await?.or(last);
        }
        self.inner
            .write(
                FileKind::Mail,
                Priority::Synchronisation,
                move |connection| {
                    Box::pin(async move {
                        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
                        sweep::end(&mut transaction, sweep).await?;
                        transaction.commit().await?;
                        crash_point!("sweep.ended");
                        Ok(())
                    })
                },
            )
            .await?;
        Ok(last)
    }

    /// Takes a change the person made: durable first, then shown. Messages that are not here are
    /// left out. Gives the last change, if anything that is shown changed.
    ///
    /// # Errors
    /// If it could not be made durable, nothing was changed. If it could not be shown, it is done
    /// when the account is opened again.
    ///
    /// # Cancellation
    /// Once begun it goes on to its end, whether or not anyone waits.
    pub async fn queue_edit(
        &self,
        edit: NewIntent,
    ) -> Result<(IntentId, Option<StoreChange>), StoreError> {
        let inner = Arc::clone(&self.inner);
        let ids = self.message_ids(&edit.messages).await?;
        let intent = Intent {
            id: IntentId(0),
            messages: ids.into_iter().map(|(_, id)| id).collect(),
            keywords: edit.keywords,
            add_to: edit.add_to,
            remove_from: edit.remove_from,
        };
        let task = tokio::spawn(async move { inner.queue(intent).await });
        task.await.map_err(|_| StoreError::Closed)?
    }

    /// The oldest open intents, in the order of their replay.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn intents(&self, limit: usize) -> Result<Vec<Intent>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.inner.open_intents(limit).await
    }

    /// How many intents are open, as far as the last look at them or change of them said.
    #[must_use]
    pub fn queued(&self) -> u64 {
        self.inner.queued.load(Ordering::Acquire)
    }

    /// Ends an intent. Done again it does nothing.
    ///
    /// # Errors
    /// The intent is still open, and is replayed again.
    ///
    /// # Cancellation
    /// Once begun it goes on to its end, whether or not anyone waits.
    pub async fn finish_intent(
        &self,
        id: IntentId,
        outcome: IntentOutcome,
    ) -> Result<Option<StoreChange>, StoreError> {
        let inner = Arc::clone(&self.inner);
        let task = tokio::spawn(async move { inner.finish(id, outcome).await });
        task.await.map_err(|_| StoreError::Closed)?
    }

    /// Keeps a small JSON value for this account on this machine; it is on the disk when this
    /// returns.
    ///
    /// # Errors
    /// The old value is kept.
    pub async fn settings_put(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.inner
            .write(FileKind::Local, Priority::Person, move |connection| {
                Box::pin(async move { local::put_setting(connection, &name, &value).await })
            })
            .await
    }
}

impl Inner {
    /// Runs one transaction on the mail file; numbers, commits and publishes what it changed.
    async fn commit<F>(
        &self,
        priority: Priority,
        bodies: Vec<MessageKey>,
        job: F,
    ) -> Result<Option<StoreChange>, StoreError>
    where
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> Step<'c, Result<Applied, StoreError>>
            + Send
            + 'static,
    {
        let changes = self.changes.clone();
        self.write(FileKind::Mail, priority, move |connection| {
            Box::pin(async move {
                let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
                crash_point!("mail.begun");
                let applied = job(&mut transaction).await?;
                if !applied.is_change() && bodies.is_empty() {
                    transaction.commit().await?;
                    return Ok(None);
                }
                let change = StoreChange {
                    number: progress::next_change(&mut transaction).await?,
                    mailboxes: applied.touched.mailboxes,
                    mailbox_tree: applied.mailbox_tree,
                    threads: applied.touched.threads,
                    arrived: applied.arrived,
                    bodies,
                };
                crash_point!("mail.written");
                transaction.commit().await?;
                crash_point!("mail.committed");
                // An error only says that nobody listens.
                changes.send(change.clone()).unwrap_or_default();
                Ok(Some(change))
            })
        })
        .await
    }

    async fn queue(
        &self,
        mut intent: Intent,
    ) -> Result<(IntentId, Option<StoreChange>), StoreError> {
        let kept = intent.clone();
        let showing = self.showing.clone();
        let id = self
            .write_intents(move |connection| {
                Box::pin(async move {
                    let (id, count) = local::insert_intent(connection, &kept).await?;
                    showing.send_modify(|showing| _ = showing.insert(id));
                    Ok((id, count))
                })
            })
            .await?;
        intent.id = id;
        let messages = intent.messages.clone();
        let change = self.show(Arc::new(intent), &messages).await;
        self.showing.send_modify(|showing| _ = showing.remove(&id));
        crash_point!("intent.shown");
        Ok((id, change?))
    }

    /// Runs a job that gives the number of open intents with its result, and keeps that. So the
    /// number is right again with the next job after one that failed, of which nobody knows
    /// whether it reached the disk.
    async fn write_intents<T, F>(&self, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> Step<'c, Result<(T, u64), StoreError>>
            + Send
            + 'static,
    {
        let queued = Arc::clone(&self.queued);
        self.write(FileKind::Local, Priority::Person, move |connection| {
            Box::pin(async move {
                let (done, count) = job(connection).await?;
                queued.store(count, Ordering::Release);
                Ok(done)
            })
        })
        .await
    }

    async fn open_intents(&self, limit: i64) -> Result<Vec<Intent>, StoreError> {
        self.write_intents(move |connection| {
            Box::pin(async move { local::intents(connection, limit).await })
        })
        .await
    }

    /// Shows an intent's result, in steps.
    async fn show(
        &self,
        intent: Arc<Intent>,
        messages: &[MessageId],
    ) -> Result<Option<StoreChange>, StoreError> {
        let mut last = None;
        for step in messages.chunks(STEP) {
            let (intent, step) = (Arc::clone(&intent), step.to_vec());
            let change = self
                .commit(Priority::Person, Vec::new(), move |connection| {
                    Box::pin(async move {
                        let touched = pending::open(connection, &intent, &step).await?;
                        Ok(Applied::of(touched))
                    })
                })
                .await?;
            last = change.or(last);
        }
        Ok(last)
    }

    async fn finish(
        &self,
        id: IntentId,
        outcome: IntentOutcome,
    ) -> Result<Option<StoreChange>, StoreError> {
        let mut showing = self.showing.subscribe();
        // Its sender is here, so there is no end to wait for but this.
        _ = showing.wait_for(|showing| !showing.contains(&id)).await;
        let messages = self
            .write(FileKind::Local, Priority::Person, move |connection| {
                Box::pin(async move { local::messages(connection, id.get()).await })
            })
            .await?;
        crash_point!("intent.ending");
        // The mail file first: killed in between, the intent is still open and is replayed.
        let change = self.unmirror(id.get(), &messages, outcome).await?;
        crash_point!("intent.unmirrored");
        self.write_intents(move |connection| {
            Box::pin(async move { local::delete_intent(connection, id.get()).await })
        })
        .await?;
        Ok(change)
    }

    async fn unmirror(
        &self,
        intent: i64,
        messages: &[MessageId],
        outcome: IntentOutcome,
    ) -> Result<Option<StoreChange>, StoreError> {
        let mut last = None;
        for step in messages.chunks(STEP) {
            let step = step.to_vec();
            let change = self
                .commit(Priority::Person, Vec::new(), move |connection| {
                    Box::pin(async move {
                        let touched = pending::close(connection, intent, &step, outcome).await?;
                        Ok(Applied::of(touched))
                    })
                })
                .await?;
            last = change.or(last);
        }
        Ok(last)
    }

    /// Makes the mail file's mirror of open intents equal to them: after a kill between the two
    /// files, or when the mail file is new. Gives how many had to be shown.
    pub(super) async fn apply_open_intents(&self) -> Result<usize, StoreError> {
        let open = self.open_intents(i64::MAX).await?;
        let mut mirrored = self
            .write(FileKind::Mail, Priority::Person, |connection| {
                Box::pin(async move { pending::mirrored(connection).await })
            })
            .await?;
        let mut applied = 0;
        for intent in open {
            let seen = mirrored.remove(&intent.id.get()).unwrap_or_default();
            let mut missing = intent.messages.clone();
            missing.retain(|id| !seen.contains(id));
            if !missing.is_empty() {
                applied += 1;
                self.show(Arc::new(intent), &missing).await?;
            }
        }
        for (intent, messages) in mirrored {
            let messages: Vec<MessageId> = messages.into_iter().collect();
            self.unmirror(intent, &messages, IntentOutcome::Refused)
                .await?;
        }
        Ok(applied)
    }

    /// Deletes the bodies of messages that are gone.
    pub(super) async fn forget_bodies(&self) -> Result<(), StoreError> {
        loop {
            let ids: Vec<MessageId> = self
                .write(FileKind::Mail, Priority::Synchronisation, |connection| {
                    Box::pin(async move {
                        let rows = sqlx::query("SELECT message_id FROM forgotten LIMIT 500")
                            .fetch_all(connection)
                            .await?;
                        rows.iter().map(|row| stored_id(row, 0)).collect()
                    })
                })
                .await?;
            if ids.is_empty() {
                return Ok(());
            }
            crash_point!("forget.read");
            let gone = ids.clone();
            self.write(
                FileKind::Body,
                Priority::Synchronisation,
                move |connection| Box::pin(async move { body::delete(connection, &gone).await }),
            )
            .await?;
            crash_point!("forget.body");
            self.write(
                FileKind::Mail,
                Priority::Synchronisation,
                move |connection| {
                    Box::pin(async move {
                        sqlx::query(
                            "DELETE FROM forgotten WHERE message_id IN
                         (SELECT value FROM json_each(?1))",
                        )
                        .bind(serde_json::to_string(&ids)?)
                        .execute(connection)
                        .await?;
                        crash_point!("forget.done");
                        Ok(())
                    })
                },
            )
            .await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use mail_model::{Keyword, KeywordEdit};
    use tokio::sync::oneshot;

    use super::*;
    use crate::{StoreOptions, measuring};

    fn edit(messages: &[MessageKey], keyword: Keyword) -> NewIntent {
        NewIntent {
            messages: messages.to_vec(),
            keywords: vec![KeywordEdit { keyword, set: true }],
            ..NewIntent::default()
        }
    }

    async fn until(is: impl Fn() -> bool) {
        while !is() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_star_does_not_wait_until_thousands_of_messages_are_marked() {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions::unencrypted_for_measuring();
        let store = measuring::account(folder.path(), 1_200, options)
            .await
            .unwrap();
        let all = store.missing_bodies(usize::MAX, 1_200).await.unwrap();
        let keys: Vec<MessageKey> = all.into_iter().map(|(key, _)| key).collect();

        // Nothing is shown until the first step of the one and all of the other are in line.
        let (begun, has_begun) = oneshot::channel::<()>();
        let (release, released) = oneshot::channel::<()>();
        let inner = Arc::clone(&store.inner);
        let held = tokio::spawn(async move {
            let hold = inner.write(FileKind::Mail, Priority::Person, move |_| {
                Box::pin(async move {
                    begun.send(()).unwrap();
                    released.await.unwrap();
                    Ok(())
                })
            });
            hold.await
        });
        has_begun.await.unwrap();
        let (many, star) = (
            edit(&keys, Keyword::seen()),
            edit(&keys[..1], Keyword::flagged()),
        );
        let marking = tokio::spawn({
            let store = store.clone();
            async move { store.queue_edit(many).await.unwrap() }
        });
        until(|| store.inner.mail.waiting() == 1).await;
        let starring = tokio::spawn({
            let store = store.clone();
            async move { store.queue_edit(star).await.unwrap() }
        });
        until(|| store.inner.mail.waiting() == 2).await;
        release.send(()).unwrap();
        held.await.unwrap().unwrap();

        let (marked, last_marks) = marking.await.unwrap();
        let (starred, star_shown) = starring.await.unwrap();
        assert!(
            marked < starred,
            "they are sent in the order they were made"
        );
        assert!(star_shown.unwrap().number < last_marks.unwrap().number);
        assert_eq!(store.queued(), 2);
        store.close().await.unwrap();
    }
}
