//! The product without a window.
