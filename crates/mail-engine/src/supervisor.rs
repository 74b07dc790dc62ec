//! Keeps one task of an account running: a panic, or an error that has no place in the sync
//! machine, is shown as a fault, and the task is started again after a growing delay. Nothing of
//! it reaches another account.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;

use crate::shared::{Shared, StepError};

/// A task that ran this long before it failed is not failing at once.
const STEADY: Duration = Duration::from_secs(600);

/// A fault that is shown until this is dropped.
struct Shown<'a>(&'a Shared);

impl<'a> Shown<'a> {
    fn of(shared: &'a Shared) -> Self {
        shared.board.fault();
        Self(shared)
    }
}

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        self.0.board.fault_over();
    }
}

/// Runs a task of an account until it ends by itself, however often it panics on the way.
pub(crate) async fn keep_running<F>(shared: Arc<Shared>, name: &'static str, make: impl Fn() -> F)
where
    F: Future<Output = Result<(), StepError>> + Send + 'static,
{
    run(shared, name, make, |shared| Some(Shown::of(shared))).await;
}

/// The same for what somebody looks at just now, such as a search: its fault is not the account's.
pub(crate) async fn keep_looking<F>(shared: Arc<Shared>, name: &'static str, make: impl Fn() -> F)
where
    F: Future<Output = Result<(), StepError>> + Send + 'static,
{
    run(shared, name, make, |_| None).await;
}

async fn run<F>(
    shared: Arc<Shared>,
    name: &'static str,
    make: impl Fn() -> F,
    show: impl Fn(&Shared) -> Option<Shown<'_>>,
) where
    F: Future<Output = Result<(), StepError>> + Send + 'static,
{
    let mut tries = 0_u32;
    loop {
        let begun = shared.options.clock.now();
        let ended = AbortOnDropHandle::new(tokio::spawn(make())).await;
        if shared.stop.is_cancelled() {
            return;
        }
        match ended {
            Ok(Ok(())) => return,
            Ok(Err(error)) => tracing::error!(task = name, %error, "a task of an account failed"),
            // The panic's own words could hold something of a message: not repeated.
            Err(_) => tracing::error!(task = name, "a task of an account panicked"),
        }
        let now = shared.options.clock.now();
        tries = if begun.until(now) >= STEADY {
            1
        } else {
            tries + 1
        };
        let delay = shared
            .options
            .backoff
            .delay(tries, shared.options.jitter.fraction(), None);
        let shown = show(&shared);
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = shared.options.clock.sleep_until(now + delay) => (),
            () = shared.prod.notified() => (),
            // Whoever closes the gate waits for the task to rest behind it.
            () = shared.gate.closed() => (),
        }
        drop(shown);
    }
}
