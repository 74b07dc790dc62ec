//! The record of each change: one small file, on the disk before anything that cannot be taken
//! back is begun, and read first at the next start.
//!
//! It holds ids, connections, times and counts; no token and no mail. It is kept after the end,
//! because a recovery pack is made of it.

use std::io;
use std::path::{Path, PathBuf};

use mail_auth::{ConnectionIdentity, Profile};
use mail_model::AccountId;
use serde::{Deserialize, Serialize};

use crate::identities::KnownIdentity;
use crate::paths::{make_lasting_folder, write_atomically};

/// How far a change is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// Written down; sealing may have begun. The service was not asked.
    Prepared,
    /// Sealed on this computer. The service was not asked.
    Sealed,
    /// The service is being asked, or was asked and its answer is not clear.
    Asked,
    /// It is done; the sealed copy stays. The old session may still have to be ended.
    Committed,
    /// It came to nothing; everything has to be brought back.
    Refused,
    /// Nothing is left to do, and it was done.
    Done,
    /// Nothing is left to do, and nothing was changed.
    Undone,
}

impl Stage {
    /// Whether something is left to do.
    pub(crate) const fn is_open(self) -> bool {
        !matches!(self, Self::Done | Self::Undone)
    }
}

/// How the service was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Way {
    /// By one request of ours.
    Request,
    /// By a sign-in in the browser, where the service has no such request.
    Browser,
}

/// What the service answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// None that was clear.
    Unclear,
    /// Yes.
    Yes,
    /// No.
    No,
}

/// A sign-in, as the record names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WayIn {
    pub(crate) connection: String,
    pub(crate) user: String,
}

impl WayIn {
    pub(crate) fn of(identity: &ConnectionIdentity) -> Self {
        Self {
            connection: identity.connection_id.clone(),
            user: identity.user_id.clone(),
        }
    }

    pub(crate) fn known(identity: &KnownIdentity) -> Self {
        Self {
            connection: identity.connection.clone(),
            user: identity.user.clone(),
        }
    }

    pub(crate) fn all_of(profile: &Profile) -> Vec<Self> {
        let identities = profile.linked_identities.iter();
        identities
            .map(|linked| Self::of(&linked.connection))
            .collect()
    }

    pub(crate) fn identity(&self) -> ConnectionIdentity {
        ConnectionIdentity {
            connection_id: self.connection.clone(),
            user_id: self.user.clone(),
        }
    }
}

/// One mailbox of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mailbox {
    /// Its local id.
    pub(crate) account: String,
    /// The service's id for its user.
    pub(crate) user: String,
    pub(crate) name: String,
    pub(crate) email: String,
}

impl Mailbox {
    pub(crate) fn id(&self) -> Option<AccountId> {
        AccountId::new(self.account.clone()).ok()
    }
}

/// The record of one change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Its name; the file is called so.
    pub(crate) id: String,
    pub(crate) stage: Stage,
    /// Braid's version.
    pub(crate) version: String,
    /// The login service.
    pub(crate) issuer: String,
    pub(crate) kept: Mailbox,
    pub(crate) set_aside: Mailbox,
    /// The sign-in that shall open the kept mailbox, too.
    pub(crate) sign_in: WayIn,
    /// What opened the kept mailbox before.
    pub(crate) before: Vec<WayIn>,
    /// What shall open it afterwards.
    pub(crate) expected: Vec<WayIn>,
    /// SHA-256 of what lists the copy, if one was made.
    pub(crate) copy: Option<String>,
    /// Unix seconds.
    pub(crate) prepared_at: i64,
    pub(crate) asked_at: Option<i64>,
    pub(crate) ended_at: Option<i64>,
    pub(crate) way: Way,
    pub(crate) answer: Option<Answer>,
    /// How often the list was read and did not have it.
    #[serde(default)]
    pub(crate) absent_looks: u32,
    /// What the service calls the incident, if it named one.
    pub(crate) incident: Option<String>,
    /// Whether the old session was ended.
    pub(crate) session_ended: Option<bool>,
}

/// Records that say that something is left to do.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct OpenEntries {
    /// Oldest first.
    pub(crate) entries: Vec<Entry>,
    /// How many say nothing at all.
    pub(crate) unreadable: usize,
}

impl OpenEntries {
    pub(crate) const fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.unreadable == 0
    }
}

/// The folder of all records.
#[derive(Debug, Clone)]
pub(crate) struct Journal(PathBuf);

