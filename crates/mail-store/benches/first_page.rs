//! First pages of long lists.

fn main() {}
