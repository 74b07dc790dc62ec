//! The tree.

use jiff::civil::Date;

/// Words that have to stand next to each other, in this order, whatever their case and accents.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Words {
    /// As typed, without the quotation marks; never blank.
    pub text: String,
    /// Whether they were quoted: then they are whole words. Otherwise the text is one word, and
    /// the last one of what is typed may be the beginning of a longer one ([`Words::unfinished`]).
    pub quoted: bool,
    /// Whether a word that begins with this text is as good: the person is still typing it.
    pub unfinished: bool,
}

/// One thing a message can be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Criterion {
    /// Anywhere: subject, people, text, names of files.
    Text(Words),
    /// Name or address of a sender.
    From(Words),
    /// Name or address of a `To` or `Cc` recipient.
    To(Words),
    /// Name or address of a `Cc` recipient.
    Cc(Words),
    /// The subject.
    Subject(Words),
    /// The name of a file that came with it; known where the body is here, else asked of the server.
    Filename(Words),
    /// It has a file.
    HasFile,
    /// It is unread.
    Unread,
    /// It has been read.
    Read,
    /// It is starred.
    Starred,
    /// It was answered.
    Answered,
    /// It is a draft.
    Draft,
    /// It lies in a mailbox of this role (`inbox`, `sent`, …) or name, whatever the case.
    In(String),
    /// Its account has this in its name or address, whatever the case.
    Account(String),
    /// It was received before this day began, where the person is.
    Before(Date),
    /// It was received on this day or later, where the person is.
    After(Date),
    /// It has more octets than this.
    Larger(u64),
    /// It has fewer octets than this.
    Smaller(u64),
}

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Query {
    /// All of these; none of them means every message.
    All(Vec<Query>),
    /// At least one of these.
    Any(Vec<Query>),
    /// Everything but this.
    Not(Box<Query>),
    /// This.
    Is(Criterion),
}

impl Query {
    /// Every message.
    #[must_use]
    pub const fn everything() -> Self {
        Self::All(Vec::new())
    }

    /// No message at all.
    #[must_use]
    pub const fn nothing() -> Self {
        Self::Any(Vec::new())
    }

    /// The words a match is marked by, in the order typed: those looked for anywhere or in the
    /// subject, without those that must not be there.
    #[must_use]
    pub fn words(&self) -> Vec<&Words> {
        let mut words = Vec::new();
        self.collect_words(true, &mut words);
        words
    }

    fn collect_words<'q>(&'q self, wanted: bool, words: &mut Vec<&'q Words>) {
        match self {
            Self::All(list) | Self::Any(list) => {
                for query in list {
                    query.collect_words(wanted, words);
                }
            }
            Self::Not(query) => query.collect_words(!wanted, words),
            Self::Is(Criterion::Text(more) | Criterion::Subject(more)) if wanted => {
                words.push(more);
            }
            Self::Is(_) => {}
        }
    }

    /// The words of the very last criterion.
    pub(super) fn last_words(&self) -> Option<&Words> {
        match self {
            Self::All(list) | Self::Any(list) => list.last()?.last_words(),
            Self::Not(query) => query.last_words(),
            Self::Is(criterion) => criterion.words(),
        }
    }
}

impl Criterion {
    /// The words it looks for, if it looks for words.
    #[must_use]
    pub const fn words(&self) -> Option<&Words> {
        match self {
            Self::Text(words)
            | Self::From(words)
            | Self::To(words)
            | Self::Cc(words)
            | Self::Subject(words)
            | Self::Filename(words) => Some(words),
            _ => None,
        }
    }

    pub(super) const fn words_mut(&mut self) -> Option<&mut Words> {
        match self {
            Self::Text(words)
            | Self::From(words)
            | Self::To(words)
            | Self::Cc(words)
            | Self::Subject(words)
            | Self::Filename(words) => Some(words),
            _ => None,
        }
    }
}
