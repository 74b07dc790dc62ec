//! How an account changes: events are written down, then applied; at the next start they are
//! applied again, in the same order and with the same results.

use std::io;

use super::account::{Account, Folder, MOST_KEYWORDS, Record, STORED, Touched};
use super::journal::Event;
use super::message::Parsed;
use super::state::Op;

impl Account {
    /// Writes the events down and applies them.
    pub(crate) fn commit(&mut self, events: Vec<Event>) -> io::Result<Touched> {
        self.journal.append(&events)?;
        let mut touched = Touched::default();
        for event in events {
            let one = self.apply(event);
            touched = Touched {
                email: touched.email | one.email,
                mailbox: touched.mailbox | one.mailbox,
                thread: touched.thread | one.thread,
                submission: touched.submission | one.submission,
                delivery: touched.delivery | one.delivery,
            };
        }
        Ok(touched)
    }

    pub(super) fn apply(&mut self, event: Event) -> Touched {
        let mut touched = Touched::default();
        match event {
            Event::Added {
                blob,
                received_at,
                mailboxes,
                keywords,
                thread,
            } => {
                touched.email = true;
                touched.mailbox = true;
                touched.thread = true;
                touched.delivery = !keywords.iter().any(|k| k == "$draft");
                self.add(blob, received_at, &mailboxes, &keywords, thread);
            }
            Event::Changed {
                email,
                mailboxes,
                keywords,
            } => {
                touched.email = true;
                touched.mailbox = true;
                self.change(email, &mailboxes, &keywords);
            }
            Event::Destroyed { email } => {
                touched.email = true;
                touched.mailbox = true;
                touched.thread = true;
                self.destroy(email);
            }
            Event::MailboxPut {
                id,
                name,
                parent,
                role,
                sort_order,
                subscribed,
            } => {
                touched.mailbox = true;
                self.put_folder(id, name, parent, role, sort_order, subscribed);
            }
            Event::MailboxRemoved { id } => {
                touched.mailbox = true;
                self.folders.remove(&id);
                self.logs.mailbox.push(id, Op::Destroyed);
                self.counts = None;
            }
            Event::Submitted(submission) => {
                touched.submission = true;
                let id = submission.id;
                self.next_submission = self.next_submission.max(id + 1);
                let new = self.submissions.insert(id, submission).is_none();
                self.logs
                    .submission
                    .push(id, if new { Op::Created } else { Op::Updated });
            }
            Event::SubmissionGone { id } => {
                touched.submission = true;
                self.submissions.remove(&id);
                self.logs.submission.push(id, Op::Destroyed);
            }
            Event::StateLost => {
                touched = Touched {
                    email: true,
                    mailbox: true,
                    thread: true,
                    submission: true,
                    delivery: false,
                };
                for log in [
                    &mut self.logs.email,
                    &mut self.logs.mailbox,
                    &mut self.logs.thread,
                    &mut self.logs.submission,
                ] {
                    log.forget();
                }
            }
        }
        self.logs.delivery += u64::from(touched.delivery);
        touched
    }

    fn bits_of(&mut self, mailboxes: &[u32], keywords: &[String]) -> (u64, u32) {
        let folders = mailboxes
            .iter()
            .filter_map(|id| self.folders.get(id))
            .fold(0, |bits, f| bits | f.bit());
        let mut marks = 0;
        for name in keywords {
            if self.keyword_bit(name) == 0 && self.keywords.len() < MOST_KEYWORDS {
                self.keywords.push(name.to_ascii_lowercase());
            }
            marks |= self.keyword_bit(name);
        }
        (folders, marks)
    }

    fn add(
        &mut self,
        blob: String,
        received_at: i64,
        mailboxes: &[u32],
        keywords: &[String],
        thread: Option<u32>,
    ) {
        let number = self.next_email();
        let bytes = self.journal.load(&blob).unwrap_or_default();
        let (folders, marks) = self.bits_of(mailboxes, keywords);
        let fresh = u32::try_from(self.threads.len()).unwrap_or(u32::MAX);
        let thread = thread.unwrap_or(fresh);
        let existed = !self.thread(thread).is_empty();
        self.records.push(Record {
            received_at,
            mailboxes: folders,
            keywords: marks,
            thread,
            place: STORED,
            destroyed: false,
        });
        self.stored.insert(number, blob);
        for id in Parsed::new(&bytes).own_ids() {
            self.by_message_id.insert(id, thread);
        }
        let place = self.rank(received_at, number);
        self.order.insert(place, number);
        self.join(thread, number);
        self.logs.email.push(number, Op::Created);
        self.logs
            .thread
            .push(thread, if existed { Op::Updated } else { Op::Created });
        self.recounted(folders);
    }

    fn change(&mut self, number: u32, mailboxes: &[u32], keywords: &[String]) {
        let (folders, marks) = self.bits_of(mailboxes, keywords);
        let Some(record) = self.records.get_mut(number as usize) else {
            return;
        };
        let before = record.mailboxes;
        record.mailboxes = folders;
        record.keywords = marks;
        self.logs.email.push(number, Op::Updated);
        self.recounted(before | folders);
    }

    fn destroy(&mut self, number: u32) {
        let Some(record) = self
            .records
            .get_mut(number as usize)
            .filter(|r| !r.destroyed)
        else {
            return;
        };
        record.destroyed = true;
        let (folders, thread, received_at) = (record.mailboxes, record.thread, record.received_at);
        let place = self.rank(received_at, number);
        if self.order.get(place) == Some(&number) {
            self.order.remove(place);
        }
        if let Some(members) = self.threads.get_mut(thread as usize) {
            members.retain(|n| *n != number);
        }
        let gone = self.thread(thread).is_empty();
        self.logs.email.push(number, Op::Destroyed);
        self.logs
            .thread
            .push(thread, if gone { Op::Destroyed } else { Op::Updated });
        self.recounted(folders);
    }

    fn recounted(&mut self, folders: u64) {
        self.counts = None;
        let touched: Vec<u32> = self.folders_of(folders).collect();
        for id in touched {
            self.logs.mailbox.push(id, Op::Counted);
        }
    }

    fn put_folder(
        &mut self,
        id: u32,
        name: String,
        parent: Option<u32>,
        role: Option<String>,
        sort_order: u32,
        subscribed: bool,
    ) {
        self.next_folder = self.next_folder.max(id + 1);
        let taken = self.folders.values().fold(0u64, |bits, f| bits | f.bit());
        let free = u8::try_from(taken.trailing_ones()).unwrap_or(63).min(63);
        let slot = self.folders.get(&id).map_or(free, |f| f.slot);
        let folder = Folder {
            name,
            parent,
            role,
            sort_order,
            subscribed,
            slot,
        };
        let new = self.folders.insert(id, folder).is_none();
        self.logs
            .mailbox
            .push(id, if new { Op::Created } else { Op::Updated });
        self.counts = None;
    }
}
