//! Mail bytes into parts, and mail HTML into something safe to show.
