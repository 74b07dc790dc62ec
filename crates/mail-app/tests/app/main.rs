//! The whole product without a window: against the rehearsal, and against a mail server that
//! others wrote.

mod accounts;
mod cyrus;
mod separation;
mod sign_in;
mod world;
