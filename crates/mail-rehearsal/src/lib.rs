//! A login service and a mail server to try Braid with, on loopback.
