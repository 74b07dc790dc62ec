//! What a test does to the mail server from outside: mail arrives, somebody marks or moves it with
//! another program, a folder is renamed, the server loses its memory of changes.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use serde::Serialize;

use super::account::{Account, DRAFT, SEEN, Touched};
use super::journal::Event;
use super::message::Parsed;
use super::{MailServer, Seat, ids, mailbox_set};

/// Mail to deliver.
#[derive(Debug, Clone)]
pub struct NewMail<'a> {
    /// Display name of the sender.
    pub from_name: &'a str,
    /// Address of the sender.
    pub from: &'a str,
    /// Subject.
    pub subject: &'a str,
    /// Plain text, lines ending in `\n`.
    pub text: &'a str,
    /// `Message-ID` of the message it answers, without angle brackets.
    pub answers: Option<&'a str>,
}

/// Why a driver could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// No account of that name (`Work`, `Personal`, `Choir`) or id.
    #[error("there is no such account")]
    UnknownAccount,
    /// The account has no such message.
    #[error("there is no such message")]
    UnknownMessage,
    /// The account has no such mailbox.
    #[error("there is no such mailbox")]
    UnknownMailbox,
    /// The change cannot be kept.
    #[error("the change cannot be written down")]
    Files(#[from] io::Error),
}

/// How much an account holds, wherever in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Held {
    /// Messages.
    pub messages: u64,
    /// Conversations with at least one message.
    pub conversations: u64,
    /// Messages that are not read, drafts aside.
    pub unread: u64,
    /// Drafts.
    pub drafts: u64,
}

/// Everything an account holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// Mailboxes by id.
    pub mailboxes: BTreeMap<String, HeldMailbox>,
    /// Messages by id.
    pub messages: BTreeMap<String, HeldMessage>,
}

/// A mailbox of [`Contents`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldMailbox {
    /// Its name.
    pub name: String,
    /// Messages in it.
    pub messages: u64,
    /// Messages in it that are not read, drafts aside.
    pub unread: u64,
}

/// A message of [`Contents`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldMessage {
    /// Ids of the mailboxes it lies in.
    pub mailboxes: BTreeSet<String>,
    /// Its keywords.
    pub keywords: BTreeSet<String>,
}

/// Puts a message into the inbox; gives its number.
pub(crate) fn arrive(account: &mut Account, bytes: &[u8], now: i64) -> io::Result<(Touched, u32)> {
    let blob = account.journal.store(bytes)?;
    let thread = account.thread_for(&Parsed::new(bytes));
    let inbox = account.role("inbox").into_iter().collect();
    let number = account.next_email();
    let event = Event::Added {
        blob,
        received_at: now,
        mailboxes: inbox,
        keywords: Vec::new(),
        thread,
    };
    Ok((account.commit(vec![event])?, number))
}

impl MailServer {
    fn seat(&self, account: &str) -> Result<(usize, Arc<Seat>), DriverError> {
        let is = |seat: &Arc<Seat>| {
            [
                seat.person.account.as_str(),
                &seat.person.mail_account,
                &seat.person.email,
            ]
            .contains(&account)
        };
        let found = self
            .shared
            .seats()
            .into_iter()
            .enumerate()
            .find(|(_, seat)| is(seat));
        found.ok_or(DriverError::UnknownAccount)
    }

    fn change(
        &self,
        account: &str,
        make: impl FnOnce(&Account) -> Result<Event, DriverError>,
    ) -> Result<(), DriverError> {
        let (index, seat) = self.seat(account)?;
        let mut account = seat.account();
        let event = make(&account)?;
        let touched = account.commit(vec![event])?;
        self.shared.announce(index, &account, touched);
        Ok(())
    }

    /// Delivers a message into the inbox of an account; gives its JMAP id.
    ///
    /// # Errors
    /// [`DriverError`]; this holds for every driver.
    pub fn deliver(&self, account: &str, mail: &NewMail<'_>) -> Result<String, DriverError> {
        let now = self.shared.config.clock.unix_seconds();
        let (index, seat) = self.seat(account)?;
        let mut account = seat.account();
        let id = format!("{:x}.{}@rehearsal.example", account.next_email(), now);
        let bytes = super::compose::plain(mail, &seat.person, now, &id);
        let (touched, number) = arrive(&mut account, &bytes, now)?;
        self.shared.announce(index, &account, touched);
        Ok(ids::email(number))
    }

