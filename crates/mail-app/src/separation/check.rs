//! The check itself: plant, make everything move, look everywhere, clean up.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use mail_model::{AccountId, MessageId};
use mail_store::Trace;

use super::files::{self, Looked};
use super::marker::{Marker, Markers};
use super::requests::{Recorder, Sent};
use super::{moment, unreadable};
use crate::account::{Account, OpenAccount};
use crate::accounts::vault_error;
use crate::app::App;
use crate::contract::{CheckLineView, CheckPlace, CheckReportView, UiError};

/// Where an account's marker lies while a check runs.
const SETTING: &str = "separation-check";
/// For each account's server to answer; what it does not answer in time has been sent.
const LIMIT: Duration = Duration::from_secs(20);
/// Lines of the log that are named where they hold a marker.
const MOST_LINES: usize = 100;

/// What was found in one kind of place.
struct Place {
    kind: CheckPlace,
    of: Option<AccountId>,
    looked_at: u64,
    /// For each marker: how often, and where, by name.
    found: Vec<(u64, Vec<String>)>,
}

struct Checked {
    account: Arc<Account>,
    open: Option<Arc<OpenAccount>>,
    recorder: Arc<Recorder>,
}

/// Runs a check of all accounts.
///
/// # Errors
/// Something could not be looked at: then nothing is said about it.
pub(super) async fn run(app: &App) -> Result<CheckReportView, UiError> {
    let accounts = app.0.accounts.all();
    let markers = Markers::new(accounts.iter().map(|account| account.id.clone()));
    let markers = Arc::new(markers);
    let log = LogWatch::begin(Arc::clone(&markers));
    let checked: Vec<Checked> = accounts
        .into_iter()
        .map(|account| {
            let recorder = Arc::new(Recorder::new(Arc::clone(&markers)));
            account.session.hosts().observe(Some(recorder.clone()));
            Checked {
                open: account.open(),
                recorder,
                account,
            }
        })
        .collect();
    let looked = look(app, &checked, &markers, &log).await;
    for of in &checked {
        of.account.session.hosts().observe(None);
        of.clean().await;
    }
    let (places, not_in_full) = looked?;
    let lines = lines(&places, &markers, &not_in_full);
    Ok(CheckReportView {
        at: moment(),
        passed: lines.iter().all(is_right),
        lines,
        not_in_full: not_in_full.iter().map(ToString::to_string).collect(),
    })
}

async fn look(
    app: &App,
    checked: &[Checked],
    markers: &Arc<Markers>,
    log: &LogWatch,
) -> Result<(Vec<Place>, Vec<AccountId>), UiError> {
    for of in checked {
        of.plant(markers).await?;
    }
    #[cfg(any(test, feature = "deliberate-leak"))]
    if let [first, .., last] = checked
        && let (Some(marker), Some(into)) = (markers.of(&first.account.id), &last.open)
    {
        super::deliberate_leak::leak(app, &marker.text, into).await?;
    }
    join_all(checked.iter().map(|of| of.move_about(markers))).await;
    let mut places = Vec::new();
    for of in checked {
        places.extend(of.rows(markers).await?);
    }
    let sent: Vec<Sent> = checked.iter().map(|of| of.recorder.sent()).collect();
    places.extend(requests(checked, &sent));
    places.extend(on_disk(app, checked, Arc::clone(markers)).await?);
    places.push(keys(app, markers).await?);
    places.push(log.place(markers.all().len()));
    let silent = checked.iter().zip(&sent);
    let silent = silent.filter(|(of, sent)| of.open.is_none() || sent.count == 0);
    let not_in_full = silent.map(|(of, _)| of.account.id.clone()).collect();
    Ok((places, not_in_full))
}

impl Checked {
    async fn plant(&self, markers: &Markers) -> Result<(), UiError> {
        if let (Some(open), Some(marker)) = (&self.open, markers.of(&self.account.id)) {
            open.store.settings_put(SETTING, &marker.text).await?;
        }
        Ok(())
    }

