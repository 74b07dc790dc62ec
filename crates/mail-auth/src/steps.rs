//! Names for the moments at which the process may be ended.
//!
//! A renewal and the writing of its file say these at the level `trace`, which no log of the
//! program keeps; a test stops a child at each of them and kills it there.

/// The target of those events.
pub(crate) const STEP: &str = "mail_auth::step";
