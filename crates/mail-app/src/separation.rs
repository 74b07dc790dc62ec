//! What belongs to each account, and the check that nothing of it lies with another.
//!
//! The check plants a random marker in every account, makes all of them synchronise, and looks
//! for the markers in each account's rows and requests, in every file, in the names of the keys
//! and in the log. A marker has to be found where it belongs as well: else the check is broken,
//! and says so by failing. The mail server is only asked for a message that does not exist.

mod check;
#[cfg(any(test, feature = "deliberate-leak"))]
mod deliberate_leak;
pub(crate) mod files;
mod marker;
mod report;
mod requests;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::account::Account;
use crate::app::{App, now};
use crate::contract::{
    BelongingsView, CheckReportView, Empty, ErrorCode, FileView, SavedView, SeparationView, UiError,
};
use crate::sessions::hosts_of;

/// The service name of the keys in the system's keyring.
const KEYRING_SERVICE: &str = "braid";

/// The report of the last check of this run.
#[derive(Default)]
pub(crate) struct LastCheck {
    report: Mutex<Option<CheckReportView>>,
    /// One check at a time: each would see the other's markers as its own accounts' requests.
    running: tokio::sync::Mutex<()>,
    #[cfg(any(test, feature = "deliberate-leak"))]
    leaks: deliberate_leak::Leaks,
}

impl LastCheck {
    fn report(&self) -> Option<CheckReportView> {
        self.report
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn keep(&self, report: CheckReportView) {
        *self.report.lock().unwrap_or_else(PoisonError::into_inner) = Some(report);
    }
}

impl App {
    pub(crate) async fn separation(&self, _: Empty) -> Result<SeparationView, UiError> {
        let mut accounts = Vec::new();
        for account in self.0.accounts.all() {
            accounts.push(self.belongings(&account).await?);
        }
        Ok(SeparationView {
            accounts,
            report: self.0.last_check.report(),
        })
    }

    async fn belongings(&self, account: &Account) -> Result<BelongingsView, UiError> {
        let folder = self.0.paths.account(&account.id);
        let token = account.session.audience();
        let mut audience = Vec::new();
        if let Some(token) = token {
            audience.extend(token.audience);
            audience.extend(token.client_id);
            audience.dedup();
        }
        let shown = folder.strip_prefix(self.0.paths.data()).unwrap_or(&folder);
        Ok(BelongingsView {
            account: account.id.to_string(),
            folder: shown.to_string_lossy().into_owned(),
            files: files_of(&folder)?,
            key: format!("{KEYRING_SERVICE} / {}", account.id),
            audience,
            hosts: hosts_of(account).await,
        })
    }

    pub(crate) async fn check_separation(&self, _: Empty) -> Result<CheckReportView, UiError> {
        let _alone = self.0.last_check.running.lock().await;
        let report = check::run(self).await?;
        if !report.passed {
            tracing::error!("the check of separation has found something");
        }
        self.0.last_check.keep(report.clone());
        Ok(report)
    }

    pub(crate) async fn save_separation_report(&self, _: Empty) -> Result<SavedView, UiError> {
        let report = self.0.last_check.report();
        let report = report.ok_or_else(|| UiError::new(ErrorCode::NotFound))?;
        let name = format!("braid-separation-{}.txt", report::day(report.at));
        let asked = self.host().ask_save_path(&name).await;
        let path = asked.map_err(|error| {
            tracing::warn!(%error, "nobody could be asked where to save");
            UiError::new(ErrorCode::Bug)
        })?;
        let Some(path) = path else {
            return Ok(SavedView { name: None });
        };
        let accounts = self.0.accounts.all();
        let names: Vec<_> = accounts
            .iter()
            .map(|account| (account.id.to_string(), account.record().name))
            .collect();
        let text = report::in_words(&report, &names);
        crate::attachments::save_text(&path, &text).await?;
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        Ok(SavedView { name })
    }
}

fn files_of(folder: &Path) -> Result<Vec<FileView>, UiError> {
    let files = files::files_below(folder).map_err(unreadable)?;
    let views = files.into_iter().filter_map(|path| {
        Some(FileView {
            octets: path.metadata().ok()?.len(),
            name: path
                .strip_prefix(folder)
                .unwrap_or(&path)
                .to_string_lossy()
                .into_owned(),
        })
    });
    Ok(views.collect())
}

#[allow(clippy::needless_pass_by_value, reason = "used in map_err")]
fn unreadable(error: std::io::Error) -> UiError {
    tracing::warn!(%error, "files cannot be looked through");
    UiError::new(ErrorCode::Disk)
}

/// Now, as the report tells it.
fn moment() -> i64 {
    now().seconds()
}
