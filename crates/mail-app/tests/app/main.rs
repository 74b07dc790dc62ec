//! The whole product without a window: against the rehearsal, and against a mail server that
//! others wrote.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on stops and says where"
)]

mod accounts;
mod credentials;
mod cyrus;
mod damage;
mod flow;
mod foreign_ids;
mod identities;
mod kept;
mod keyring;
mod life;
mod life_kills;
mod linking;
mod linking_ends;
mod linking_kills;
mod linking_rows;
mod linking_which;
mod logs;
mod many;
mod one_account;
mod rail;
mod reading;
mod searching;
mod separation;
mod sessions;
mod sign_in;
mod vaults;
mod world;
