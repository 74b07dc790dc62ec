//! The client against servers: Cyrus IMAPd as Debian ships it, and one that says whatever a
//! test wants it to.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test stops where something is not as it says"
)]

mod copies;
mod cyrus;
mod hostile;
mod limits;
mod mutations;
mod push;
mod scripted;
mod searching;
mod session;
mod tokens;
mod transport;
mod websocket;
mod world;
