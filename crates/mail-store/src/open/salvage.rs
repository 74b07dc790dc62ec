//! What can be saved of a damaged `local.sqlite`.
//!
//! Two sources: the damaged file itself, row by row, and the mirror of open intents in
//! `mail.sqlite`, which holds every intent that was acknowledged. A new file is built from both
//! beside the old one and takes its place in one rename. The damaged file is kept as it was found:
//! what is read is a copy, because even closing a file folds its journal in.

use std::collections::BTreeMap;

use sqlx::{Connection as _, Row as _};

use super::rows::{self, Rows};
use super::{Files, SetAside, put_aside};
use crate::crash_points::crash_point;
use crate::error::{FileKind, StoreError, is_damage};
use crate::file::{SqliteFile, copy_private, remove_if_there, suffixed, sync_file, sync_folder};

/// Behind the name of the copy that is read.
const COPY: &str = ".salvage";
/// Behind the name of the new file while it is written.
const BUILDING: &str = ".building";
/// Behind the name of the new file when it is complete.
const BUILT: &str = ".new";

/// What was saved of a damaged file of what exists only here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Salvaged {
    /// Queued changes that are there again.
    pub intents: usize,
    /// How many of them the damaged file told no longer, or not wholly.
    pub from_mirror: usize,
    /// The person's choices that are there again.
    pub settings: usize,
    /// Whether rows could not be read, or were lost with the file's journal. The person is told.
    pub incomplete: bool,
}

/// A row of `intent` with its messages. Values stay as they are stored.
#[derive(Debug, Default)]
struct Kept {
    keywords: String,
    add_to: String,
    remove_from: String,
    messages: Vec<String>,
}

type Intents = BTreeMap<i64, Kept>;

#[derive(Default)]
struct Saved {
    intents: Intents,
    settings: BTreeMap<String, String>,
    hosts: BTreeMap<String, [i64; 3]>,
    /// The highest number an intent of this file has had.
    newest: i64,
    whole: bool,
}

impl Saved {
    fn is_behind(&self, mirror: Option<&Intents>) -> bool {
        let newest = mirror.and_then(|intents| intents.last_key_value());
        newest.is_some_and(|(id, _)| *id > self.newest)
    }

    /// Adds what the file says without its journal, which may be older. Of queued changes only
    /// if nothing else tells which are still open: one that is done must not be done again.
    fn add_older(&mut self, older: Self, intents: bool) {
        if intents {
            for (id, kept) in older.intents {
                self.intents.entry(id).or_insert(kept);
            }
        }
        for (name, value) in older.settings {
            self.settings.entry(name).or_insert(value);
        }
        for (name, value) in older.hosts {
            self.hosts.entry(name).or_insert(value);
        }
    }

    /// Adds what only the mirror tells. Gives how many intents that concerned.
    fn complete_with(&mut self, mirror: Intents) -> usize {
        let mut completed = 0;
        for (id, mirrored) in mirror {
            // The file was read whole and once had it: it is done.
            if self.whole && id <= self.newest && !self.intents.contains_key(&id) {
                continue;
            }
            let missing: Vec<String> = match self.intents.get(&id) {
                Some(kept) => mirrored
                    .messages
                    .into_iter()
                    .filter(|id| !kept.messages.contains(id))
                    .collect(),
                None => mirrored.messages,
            };
            let kept = self.intents.entry(id).or_insert_with(|| {
                completed += usize::from(missing.is_empty());
                Kept {
                    keywords: mirrored.keywords,
                    add_to: mirrored.add_to,
                    remove_from: mirrored.remove_from,
                    messages: Vec::new(),
                }
            });
            completed += usize::from(!missing.is_empty());
            kept.messages.extend(missing);
        }
        completed
    }
}

impl Files {
    /// Ends a salvage that was cut short: a file that was built takes its place if the damaged
    /// one has made room already; everything else is made anew.
    pub(super) fn settle_salvage(&self) -> Result<(), StoreError> {
        let built = self.local.beside(BUILT);
        if built.path().exists() && !self.local.path().exists() {
            put_in_place(&built, &self.local)?;
        }
        for suffix in [BUILT, BUILDING, COPY] {
            self.local.beside(suffix).remove()?;
        }
        Ok(())
    }

