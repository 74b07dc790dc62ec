//! Hostile mail against the whole crate.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test stops where something is wrong, its helpers included"
)]

mod attacks;
mod bombs;
mod charsets;
mod corpora;
mod file_names;
mod messages;
mod pictures_and_links;
mod properties;
mod stability;
mod tree;