    /// Delivers a message given as bytes (RFC 5322); gives its JMAP id.
    pub fn deliver_bytes(&self, account: &str, bytes: &[u8]) -> Result<String, DriverError> {
        let now = self.shared.config.clock.unix_seconds();
        let (index, seat) = self.seat(account)?;
        let mut account = seat.account();
        let (touched, number) = arrive(&mut account, bytes, now)?;
        self.shared.announce(index, &account, touched);
        Ok(ids::email(number))
    }

    /// Sets or removes a keyword of a message.
    pub fn set_keyword(
        &self,
        account: &str,
        email: &str,
        keyword: &str,
        set: bool,
    ) -> Result<(), DriverError> {
        self.change(account, |account| {
            let (number, record) = message(account, email)?;
            let mut keywords: Vec<String> = account
                .keyword_names(record.keywords)
                .map(str::to_owned)
                .collect();
            keywords.retain(|k| k != keyword);
            if set {
                keywords.push(keyword.to_owned());
            }
            Ok(Event::Changed {
                email: number,
                mailboxes: account.folders_of(record.mailboxes).collect(),
                keywords,
            })
        })
    }

    /// The keywords of a message.
    pub fn keywords_of(&self, account: &str, email: &str) -> Result<Vec<String>, DriverError> {
        let (_, seat) = self.seat(account)?;
        let account = seat.account();
        let (_, record) = message(&account, email)?;
        Ok(account
            .keyword_names(record.keywords)
            .map(str::to_owned)
            .collect())
    }

    /// Moves a message into the mailbox of that name, out of all others.
    pub fn move_to(&self, account: &str, email: &str, mailbox: &str) -> Result<(), DriverError> {
        self.change(account, |account| {
            let (number, record) = message(account, email)?;
            let keywords = account
                .keyword_names(record.keywords)
                .map(str::to_owned)
                .collect();
            Ok(Event::Changed {
                email: number,
                mailboxes: vec![folder(account, mailbox)?],
                keywords,
            })
        })
    }

    /// Destroys a message for good.
    pub fn destroy(&self, account: &str, email: &str) -> Result<(), DriverError> {
        self.change(account, |account| {
            Ok(Event::Destroyed {
                email: message(account, email)?.0,
            })
        })
    }

    /// Gives a mailbox another name.
    pub fn rename_mailbox(
        &self,
        account: &str,
        mailbox: &str,
        name: &str,
    ) -> Result<(), DriverError> {
        self.change(account, |account| {
            let id = folder(account, mailbox)?;
            let old = account
                .folders
                .get(&id)
                .cloned()
                .ok_or(DriverError::UnknownMailbox)?;
            Ok(Event::MailboxPut {
                id,
                name: name.to_owned(),
                parent: old.parent,
                role: old.role,
                sort_order: old.sort_order,
                subscribed: old.subscribed,
            })
        })
    }

    /// Makes an empty mailbox; gives its JMAP id.
    pub fn add_mailbox(&self, account: &str, name: &str) -> Result<String, DriverError> {
        let mut made = 0;
        self.change(account, |account| {
            made = account.next_folder().ok_or(DriverError::UnknownMailbox)?;
            Ok(Event::MailboxPut {
                id: made,
                name: name.to_owned(),
                parent: None,
                role: None,
                sort_order: 100,
                subscribed: true,
            })
        })?;
        Ok(ids::mailbox(made))
    }

    /// Removes a mailbox; what lies in it alone is destroyed.
    pub fn remove_mailbox(&self, account: &str, mailbox: &str) -> Result<(), DriverError> {
        let (index, seat) = self.seat(account)?;
        let mut account = seat.account();
        let number = folder(&account, mailbox)?;
        let events = mailbox_set::removal(&account, number);
        let touched = account.commit(events)?;
        self.shared.announce(index, &account, touched);
        Ok(())
    }

    /// Gives an account another JMAP id, or none: the session then names no account. Its state moves on.
    pub fn set_account_id(&self, account: &str, id: Option<&str>) -> Result<(), DriverError> {
        let (_, seat) = self.seat(account)?;
        let mut session = seat.session();
        session.account_id = id.map(str::to_owned);
        session.state += 1;
        Ok(())
    }

    /// Gives the session another state although nothing in it has changed.
    pub fn renew_session(&self, account: &str) -> Result<(), DriverError> {
        self.seat(account)?.1.session().state += 1;
        Ok(())
    }