    /// Whether the mail file shows a queued change that `local.sqlite` has never had. A change is
    /// kept there before it is shown, so the file or its journal was lost.
    pub(super) async fn local_is_behind(&self) -> Result<bool, StoreError> {
        let mirrored = match self.mirror().await? {
            Some(intents) => intents.last_key_value().map_or(0, |(id, _)| *id),
            None => 0,
        };
        if mirrored == 0 || !self.local.has_content() {
            return Ok(mirrored != 0);
        }
        let newest = match newest_intent(&self.local).await.map_err(StoreError::from) {
            Ok(newest) => newest,
            // Not even the tables are there: they were in a journal that was lost.
            Err(StoreError::Database(source)) if !is_damage(&source) => 0,
            Err(error) => return Err(error.in_file(FileKind::Local)),
        };
        Ok(mirrored > newest)
    }

    /// Saves what can be saved of `local.sqlite`, sets it aside and puts a new one in its place.
    ///
    /// # Errors
    /// When the disk is full or fails; then the damaged file is where it was.
    pub(crate) async fn salvage(&self) -> Result<(Option<SetAside>, Salvaged), StoreError> {
        let mirror = self.mirror().await?;
        let mut saved = Saved::default();
        if self.local.has_content() {
            let copy = self.local.beside(COPY);
            copy_of(&self.local, &copy, &["", "-wal"])?;
            crash_point!("salvage.copied");
            saved = read(&copy).await?;
            if !saved.whole {
                // A journal that belongs to another file hides what is in this one.
                copy_of(&self.local, &copy, &[""])?;
                saved.add_older(read(&copy).await?, mirror.is_none());
            }
            copy.remove()?;
        }
        crash_point!("salvage.read");
        let whole = saved.whole && !saved.is_behind(mirror.as_ref());
        let from_mirror = saved.complete_with(mirror.unwrap_or_default());
        build(&self.local, &saved).await?;
        crash_point!("salvage.built");
        let aside = if self.local.has_content() {
            Some(put_aside(&self.local)?)
        } else {
            remove_if_there(self.local.path())?;
            None
        };
        crash_point!("salvage.aside");
        put_in_place(&self.local.beside(BUILT), &self.local)?;
        crash_point!("salvage.done");
        let salvaged = Salvaged {
            intents: saved.intents.len(),
            from_mirror,
            settings: saved.settings.len(),
            incomplete: !whole,
        };
        tracing::warn!(?salvaged, "queued changes were saved from a damaged file");
        Ok((aside, salvaged))
    }

