//! One account: its messages, conversations, mailboxes and change logs.
//!
//! Everything changes through [`Account::commit`]: events are written to the journal and then
//! applied, and at the next start the same events are applied again.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;

use super::counts::Counts;
use super::journal::{Journal, Opened};
use super::message::Parsed;
use super::state::ChangeLog;
use super::submission::Submission;
use super::supply::Supply;
use crate::corpus::Marks;
use crate::people::Person;

/// Most mailboxes an account can have; each is one bit.
pub(crate) const MOST_MAILBOXES: usize = 64;
/// Most different keywords an account can have; each is one bit.
pub(crate) const MOST_KEYWORDS: usize = 32;

/// A message without its words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record {
    pub(crate) received_at: i64,
    /// A bit for each mailbox slot.
    pub(crate) mailboxes: u64,
    /// A bit for each keyword.
    pub(crate) keywords: u32,
    pub(crate) thread: u32,
    /// Its place in a generated conversation; [`STORED`] for a message with bytes of its own.
    pub(super) place: u16,
    pub(crate) destroyed: bool,
}

/// [`Record::place`] of a message with bytes of its own.
pub(super) const STORED: u16 = u16::MAX;

/// A mailbox.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    pub(crate) name: String,
    pub(crate) parent: Option<u32>,
    pub(crate) role: Option<String>,
    pub(crate) sort_order: u32,
    pub(crate) subscribed: bool,
    /// Its bit.
    pub(super) slot: u8,
}

impl Folder {
    /// Its bit in [`Record::mailboxes`].
    pub(crate) const fn bit(&self) -> u64 {
        1 << self.slot
    }
}

/// Which data types a commit touched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Touched {
    pub(crate) email: bool,
    pub(crate) mailbox: bool,
    pub(crate) thread: bool,
    pub(crate) submission: bool,
    /// New mail, not a draft.
    pub(crate) delivery: bool,
}

/// Change logs by data type.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    pub(crate) email: ChangeLog,
    pub(crate) mailbox: ChangeLog,
    pub(crate) thread: ChangeLog,
    pub(crate) submission: ChangeLog,
    pub(crate) delivery: u64,
}

/// One account.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) person: Person,
    supply: Supply,
    pub(super) records: Vec<Record>,
    /// Messages with bytes of their own.
    pub(super) stored: HashMap<u32, String>,
    /// Numbers of messages that are there, oldest first.
    pub(super) order: Vec<u32>,
    /// Messages of each conversation, in order of receipt.
    pub(super) threads: Vec<Vec<u32>>,
    /// Conversations of stored messages by `Message-ID`.
    pub(super) by_message_id: HashMap<String, u32>,
    pub(super) keywords: Vec<String>,
    pub(crate) folders: BTreeMap<u32, Folder>,
    pub(super) next_folder: u32,
    pub(crate) submissions: BTreeMap<u32, Submission>,
    pub(crate) next_submission: u32,
    pub(crate) logs: Logs,
    pub(crate) journal: Journal,
    /// Counts by mailbox, kept until a message changes.
    pub(super) counts: Option<BTreeMap<u32, Counts>>,
}

const SYSTEM_KEYWORDS: [&str; 8] = [
    "$seen",
    "$flagged",
    "$answered",
    "$draft",
    "$forwarded",
    "$junk",
    "$notjunk",
    "$phishing",
];
/// `$seen` in [`Record::keywords`].
pub(crate) const SEEN: u32 = 1;
/// `$draft` in [`Record::keywords`].
pub(crate) const DRAFT: u32 = 8;

impl Account {
    /// Generates the account's mail and applies what changed since.
    pub(crate) fn open(
        person: Person,
        supply_of: impl FnOnce(i64) -> Supply,
        folder: Option<&Path>,
        now: i64,
    ) -> io::Result<Self> {
        let Opened {
            journal,
            now,
            events,
        } = Journal::open(folder, now)?;
        let supply = supply_of(now);
        let mut account = Self {
            person,
            supply,
            records: Vec::new(),
            stored: HashMap::new(),
            order: Vec::new(),
            threads: Vec::new(),
            by_message_id: HashMap::new(),
            keywords: SYSTEM_KEYWORDS.iter().map(|k| (*k).to_owned()).collect(),
            folders: BTreeMap::new(),
            next_folder: 1,
            submissions: BTreeMap::new(),
            next_submission: 1,
            logs: Logs::default(),
            journal,
            counts: None,
        };
        account.begin();
        for event in events.into_iter().flatten() {
            account.apply(event);
        }
        Ok(account)
    }

    fn begin(&mut self) {
        for (n, (name, role)) in (0u8..).zip(self.supply.life().mailboxes()) {
            let folder = Folder {
                name: name.to_owned(),
                parent: None,
                role: role.map(str::to_owned),
                sort_order: u32::from(n + 1) * 10,
                subscribed: true,
                slot: n,
            };
            self.folders.insert(self.next_folder, folder);
            self.next_folder += 1;
        }
        let entries = self.supply.entries();
        self.records.reserve_exact(entries.len());
        self.order.reserve_exact(entries.len());
        for (number, entry) in (0u32..).zip(entries) {
            self.records.push(Record {
                received_at: entry.received_at,
                mailboxes: 1 << entry.mailbox,
                keywords: bits(entry.marks),
                thread: entry.thread,
                place: entry.place,
                destroyed: false,
            });
            self.order.push(number);
            self.join(entry.thread, number);
        }
    }