    /// Everything an account does by itself: its mail is looked for, its login service is asked
    /// who it is, and its server for a message of the marker's name.
    async fn move_about(&self, markers: &Markers) {
        let (Some(open), Some(marker)) = (&self.open, markers.of(&self.account.id)) else {
            return;
        };
        let moving = async {
            say(open, &marker.text).await;
            open.engine.sync().await;
            if let Err(error) = self.account.session.profile().await {
                tracing::debug!(%error, "no profile for the check");
            }
        };
        if tokio::time::timeout(LIMIT, moving).await.is_err() {
            tracing::info!(account = %self.account.id, "a server does not answer the check");
        }
    }

    /// What the account's databases hold. One search tells whether it is its own marker alone.
    async fn rows(&self, markers: &Markers) -> Result<Option<Place>, UiError> {
        let Some(open) = &self.open else {
            return Ok(None);
        };
        let any = open.store.traces_of(markers.stem()).await?;
        let own = open.store.settings_get(SETTING).await?;
        let is_own = |marker: &Marker| own.as_deref() == Some(marker.text.as_str());
        let is_alone = matches!(any.as_slice(), [Trace { rows: 1, .. }]);
        let mut found = Vec::new();
        for marker in markers.all() {
            let traces = match (is_alone, is_own(marker)) {
                (true, true) => any.clone(),
                (true, false) => Vec::new(),
                (false, _) => open.store.traces_of(&marker.text).await?,
            };
            let rows = traces.iter().map(|trace| trace.rows).sum();
            let names = traces
                .iter()
                .map(|trace| format!("{}: {} ({} rows)", trace.file, trace.table, trace.rows));
            found.push((rows, names.collect()));
        }
        Ok(Some(Place {
            kind: CheckPlace::Rows,
            of: Some(self.account.id.clone()),
            looked_at: open.store.message_count().await?,
            found,
        }))
    }

    async fn clean(&self) {
        if let Some(open) = &self.open
            && let Err(error) = open.store.settings_put(SETTING, "").await
        {
            tracing::warn!(account = %self.account.id, %error, "a marker could not be removed");
        }
    }
}

/// Asks an account's server for a message whose id is a text: a request that says the text and
/// changes nothing.
pub(super) async fn say(open: &OpenAccount, text: &str) {
    let Ok(id) = MessageId::new(text) else { return };
    if let Err(error) = open.source.messages(&[id]).await {
        tracing::debug!(%error, "the server did not answer the check");
    }
}

fn requests(checked: &[Checked], sent: &[Sent]) -> Vec<Place> {
    let pairs = checked.iter().zip(sent);
    let places = pairs.map(|(of, own)| Place {
        kind: CheckPlace::Requests,
        of: Some(of.account.id.clone()),
        looked_at: own.count,
        found: sent
            .iter()
            .zip(checked)
            .enumerate()
            .map(|(marker, (other, whose))| {
                if whose.account.id == of.account.id {
                    (own.with_marker(marker), Vec::new())
                } else {
                    let leaks = own.leaks_of(other, marker);
                    (leaks.len() as u64, leaks)
                }
            })
            .collect(),
    });
    places.collect()
}

/// Every file of the app: each account's folder, then the rest of data, then configuration.
async fn on_disk(
    app: &App,
    checked: &[Checked],
    markers: Arc<Markers>,
) -> Result<Vec<Place>, UiError> {
    let paths = &app.0.paths;
    let folders: Vec<(Option<AccountId>, PathBuf)> = checked
        .iter()
        .map(|of| (Some(of.account.id.clone()), paths.account(&of.account.id)))
        .collect();
    let (data, accounts) = (paths.data().to_path_buf(), paths.accounts());
    let config = paths.config_file().parent().map(ToOwned::to_owned);
    let work = move || -> std::io::Result<Vec<Place>> {
        let place = |of, looked: Looked| {
            let mut found = vec![(0, Vec::new()); markers.all().len()];
            for file in looked.marked {
                for marker in file.markers {
                    if let Some((count, names)) = found.get_mut(marker) {
                        *count += 1;
                        names.push(file.name.clone());
                    }
                }
            }
            Place {
                kind: CheckPlace::Files,
                of,
                looked_at: looked.count,
                found,
            }
        };
        let mut places = Vec::new();
        let known: Vec<PathBuf> = folders.iter().map(|(_, folder)| folder.clone()).collect();
        for (of, folder) in folders {
            places.push(place(of, files::look(&folder, None, &markers)?));
        }
        let mut rest = files::look(&data, Some(&accounts), &markers)?;
        // Folders of accounts that are not on the rail.
        for entry in std::fs::read_dir(&accounts)? {
            let other = entry?.path();
            if !known.contains(&other) && other.is_dir() {
                rest.add(files::look(&other, None, &markers)?);
            }
        }
        if let Some(config) = config.filter(|config| !config.starts_with(&data)) {
            rest.add(files::look(&config, None, &markers)?);
        }
        places.push(place(None, rest));
        Ok(places)
    };
    let looked = tokio::task::spawn_blocking(work).await;
    looked.map_err(UiError::bug)?.map_err(unreadable)
}

