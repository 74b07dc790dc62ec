//! What is left to do, and what room it takes. Pure.

use std::collections::{BTreeMap, BTreeSet};

use mail_model::MessageId;
use mail_model::remote::RawEntry;

use super::manifest::ExportedMessage;

/// Octets around a message in a mailbox's file, and its line of the manifest and the journal.
const FRAME: u64 = 64;
const LINES: u64 = 1024;
/// Room that is left free: other programs write, too.
const SPARE: u64 = 16 * 1024 * 1024;

/// Messages of the inventory that are not in the export, in the inventory's order.
pub(crate) fn missing(
    inventory: &[RawEntry],
    written: &BTreeMap<MessageId, ExportedMessage>,
) -> Vec<RawEntry> {
    let absent = |entry: &&RawEntry| !written.contains_key(&entry.id);
    inventory.iter().filter(absent).cloned().collect()
}

/// Octets the missing messages take, with everything around them. Packing holds all of the
/// export once more.
pub(crate) fn room(missing: &[RawEntry], eml: bool, written: Option<u64>) -> u64 {
    let biggest = missing.iter().map(|entry| entry.size).max().unwrap_or(0);
    let messages = missing.iter().fold(0_u64, |sum, entry| {
        let files = (entry.mailboxes.len() as u64).saturating_add(u64::from(eml));
        sum.saturating_add(entry.size.saturating_add(FRAME).saturating_mul(files))
            .saturating_add(LINES)
    });
    let packed = written.map_or(0, |written| written.saturating_add(messages));
    messages
        .saturating_add(packed)
        .saturating_add(biggest.saturating_mul(super::AT_ONCE as u64))
        .saturating_add(SPARE)
}

/// How the second inventory differs from what is in the export.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Differences {
    /// On the server and not in the export.
    pub(crate) absent: BTreeSet<MessageId>,
    /// In the export and no longer on the server.
    pub(crate) gone: Vec<MessageId>,
    /// In both, with other mailboxes or keywords.
    pub(crate) changed: Vec<MessageId>,
    /// In both, with another number of octets.
    pub(crate) resized: Vec<MessageId>,
}

pub(crate) fn compare(
    inventory: &[RawEntry],
    written: &BTreeMap<MessageId, ExportedMessage>,
) -> Differences {
    let mut differences = Differences::default();
    let mut seen = BTreeSet::new();
    for entry in inventory {
        seen.insert(&entry.id);
        let Some(message) = written.get(&entry.id) else {
            differences.absent.insert(entry.id.clone());
            continue;
        };
        if message.size != entry.size {
            differences.resized.push(entry.id.clone());
        }
        let lies = |ids: &[mail_model::MailboxId]| ids.iter().cloned().collect::<BTreeSet<_>>();
        if message.keywords != entry.keywords || lies(&message.mailboxes) != lies(&entry.mailboxes)
        {
            differences.changed.push(entry.id.clone());
        }
    }
    let gone = written.keys().filter(|id| !seen.contains(id));
    differences.gone = gone.cloned().collect();
    differences
}

#[cfg(test)]
mod tests {
    use mail_model::{BlobId, Keywords, MailboxId, UnixTime};

    use super::*;

    fn entry(id: &str, size: u64, mailboxes: &[&str]) -> RawEntry {
        RawEntry {
            id: MessageId::new(id).unwrap(),
            blob: BlobId::new(format!("B{id}")).unwrap(),
            size,
            mailboxes: mailboxes
                .iter()
                .map(|id| MailboxId::new(*id).unwrap())
                .collect(),
            keywords: Keywords::default(),
            received_at: UnixTime::from_seconds(1),
            has_attachment: false,
        }
    }

    fn exported(entry: &RawEntry) -> (MessageId, ExportedMessage) {
        let message = ExportedMessage {
            id: entry.id.clone(),
            mailboxes: entry.mailboxes.clone(),
            keywords: entry.keywords.clone(),
            received_at: entry.received_at,
            size: entry.size,
            sha256: String::new(),
            ends_with_line: true,
            places: Vec::new(),
            eml: None,
        };
        (entry.id.clone(), message)
    }

    #[test]
    fn a_message_needs_room_in_every_mailbox_it_lies_in() {
        let one = room(&[entry("a", 1_000_000, &["in"])], false, None);
        let two = room(&[entry("a", 1_000_000, &["in", "work"])], false, None);
        assert_eq!(two - one, 1_000_000 + FRAME);
        let eml = room(&[entry("a", 1_000_000, &["in"])], true, None);
        assert_eq!(eml, two);
        let packed = room(&[entry("a", 1_000_000, &["in"])], false, Some(500));
        assert!(packed >= one + 1_000_500);
        assert_eq!(room(&[], true, None), SPARE);
    }

    #[test]
    fn what_differs_is_named_once_and_rightly() {
        let before = [
            entry("a", 1, &["in"]),
            entry("b", 2, &["in"]),
            entry("c", 3, &["in", "work"]),
            entry("d", 4, &["in"]),
        ];
        let written: BTreeMap<_, _> = before.iter().map(exported).collect();
        let after = [
            entry("a", 1, &["work"]),
            entry("b", 9, &["in"]),
            entry("c", 3, &["work", "in"]),
            entry("e", 5, &["in"]),
        ];
        let id = |id: &str| MessageId::new(id).unwrap();
        assert_eq!(
            compare(&after, &written),
            Differences {
                absent: BTreeSet::from([id("e")]),
                gone: vec![id("d")],
                changed: vec![id("a")],
                resized: vec![id("b")],
            }
        );
        let left = missing(&after, &written);
        assert_eq!(left, [entry("e", 5, &["in"])]);
    }
}
