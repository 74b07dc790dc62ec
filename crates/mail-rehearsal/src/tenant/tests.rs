//! The tenant as a client meets it, over HTTP.
