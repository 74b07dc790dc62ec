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

/// Whose a task's fault is, while the task waits for its new start.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It is shown.
    Account,
    /// It is shown, and the look at the server that the task was about to end is over. Somebody
    /// who has asked for another look since is not made to wait for it.
    Looks,
    /// It is not shown: it ends what somebody looks at just now, and nothing else.
    Search,
}

/// Runs a task of an account until it ends by itself, however often it panics on the way.
pub(crate) async fn keep_running<F>(shared: Arc<Shared>, name: &'static str, make: impl Fn() -> F)
where
    F: Future<Output = Result<(), StepError>> + Send + 'static,
{
    run(shared, name, make, Fault::Account).await;
}

/// The same for the task that looks at the server.
pub(crate) async fn keep_synchronising<F>(
    shared: Arc<Shared>,
    name: &'static str,
    make: impl Fn() -> F,
) where
    F: Future<Output = Result<(), StepError>> + Send + 'static,
{
    run(shared, name, make, Fault::Looks).await;
}

/// The same for what somebody looks at just now, such as a search: its fault is not the account's.
pub(crate) async fn keep_looking<F>(shared: Arc<Shared>, name: &'static str, make: impl Fn() -> F)
where
    F: Future<Output = Result<(), StepError>> + Send + 'static,
{
    run(shared, name, make, Fault::Search).await;
}

async fn run<F>(shared: Arc<Shared>, name: &'static str, make: impl Fn() -> F, fault: Fault)
where
    F: Future<Output = Result<(), StepError>> + Send + 'static,
{
    let mut tries = 0_u32;
    loop {
        let begun = shared.options.clock.now();
        if fault == Fault::Looks {
            // The start looks: whoever has asked until now waits for just that.
            shared.wakes.take_woken();
        }
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
        let shown = (fault != Fault::Search).then(|| Shown::of(&shared));
        let mut prod = std::pin::pin!(shared.prod.notified());
        prod.as_mut().enable();
        if fault == Fault::Looks {
            shared.look_ends();
            // Somebody has asked during the look that failed.
            if shared.wakes.is_woken() {
                continue;
            }
        }
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = shared.options.clock.sleep_until(now + delay) => (),
            () = prod => (),
            // Whoever closes the gate waits for the task to rest behind it.
            () = shared.gate.closed() => (),
        }
        drop(shown);
    }
}
