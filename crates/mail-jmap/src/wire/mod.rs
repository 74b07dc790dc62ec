//! JMAP objects as they cross the wire, one file per object. Everything a server sends is taken
//! through these types first, so a value of a wrong type never gets further than here.

pub(crate) mod core;
pub(crate) mod email;
pub(crate) mod identity;
pub(crate) mod mailbox;
pub(crate) mod submission;
