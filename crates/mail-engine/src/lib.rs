//! Synchronisation, the person's actions, and the merged view.
//!
//! | part | owns |
//! |---|---|
//! | [`AccountEngine`] | the tasks of one account: its loop, its push channel, its bodies |
//! | [`sync_state`], [`plan`], [`intents`], [`backoff`] | the decisions, pure |
//! | [`AccountSearch`] | a search of one account, and its index |
//! | [`MergedList`] | a list over several accounts as a feed |
//! | [`open_conversation`] | one conversation as a feed |
//! | [`export`] | a whole account as files, verified |
//!
//! Protocols and credentials are only known as the traits of [`mail_model::remote`]. Everything
//! below an engine belongs to one account; the only code that sees several is the merge, and it
//! orders their rows without ever joining them. Nothing here makes text for people.

mod account_loop;
pub mod backoff;
mod bodies;
pub mod clock;
mod conversation;
mod engine;
pub mod export;
mod gate;
pub mod intents;
mod list_diff;
mod list_source;
mod list_view;
mod merge;
mod moved;
mod notice;
mod options;
pub mod plan;
mod push;
mod resync;
mod round;
mod search;
mod shared;
mod status;
mod supervisor;
pub mod sync_state;

pub use bodies::FetchError;
pub use conversation::{
    Conversation, ConversationChange, ConversationMessage, OpenConversation, open_conversation,
};
pub use engine::{AccountEngine, Settled};
pub use list_diff::{Gap, ListDiff, ListSnapshot, Look, Replica};
pub use list_view::{LARGEST_WINDOW, ListMember, MergedList, OpenList};
pub use merge::{ListSource, MemberFailure, Merge, MergedKey, MergedRow, Rung, Totals, WindowRows};
pub use notice::Notice;
pub use options::EngineOptions;
pub use search::{
    AccountSearch, Attention, IndexTurns, MOST_FOUND, SearchState, ServerSearch, Wanted,
};
pub use status::{AccountStatus, Arrival, Health, Progress};