    pub(super) fn join(&mut self, thread: u32, number: u32) {
        let at = thread as usize;
        if self.threads.len() <= at {
            self.threads.resize_with(at + 1, Vec::new);
        }
        let key = |n: &u32, records: &[Record]| {
            records
                .get(*n as usize)
                .map_or((i64::MAX, *n), |r| (r.received_at, *n))
        };
        let own = key(&number, &self.records);
        if let Some(members) = self.threads.get_mut(at) {
            let place = members.partition_point(|n| key(n, &self.records) < own);
            members.insert(place, number);
        }
    }

    /// A message that is there.
    pub(crate) fn record(&self, number: u32) -> Option<&Record> {
        self.records.get(number as usize).filter(|r| !r.destroyed)
    }

    /// A message that is or was there.
    pub(crate) fn record_ever(&self, number: u32) -> Option<&Record> {
        self.records.get(number as usize)
    }

    /// How many numbers were ever given.
    pub(crate) fn next_email(&self) -> u32 {
        u32::try_from(self.records.len()).unwrap_or(u32::MAX)
    }

    /// All messages, oldest first.
    pub(crate) fn order(&self) -> &[u32] {
        &self.order
    }

    /// Messages of a conversation, oldest first; empty when it is gone.
    pub(crate) fn thread(&self, thread: u32) -> &[u32] {
        self.threads.get(thread as usize).map_or(&[], Vec::as_slice)
    }

    /// The message as bytes.
    pub(crate) fn bytes(&self, number: u32) -> Option<Vec<u8>> {
        let record = self.record(number)?;
        if record.place == STORED {
            return self.journal.load(self.stored.get(&number)?);
        }
        Some(self.supply.message(record.thread, record.place))
    }

    /// The names of keyword bits.
    pub(crate) fn keyword_names(&self, bits: u32) -> impl Iterator<Item = &str> {
        self.keywords
            .iter()
            .enumerate()
            .filter(move |(n, _)| bits >> n & 1 == 1)
            .map(|(_, name)| name.as_str())
    }

    /// The bit of a keyword the account knows.
    pub(crate) fn keyword_bit(&self, name: &str) -> u32 {
        let name = name.to_ascii_lowercase();
        self.keywords
            .iter()
            .position(|k| *k == name)
            .map_or(0, |n| 1 << n)
    }

    /// Whether these keywords can be kept beside those known.
    pub(crate) fn has_room_for(&self, names: &[String]) -> bool {
        let new = names
            .iter()
            .filter(|name| !self.keywords.contains(name))
            .count();
        self.keywords.len() + new <= MOST_KEYWORDS
    }

    /// The mailboxes of a message, by id.
    pub(crate) fn folders_of(&self, mailboxes: u64) -> impl Iterator<Item = u32> {
        self.folders
            .iter()
            .filter(move |(_, f)| mailboxes & f.bit() != 0)
            .map(|(id, _)| *id)
    }

    /// The mailbox with a role.
    pub(crate) fn role(&self, role: &str) -> Option<u32> {
        self.folders
            .iter()
            .find(|(_, f)| f.role.as_deref() == Some(role))
            .map(|(id, _)| *id)
    }

    /// The id the next mailbox gets; `None` when there is no room for one.
    pub(crate) fn next_folder(&self) -> Option<u32> {
        (self.folders.len() < MOST_MAILBOXES).then_some(self.next_folder)
    }

    /// The place of a message in [`Self::order`].
    pub(crate) fn rank(&self, received_at: i64, number: u32) -> usize {
        self.order.partition_point(|n| {
            self.records
                .get(*n as usize)
                .map_or((i64::MAX, *n), |r| (r.received_at, *n))
                < (received_at, number)
        })
    }

    /// How many messages were received before a time.
    pub(crate) fn received_before(&self, time: i64) -> usize {
        self.rank(time, 0)
    }

    /// The conversation a new message belongs to: one with a message it names, and the same subject.
    pub(crate) fn thread_for(&self, message: &Parsed<'_>) -> Option<u32> {
        let subject = message.base_subject();
        message.named_ids().find_map(|id| {
            let thread = self
                .by_message_id
                .get(&id)
                .copied()
                .or_else(|| self.supply.thread_of(&id))?;
            let first = self.thread(thread).first()?;
            (Parsed::new(&self.bytes(*first)?).base_subject() == subject).then_some(thread)
        })
    }
}

fn bits(marks: Marks) -> u32 {
    u32::from(marks.seen)
        | u32::from(marks.flagged) << 1
        | u32::from(marks.answered) << 2
        | u32::from(marks.draft) << 3
        | u32::from(marks.forwarded) << 4
}