impl Journal {
    pub(crate) fn below(data: &Path) -> Self {
        Self(data.join("links"))
    }

    fn file(&self, id: &str) -> io::Result<PathBuf> {
        // Names come from the page, too.
        let id = uuid::Uuid::parse_str(id).map_err(|_| io::Error::from(io::ErrorKind::NotFound))?;
        Ok(self.0.join(format!("{id}.json")))
    }

    /// Writes a record; it is on the disk when this returns.
    pub(crate) fn write(&self, entry: &Entry) -> io::Result<()> {
        make_lasting_folder(&self.0)?;
        write_atomically(&self.file(&entry.id)?, &serde_json::to_vec_pretty(entry)?)
    }

    pub(crate) fn read(&self, id: &str) -> io::Result<Entry> {
        Ok(serde_json::from_slice(&std::fs::read(self.file(id)?)?)?)
    }

    /// All records that say that something is left to do. One that cannot be read does not hide
    /// the others, and is counted: nobody may begin anything as if it were not there.
    pub(crate) fn open_entries(&self) -> io::Result<OpenEntries> {
        let files = match std::fs::read_dir(&self.0) {
            Ok(files) => files,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(OpenEntries::default());
            }
            Err(error) => return Err(error),
        };
        let mut found = OpenEntries::default();
        for file in files {
            let path = file?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let read =
                std::fs::read(&path).and_then(|bytes| Ok(serde_json::from_slice::<Entry>(&bytes)?));
            match read {
                Ok(entry) if entry.stage.is_open() => found.entries.push(entry),
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(%error, "a record of a change cannot be read");
                    found.unreadable += 1;
                }
            }
        }
        found.entries.sort_by_key(|entry| entry.prepared_at);
        Ok(found)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn entry() -> Entry {
        let mailbox = |name: &str| Mailbox {
            account: name.to_owned(),
            user: format!("google|{name}"),
            name: name.to_owned(),
            email: format!("{name}@mail.example"),
        };
        let sign_in = |user: &str| WayIn {
            connection: "google".to_owned(),
            user: user.to_owned(),
        };
        Entry {
            id: uuid::Uuid::new_v4().to_string(),
            stage: Stage::Prepared,
            version: "0.1.0".to_owned(),
            issuer: "https://login.example".to_owned(),
            kept: mailbox("work"),
            set_aside: mailbox("home"),
            sign_in: sign_in("home"),
            before: vec![sign_in("work")],
            expected: vec![sign_in("work"), sign_in("home")],
            copy: Some("ab".repeat(32)),
            prepared_at: 1_800_000_000,
            asked_at: None,
            ended_at: None,
            way: Way::Request,
            answer: None,
            absent_looks: 0,
            incident: None,
            session_ended: None,
        }
    }

    #[test]
    fn what_is_written_is_found_until_nothing_is_left_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::below(folder.path());
        assert!(journal.open_entries().unwrap().is_empty());
        let mut one = entry();
        journal.write(&one).unwrap();
        assert_eq!(journal.open_entries().unwrap().entries, [one.clone()]);
        for (stage, open) in [
            (Stage::Sealed, 1),
            (Stage::Asked, 1),
            (Stage::Committed, 1),
            (Stage::Refused, 1),
            (Stage::Done, 0),
            (Stage::Undone, 0),
        ] {
            one.stage = stage;
            journal.write(&one).unwrap();
            let found = journal.open_entries().unwrap().entries;
            assert_eq!(found.len(), open, "{stage:?}");
        }
        assert_eq!(journal.read(&one.id).unwrap(), one);
    }

    #[test]
    fn a_name_of_the_page_leads_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret.json"), "{}").unwrap();
        let journal = Journal::below(folder.path());
        assert!(journal.read("../secret").is_err());
    }

    #[test]
    fn a_record_that_cannot_be_read_is_not_taken_for_none_and_hides_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::below(folder.path());
        let whole = entry();
        journal.write(&whole).unwrap();
        std::fs::write(folder.path().join("links/half.json"), "{\"id\":").unwrap();
        let found = journal.open_entries().unwrap();
        assert_eq!(
            (&found.entries[..], found.unreadable),
            (&[whole.clone()][..], 1)
        );
        let ended = Entry {
            stage: Stage::Undone,
            ..whole
        };
        journal.write(&ended).unwrap();
        assert!(!journal.open_entries().unwrap().is_empty());
    }
}
