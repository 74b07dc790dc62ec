//! Everything a change of messages drags along: placements, conversations, counts.

use std::collections::{BTreeMap, BTreeSet};

use mail_model::{MailboxId, ThreadKey};
use sqlx::SqliteConnection;

use super::counts::{self, Counts};
use super::mailbox::MailboxKeys;
use super::thread_mailbox;
use crate::error::StoreError;
use crate::insert::insert;

/// Deletes placements by a JSON list of `[mailbox, received_at, message]`.
pub(crate) const DELETE: &str = "DELETE FROM placement WHERE (mailbox, received_at, message) IN
    (SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1))";

/// Where one message stands in the lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) thread: i64,
    pub(crate) received_at: i64,
    pub(crate) flags: i64,
    pub(crate) mailboxes: BTreeSet<i64>,
}

/// The changes of one transaction, collected before anything is written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Revision {
    gone: Vec<(i64, i64, i64)>,
    placed: Vec<(i64, i64, i64, i64)>,
    counts: BTreeMap<i64, Counts>,
    mailboxes: BTreeSet<i64>,
    threads: BTreeSet<i64>,
}

/// What a written revision touched.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    pub(crate) mailboxes: Vec<MailboxId>,
    pub(crate) threads: Vec<ThreadKey>,
}

impl Touched {
    /// And these.
    pub(crate) fn add(&mut self, other: Self) {
        for mailbox in other.mailboxes {
            if !self.mailboxes.contains(&mailbox) {
                self.mailboxes.push(mailbox);
            }
        }
        for thread in other.threads {
            if !self.threads.contains(&thread) {
                self.threads.push(thread);
            }
        }
    }
}

impl Revision {
    /// Notes that a message went from one standing to another; `None` means it is not here.
    pub(crate) fn change(&mut self, key: i64, before: Option<&Standing>, after: Option<&Standing>) {
        if before == after {
            return;
        }
        for standing in [before, after].into_iter().flatten() {
            self.threads.insert(standing.thread);
            self.mailboxes.extend(&standing.mailboxes);
        }
        for (standing, sign) in [(before, -1), (after, 1)] {
            let Some(standing) = standing else { continue };
            for mailbox in &standing.mailboxes {
                let counts = self.counts.entry(*mailbox).or_default();
                counts.message(standing.flags, sign);
            }
        }
        let row = |mailbox: i64, s: &Standing| (mailbox, s.received_at, key, s.flags);
        let old: BTreeSet<_> = before
            .iter()
            .flat_map(|s| s.mailboxes.iter().map(|m| row(*m, s)))
            .collect();
        let new: BTreeSet<_> = after
            .iter()
            .flat_map(|s| s.mailboxes.iter().map(|m| row(*m, s)))
            .collect();
        let kept: BTreeSet<_> = new.iter().map(|(m, at, k, _)| (*m, *at, *k)).collect();
        let gone = old
            .iter()
            .map(|(m, at, k, _)| (*m, *at, *k))
            .filter(|place| !kept.contains(place));
        self.gone.extend(gone);
        self.placed.extend(new.difference(&old));
    }

    /// Notes that a conversation's row has to be written anew although no standing changed:
    /// the name of a sender did.
    pub(crate) fn refresh(&mut self, standing: &Standing) {
        self.threads.insert(standing.thread);
        self.mailboxes.extend(&standing.mailboxes);
    }

    /// Takes placements away. Before messages are deleted, which they point to.
    pub(crate) async fn clear_placements(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<(), StoreError> {
        if self.gone.is_empty() {
            return Ok(());
        }
        sqlx::query(DELETE)
            .bind(serde_json::to_string(&self.gone)?)
            .execute(connection)
            .await?;
        Ok(())
    }

    /// Writes placements, conversations and counts. After messages are written.
    pub(crate) async fn write(
        mut self,
        connection: &mut SqliteConnection,
        keys: &MailboxKeys,
    ) -> Result<Touched, StoreError> {
        // Ascending, so that a batch fills pages in their order.
        self.placed.sort_unstable();
        insert(
            connection,
            "placement (mailbox, received_at, message, flags)",
            self.placed,
            |values, (mailbox, received_at, message, flags)| {
                values
                    .push_bind(mailbox)
                    .push_bind(received_at)
                    .push_bind(message)
                    .push_bind(flags);
            },
            "ON CONFLICT (mailbox, received_at, message) DO UPDATE SET flags = excluded.flags",
        )
        .await?;
        thread_mailbox::refresh(connection, &self.threads, &mut self.counts).await?;
        counts::add_all(connection, &self.counts).await?;
        Ok(Touched {
            mailboxes: self
                .mailboxes
                .iter()
                .filter_map(|key| keys.id(*key))
                .collect(),
            threads: self.threads.iter().copied().map(ThreadKey::new).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(flags: i64, mailboxes: &[i64]) -> Standing {
        Standing {
            thread: 7,
            received_at: 100,
            flags,
            mailboxes: mailboxes.iter().copied().collect(),
        }
    }

    #[test]
    fn a_moved_message_leaves_one_mailbox_and_enters_another() {
        let mut revision = Revision::default();
        revision.change(1, Some(&standing(1, &[10])), Some(&standing(1, &[11])));
        assert_eq!(revision.gone, [(10, 100, 1)]);
        assert_eq!(revision.placed, [(11, 100, 1, 1)]);
        assert_eq!(revision.counts[&10].0[..2], [-1, -1]);
        assert_eq!(revision.counts[&11].0[..2], [1, 1]);
    }

    #[test]
    fn a_read_message_keeps_its_place_and_is_counted_out_of_unread() {
        let mut revision = Revision::default();
        revision.change(1, Some(&standing(1, &[10])), Some(&standing(0, &[10])));
        assert!(revision.gone.is_empty());
        assert_eq!(revision.placed, [(10, 100, 1, 0)]);
        assert_eq!(
            revision.counts[&10].0,
            [0, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        );
    }

    #[test]
    fn the_same_standing_changes_nothing() {
        let mut revision = Revision::default();
        revision.change(1, Some(&standing(1, &[10])), Some(&standing(1, &[10])));
        assert_eq!(revision, Revision::default());
    }
}
