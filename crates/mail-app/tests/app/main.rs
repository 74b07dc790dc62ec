//! The whole product without a window: against the rehearsal, and against a mail server that
//! others wrote.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on stops and says where"
)]

mod accounts;
mod cyrus;
mod keyring;
mod reading;
mod separation;
mod sign_in;
mod world;
