//! `mail.sqlite`: what the server holds. A cache that may be thrown away at any time.
//!
//! Lists are materialised: `placement` is the list of single messages of each mailbox,
//! `thread_mailbox` the list of conversations. Whoever changes a message also changes both and the
//! kept counts, through [`revision::Revision`], in the same transaction. No triggers: a batch
//! changes each conversation once, a trigger would change it once a message.

pub(crate) mod apply;
pub(crate) mod counts;
pub(crate) mod holdings;
pub(crate) mod known;
pub(crate) mod list;
pub(crate) mod mailbox;
pub(crate) mod message;
pub(crate) mod pending;
pub(crate) mod progress;
pub(crate) mod recount;
pub(crate) mod revision;
pub(crate) mod slot;
pub(crate) mod sweep;
pub(crate) mod thread_mailbox;
pub(crate) mod unindexed;
pub(crate) mod value;

#[cfg(test)]
mod plans;
