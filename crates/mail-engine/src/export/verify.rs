//! Reads an export back from the disk and compares every message with what the server gave.
//! Blocking.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use mail_model::MessageId;
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use super::archive::Archive;
use super::disk::{PIECE, hex, measure};
use super::error::{At as _, ExportError};
use super::manifest::{ExportedFile, ExportedMessage, Place};
use super::mbox::{Quoting, closing, opening};

/// What reading back found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Messages whose octets are not those the server gave.
    pub(crate) damaged: BTreeSet<MessageId>,
    /// Every file with messages, as it is on the disk.
    pub(crate) files: Vec<ExportedFile>,
}

/// Reads everything. `seen` is told of each message once.
pub(crate) fn check(
    archive: &Archive,
    stop: &CancellationToken,
    seen: &dyn Fn(),
) -> Result<Found, ExportError> {
    let mut by_file: BTreeMap<&str, Vec<(&ExportedMessage, &Place)>> = BTreeMap::new();
    for mailbox in archive.mailboxes.values() {
        by_file.entry(&mailbox.file).or_default();
    }
    for message in archive.messages.values() {
        for place in &message.places {
            by_file
                .entry(&place.file)
                .or_default()
                .push((message, place));
        }
    }
    let mut found = Found::default();
    let mut told = BTreeSet::new();
    for (name, mut places) in by_file {
        places.sort_by_key(|(_, place)| place.offset);
        let end = archive.ends.get(name).copied().unwrap_or(0);
        let mut reader = Reader::open(&archive.folder, name, end)?;
        let starts = places.iter().skip(1).map(|(message, place)| {
            let line = opening(message.received_at).len() as u64;
            place.offset.saturating_sub(line)
        });
        let ends: Vec<u64> = starts.chain([end]).collect();
        for ((message, place), end) in places.into_iter().zip(ends) {
            if stop.is_cancelled() {
                return Err(ExportError::Cancelled);
            }
            if !reader.message(message, place, end)? {
                found.damaged.insert(message.id.clone());
            }
            if told.insert(&message.id) {
                seen();
            }
        }
        found.files.push(reader.finish()?);
    }
    for message in archive.messages.values() {
        let Some(name) = &message.eml else { continue };
        if stop.is_cancelled() {
            return Err(ExportError::Cancelled);
        }
        match measure(&archive.folder, name) {
            Ok(file) => {
                if file.sha256 != message.sha256 {
                    found.damaged.insert(message.id.clone());
                }
                found.files.push(file);
            }
            Err(ExportError::Io { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound =>
            {
                found.damaged.insert(message.id.clone());
            }
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Reads one mailbox file from its beginning to its end.
struct Reader<'a> {
    name: &'a str,
    path: std::path::PathBuf,
    file: BufReader<File>,
    hash: Sha256,
    octets: u64,
    piece: Vec<u8>,
}

impl<'a> Reader<'a> {
    fn open(folder: &Path, name: &'a str, end: u64) -> Result<Self, ExportError> {
        let path = folder.join(name);
        let file = super::disk::private_file(&path)?;
        // Behind the end there is nothing of ours.
        if file.metadata().at(&path)?.len() > end {
            file.set_len(end).at(&path)?;
        }
        Ok(Self {
            name,
            path,
            file: BufReader::with_capacity(PIECE, file),
            hash: Sha256::new(),
            octets: 0,
            piece: vec![0; PIECE],
        })
    }

    /// Reads so many octets; says whether there were as many.
    fn take(&mut self, mut octets: u64, each: &mut dyn FnMut(&[u8])) -> Result<bool, ExportError> {
        while octets > 0 {
            let want = usize::try_from(octets).map_or(PIECE, |left| left.min(PIECE));
            let room = self.piece.get_mut(..want).unwrap_or_default();
            let read = self.file.read(room).at(&self.path)?;
            if read == 0 {
                return Ok(false);
            }
            let piece = self.piece.get(..read).unwrap_or_default();
            self.hash.update(piece);
            self.octets += read as u64;
            octets -= read as u64;
            each(piece);
        }
        Ok(true)
    }

    /// Reads the next message with its frame; says whether it is the right one.
    fn message(
        &mut self,
        message: &ExportedMessage,
        place: &Place,
        end: u64,
    ) -> Result<bool, ExportError> {
        let line = opening(message.received_at);
        let mut frame: Vec<u8> = Vec::new();
        let mut sound = self.take(line.len() as u64, &mut |piece| frame.extend(piece))?;
        sound &= frame == line && place.offset == self.octets;
        let (mut quoting, mut plain) = (Quoting::unquote(), Vec::new());
        let (mut hash, mut size) = (Sha256::new(), 0_u64);
        sound &= self.take(place.length, &mut |piece| {
            quoting.feed(piece, &mut plain);
            hash.update(&plain);
            size += plain.len() as u64;
            plain.clear();
        })?;
        quoting.finish(&mut plain);
        hash.update(&plain);
        size += plain.len() as u64;
        let close = closing(message.ends_with_line);
        frame.clear();
        let left = end.saturating_sub(place.offset.saturating_add(place.length));
        sound &= self.take(left, &mut |piece| frame.extend(piece))?;
        Ok(sound && frame == close && size == message.size && hex(hash) == message.sha256)
    }

    fn finish(mut self) -> Result<ExportedFile, ExportError> {
        self.take(u64::MAX, &mut |_| ())?;
        Ok(ExportedFile {
            name: self.name.to_owned(),
            octets: self.octets,
            sha256: hex(self.hash),
        })
    }
}
