//! Hostile mail against the whole crate.

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
