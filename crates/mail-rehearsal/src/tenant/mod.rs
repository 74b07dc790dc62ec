//! The login service: an Authress-compatible tenant.

mod verify;

pub use verify::{TokenRefused, TokenVerifier};
