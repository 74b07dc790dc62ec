//! Believable mail: three lives of one person, written for the rehearsal.
//!
//! A message is a function of (seed, life, now, place): nothing is stored, any of a million
//! messages is made when it is asked for, and the same place always gives the same bytes. The
//! newest weeks are written by hand, everything before comes from a grammar of templates.
//! Accounts share no people and no domains, so that mail of one never looks like another's.

mod dice;
mod draft;
mod files;
mod grammar;
mod head;
mod html;
pub(crate) mod mime;
mod plan;
#[cfg(test)]
mod tests;
mod twins;
pub(crate) mod when;

use std::sync::LazyLock;

use grammar::{Grammar, Kind};
use head::Written;
use plan::{Plan, Planner};

pub(crate) use dice::Dice;
pub(crate) use twins::Twins;

/// Whose mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Life {
    /// Ana at Northwind.
    Work,
    /// Ana at home.
    Personal,
    /// Ana in her choir.
    Choir,
}

impl Life {
    /// The life with the name an account has; `None` for an unknown one.
    #[must_use]
    pub fn named(account: &str) -> Option<Self> {
        [Self::Work, Self::Personal, Self::Choir]
            .into_iter()
            .find(|life| life.name() == account)
    }

    /// The account's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Work => "Work",
            Self::Personal => "Personal",
            Self::Choir => "Choir",
        }
    }

    const fn number(self) -> u64 {
        match self {
            Self::Work => 1,
            Self::Personal => 2,
            Self::Choir => 3,
        }
    }

    fn owner(self) -> (String, String) {
        let email = match self {
            Self::Work => "ana@northwind.example",
            Self::Personal => "ana.m@mail.example",
            Self::Choir => "ana@choir.example",
        };
        ("Ana Moreau".to_owned(), email.to_owned())
    }

    /// The mailboxes such an account begins with: name and role, in order.
    #[must_use]
    pub const fn mailboxes(self) -> [(&'static str, Option<&'static str>); 9] {
        let own = match self {
            Self::Work => ["Projects", "Build monitor", "Travel"],
            Self::Personal => ["Family", "Receipts", "Trips"],
            Self::Choir => ["Parts", "Concerts", "Committee"],
        };
        let [a, b, c] = own;
        [
            ("Inbox", Some("inbox")),
            ("Drafts", Some("drafts")),
            ("Sent", Some("sent")),
            ("Archive", Some("archive")),
            ("Spam", Some("junk")),
            ("Trash", Some("trash")),
            (a, None),
            (b, None),
            (c, None),
        ]
    }

    fn mailbox(self, name: &str) -> u8 {
        let at = self
            .mailboxes()
            .iter()
            .position(|(own, _)| *own == name)
            .unwrap_or(0);
        u8::try_from(at).unwrap_or(0)
    }

    fn texts(self) -> &'static (Grammar, Vec<Written>) {
        static COMMON: &str = include_str!("text/common.txt");
        static WORK: LazyLock<(Grammar, Vec<Written>)> = LazyLock::new(|| {
            (
                Grammar::read(&[COMMON, include_str!("text/work.txt")]),
                head::read(include_str!("text/work_new.txt")),
            )
        });
        static PERSONAL: LazyLock<(Grammar, Vec<Written>)> = LazyLock::new(|| {
            (
                Grammar::read(&[COMMON, include_str!("text/personal.txt")]),
                head::read(include_str!("text/personal_new.txt")),
            )
        });
        static CHOIR: LazyLock<(Grammar, Vec<Written>)> = LazyLock::new(|| {
            (
                Grammar::read(&[COMMON, include_str!("text/choir.txt")]),
                head::read(include_str!("text/choir_new.txt")),
            )
        });
        match self {
            Self::Work => &WORK,
            Self::Personal => &PERSONAL,
            Self::Choir => &CHOIR,
        }
    }
}

/// Marks a message begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "they are independent flags of RFC 8621"
)]
pub struct Marks {
    /// `$seen`.
    pub seen: bool,
    /// `$flagged`.
    pub flagged: bool,
    /// `$answered`.
    pub answered: bool,
    /// `$draft`.
    pub draft: bool,
    /// `$forwarded`.
    pub forwarded: bool,
}

