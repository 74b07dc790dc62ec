//! The client against servers: Cyrus IMAPd as Debian ships it, and one that says whatever a
//! test wants it to.

mod cyrus;
mod tokens;
