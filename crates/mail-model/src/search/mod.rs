//! What a person looks for: one tree, read from what they type, and what was found.
//!
//! The store translates the tree to SQL, the JMAP client to the server's filter; both get the
//! same tree, so both look for the same thing. `docs/search.md` tells people how to write one.

mod found;
mod literal;
mod parse;
mod print;
mod query;
mod simplify;

pub use found::{Found, FoundKey, Segment};
pub use literal::day_begins;
pub use parse::{Hint, Parsed, parse};
pub use query::{Criterion, Query, Words};

#[cfg(test)]
mod tests;