    /// The mail file's mirror of open intents; none if it cannot be read.
    async fn mirror(&self) -> Result<Option<Intents>, StoreError> {
        if !self.mail.has_content() {
            return Ok(None);
        }
        match read_mirror(&self.mail).await.map_err(StoreError::from) {
            Ok(intents) => Ok(Some(intents)),
            // Damaged, too.
            Err(StoreError::Database(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn copy_of(file: &SqliteFile, copy: &SqliteFile, parts: &[&str]) -> Result<(), StoreError> {
    copy.remove()?;
    for part in parts {
        let from = suffixed(file.path(), part);
        if from.exists() {
            copy_private(&from, &suffixed(copy.path(), part))?;
        }
    }
    Ok(())
}

fn put_in_place(built: &SqliteFile, local: &SqliteFile) -> Result<(), StoreError> {
    // Journals of the file that was here would be taken for this one's.
    for suffix in ["-wal", "-shm"] {
        remove_if_there(&suffixed(local.path(), suffix))?;
    }
    rename(built, local)
}

fn rename(from: &SqliteFile, to: &SqliteFile) -> Result<(), StoreError> {
    std::fs::rename(from.path(), to.path()).map_err(|error| StoreError::io(from.path(), error))?;
    to.path().parent().map_or(Ok(()), sync_folder)
}

async fn read(file: &SqliteFile) -> Result<Saved, StoreError> {
    let mut rows = Rows::of(file);
    let mut saved = Saved::default();
    for row in rows.all(&rows::INTENTS, 0).await? {
        let id: i64 = row.try_get(0)?;
        let mut messages = Vec::new();
        for row in rows.all(&rows::MESSAGES, id).await? {
            messages.push(row.try_get(1)?);
        }
        let kept = Kept {
            keywords: row.try_get(1)?,
            add_to: row.try_get(2)?,
            remove_from: row.try_get(3)?,
            messages,
        };
        saved.intents.insert(id, kept);
    }
    for row in rows.all(&rows::settings(), 0).await? {
        saved.settings.insert(row.try_get(0)?, row.try_get(1)?);
    }
    for row in rows.all(&rows::hosts(), 0).await? {
        let contact = [row.try_get(1)?, row.try_get(2)?, row.try_get(3)?];
        saved.hosts.insert(row.try_get(0)?, contact);
    }
    for row in rows.all(&rows::NEWEST, 0).await? {
        saved.newest = row.try_get(1)?;
    }
    saved.whole = rows.whole();
    rows.close().await;
    Ok(saved)
}

async fn newest_intent(local: &SqliteFile) -> Result<i64, sqlx::Error> {
    let mut connection = local.connect_to_look().await?;
    let read = sqlx::query_scalar("SELECT max(seq) FROM sqlite_sequence WHERE name = 'intent'")
        .fetch_one(&mut connection)
        .await;
    let closed = connection.close().await;
    let newest: Option<i64> = read?;
    closed?;
    Ok(newest.unwrap_or(0))
}

/// Mailboxes stand in the mirror by their keys; the intent names them by the server's ids.
const MIRROR: &str = "SELECT p.intent, p.keywords,
        (SELECT json_group_array(m.id) FROM json_each(p.add_to) j
            JOIN mailbox m ON m.key = j.value),
        (SELECT json_group_array(m.id) FROM json_each(p.remove_from) j
            JOIN mailbox m ON m.key = j.value)
    FROM pending p";

async fn read_mirror(mail: &SqliteFile) -> Result<Intents, sqlx::Error> {
    let mut connection = mail.connect_to_look().await?;
    let read = async {
        let mut intents = Intents::new();
        for row in sqlx::query(MIRROR).fetch_all(&mut connection).await? {
            let kept = Kept {
                keywords: row.try_get(1)?,
                add_to: row.try_get(2)?,
                remove_from: row.try_get(3)?,
                messages: Vec::new(),
            };
            intents.insert(row.try_get(0)?, kept);
        }
        let messages = sqlx::query("SELECT intent, message_id FROM pending_message")
            .fetch_all(&mut connection)
            .await?;
        for row in messages {
            if let Some(kept) = intents.get_mut(&row.try_get(0)?) {
                kept.messages.push(row.try_get(1)?);
            }
        }
        Ok::<_, sqlx::Error>(intents)
    };
    let read = read.await;
    let closed = connection.close().await;
    let intents = read?;
    closed?;
    Ok(intents)
}

/// Writes what was saved to a file of its own that is on the disk when this returns.
async fn build(local: &SqliteFile, saved: &Saved) -> Result<(), StoreError> {
    let building = local.beside(BUILDING);
    building.remove()?;
    let mut connection = building.open_writer().await?;
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    for (id, kept) in &saved.intents {
        sqlx::query(
            "INSERT INTO intent (id, keywords, add_to, remove_from) VALUES (?1, ?2, ?3, ?4)",
        )
        .bind(id)
        .bind(&kept.keywords)
        .bind(&kept.add_to)
        .bind(&kept.remove_from)
        .execute(&mut *transaction)
        .await?;
        sqlx::query(
            "INSERT INTO intent_message (intent, position, message_id)
             SELECT ?1, key, value FROM json_each(?2)",
        )
        .bind(id)
        .bind(serde_json::to_string(&kept.messages)?)
        .execute(&mut *transaction)
        .await?;
    }
    for (name, value) in &saved.settings {
        crate::local::put_setting(&mut transaction, name, value).await?;
    }
    for (name, [first_at, last_at, requests]) in &saved.hosts {
        sqlx::query("INSERT INTO host (name, first_at, last_at, requests) VALUES (?1, ?2, ?3, ?4)")
            .bind(name)
            .bind(first_at)
            .bind(last_at)
            .bind(requests)
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await?;
    // Folds the journal in and removes it: one file is renamed, not two.
    sqlx::query("PRAGMA journal_mode = DELETE")
        .execute(&mut connection)
        .await?;
    connection.close().await?;
    sync_file(building.path())?;
    rename(&building, &local.beside(BUILT))
}
