//! Rows of a damaged file: those before the damage, those behind it, and those in between that
//! can be asked for one by one. Every page is authenticated, so a row that reads is as it was.

use sqlx::sqlite::SqliteRow;
use sqlx::{Connection as _, Row as _, SqliteConnection};

use crate::error::{StoreError, is_damage};
use crate::file::SqliteFile;

/// How often damage is met before no more is asked for: each time costs a new connection.
const PATIENCE: u32 = 500;

/// How a table is walked. The first column orders its rows; `?1` is where to go on, `?2` what the
/// rows belong to.
pub(super) struct Table {
    after: &'static str,
    before: &'static str,
    ends: (Place, Place),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Number(i64),
    Name(String),
}

const NUMBERS: (Place, Place) = (Place::Number(i64::MIN), Place::Number(i64::MAX));

pub(super) const INTENTS: Table = Table {
    after: "SELECT id, keywords, add_to, remove_from FROM intent
        WHERE id > ?1 AND ?2 = ?2 ORDER BY id LIMIT 1",
    before: "SELECT id, keywords, add_to, remove_from FROM intent
        WHERE id < ?1 AND ?2 = ?2 ORDER BY id DESC LIMIT 1",
    ends: NUMBERS,
};

pub(super) const MESSAGES: Table = Table {
    after: "SELECT position, message_id FROM intent_message
        WHERE position > ?1 AND intent = ?2 ORDER BY position LIMIT 1",
    before: "SELECT position, message_id FROM intent_message
        WHERE position < ?1 AND intent = ?2 ORDER BY position DESC LIMIT 1",
    ends: NUMBERS,
};

pub(super) const NEWEST: Table = Table {
    after: "SELECT rowid, seq FROM sqlite_sequence
        WHERE rowid > ?1 AND ?2 = ?2 AND name = 'intent' ORDER BY rowid LIMIT 1",
    before: "SELECT rowid, seq FROM sqlite_sequence
        WHERE rowid < ?1 AND ?2 = ?2 AND name = 'intent' ORDER BY rowid DESC LIMIT 1",
    ends: NUMBERS,
};

pub(super) fn settings() -> Table {
    Table {
        after: "SELECT name, value FROM setting
            WHERE name > ?1 AND ?2 = ?2 ORDER BY name LIMIT 1",
        before: "SELECT name, value FROM setting
            WHERE name < ?1 AND ?2 = ?2 ORDER BY name DESC LIMIT 1",
        ends: names(),
    }
}

pub(super) fn hosts() -> Table {
    Table {
        after: "SELECT name, first_at, last_at, requests FROM host
            WHERE name > ?1 AND ?2 = ?2 ORDER BY name LIMIT 1",
        before: "SELECT name, first_at, last_at, requests FROM host
            WHERE name < ?1 AND ?2 = ?2 ORDER BY name DESC LIMIT 1",
        ends: names(),
    }
}

fn names() -> (Place, Place) {
    (Place::Name(String::new()), Place::Name(char::MAX.into()))
}

impl Place {
    fn of(&self, row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(match self {
            Self::Number(_) => Self::Number(row.try_get(0)?),
            Self::Name(_) => Self::Name(row.try_get(0)?),
        })
    }
}

enum Step {
    Row(Place, SqliteRow),
    Damage,
    End,
}

/// A file that is read past its damage.
pub(super) struct Rows<'f> {
    file: &'f SqliteFile,
    connection: Option<SqliteConnection>,
    met: u32,
}

impl<'f> Rows<'f> {
    pub(super) const fn of(file: &'f SqliteFile) -> Self {
        Self {
            file,
            connection: None,
            met: 0,
        }
    }

    /// Whether no damage was met.
    pub(super) const fn whole(&self) -> bool {
        self.met == 0
    }

    /// Every row that can be read. A table that is not there has none.
    ///
    /// # Errors
    /// Only when the disk fails.
    pub(super) async fn all(
        &mut self,
        table: &Table,
        of: i64,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        let (first, last) = &table.ends;
        let mut rows = Vec::new();
        let mut front = first.clone();
        loop {
            match self.step(table.after, &front, of).await? {
                Step::Row(place, row) => {
                    rows.push(row);
                    front = place;
                }
                Step::End => return Ok(rows),
                Step::Damage => break,
            }
        }
        let mut behind = Vec::new();
        let mut back = last.clone();
        while let Step::Row(place, row) = self.step(table.before, &back, of).await? {
            if place <= front {
                break;
            }
            behind.push(row);
            back = place;
        }
        // In between, one number after the other; names cannot be guessed.
        while let (Place::Number(number), true) = (&front, back != *last && front != *first) {
            let next = Place::Number(number + 1);
            if next >= back || self.met > PATIENCE {
                break;
            }
            front = match self.step(table.after, &front, of).await? {
                Step::Row(place, _) if place >= back => break,
                Step::Row(place, row) => {
                    rows.push(row);
                    place
                }
                Step::Damage => next,
                Step::End => break,
            };
        }
        behind.reverse();
        rows.append(&mut behind);
        Ok(rows)
    }

    async fn step(&mut self, sql: &'static str, at: &Place, of: i64) -> Result<Step, StoreError> {
        if self.met > PATIENCE {
            return Ok(Step::Damage);
        }
        match self.query(sql, at, of).await {
            Ok(Some(row)) => match at.of(&row) {
                Ok(place) => Ok(Step::Row(place, row)),
                Err(_) => Ok(Step::Damage),
            },
            Ok(None) => Ok(Step::End),
            Err(error) => {
                // SQLCipher gives nothing more on a connection that has met damage.
                self.close().await;
                match StoreError::from(error) {
                    StoreError::Database(source) if is_damage(&source) => {
                        self.met += 1;
                        Ok(Step::Damage)
                    }
                    StoreError::Database(_) => Ok(Step::End),
                    other => Err(other),
                }
            }
        }
    }

    async fn query(
        &mut self,
        sql: &'static str,
        at: &Place,
        of: i64,
    ) -> Result<Option<SqliteRow>, sqlx::Error> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.file.connect_to_look().await?,
        };
        let connection = self.connection.insert(connection);
        let query = match at {
            Place::Number(number) => sqlx::query(sql).bind(*number),
            Place::Name(name) => sqlx::query(sql).bind(name.clone()),
        };
        query.bind(of).fetch_optional(connection).await
    }

    pub(super) async fn close(&mut self) {
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::debug!(%error, "a copy of a damaged file was not closed cleanly");
        }
    }
}
