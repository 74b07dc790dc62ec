//! What a person looks for: one tree, read from what they type, and what was found.
//!
//! The store translates the tree to SQL, the JMAP client to the server's filter; both get the
//! same tree, so both look for the same thing.

mod found;
mod query;

pub use found::{Found, FoundKey, Segment};
pub use query::{Criterion, Query, Words};
