//! Counts of mailboxes (RFC 8621 section 2), kept until a message changes.

use std::collections::BTreeMap;

use super::account::{Account, DRAFT, Folder, MOST_MAILBOXES, SEEN};

/// Counts of a mailbox (RFC 8621 section 2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) emails: u64,
    pub(crate) unread_emails: u64,
    pub(crate) threads: u64,
    pub(crate) unread_threads: u64,
}

impl Account {
    /// Counts of every mailbox.
    pub(crate) fn counts(&mut self) -> &BTreeMap<u32, Counts> {
        let counted = self.counts.take().unwrap_or_else(|| self.count());
        self.counts.insert(counted)
    }

    /// RFC 8621 section 2: mail in the trash does not make a conversation unread elsewhere, and
    /// mail elsewhere does not make it unread in the trash.
    fn count(&self) -> BTreeMap<u32, Counts> {
        let trash = self
            .role("trash")
            .and_then(|id| self.folders.get(&id))
            .map_or(0, Folder::bit);
        let mut slots = [Counts::default(); MOST_MAILBOXES];
        for members in &self.threads {
            let (mut in_any, mut unread_here, mut unread_trash) = (0u64, false, false);
            for record in members.iter().filter_map(|n| self.record(*n)) {
                let unread = record.keywords & (SEEN | DRAFT) == 0;
                in_any |= record.mailboxes;
                unread_here |= unread && record.mailboxes & !trash != 0;
                unread_trash |= unread && record.mailboxes & trash != 0;
                each_bit(record.mailboxes, |n| {
                    if let Some(c) = slots.get_mut(n) {
                        c.emails += 1;
                        c.unread_emails += u64::from(unread);
                    }
                });
            }
            each_bit(in_any, |n| {
                if let Some(c) = slots.get_mut(n) {
                    c.threads += 1;
                    c.unread_threads += u64::from(if 1 << n == trash {
                        unread_trash
                    } else {
                        unread_here
                    });
                }
            });
        }
        self.folders
            .iter()
            .map(|(id, f)| {
                (
                    *id,
                    slots.get(usize::from(f.slot)).copied().unwrap_or_default(),
                )
            })
            .collect()
    }
}

fn each_bit(mut bits: u64, mut with: impl FnMut(usize)) {
    while bits != 0 {
        with(bits.trailing_zeros() as usize);
        bits &= bits - 1;
    }
}
