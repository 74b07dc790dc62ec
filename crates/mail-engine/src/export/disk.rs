//! Files only the person can read, on the disk when they are said to be.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::error::{At as _, ExportError};
use super::manifest::ExportedFile;

/// Octets read or written at once.
pub(crate) const PIECE: usize = 64 * 1024;

/// Makes a folder only the person can enter.
pub(crate) fn private_folder(folder: &Path) -> Result<(), ExportError> {
    std::fs::create_dir_all(folder).at(folder)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(folder, mode).at(folder)?;
    }
    Ok(())
}

/// Opens a file for reading and writing, or makes it; only the person can read it.
pub(crate) fn private_file(path: &Path) -> Result<File, ExportError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).at(path)
}

/// Makes names in a folder last through a power cut.
#[cfg(unix)]
pub(crate) fn sync_folder(folder: &Path) -> Result<(), ExportError> {
    File::open(folder)
        .and_then(|open| open.sync_all())
        .at(folder)
}

/// Other systems write names through by themselves and do not open folders.
#[cfg(not(unix))]
pub(crate) fn sync_folder(_folder: &Path) -> Result<(), ExportError> {
    Ok(())
}

/// Writes a whole file beside its target and puts it there in one step.
pub(crate) fn replace(path: &Path, spool: &Path, octets: &[u8]) -> Result<(), ExportError> {
    let mut file = private_file(spool)?;
    file.set_len(0).at(spool)?;
    file.write_all(octets).at(spool)?;
    file.sync_all().at(spool)?;
    std::fs::rename(spool, path).at(path)?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Octets and hash of a file, read from the disk.
pub(crate) fn measure(folder: &Path, name: &str) -> Result<ExportedFile, ExportError> {
    let path = folder.join(name);
    let mut file = File::open(&path).at(&path)?;
    let mut hash = Sha256::new();
    let mut octets = 0_u64;
    let mut piece = vec![0; PIECE];
    loop {
        let read = file.read(&mut piece).at(&path)?;
        if read == 0 {
            break;
        }
        hash.update(piece.get(..read).unwrap_or_default());
        octets += read as u64;
    }
    Ok(ExportedFile {
        name: name.to_owned(),
        octets,
        sha256: hex(hash),
    })
}

/// A hash as text.
pub(crate) fn hex(hash: Sha256) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(64);
    for octet in hash.finalize() {
        // Writing to a text cannot fail.
        write!(text, "{octet:02x}").unwrap_or_default();
    }
    text
}
