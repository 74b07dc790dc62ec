//! What holds for the repository as a whole: who may depend on whom, and what the window may do.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on stops and says where"
)]

mod directions;
mod window;
