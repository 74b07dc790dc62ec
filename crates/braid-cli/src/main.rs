//! Braid on the command line.
fn main() {}
