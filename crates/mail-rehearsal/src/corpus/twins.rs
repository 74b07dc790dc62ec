//! Mail that has the same ids and the same shape in every account, and other words in each.
//!
//! Two accounts made from it differ in nothing a client may rely on: message 7 of one and message 7 of the
//! other have the same id, conversation, mailbox, marks and parts. Only the words tell them apart, and each
//! message carries its account's canary in every place words can be: sender, subject, text, HTML, attachment.

use super::{Entry, Life, Marks};
use crate::people::{Person, canary};

/// Seconds between two messages.
const APART: i64 = 600;

/// All generated mail of one account.
#[derive(Debug, Clone)]
pub(crate) struct Twins {
    life: Life,
    word: String,
    to: String,
    size: u32,
    now: i64,
}

impl Twins {
    /// `size` messages for `person` up to `now` (seconds since 1970), in the mailboxes of `life`.
    pub(crate) fn new(life: Life, person: &Person, size: u32, now: i64) -> Self {
        Self {
            life,
            word: canary(&person.mail_account),
            to: person.email.clone(),
            size,
            now,
        }
    }

    pub(crate) const fn life(&self) -> Life {
        self.life
    }

    /// Every message, oldest first; two make a conversation.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        (0..self.size)
            .map(|number| Entry {
                received_at: self.received_at(number),
                thread: number / 2,
                place: u16::from(number % 2 == 1),
                // The inbox, and of every seven one in the archive and one among the sent.
                mailbox: match number % 7 {
                    3 => 3,
                    5 => 2,
                    _ => 0,
                },
                marks: Marks {
                    seen: number % 3 != 0,
                    flagged: number % 5 == 0,
                    ..Marks::default()
                },
            })
            .collect()
    }

    fn received_at(&self, number: u32) -> i64 {
        let later = i64::from(self.size.saturating_sub(number));
        self.now.saturating_sub(later.saturating_mul(APART))
    }

    /// The bytes of a message (RFC 5322); empty if there is none at that place.
    pub(crate) fn message(&self, thread: u32, place: u16) -> Vec<u8> {
        let number = thread.saturating_mul(2).saturating_add(u32::from(place));
        if place > 1 || number >= self.size {
            return Vec::new();
        }
        let (word, to) = (&self.word, &self.to);
        let first = thread.saturating_mul(2);
        let answer = if place == 1 {
            format!("In-Reply-To: <{first}.{word}@twins.example>\r\n")
        } else {
            String::new()
        };
        let again = if place == 1 { "Re: " } else { "" };
        let date = jiff::Timestamp::from_second(self.received_at(number))
            .map(|at| at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string())
            .unwrap_or_default();
        format!(
            "From: Sender {word} <sender@{word}.example>\r\n\
             To: Ana Moreau <{to}>\r\n\
             Subject: {again}Letter {thread} about {word}\r\n\
             Date: {date}\r\n\
             Message-ID: <{number}.{word}@twins.example>\r\n\
             {answer}\
             MIME-Version: 1.0\r\n\
             Content-Type: multipart/mixed; boundary=outer\r\n\
             \r\n\
             --outer\r\n\
             Content-Type: multipart/alternative; boundary=inner\r\n\
             \r\n\
             --inner\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\
             \r\n\
             The word of this account is {word}.\r\n\
             --inner\r\n\
             Content-Type: text/html; charset=utf-8\r\n\
             \r\n\
             <p>The word of this account is <b>{word}</b>.</p>\r\n\
             --inner--\r\n\
             --outer\r\n\
             Content-Type: text/csv; name=words.csv\r\n\
             Content-Disposition: attachment; filename=words.csv\r\n\
             \r\n\
             {number},{word}\r\n\
             --outer--\r\n"
        )
        .into_bytes()
    }

    /// The conversation a message belongs to, by its `Message-ID` without brackets.
    pub(crate) fn thread_of(&self, message_id: &str) -> Option<u32> {
        let (number, of) = message_id.split_once('.')?;
        let number: u32 = number.parse().ok()?;
        (of == format!("{}@twins.example", self.word) && number < self.size).then_some(number / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::people;

    #[test]
    fn two_accounts_differ_in_words_only() {
        let [one, other] =
            [0, 1].map(|n| Twins::new(Life::Personal, &people()[n], 10, 1_700_000_000));
        assert_eq!(one.entries(), other.entries());
        for entry in one.entries() {
            let [first, second] = [&one, &other]
                .map(|twins| String::from_utf8(twins.message(entry.thread, entry.place)).unwrap());
            assert_eq!(
                first.matches(&one.word).count(),
                7 + usize::from(entry.place)
            );
            assert!(!first.contains(&other.word) && !second.contains(&one.word));
            let same = first
                .replace(&one.word, &other.word)
                .replace(&one.to, &other.to);
            assert_eq!(same, second);
        }
        assert!(one.message(5, 0).is_empty() && one.message(0, 2).is_empty());
    }
}
