//! A login service and a mail server to try Braid with, on loopback.

pub mod clock;
pub mod faults;
pub mod people;
pub mod state_dir;
pub mod tenant;
