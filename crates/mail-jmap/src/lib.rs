//! JMAP (RFC 8620, RFC 8621) as a source of mail.
//!
//! [`JmapSource`] is one account's mail server behind the traits of [`mail_model::remote`]. It
//! owns that account's HTTP client, finds the server's session by itself, respects the limits
//! the server names, renews a refused token once, and takes an answer over either whole or not
//! at all.
//!
//! It keeps no mail, knows no other account, decides no back-off and never retries what is not
//! safe to repeat: that is the engine's part. A token goes to the origins of [`JmapConfig`] and
//! nowhere else; a redirect of a request that carries one is an error, except while the session
//! is looked for, and there it may only lead to one of those origins.

mod batch;
mod blob;
mod bodies;
mod changes;
mod config;
mod edit;
mod event_source;
mod fault;
mod fetch;
mod http;
mod inventory;
mod listing;
mod mailboxes;
mod pace;
mod push;
mod search;
mod session;
mod source;
mod submit;
mod template;
mod websocket;
mod wire;

pub use config::{JmapConfig, ServerAddress, Timeouts};
pub use source::JmapSource;
