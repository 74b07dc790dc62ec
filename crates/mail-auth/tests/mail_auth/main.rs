//! Sign-in, sessions and the vault against a small tenant of the tests' own, a browser of a few
//! lines, real files and, where it is installed, a real keyring.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test stops where something is not as it should be"
)]

mod asking;
mod browser;
mod connection;
mod details;
mod forged;
mod holding;
mod keyring;
mod kill;
mod linking;
mod logs;
mod once;
mod people;
mod redirect;
mod rehearsal;
mod renewal;
mod sessions;
mod sign_in;
mod tenant;
mod world;
