//! What people and tests changed, kept on disk: one JSON line for every change, in order.
//!
//! Generated mail is never written down; it is made again from the seed. A line is one whole
//! change, so a process that dies while writing leaves at most a line without an end, which is
//! cut off at the next start. Uploaded and delivered bytes lie beside it, named by their hash.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::submission::Submission;

/// One change of an account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Event {
    /// A message arrived; it gets the next number.
    Added {
        blob: String,
        received_at: i64,
        mailboxes: Vec<u32>,
        keywords: Vec<String>,
        thread: Option<u32>,
    },
    /// A message has these mailboxes and keywords now.
    Changed {
        email: u32,
        mailboxes: Vec<u32>,
        keywords: Vec<String>,
    },
    /// A message is gone.
    Destroyed { email: u32 },
    /// A mailbox is there, or is different now.
    MailboxPut {
        id: u32,
        name: String,
        parent: Option<u32>,
        role: Option<String>,
        sort_order: u32,
        subscribed: bool,
    },
    /// A mailbox is gone.
    MailboxRemoved { id: u32 },
    /// A submission was made or changed.
    Submitted(Submission),
    /// A submission was forgotten.
    SubmissionGone { id: u32 },
    /// The server lost its memory of changes.
    StateLost,
}

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    format: u32,
    /// The moment generated mail ends, seconds since 1970.
    now: i64,
}

/// Where one account's changes and bytes go.
#[derive(Debug)]
pub(crate) struct Journal {
    disk: Option<Disk>,
    /// Bytes by hash, when there is no disk.
    memory: HashMap<String, Vec<u8>>,
}

#[derive(Debug)]
struct Disk {
    folder: PathBuf,
    log: File,
}

/// What an account begins with.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) journal: Journal,
    pub(crate) now: i64,
    pub(crate) events: Vec<Vec<Event>>,
}

impl Journal {
    /// Opens the folder, or memory only. `now` counts only the first time.
    pub(crate) fn open(folder: Option<&Path>, now: i64) -> io::Result<Opened> {
        let Some(folder) = folder else {
            return Ok(Opened {
                journal: Self {
                    disk: None,
                    memory: HashMap::new(),
                },
                now,
                events: Vec::new(),
            });
        };
        fs::create_dir_all(folder.join("blobs"))?;
        let path = folder.join("changes.jsonl");
        let mut log = OpenOptions::new()
            .read(true)
            .create(true)
            .append(true)
            .open(&path)?;
        let (head, events, end) = read(&log)?;
        log.set_len(end)?;
        log.seek(io::SeekFrom::End(0))?;
        let now = match head {
            Some(head) => head.now,
            None => {
                write_line(&mut log, &Head { format: 1, now })?;
                now
            }
        };
        let disk = Disk {
            folder: folder.to_owned(),
            log,
        };
        Ok(Opened {
            journal: Self {
                disk: Some(disk),
                memory: HashMap::new(),
            },
            now,
            events,
        })
    }

    /// Writes one change down.
    pub(crate) fn append(&mut self, events: &[Event]) -> io::Result<()> {
        match &mut self.disk {
            Some(disk) => write_line(&mut disk.log, &events),
            None => Ok(()),
        }
    }

    /// Keeps bytes; gives their name.
    pub(crate) fn store(&mut self, bytes: &[u8]) -> io::Result<String> {
        let name = Sha256::digest(bytes)
            .iter()
            .take(20)
            .map(|b| format!("{b:02x}"))
            .collect::<String>();
        match &self.disk {
            None => {
                self.memory.insert(name.clone(), bytes.to_vec());
            }
            Some(disk) => {
                let path = disk.folder.join("blobs").join(&name);
                if !path.exists() {
                    let beside = path.with_extension("new");
                    fs::write(&beside, bytes)?;
                    fs::rename(&beside, &path)?;
                }
            }
        }
        Ok(name)
    }

    /// The bytes of that name.
    pub(crate) fn load(&self, name: &str) -> Option<Vec<u8>> {
        if name.len() != 40 || !name.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        match &self.disk {
            None => self.memory.get(name).cloned(),
            Some(disk) => fs::read(disk.folder.join("blobs").join(name)).ok(),
        }
    }
}

fn write_line(log: &mut File, value: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    log.write_all(&line)
}

/// Whole lines, and where they end.
fn read(log: &File) -> io::Result<(Option<Head>, Vec<Vec<Event>>, u64)> {
    let mut reader = BufReader::new(log);
    let (mut head, mut events, mut end) = (None, Vec::new(), 0);
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = reader.read_until(b'\n', &mut line)?;
        if length == 0 || line.last() != Some(&b'\n') {
            return Ok((head, events, end));
        }
        if head.is_none() {
            head = Some(serde_json::from_slice(&line)?);
        } else {
            events.push(serde_json::from_slice(&line)?);
        }
        end += length as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_survive_and_a_torn_line_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let mut opened = Journal::open(Some(dir.path()), 7).unwrap();
        opened
            .journal
            .append(&[Event::Destroyed { email: 1 }, Event::Destroyed { email: 2 }])
            .unwrap();
        drop(opened);
        let path = dir.path().join("changes.jsonl");
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"[{\"Destroyed\":{\"ema").unwrap();
        let mut again = Journal::open(Some(dir.path()), 99).unwrap();
        assert_eq!((again.now, again.events.len()), (7, 1));
        again.journal.append(&[Event::StateLost]).unwrap();
        assert_eq!(Journal::open(Some(dir.path()), 99).unwrap().events.len(), 2);
    }

    #[test]
    fn bytes_come_back_only_by_their_own_name() {
        let dir = tempfile::tempdir().unwrap();
        for folder in [None, Some(dir.path())] {
            let mut journal = Journal::open(folder, 0).unwrap().journal;
            let name = journal.store(b"abc").unwrap();
            assert_eq!(journal.load(&name), Some(b"abc".to_vec()));
            assert_eq!(journal.load("../changes.jsonl"), None);
        }
    }
}
