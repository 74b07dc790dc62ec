//! A real mail server for tests: Cyrus IMAPd's JMAP, started in a private folder by the test that
//! wants it and gone with that test, whatever way it ends.
//!
//! Nothing here is shipped. Whatever goes wrong stops the test that asked, with a line that says
//! what to do about it; that is why this crate may panic.
//!
//! ```no_run
//! # async fn example() {
//! use mail_testkit::{Cyrus, Front, corpus};
//!
//! // One server for a test binary: keep it in a `std::sync::OnceLock`.
//! let Some(cyrus) = Cyrus::start() else {
//!     return; // BRAID_WITHOUT_CYRUS=1, which has been said on the terminal
//! };
//! cyrus.add_person("ana@northwind.example");
//!
//! // Another client of the same account: fills it, and changes it from outside.
//! let other = cyrus.client("ana@northwind.example");
//! other.fill(&corpus::mailing_lists(), "inbox").await;
//!
//! // What our code talks to: takes our tokens and passes the person on.
//! let front = Front::start(&cyrus, |token| {
//!     (token == "ana's token").then(|| "ana@northwind.example".to_owned())
//! });
//! let address = front.url(); // for `ServerAddress::of`
//! # }
//! ```
#![allow(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::print_stderr,
    reason = "a fixture that cannot work stops its test and says why"
)]

pub mod corpus;
mod cyrus;
mod front;
mod lmtp;
mod raw;
mod sink;

pub use cyrus::Cyrus;
pub use front::{Front, Seen};
pub use raw::RawJmap;
pub use sink::{Sink, Submitted};
