//! Faults on purpose: what the check has to find. In tests by a switch, and in a build of its
//! own (feature `deliberate-leak`) always. No other build has this module.

use std::sync::{Mutex, PoisonError};

use crate::account::OpenAccount;
use crate::app::App;
use crate::contract::UiError;

/// A way for one account to leak into another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leak {
    /// A row of one in the other's store.
    Rows,
    /// A request of the other says something of one.
    Requests,
    /// A readable file.
    Files,
    /// A line of the log.
    Log,
}

const ALL: [Leak; 4] = [Leak::Rows, Leak::Requests, Leak::Files, Leak::Log];

/// The faults that are on.
pub(super) struct Leaks(Mutex<Vec<Leak>>);

impl Default for Leaks {
    fn default() -> Self {
        let on = cfg!(feature = "deliberate-leak");
        Self(Mutex::new(if on { ALL.to_vec() } else { Vec::new() }))
    }
}

impl Leaks {
    #[cfg(test)]
    pub(super) fn set(&self, leaks: &[Leak]) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = leaks.to_vec();
    }

    fn on(&self) -> Vec<Leak> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Lets something of one account into another.
pub(super) async fn leak(app: &App, text: &str, into: &OpenAccount) -> Result<(), UiError> {
    for leak in app.0.last_check.leaks.on() {
        match leak {
            Leak::Rows => into.store.settings_put("leak", text).await?,
            Leak::Requests => super::check::say(into, text).await,
            Leak::Files => {
                let file = app.0.paths.data().join("leak.txt");
                std::fs::write(file, text).map_err(super::unreadable)?;
            }
            Leak::Log => tracing::info!(text, "leaking"),
        }
    }
    Ok(())
}
