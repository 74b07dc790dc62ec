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
}
