//! The check against the rehearsal: quiet when nothing leaks, red for each way to leak.
#![cfg(not(feature = "deliberate-leak"))]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use url::Url;

use super::deliberate_leak::Leak;
use crate::contract::{CheckLineView, CheckPlace, CheckReportView, Empty};
use crate::host::{Host, HostError};
use crate::vault::VaultChoice;
use crate::{App, Start};

#[derive(Default)]
struct Nobody {
    saves_to: Mutex<Option<PathBuf>>,
}

#[async_trait::async_trait]
impl Host for Nobody {
    async fn open_url(&self, _: &Url) -> Result<(), HostError> {
        Err(HostError::CannotOpen(None))
    }

    async fn open_file(&self, _: &Path) -> Result<(), HostError> {
        Err(HostError::CannotOpen(None))
    }

    async fn ask_save_path(&self, _: &str) -> Result<Option<PathBuf>, HostError> {
        Ok(self.saves_to.lock().unwrap().clone())
    }

    async fn ask_open_path(&self, _: &[&str]) -> Result<Option<PathBuf>, HostError> {
        Ok(None)
    }

    fn frame_origin(&self) -> &str {
        "mail://localhost"
    }

    fn page_origins(&self) -> &str {
        "tauri://localhost"
    }
}

async fn rehearsed(host: Arc<Nobody>) -> App {
    crate::log_to_stderr();
    let start = Start {
        fresh: true,
        vault: VaultChoice::SessionOnly,
        rehearse: ["Work", "Personal"].map(ToOwned::to_owned).into(),
        rehearsal_size: Some(30),
        ..Start::of_person(host)
    };
    let app = App::start(start).await.unwrap();
    app.settled().await;
    app
}

fn of(report: &CheckReportView, place: CheckPlace) -> Vec<&CheckLineView> {
    let lines = report.lines.iter();
    lines.filter(|line| line.place == place).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_finds_every_marker_where_it_belongs_and_nowhere_else_and_leaves_nothing() {
    let host = Arc::new(Nobody::default());
    let app = rehearsed(host.clone()).await;
    let report = app.check_separation(Empty {}).await.unwrap();
    assert!(report.passed, "{:#?}", report.lines);
    assert!(report.not_in_full.is_empty());
    // Two markers, looked for in two accounts' rows, requests and files, and in what is the app's.
    assert_eq!(report.lines.len(), 2 * (3 * 2 + 3));
    for place in [CheckPlace::Rows, CheckPlace::Requests] {
        let own = of(&report, place);
        let own: Vec<_> = own.iter().filter(|line| line.expected).collect();
        assert_eq!(own.len(), 2);
        assert!(own.iter().all(|line| line.found == 1), "{own:#?}");
    }
    for line in &report.lines {
        assert!(line.looked_at > 0, "nothing was looked at: {line:?}");
    }
    for account in app.0.accounts.all() {
        let traces = app
            .traces_of(account.id.as_str(), "braidcheck")
            .await
            .unwrap();
        assert!(traces.is_empty(), "{traces:?}");
    }

    // Kept, for this run, and saved where the person says.
    let kept = app.separation(Empty {}).await.unwrap();
    assert_eq!(kept.report.as_ref(), Some(&report));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.txt");
    *host.saves_to.lock().unwrap() = Some(path.clone());
    let saved = app.save_separation_report(Empty {}).await.unwrap();
    assert_eq!(saved.name.as_deref(), Some("report.txt"));
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains("Result: passed"), "{text}");
    assert!(!text.contains("braidcheck"), "{text}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_deliberate_leak_turns_the_check_red_in_its_own_place() {
    let app = rehearsed(Arc::default()).await;
    for (leak, place) in [
        (Leak::Rows, CheckPlace::Rows),
        (Leak::Requests, CheckPlace::Requests),
        (Leak::Files, CheckPlace::Files),
        (Leak::Log, CheckPlace::Log),
    ] {
        app.0.last_check.leaks.set(&[leak]);
        let report = app.check_separation(Empty {}).await.unwrap();
        assert!(!report.passed, "{leak:?}");
        for line in &report.lines {
            let leaked = !line.leaks.is_empty();
            assert!(!leaked || line.place == place, "{leak:?}: {line:?}");
        }
        let leaks = of(&report, place);
        let red: Vec<_> = leaks.iter().filter(|line| !line.leaks.is_empty()).collect();
        assert_eq!(red.len(), 1, "{leak:?}: {leaks:#?}");
        // What leaked is the first account's.
        let first = app.0.accounts.all().remove(0);
        assert_eq!(red[0].marker_of, first.id.as_str());
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_may_send_nothing_is_said_not_to_be_checked_in_full() {
    let app = rehearsed(Arc::default()).await;
    let work = app.0.accounts.all().remove(0);
    work.session.pause();
    let report = app.check_separation(Empty {}).await.unwrap();
    assert!(report.passed, "{:#?}", report.lines);
    assert_eq!(report.not_in_full, [work.id.to_string()]);
    work.session.resume();
    app.stop().await;
}
