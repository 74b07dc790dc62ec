//! What holds for the repository as a whole: who may depend on whom, and what the window may do.

mod directions;
mod window;
