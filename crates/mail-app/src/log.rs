//! The log: to standard error, quiet unless asked. And, while somebody checks it, every line of
//! it in detail to whoever checks; nothing of it is kept.

use std::io::{self, Write};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry, fmt, reload};

type Listener = Arc<dyn Fn(&[u8]) + Send + Sync>;

/// Who looks at every line at the moment.
static LISTENERS: RwLock<Vec<Listener>> = RwLock::new(Vec::new());
/// How much is shown to them: everything, or nothing while there is nobody.
static DETAIL: OnceLock<reload::Handle<LevelFilter, Registry>> = OnceLock::new();

/// Writes the log to standard error. `RUST_LOG` says how much; warnings without it. Does
/// nothing the second time.
pub fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    let log = fmt::layer()
        .with_writer(std::io::stderr)
        .with_filter(filter);
    let (detail, handle) = reload::Layer::new(LevelFilter::OFF);
    let shown = fmt::layer()
        .with_ansi(false)
        .with_writer(|| Shown)
        .with_filter(detail);
    if Registry::default()
        .with(shown)
        .with(log)
        .try_init()
        .is_err()
    {
        tracing::debug!("a log is there already");
    } else if DETAIL.set(handle).is_err() {
        tracing::debug!("the log is listened to already");
    }
}

/// Hands each line to whoever listens.
struct Shown;

impl Write for Shown {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let listeners = LISTENERS.read().unwrap_or_else(PoisonError::into_inner);
        for listener in listeners.iter() {
            listener(line);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Shows every line of the log, in all detail, until it is dropped.
pub(crate) struct Listening(Listener);

/// Begins to listen. What is called must be quick and must not log. Hears nothing where there
/// is no log of ours.
pub(crate) fn listen(listener: impl Fn(&[u8]) + Send + Sync + 'static) -> Listening {
    let listener: Listener = Arc::new(listener);
    let mut listeners = LISTENERS.write().unwrap_or_else(PoisonError::into_inner);
    listeners.push(Arc::clone(&listener));
    drop(listeners);
    set_detail(LevelFilter::TRACE);
    Listening(listener)
}

impl Drop for Listening {
    fn drop(&mut self) {
        let mut listeners = LISTENERS.write().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|other| !Arc::ptr_eq(other, &self.0));
        let nobody = listeners.is_empty();
        drop(listeners);
        if nobody {
            set_detail(LevelFilter::OFF);
        }
    }
}

fn set_detail(level: LevelFilter) {
    if let Some(Err(error)) = DETAIL.get().map(|detail| detail.reload(level)) {
        tracing::debug!(%error, "the log's detail cannot be changed");
    }
}
