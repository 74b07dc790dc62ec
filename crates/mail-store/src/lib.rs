//! One encrypted folder of SQLite files per account.
