//! A login service and a mail server to try Braid with, on loopback.
//!
//! Both speak the contracts of the real ones, so the app does not know the difference: [`tenant`] is an
//! Authress-compatible login service and [`mail_server`] a JMAP server that accepts exactly its tokens. The
//! people and their mail are made up ([`people`], [`corpus`]); what can go wrong is a switch ([`faults`]).
//! Everything listens on this computer only.

pub mod clock;
pub mod corpus;
pub mod faults;
pub mod listener;
pub mod mail_server;
pub mod people;
mod rehearsal;
pub mod state_dir;
pub mod tenant;

pub use rehearsal::{
    ConnectionDescription, Description, PersonDescription, Rehearsal, RehearsalConfig,
    RehearsalError,
};
