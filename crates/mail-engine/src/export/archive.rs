//! The export's folder while it grows: mailbox files, single messages, and the journal of what is
//! finished. Blocking; the driver runs it on threads that may block.
//!
//! A message counts once its octets are on the disk and its line is in the journal behind them.
//! After a kill everything behind the journal's last line is cut off, so nothing is there twice.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io::{BufRead as _, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use mail_model::remote::RawEntry;
use mail_model::{Mailbox, MailboxId, MessageId};

use super::disk::{PIECE, private_file, private_folder, sync_folder};
use super::error::{At as _, ExportError};
use super::manifest::{Begun, ExportedMailbox, ExportedMessage, Line, Place};
use super::mbox::{Quoting, closing, opening};
use super::names;

/// Where the export keeps its own notes until it is complete.
pub(crate) const NOTES: &str = ".unfinished";
const JOURNAL: &str = ".unfinished/journal";
const LOCK: &str = ".unfinished/lock";
/// Messages between two journal entries.
const CHECKPOINT: usize = 200;
/// Mailbox files kept open.
const HANDLES: usize = 64;

/// What is known of a message's octets once all of them are here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Octets {
    pub(crate) sha256: String,
    pub(crate) ends_with_line: bool,
}

/// The folder of one export.
pub(crate) struct Archive {
    pub(crate) folder: PathBuf,
    pub(crate) begun: Begun,
    /// What is written, journaled or not.
    pub(crate) messages: BTreeMap<MessageId, ExportedMessage>,
    /// Mailboxes that have a file.
    pub(crate) mailboxes: BTreeMap<MailboxId, ExportedMailbox>,
    /// Where each mailbox file ends.
    pub(crate) ends: BTreeMap<String, u64>,
    known: Vec<Mailbox>,
    taken: BTreeSet<String>,
    journal: File,
    /// Held as long as the archive: two runs must not write into one folder. The system gives it
    /// back when the process ends, however it ends.
    _lock: File,
    unsaved: Vec<Line>,
    open: BTreeMap<String, File>,
    touched: BTreeSet<String>,
    next_eml: u64,
}

impl Archive {
    /// Begins an export in an empty folder, or continues the unfinished one that is there.
    pub(crate) fn open(
        folder: &Path,
        begun: Begun,
        known: Vec<Mailbox>,
    ) -> Result<Self, ExportError> {
        // Looked at before anything is made: what is not ours is left as it is.
        let is_begun = is_ours(folder)?;
        private_folder(folder)?;
        private_folder(&folder.join(NOTES))?;
        let lock = lock(folder)?;
        let path = folder.join(JOURNAL);
        let journal = private_file(&path)?;
        let (lines, good) = read_journal(&journal).at(&path)?;
        journal.set_len(good).at(&path)?;
        let mut archive = Self {
            folder: folder.to_owned(),
            begun: begun.clone(),
            messages: BTreeMap::new(),
            mailboxes: BTreeMap::new(),
            ends: BTreeMap::new(),
            known,
            taken: BTreeSet::new(),
            journal,
            _lock: lock,
            unsaved: Vec::new(),
            open: BTreeMap::new(),
            touched: BTreeSet::new(),
            next_eml: 1,
        };
        match lines.split_first() {
            Some((Line::Begun(before), rest)) => {
                if !begun.continues(before) {
                    return Err(ExportError::OtherExport);
                }
                archive.begun = before.clone();
                archive.replay(rest);
            }
            // A kill before the first line leaves notes without one behind.
            None if !is_begun => archive.unsaved.push(Line::Begun(begun)),
            _ => return Err(not_empty(folder)),
        }
        archive.journal.seek(SeekFrom::End(0)).at(&path)?;
        archive.cut()?;
        archive.name_mailboxes();
        archive.checkpoint()?;
        Ok(archive)
    }

    fn replay(&mut self, lines: &[Line]) {
        for line in lines {
            match line {
                Line::Begun(_) => {}
                Line::Mailbox(mailbox) => self.add_mailbox(mailbox.clone()),
                Line::Message(message) => {
                    for place in &message.places {
                        let closing = closing(message.ends_with_line).len() as u64;
                        let end = place.offset + place.length + closing;
                        self.ends.insert(place.file.clone(), end);
                    }
                    self.next_eml += u64::from(message.eml.is_some());
                    self.messages.insert(message.id.clone(), message.clone());
                }
            }
        }
    }

    fn add_mailbox(&mut self, mailbox: ExportedMailbox) {
        self.taken.insert(mailbox.file.to_lowercase());
        self.mailboxes.insert(mailbox.id.clone(), mailbox);
    }

