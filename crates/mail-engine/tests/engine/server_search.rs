//! How the server in memory looks for things: exactly, and whole words only.

use jiff::tz::TimeZone;
use mail_model::search::{Criterion, Query, Words, day_begins};
use mail_model::{Address, Body, Keyword, Mailbox, Message};

/// What the server knows of one message.
pub(crate) struct Known<'a> {
    pub(crate) message: &'a Message,
    pub(crate) body: &'a Body,
    pub(crate) mailboxes: &'a [Mailbox],
}

impl Known<'_> {
    pub(crate) fn is(&self, query: &Query, zone: &TimeZone) -> bool {
        match query {
            Query::All(list) => list.iter().all(|query| self.is(query, zone)),
            Query::Any(list) => list.iter().any(|query| self.is(query, zone)),
            Query::Not(query) => !self.is(query, zone),
            Query::Is(criterion) => self.has(criterion, zone),
        }
    }

    fn has(&self, criterion: &Criterion, zone: &TimeZone) -> bool {
        let message = self.message;
        let mut files = self.body.attachments.iter().map(|file| file.name.as_str());
        match criterion {
            Criterion::Text(words) => {
                let people = [&message.from, &message.to, &message.cc, &message.bcc];
                holds(&message.subject, words)
                    || people.iter().any(|people| one_is(people, words))
                    || holds(self.body.text.as_deref().unwrap_or_default(), words)
                    || files.any(|name| holds(name, words))
            }
            Criterion::From(words) => one_is(&message.from, words),
            Criterion::To(words) => one_is(&message.to, words) || one_is(&message.cc, words),
            Criterion::Cc(words) => one_is(&message.cc, words),
            Criterion::Subject(words) => holds(&message.subject, words),
            Criterion::Filename(words) => files.any(|name| holds(name, words)),
            Criterion::HasFile => message.has_attachment,
            Criterion::Unread => !message.keywords.is_seen(),
            Criterion::Read => message.keywords.is_seen(),
            Criterion::Starred => message.keywords.is_flagged(),
            Criterion::Answered => message.keywords.contains(&Keyword::answered()),
            Criterion::Draft => message.keywords.contains(&Keyword::draft()),
            Criterion::In(name) => self
                .mailboxes
                .iter()
                .any(|mailbox| mailbox.is_called(name) && message.mailboxes.contains(&mailbox.id)),
            Criterion::Account(_) => panic!("a server is not asked which account it is"),
            Criterion::Before(day) => message.received_at < day_begins(*day, zone),
            Criterion::After(day) => message.received_at >= day_begins(*day, zone),
            Criterion::Larger(octets) => message.size > *octets,
            Criterion::Smaller(octets) => message.size < *octets,
        }
    }
}

fn one_is(people: &[Address], words: &Words) -> bool {
    people
        .iter()
        .any(|person| holds(&person.name, words) || holds(&person.email, words))
}

fn holds(text: &str, words: &Words) -> bool {
    let (text, wanted) = (tokens(text), tokens(&words.text));
    !wanted.is_empty() && text.windows(wanted.len()).any(|window| window == wanted)
}

fn tokens(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}
