//! Finding messages: words of a text, what a person looks for, and the index in `search.sqlite`.
//!
//! A query becomes a [`tree`]; a [`source`] gives keys that hold every match, from the highest
//! down; rows of `mail.sqlite` and the index say which of them are matches.

mod body_text;
pub(crate) mod candidates;
pub(crate) mod coverage;
pub(crate) mod document;
mod fold;
pub(crate) mod index;
pub(crate) mod marks;
mod parts;
pub(crate) mod pattern;
pub(crate) mod source;
pub(crate) mod tree;
pub(crate) mod writing;

pub(crate) use body_text::text_of;