    /// Takes away what was written and not journaled.
    fn cut(&mut self) -> Result<(), ExportError> {
        for name in ["mail", "eml"] {
            private_folder(&self.folder.join(name))?;
        }
        let singles: BTreeSet<&String> = self
            .messages
            .values()
            .filter_map(|message| message.eml.as_ref())
            .collect();
        let files: BTreeSet<&String> = self.mailboxes.values().map(|m| &m.file).collect();
        for name in ["mail", "eml", NOTES] {
            let folder = self.folder.join(name);
            for entry in std::fs::read_dir(&folder).at(&folder)? {
                let entry = entry.at(&folder)?;
                let file = format!("{name}/{}", entry.file_name().to_string_lossy());
                let ours = singles.contains(&file)
                    || files.contains(&file)
                    || file == JOURNAL
                    || file == LOCK;
                if !ours {
                    std::fs::remove_file(entry.path()).at(&entry.path())?;
                }
            }
        }
        let files: Vec<String> = files.into_iter().cloned().collect();
        for file in files {
            let end = *self.ends.entry(file.clone()).or_default();
            let path = self.folder.join(&file);
            let open = private_file(&path)?;
            if open.metadata().at(&path)?.len() > end {
                open.set_len(end).at(&path)?;
            }
        }
        Ok(())
    }

    /// Gives every mailbox its file, empty ones included.
    fn name_mailboxes(&mut self) {
        let ids: Vec<MailboxId> = self.known.iter().map(|m| m.id.clone()).collect();
        for id in ids {
            self.file_of(&id);
        }
    }

    fn file_of(&mut self, id: &MailboxId) -> String {
        if let Some(mailbox) = self.mailboxes.get(id) {
            return mailbox.file.clone();
        }
        let path = names::path(&self.known, id);
        let file = names::mbox_file(&path, self.begun.neutral, &mut self.taken);
        let role = self.known.iter().find(|m| m.id == *id).and_then(|m| m.role);
        let mailbox = ExportedMailbox {
            id: id.clone(),
            path,
            role,
            file: file.clone(),
        };
        self.unsaved.push(Line::Mailbox(mailbox.clone()));
        self.ends.insert(file.clone(), 0);
        self.touched.insert(file.clone());
        self.add_mailbox(mailbox);
        file
    }

    /// Where a message's octets wait until they are in their files.
    pub(crate) fn spool(&self, number: usize) -> PathBuf {
        self.folder.join(NOTES).join(format!("spool-{number}"))
    }

    /// Puts a fetched message into its files. It counts after the next checkpoint.
    pub(crate) fn append(
        &mut self,
        entry: &RawEntry,
        octets: Octets,
        spool: &Path,
    ) -> Result<(), ExportError> {
        let mut places = Vec::with_capacity(entry.mailboxes.len());
        let line = opening(entry.received_at);
        for mailbox in &entry.mailboxes {
            let file = self.file_of(mailbox);
            let at = self.ends.get(&file).copied().unwrap_or(0);
            let (length, end) = self.write_framed(&file, at, &line, spool)?;
            self.ends.insert(file.clone(), end);
            places.push(Place {
                file,
                offset: at + line.len() as u64,
                length,
            });
        }
        let eml = if self.begun.eml {
            let name = format!("eml/{:08}.eml", self.next_eml);
            self.next_eml += 1;
            let path = self.folder.join(&name);
            std::fs::rename(spool, &path).at(&path)?;
            self.touched.insert(name.clone());
            Some(name)
        } else {
            std::fs::remove_file(spool).at(spool)?;
            None
        };
        let message = ExportedMessage {
            id: entry.id.clone(),
            mailboxes: entry.mailboxes.clone(),
            keywords: entry.keywords.clone(),
            received_at: entry.received_at,
            size: entry.size,
            sha256: octets.sha256,
            ends_with_line: octets.ends_with_line,
            places,
            eml,
        };
        self.messages.insert(entry.id.clone(), message.clone());
        self.unsaved.push(Line::Message(message));
        if self.unsaved.len() >= CHECKPOINT {
            self.checkpoint()?;
        }
        Ok(())
    }

    /// Writes a message that is damaged on the disk over itself; its octets are the same.
    pub(crate) fn rewrite(&mut self, id: &MessageId, spool: &Path) -> Result<(), ExportError> {
        let Some(message) = self.messages.get(id).cloned() else {
            return Ok(());
        };
        let line = opening(message.received_at);
        for place in &message.places {
            let at = place.offset.saturating_sub(line.len() as u64);
            self.write_framed(&place.file, at, &line, spool)?;
        }
        match &message.eml {
            Some(name) => {
                let path = self.folder.join(name);
                std::fs::rename(spool, &path).at(&path)?;
                self.touched.insert(name.clone());
            }
            None => std::fs::remove_file(spool).at(spool)?,
        }
        self.checkpoint()
    }

