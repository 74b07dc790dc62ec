//! The words every other part of Braid shares.
