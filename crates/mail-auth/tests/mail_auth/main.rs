//! Sign-in, sessions and the vault against a small tenant of the tests' own, a browser of a few
//! lines, real files and, where it is installed, a real keyring.

mod browser;
mod forged;
mod keyring;
mod logs;
mod redirect;
mod renewal;
mod sessions;
mod sign_in;
mod tenant;
mod world;