async fn keys(app: &App, markers: &Markers) -> Result<Place, UiError> {
    let names = app.0.vault.get().names().await;
    let names = names.map_err(|error| vault_error(&error))?;
    let mut found = vec![(0, Vec::new()); markers.all().len()];
    for name in &names {
        for marker in markers.inside(name.as_str().as_bytes()) {
            if let Some((count, leaks)) = found.get_mut(marker) {
                *count += 1;
                leaks.push("the name of a key".to_owned());
            }
        }
    }
    Ok(Place {
        kind: CheckPlace::Keys,
        of: None,
        looked_at: names.len() as u64,
        found,
    })
}

/// Every line the log would have in all detail.
struct LogWatch {
    lines: Arc<AtomicU64>,
    hits: Arc<Mutex<Vec<(usize, String)>>>,
    _listening: crate::log::Listening,
}

impl LogWatch {
    fn begin(markers: Arc<Markers>) -> Self {
        let (lines, hits) = (Arc::<AtomicU64>::default(), Arc::<Mutex<Vec<_>>>::default());
        let (counted, noted) = (Arc::clone(&lines), Arc::clone(&hits));
        let listening = crate::log::listen(move |line| {
            counted.fetch_add(1, Ordering::Relaxed);
            for marker in markers.inside(line) {
                let mut hits = noted.lock().unwrap_or_else(PoisonError::into_inner);
                if hits.len() < MOST_LINES {
                    hits.push((marker, origin(line)));
                }
            }
        });
        Self {
            lines,
            hits,
            _listening: listening,
        }
    }

    fn place(&self, markers: usize) -> Place {
        let mut found = vec![(0, Vec::new()); markers];
        for (marker, name) in &*self.hits.lock().unwrap_or_else(PoisonError::into_inner) {
            if let Some((count, names)) = found.get_mut(*marker) {
                *count += 1;
                names.push(name.clone());
            }
        }
        Place {
            kind: CheckPlace::Log,
            of: None,
            looked_at: self.lines.load(Ordering::Relaxed),
            found,
        }
    }
}

/// Which part of the program wrote a line: time, level and spans come first, then the target.
fn origin(line: &[u8]) -> String {
    let line = String::from_utf8_lossy(line);
    let words = line.split_whitespace().skip(1);
    let target = words.take(8).find(|word| word.ends_with(':'));
    target.map_or_else(
        || "a line".to_owned(),
        |target| target.trim_end_matches(':').to_owned(),
    )
}

fn lines(places: &[Place], markers: &Markers, not_in_full: &[AccountId]) -> Vec<CheckLineView> {
    let mut lines = Vec::new();
    for (index, marker) in markers.all().iter().enumerate() {
        for place in places {
            let is_own = place.of.as_ref() == Some(&marker.account);
            let belongs = matches!(place.kind, CheckPlace::Rows | CheckPlace::Requests);
            let expected = is_own && belongs;
            if expected
                && not_in_full.contains(&marker.account)
                && place.kind == CheckPlace::Requests
            {
                continue;
            }
            let (found, names) = place.found.get(index).cloned().unwrap_or_default();
            lines.push(CheckLineView {
                marker_of: marker.account.to_string(),
                place: place.kind,
                place_of: place.of.as_ref().map(ToString::to_string),
                looked_at: place.looked_at,
                found,
                expected,
                leaks: if expected { Vec::new() } else { names },
            });
        }
    }
    lines
}

/// Found where it belongs, and nowhere else.
fn is_right(line: &CheckLineView) -> bool {
    (line.found > 0) == line.expected
}
