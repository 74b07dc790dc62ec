//! The log: to standard error, quiet unless asked.

use tracing_subscriber::EnvFilter;

/// Writes the log to standard error. `RUST_LOG` says how much; warnings without it. Does
/// nothing the second time.
pub fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if log.try_init().is_err() {
        tracing::debug!("a log is there already");
    }
}