    /// Everything an account holds, by JMAP ids.
    pub fn contents(&self, account: &str) -> Result<Contents, DriverError> {
        let (_, seat) = self.seat(account)?;
        let mut account = seat.account();
        let counts = account.counts().clone();
        let mailboxes = account.folders.iter().map(|(id, folder)| {
            let counted = counts.get(id).copied().unwrap_or_default();
            let mailbox = HeldMailbox {
                name: folder.name.clone(),
                messages: counted.emails,
                unread: counted.unread_emails,
            };
            (ids::mailbox(*id), mailbox)
        });
        let messages = account.order().iter().filter_map(|number| {
            let record = account.record(*number)?;
            let message = HeldMessage {
                mailboxes: account
                    .folders_of(record.mailboxes)
                    .map(ids::mailbox)
                    .collect(),
                keywords: account
                    .keyword_names(record.keywords)
                    .map(str::to_owned)
                    .collect(),
            };
            Some((ids::email(*number), message))
        });
        Ok(Contents {
            mailboxes: mailboxes.collect(),
            messages: messages.collect(),
        })
    }

    /// Forgets what changed when: every state given so far becomes unknown.
    pub fn lose_states(&self, account: &str) -> Result<(), DriverError> {
        self.change(account, |_| Ok(Event::StateLost))
    }

    /// How often a method was called for an account; `*` counts all.
    pub fn calls(&self, account: &str, method: &str) -> Result<u64, DriverError> {
        let (_, seat) = self.seat(account)?;
        let log = seat.log();
        Ok(if method == "*" {
            log.calls.values().sum()
        } else {
            log.calls.get(method).copied().unwrap_or(0)
        })
    }

    /// SHA-256 of the bearer tokens seen for an account, in hexadecimal, the newest last.
    pub fn token_hashes(&self, account: &str) -> Result<Vec<String>, DriverError> {
        Ok(self.seat(account)?.1.log().tokens.clone())
    }

    /// How many event streams are open, over all accounts.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.shared.pushes.receiver_count()
    }

    /// JMAP ids of the messages in the mailbox of that name, the newest first.
    pub fn messages_in(&self, account: &str, mailbox: &str) -> Result<Vec<String>, DriverError> {
        let (_, seat) = self.seat(account)?;
        let account = seat.account();
        let id = folder(&account, mailbox)?;
        let bit = account
            .folders
            .get(&id)
            .map_or(0, super::account::Folder::bit);
        let inside = |n: &&u32| account.record(**n).is_some_and(|r| r.mailboxes & bit != 0);
        Ok(account
            .order()
            .iter()
            .rev()
            .filter(inside)
            .map(|n| ids::email(*n))
            .collect())
    }

    /// How much an account holds.
    pub fn held(&self, account: &str) -> Result<Held, DriverError> {
        let (_, seat) = self.seat(account)?;
        let account = seat.account();
        let mut held = Held::default();
        for members in &account.threads {
            let mut here = members.iter().filter_map(|n| account.record(*n)).peekable();
            held.conversations += u64::from(here.peek().is_some());
            for record in here {
                held.messages += 1;
                held.unread += u64::from(record.keywords & (SEEN | DRAFT) == 0);
                held.drafts += u64::from(record.keywords & DRAFT != 0);
            }
        }
        Ok(held)
    }

    /// The bytes of a message.
    pub fn message_bytes(&self, account: &str, email: &str) -> Result<Vec<u8>, DriverError> {
        let (_, seat) = self.seat(account)?;
        let account = seat.account();
        let number = ids::number('M', email).ok_or(DriverError::UnknownMessage)?;
        account.bytes(number).ok_or(DriverError::UnknownMessage)
    }
}

fn message<'a>(
    account: &'a Account,
    email: &str,
) -> Result<(u32, &'a super::account::Record), DriverError> {
    let number = ids::number('M', email).ok_or(DriverError::UnknownMessage)?;
    Ok((
        number,
        account.record(number).ok_or(DriverError::UnknownMessage)?,
    ))
}

fn folder(account: &Account, name: &str) -> Result<u32, DriverError> {
    account
        .folders
        .iter()
        .find(|(_, f)| f.name == name)
        .map(|(id, _)| *id)
        .ok_or(DriverError::UnknownMailbox)
}
