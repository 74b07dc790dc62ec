//! Keeps one account's push channel open while it is wanted.
//!
//! A push event is only ever a hint: it makes the account's loop ask what has changed. Without a
//! channel the loop polls; this task says which of both holds. A channel that stands and tells
//! nothing is no channel: once a poll has found what it had not told, the account polls until it
//! tells something.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::StreamExt as _;
use mail_model::remote::{PushEvent, PushStream};
use tokio::sync::watch;

use crate::clock::Moment;
use crate::shared::{Shared, StepError};
use crate::status::Arrival;

/// A channel that stood this long did not fail at once: the next failure is a first one.
const STEADY: std::time::Duration = std::time::Duration::from_secs(60);

/// Runs until the engine stops. Has no errors of its own: without a channel there is polling.
pub(crate) async fn run(shared: Arc<Shared>) -> Result<(), StepError> {
    let mut wanted = shared.push_wanted.subscribe();
    let mut anew = shared.anew.subscribe();
    let mut tries = 0_u32;
    loop {
        let open = tokio::select! {
            () = shared.stop.cancelled() => false,
            wanted = wanted.wait_for(|wanted| *wanted) => wanted.is_ok(),
        };
        if !open {
            return Ok(());
        }
        tokio::select! {
            () = shared.stop.cancelled() => return Ok(()),
            () = shared.gate.opened() => (),
        }
        anew.mark_unchanged();
        let begun = shared.options.clock.now();
        let end = tokio::select! {
            () = shared.stop.cancelled() => return Ok(()),
            () = shared.gate.closed() => End::Unwanted,
            end = channel(&shared) => end,
            Ok(()) = anew.changed() => End::Unwanted,
            _ = wanted.wait_for(|wanted| !*wanted) => End::Unwanted,
        };
        if shared.board.push() == Arrival::Push {
            shared.board.set_push(Arrival::Polling);
            // The loop waits for the long interval that holds with a channel.
            shared.wakes.hint();
        }
        match end {
            End::Unwanted => tries = 0,
            End::Never => {
                // Looked at again when the account connects anew.
                let gone = wanted.wait_for(|wanted| !*wanted);
                tokio::select! {
                    () = shared.stop.cancelled() => return Ok(()),
                    Ok(()) = anew.changed() => tries = 0,
                    _ = gone => tries = 0,
                }
            }
            End::Failed { asked } => {
                let now = shared.options.clock.now();
                tries = if begun.until(now) >= STEADY {
                    1
                } else {
                    tries + 1
                };
                let delay =
                    shared
                        .options
                        .backoff
                        .delay(tries, shared.options.jitter.fraction(), asked);
                pause(&shared, &mut wanted, now + delay).await;
            }
        }
    }
}

enum End {
    /// The account is offline or blocked, or the channel is to be opened anew at once.
    Unwanted,
    /// The server has no push.
    Never,
    /// The channel broke or could not be opened.
    Failed { asked: Option<std::time::Duration> },
}

async fn pause(shared: &Shared, wanted: &mut watch::Receiver<bool>, until: Moment) {
    tokio::select! {
        () = shared.stop.cancelled() => (),
        () = shared.options.clock.sleep_until(until) => (),
        () = shared.prod.notified() => (),
        _ = wanted.wait_for(|wanted| !*wanted) => (),
    }
}

async fn channel(shared: &Shared) -> End {
    let stream = match shared.ask(shared.source.push()).await {
        Ok(Some(stream)) => stream,
        Ok(None) => return End::Never,
        Err(error) => return failed(&error),
    };
    listen(shared, stream).await
}

async fn listen(shared: &Shared, mut stream: PushStream) -> End {
    loop {
        let silent = shared.options.clock.now() + shared.options.push_silence;
        let event = tokio::select! {
            event = stream.next() => event,
            () = shared.options.clock.sleep_until(silent) => {
                tracing::debug!("the push channel is silent");
                return End::Failed { asked: None };
            }
        };
        match event {
            Some(Ok(PushEvent::Connected)) => {
                if shared.push_tells.load(Ordering::Relaxed) {
                    shared.board.set_push(Arrival::Push);
                }
                // What changed before the channel stood was not told.
                shared.wakes.hint();
            }
            Some(Ok(PushEvent::Changed)) => {
                shared.push_tells.store(true, Ordering::Relaxed);
                shared.board.set_push(Arrival::Push);
                shared.wakes.hint();
            }
            Some(Ok(PushEvent::Ping)) => (),
            Some(Err(error)) => return failed(&error.into()),
            None => return End::Failed { asked: None },
        }
    }
}

fn failed(error: &StepError) -> End {
    tracing::debug!(%error, "no push channel");
    match error.reaction() {
        mail_model::Reaction::RetryLater(asked) => End::Failed { asked },
        // The loop meets the same trouble with its next request and knows what to do about it.
        mail_model::Reaction::SignInAgain
        | mail_model::Reaction::Resynchronise
        | mail_model::Reaction::AskPerson
        | mail_model::Reaction::Bug => End::Failed { asked: None },
        mail_model::Reaction::GiveUp => End::Never,
    }
}
