//! The store on real, encrypted files.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests stop the test, as tests do"
)]

mod accounts;
mod bodies;
mod exit;
mod fixture;
mod holdings;
mod intents;
mod kill;
mod lists;
mod model;
mod opening;
mod search;
mod search_index;
mod search_model;
