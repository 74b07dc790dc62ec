//! Braid.
fn main() {}