    /// Writes opening, quoted message and closing at a place; gives the quoted length and where
    /// the frame ends.
    fn write_framed(
        &mut self,
        name: &str,
        at: u64,
        line: &[u8],
        spool: &Path,
    ) -> Result<(u64, u64), ExportError> {
        let path = self.folder.join(name);
        let mut source = File::open(spool).at(spool)?;
        let file = self.handle(name)?;
        file.seek(SeekFrom::Start(at)).at(&path)?;
        let mut file = BufWriter::with_capacity(PIECE, file);
        file.write_all(line).at(&path)?;
        let mut quoting = Quoting::quote();
        let (mut piece, mut quoted, mut length) = (vec![0; PIECE], Vec::new(), 0_u64);
        loop {
            let read = source.read(&mut piece).at(spool)?;
            if read == 0 {
                break;
            }
            quoting.feed(piece.get(..read).unwrap_or_default(), &mut quoted);
            length += quoted.len() as u64;
            file.write_all(&quoted).at(&path)?;
            quoted.clear();
        }
        let close = closing(quoting.finish(&mut quoted));
        length += quoted.len() as u64;
        quoted.extend(close);
        file.write_all(&quoted).at(&path)?;
        file.flush().at(&path)?;
        drop(file);
        self.touched.insert(name.to_owned());
        Ok((length, at + line.len() as u64 + length + close.len() as u64))
    }

    fn handle(&mut self, name: &str) -> Result<&mut File, ExportError> {
        if !self.open.contains_key(name) {
            if self.open.len() >= HANDLES {
                self.open.clear();
            }
            let file = private_file(&self.folder.join(name))?;
            self.open.insert(name.to_owned(), file);
        }
        self.open.get_mut(name).ok_or(ExportError::Fault)
    }

    /// Puts what was written on the disk, then says so in the journal.
    pub(crate) fn checkpoint(&mut self) -> Result<(), ExportError> {
        for name in std::mem::take(&mut self.touched) {
            let path = self.folder.join(&name);
            private_file(&path)?.sync_all().at(&path)?;
        }
        for name in ["mail", "eml"] {
            sync_folder(&self.folder.join(name))?;
        }
        let path = self.folder.join(JOURNAL);
        let mut text = Vec::new();
        for line in std::mem::take(&mut self.unsaved) {
            serde_json::to_writer(&mut text, &line).map_err(|_| ExportError::Fault)?;
            text.push(b'\n');
        }
        self.journal.write_all(&text).at(&path)?;
        self.journal.sync_all().at(&path)
    }

    /// The export is complete: its notes are of no more use.
    pub(crate) fn complete(self) -> Result<(), ExportError> {
        let notes = self.folder.join(NOTES);
        drop(self.journal);
        std::fs::remove_dir_all(&notes).at(&notes)?;
        if !self.begun.eml {
            let eml = self.folder.join("eml");
            std::fs::remove_dir(&eml).at(&eml)?;
        }
        sync_folder(&self.folder)
    }
}

fn not_empty(path: &Path) -> ExportError {
    ExportError::NotEmpty {
        path: path.to_owned(),
    }
}

/// Whether an unfinished export is there; none is in a folder that is not there, or that has
/// nothing in it but what a run has left that was ended before its first line.
///
/// # Errors
/// [`ExportError::NotEmpty`]: something else is there.
fn is_ours(folder: &Path) -> Result<bool, ExportError> {
    let names = names_in(folder)?;
    let notes = names_in(&folder.join(NOTES))?;
    let journal = folder.join(JOURNAL);
    let lines = match File::open(&journal) {
        Ok(file) => read_journal(&file).at(&journal)?.0,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(ExportError::io(&journal, error)),
    };
    if matches!(lines.first(), Some(Line::Begun(_))) {
        return Ok(true);
    }
    let is_note = |name: &OsString| {
        [JOURNAL, LOCK]
            .iter()
            .any(|own| Path::new(own).ends_with(name))
    };
    if lines.is_empty() && names.iter().all(|name| name == NOTES) && notes.iter().all(is_note) {
        return Ok(false);
    }
    Err(not_empty(folder))
}

/// What is in a folder; nothing is in one that is not there.
fn names_in(folder: &Path) -> Result<Vec<OsString>, ExportError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(ExportError::io(folder, error)),
    };
    entries
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect::<Result<_, _>>()
        .at(folder)
}

fn lock(folder: &Path) -> Result<File, ExportError> {
    let path = folder.join(LOCK);
    let file = private_file(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ExportError::InUse),
        Err(TryLockError::Error(error)) => Err(ExportError::io(&path, error)),
    }
}

/// The journal's lines, and where the last whole one ends.
fn read_journal(journal: &File) -> std::io::Result<(Vec<Line>, u64)> {
    let mut reader = BufReader::new(journal);
    let (mut lines, mut good, mut text) = (Vec::new(), 0_u64, Vec::new());
    loop {
        text.clear();
        let read = reader.read_until(b'\n', &mut text)?;
        let whole = text.ends_with(b"\n");
        match serde_json::from_slice(&text) {
            Ok(line) if whole => lines.push(line),
            _ => return Ok((lines, good)),
        }
        good += read as u64;
    }
}
