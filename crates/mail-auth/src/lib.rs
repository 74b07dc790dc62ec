//! Sign-in, sessions and the vault.
