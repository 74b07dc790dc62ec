//! The product without a window.
//!
//! Puts the parts together: configuration, vault, sign-in, one session, store, server and engine
//! for each account, and the contract a page or a program talks to. It names the concrete types;
//! below it everything is a trait. It draws nothing and opens nothing itself: what needs a
//! desktop goes through [`Host`].

mod account;
mod accounts;
mod app;
mod attachments;
mod believable;
mod config;
mod contract;
mod conversation;
mod error;
mod feed;
mod frames;
mod host;
mod identities;
mod kept;
mod life;
mod linking;
mod lists;
mod log;
mod marks;
mod one_account;
mod paths;
mod preferences;
mod rail;
mod read;
pub mod rehearsal;
mod remembered;
mod sealed;
mod searching;
mod separation;
mod sessions;
mod settling;
mod setup;
mod sign_ins;
mod surroundings;
mod tenant;
mod vault;

pub use app::{App, Start, StartError};
pub use async_trait::async_trait;
pub use config::{
    Config, ConfigError, ConnectionConfig, MailCredentials, MailLocation, ORGANISATION_FILE,
    TenantSettings,
};
pub use contract::*;
pub use feed::{FeedSink, OpenFeed};
pub use frames::FrameReply;
pub use host::{Host, HostError};
pub use log::log_to_stderr;
pub use mail_auth::{Clock, MemoryVault, SystemClock, Vault};
pub use mail_model::{AccountColor, Filter, ListMode, MailboxRole};
pub use paths::{DataLock, Paths, PathsError};
pub use read::{AccountHealth, HealthReport, ReadAttachment, ReadMessage, rfc3339};
pub use tenant::UnusableTenant;
pub use vault::VaultChoice;
