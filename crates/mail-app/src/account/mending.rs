//! Damage that is met while an account is open: its files are closed and opened again, which sets
//! damaged ones aside, saves what exists only here, and lets the server fill the rest.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::{Account, Closed, OpenAccount};
use crate::app::App;

/// An account whose files are met damaged more often than this ...
const MOST: usize = 3;
/// ... in this long lies on a disk that keeps nothing.
const WITHIN: Duration = Duration::from_secs(60 * 60);

impl Account {
    /// Opens the account anew once one of its files is met damaged.
    pub(super) fn watch_damage(self: &Arc<Self>, app: &App, open: &Arc<OpenAccount>) {
        let mut damaged = open.store.damaged();
        let closing = open.closing.clone();
        let open = Arc::downgrade(open);
        let account = Arc::downgrade(self);
        let app = Arc::downgrade(&app.0);
        tokio::spawn(async move {
            let met = damaged.wait_for(Option::is_some);
            let Some(Ok(_)) = closing.run_until_cancelled(met).await else {
                return;
            };
            if let (Some(app), Some(account), Some(open)) =
                (app.upgrade(), account.upgrade(), open.upgrade())
            {
                App(app).mend(&account, open).await;
            }
        });
    }

    /// Whether its files may be opened once more.
    fn may_be_mended(&self) -> bool {
        let mut mended = self.mended.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        mended.retain(|at| now.duration_since(*at) < WITHIN);
        mended.push(now);
        mended.len() <= MOST
    }
}

impl App {
    async fn mend(&self, account: &Arc<Account>, open: Arc<OpenAccount>) {
        let mut changes = self.0.accounts.watch();
        let turn = loop {
            let turn = self.one_change().await;
            if self.0.stopping.is_cancelled() || !account.has_open(&open) {
                return;
            }
            // Its files are part of a change of sign-ins and stay as they are until that is over.
            if !account.is_frozen() {
                break turn;
            }
            drop(turn);
            if changes.changed().await.is_err() {
                return;
            }
        };
        drop(open);
        tracing::warn!(account = %account.id, "an account's files are damaged: opened anew");
        if account.may_be_mended() {
            account.stop(Closed::Mending).await;
            self.start_account(account).await;
        } else {
            account.stop(Closed::Fault).await;
        }
        self.0.accounts.members_changed();
        drop(turn);
    }
}
