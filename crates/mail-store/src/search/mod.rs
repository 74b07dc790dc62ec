//! Finding messages: words of a text, what a person looks for, and the index in `search.sqlite`.

pub(crate) mod body_text;
mod fold;
pub(crate) mod marks;
mod pattern;
pub(crate) mod scan;
pub(crate) mod tree;