/// One message without its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Seconds since 1970.
    pub received_at: i64,
    /// The conversation, counted from 0.
    pub thread: u32,
    /// Its place in the conversation.
    pub place: u16,
    /// The mailbox, a place in [`Life::mailboxes`].
    pub mailbox: u8,
    /// Its marks.
    pub marks: Marks,
}

/// All generated mail of one account.
#[derive(Debug, Clone, Copy)]
pub struct Corpus {
    life: Life,
    seed: u64,
    size: u32,
    now: i64,
}

impl Corpus {
    /// The mail of one life: `size` messages up to `now` (seconds since 1970).
    #[must_use]
    pub const fn new(life: Life, seed: u64, size: u32, now: i64) -> Self {
        Self {
            life,
            seed,
            size,
            now,
        }
    }

    /// Whose mail it is.
    #[must_use]
    pub const fn life(&self) -> Life {
        self.life
    }

    fn planner(&self) -> Planner<'static> {
        Planner {
            grammar: &self.life.texts().0,
            life: self.life,
            seed: self.seed,
            now: self.now,
        }
    }

    fn written(&self) -> &'static [Written] {
        &self.life.texts().1
    }

    fn written_threads(&self) -> u32 {
        self.written().last().map_or(0, |w| w.thread + 1)
    }

    /// Every message, oldest first. Costs about a microsecond a message, once.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        let mut all: Vec<Entry> = self
            .written()
            .iter()
            .map(|w| self.written_entry(w))
            .collect();
        all.reserve(size.saturating_sub(all.len()));
        let planner = self.planner();
        let mut thread = self.written_threads();
        while all.len() < size {
            let Some(plan) = planner.plan(thread) else {
                break;
            };
            self.planned_entries(thread, &plan, &mut all, size);
            thread += 1;
        }
        all.sort_unstable_by_key(|e| (e.received_at, e.thread, e.place));
        let surplus = all.len().saturating_sub(size);
        all.drain(..surplus);
        all
    }

    fn written_entry(&self, w: &Written) -> Entry {
        let has = |mark| w.marks.contains(&mark);
        Entry {
            received_at: self.now - w.ago,
            thread: w.thread,
            place: w.place,
            mailbox: self.life.mailbox(w.mailbox),
            marks: Marks {
                seen: !has("unread"),
                flagged: has("starred"),
                answered: has("answered"),
                draft: has("draft"),
                forwarded: has("forwarded"),
            },
        }
    }

    fn planned_entries(&self, thread: u32, plan: &Plan<'_>, all: &mut Vec<Entry>, size: usize) {
        let mut dice = Dice::new(&[self.seed, self.life.number(), u64::from(thread), 8]);
        let spam = plan.template.kind == Kind::Spam;
        let home = if spam {
            "Spam"
        } else if plan.deleted {
            "Trash"
        } else if plan.filed {
            plan.template.place
        } else {
            "Inbox"
        };
        for (place, (at, speaker)) in plan.times.iter().zip(&plan.speakers).enumerate() {
            if all.len() >= size {
                return;
            }
            let next = plan.speakers.get(place + 1);
            all.push(Entry {
                received_at: *at,
                thread,
                place: u16::try_from(place).unwrap_or(0),
                mailbox: self.life.mailbox(if *speaker == 0 { "Sent" } else { home }),
                marks: Marks {
                    seen: !spam || dice.chance(30),
                    flagged: !spam && *speaker != 0 && dice.chance(3),
                    answered: *speaker != 0 && next == Some(&0),
                    draft: false,
                    forwarded: *speaker != 0 && dice.chance(1),
                },
            });
        }
    }

    /// The bytes of a message (RFC 5322); empty if there is none at that place.
    #[must_use]
    pub fn message(&self, thread: u32, place: u16) -> Vec<u8> {
        let planner = self.planner();
        let draft = if thread < self.written_threads() {
            let at = self
                .written()
                .iter()
                .position(|w| w.thread == thread && w.place == place);
            at.and_then(|at| head::draft(self.written(), at, &planner))
        } else {
            planner.message(thread, place)
        };
        draft.map_or_else(Vec::new, |draft| draft.write())
    }

    /// The conversation a generated message belongs to, by its `Message-ID` without brackets.
    #[must_use]
    pub fn thread_of(&self, message_id: &str) -> Option<u32> {
        self.planner().thread_of(message_id)
    }
}
