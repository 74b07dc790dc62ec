//! The raw bytes of everything on the disk.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::marker::{LONGEST, Markers};

/// Read at once, in octets.
const PIECE: usize = 1024 * 1024;

/// One file with markers in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Marked {
    /// Its name below the folder that was looked through.
    pub(super) name: String,
    /// Places of the markers it holds.
    pub(super) markers: Vec<usize>,
}

/// What a folder holds.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Files that were read.
    pub(super) count: u64,
    /// Those with markers.
    pub(super) marked: Vec<Marked>,
}

impl Looked {
    /// One more folder.
    pub(super) fn add(&mut self, other: Self) {
        self.count += other.count;
        self.marked.extend(other.marked);
    }
}

/// Every file below a folder, in order. A folder that is not there has none.
///
/// # Errors
/// A folder cannot be read.
pub(crate) fn files_below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            // Files come and go while the app runs.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            // Links lead elsewhere and are not followed.
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => waiting.push(entry.path()),
                Ok(kind) if kind.is_file() => found.push(entry.path()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Looks through every file below a folder but those in `except`. Takes time in proportion to
/// the files: call it where blocking is allowed.
///
/// # Errors
/// A file cannot be read, for another reason than that it is gone.
pub(super) fn look(folder: &Path, except: Option<&Path>, markers: &Markers) -> io::Result<Looked> {
    let mut looked = Looked::default();
    let mut buffer = vec![0; PIECE + LONGEST];
    for path in files_below(folder)? {
        if except.is_some_and(|except| path.starts_with(except)) {
            continue;
        }
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        looked.count += 1;
        let markers = inside(file, &mut buffer, markers)?;
        if !markers.is_empty() {
            let name = path.strip_prefix(folder).unwrap_or(&path);
            looked.marked.push(Marked {
                name: name.to_string_lossy().into_owned(),
                markers,
            });
        }
    }
    Ok(looked)
}

fn inside(mut file: File, buffer: &mut [u8], markers: &Markers) -> io::Result<Vec<usize>> {
    let mut found = Vec::new();
    let mut kept = 0;
    loop {
        let Some(room) = buffer.get_mut(kept..) else {
            return Ok(found);
        };
        let read = file.read(room)?;
        if read == 0 {
            found.sort_unstable();
            found.dedup();
            return Ok(found);
        }
        let filled = kept + read;
        found.extend(markers.inside(buffer.get(..filled).unwrap_or_default()));
        // The end of this piece may be the beginning of a marker.
        kept = filled.min(LONGEST);
        buffer.copy_within(filled - kept..filled, 0);
    }
}

#[cfg(test)]
mod tests {
    use mail_model::AccountId;

    use super::*;

    #[test]
    fn a_marker_across_two_pieces_of_a_file_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let markers = Markers::new([AccountId::new("a").unwrap()].into_iter());
        let text = markers.all()[0].text.as_bytes();
        for before in [0, PIECE - 1, PIECE + LONGEST - 10, 2 * PIECE - 7] {
            let mut bytes = vec![b'x'; before];
            bytes.extend_from_slice(text);
            bytes.extend_from_slice(&[b'y'; 300]);
            std::fs::write(folder.path().join("file"), bytes).unwrap();
            let looked = look(folder.path(), None, &markers).unwrap();
            assert_eq!(looked.count, 1);
            assert_eq!(looked.marked.len(), 1, "after {before} octets");
            assert_eq!(looked.marked[0].markers, [0]);
        }
    }

    #[test]
    fn a_part_that_is_looked_through_elsewhere_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let markers = Markers::new([AccountId::new("a").unwrap()].into_iter());
        let inner = folder.path().join("accounts/a");
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::write(inner.join("mail"), &markers.all()[0].text).unwrap();
        std::fs::write(folder.path().join("other"), "nothing").unwrap();
        let accounts = folder.path().join("accounts");
        let outer = look(folder.path(), Some(&accounts), &markers).unwrap();
        assert!(outer.count == 1 && outer.marked.is_empty());
        let whole = look(folder.path(), None, &markers).unwrap();
        assert_eq!(whole.marked[0].name, "accounts/a/mail");
        let gone = look(&folder.path().join("gone"), None, &markers).unwrap();
        assert_eq!(gone.count, 0);
    }
}
