//! Where an account's mail comes from: written for a life, or alike in every account.

use crate::corpus::{Corpus, Entry, Life, Twins};

/// The generated mail of one account.
#[derive(Debug)]
pub(crate) enum Supply {
    Lived(Corpus),
    Alike(Twins),
}

impl Supply {
    pub(super) const fn life(&self) -> Life {
        match self {
            Self::Lived(corpus) => corpus.life(),
            Self::Alike(twins) => twins.life(),
        }
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        match self {
            Self::Lived(corpus) => corpus.entries(),
            Self::Alike(twins) => twins.entries(),
        }
    }

    pub(super) fn message(&self, thread: u32, place: u16) -> Vec<u8> {
        match self {
            Self::Lived(corpus) => corpus.message(thread, place),
            Self::Alike(twins) => twins.message(thread, place),
        }
    }

    pub(super) fn thread_of(&self, message_id: &str) -> Option<u32> {
        match self {
            Self::Lived(corpus) => corpus.thread_of(message_id),
            Self::Alike(twins) => twins.thread_of(message_id),
        }
    }
}
