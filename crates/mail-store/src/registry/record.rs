//! What is kept of one account.

use mail_model::{AccountColor, AccountId, GroupId, UnixTime};
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, Sqlite, query::Query, sqlite::SqliteArguments};

use crate::error::StoreError;
use crate::mail::mailbox::{from_stored, stored_id, to_stored};

/// Where an account's mail is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[non_exhaustive]
pub enum SourceAddress {
    /// A JMAP server.
    Jmap {
        /// Its session resource (RFC 8620 section 2).
        session_url: String,
    },
}

macro_rules! words {
    ($name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $name {
            /// The word it is stored as.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }

            fn parse(word: &str) -> Result<Self, StoreError> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(StoreError::BadValue(None)),
                }
            }
        }
    };
}

/// What an account is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountState {
    /// Signed in and synchronised.
    Active,
    /// Signed in, without any traffic; its mail can be read.
    Paused,
    /// Its key is not in memory, so nothing of it can be read.
    Locked,
    /// Put aside by signing out or linking; see [`Seal`].
    Sealed,
}

words!(AccountState {
    Active = "active",
    Paused = "paused",
    Locked = "locked",
    Sealed = "sealed",
});

/// How an account's tile shows that there is unread mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnreadMark {
    /// How much.
    #[default]
    Number,
    /// That there is some.
    Dot,
    /// Not at all.
    None,
}

words!(UnreadMark {
    Number = "number",
    Dot = "dot",
    None = "none",
});

/// Why an account was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SealReason {
    /// The person signed out and keeps the copy.
    SignedOut,
    /// Its sign-in opens another mailbox now.
    SetAside,
    /// Its key was lost and the account began anew: the copy waits for its key.
    KeyLost,
}

words!(SealReason {
    SignedOut = "signed_out",
    SetAside = "set_aside",
    KeyLost = "key_lost",
});

/// What is known of a sealed account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seal {
    /// Since when.
    pub at: UnixTime,
    /// Why.
    pub why: SealReason,
    /// From then on the copy may be deleted; `None` keeps it for ever. The registry deletes
    /// nothing by itself.
    pub keep_until: Option<UnixTime>,
}

/// One account on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRecord {
    /// Its name on this machine: folder and key are called so.
    pub id: AccountId,
    /// `iss` of the person's sign-in.
    pub issuer: String,
    /// `sub` of the person's sign-in.
    pub subject: String,
    /// What the person calls it.
    pub name: String,
    /// Its address, for showing.
    pub email: String,
    /// Its colour.
    pub color: AccountColor,
    /// The letter on its tile.
    pub letter: String,
    /// File name of the picture on its tile, if the person chose one.
    pub picture: Option<String>,
    /// Its place among the accounts, smallest first.
    pub position: u32,
    /// The group it belongs to; it has to exist.
    pub group: Option<GroupId>,
    /// How its tile shows unread mail.
    pub unread_mark: UnreadMark,
    /// The connection it signed in through.
    pub connection: Option<String>,
    /// Where its mail is.
    pub source: SourceAddress,
    /// What it is doing.
    pub state: AccountState,
    /// Counts its sign-ins.
    pub epoch: u64,
    /// When it was added.
    pub created_at: UnixTime,
    /// There if, and only if, the state is [`AccountState::Sealed`].
    pub seal: Option<Seal>,
    /// How far a change of the person's sign-ins is, as JSON. Only
    /// [`Registry::set_link_journal`](super::Registry::set_link_journal) writes it, so that an
    /// update from an older copy of the record cannot lose it.
    pub link_journal: Option<String>,
}

/// The columns, in the order in which they are read and bound; `link_journal` is only read.
pub(super) const COLUMNS: &str = "id, issuer, subject, name, email, color, letter, picture, \
    position, group_id, unread_mark, connection, source, state, epoch, created_at, sealed_at, \
    sealed_why, keep_until, link_journal";

pub(super) const INSERT: &str = "INSERT INTO account (id, issuer, subject, name, email, color, \
    letter, picture, position, group_id, unread_mark, connection, source, state, epoch, \
    created_at, sealed_at, sealed_why, keep_until) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)";

pub(super) const UPDATE: &str = "UPDATE account SET issuer = ?2, subject = ?3, name = ?4, \
    email = ?5, color = ?6, letter = ?7, picture = ?8, position = ?9, group_id = ?10, \
    unread_mark = ?11, connection = ?12, source = ?13, state = ?14, epoch = ?15, \
    created_at = ?16, sealed_at = ?17, sealed_why = ?18, keep_until = ?19 WHERE id = ?1";

impl AccountRecord {
    /// Its values for [`INSERT`] and [`UPDATE`].
    pub(super) fn bind(
        &self,
        sql: &'static str,
    ) -> Result<Query<'_, Sqlite, SqliteArguments>, StoreError> {
        if self.seal.is_some() != (self.state == AccountState::Sealed) {
            return Err(StoreError::BadValue(None));
        }
        Ok(sqlx::query(sql)
            .bind(self.id.as_str())
            .bind(&self.issuer)
            .bind(&self.subject)
            .bind(&self.name)
            .bind(&self.email)
            .bind(self.color.as_str())
            .bind(&self.letter)
            .bind(&self.picture)
            .bind(self.position)
            .bind(self.group.as_ref().map(GroupId::as_str))
            .bind(self.unread_mark.as_str())
            .bind(&self.connection)
            .bind(serde_json::to_string(&self.source)?)
            .bind(self.state.as_str())
            .bind(to_stored(self.epoch))
            .bind(self.created_at.seconds())
            .bind(self.seal.map(|seal| seal.at.seconds()))
            .bind(self.seal.map(|seal| seal.why.as_str()))
            .bind(
                self.seal
                    .and_then(|seal| seal.keep_until)
                    .map(UnixTime::seconds),
            ))
    }

    pub(super) fn read(row: &SqliteRow) -> Result<Self, StoreError> {
        let color: String = row.try_get(5)?;
        let group: Option<String> = row.try_get(9)?;
        Ok(Self {
            id: stored_id(row, 0)?,
            issuer: row.try_get(1)?,
            subject: row.try_get(2)?,
            name: row.try_get(3)?,
            email: row.try_get(4)?,
            color: AccountColor::parse(&color).ok_or(StoreError::BadValue(None))?,
            letter: row.try_get(6)?,
            picture: row.try_get(7)?,
            position: row.try_get(8)?,
            group: group
                .map(GroupId::new)
                .transpose()
                .map_err(|_| StoreError::BadValue(None))?,
            unread_mark: UnreadMark::parse(row.try_get(10)?)?,
            connection: row.try_get(11)?,
            source: serde_json::from_str(row.try_get(12)?)?,
            state: AccountState::parse(row.try_get(13)?)?,
            epoch: from_stored(row.try_get(14)?),
            created_at: UnixTime::from_seconds(row.try_get(15)?),
            seal: seal(row)?,
            link_journal: row.try_get(19)?,
        })
    }
}

fn seal(row: &SqliteRow) -> Result<Option<Seal>, StoreError> {
    let at: Option<i64> = row.try_get(16)?;
    let why: Option<String> = row.try_get(17)?;
    let keep_until: Option<i64> = row.try_get(18)?;
    let (Some(at), Some(why)) = (at, why) else {
        return Ok(None);
    };
    Ok(Some(Seal {
        at: UnixTime::from_seconds(at),
        why: SealReason::parse(&why)?,
        keep_until: keep_until.map(UnixTime::from_seconds),
    }))
}
