//! Packs a finished export into one file that only a pass-phrase opens: a ZIP archive with AES-256
//! (WinZip AE-2), which common programs open without Braid. Blocking.
//!
//! Names and sizes of the files inside can be read without the pass-phrase, so the files of such
//! an export have names that tell nothing. The format stretches a pass-phrase only a little: a
//! short one can be guessed.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;
use zip::write::SimpleFileOptions;
use zip::{AesMode, CompressionMethod, ZipArchive, ZipWriter};

use super::archive::NOTES;
use super::disk::{PIECE, hex, measure, private_file, sync_folder};
use super::error::{At as _, ExportError};

/// What opens a packed export. Not printable, and wiped when it goes.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Takes a pass-phrase; whether it is good enough is the caller's to say.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

/// Where the packed copy of an export goes: beside its folder.
pub(crate) fn target(folder: &Path) -> PathBuf {
    let mut name = folder.as_os_str().to_owned();
    name.push(".zip");
    PathBuf::from(name)
}

/// Packs every file of a folder, reads the packed copy back, and only then deletes the folder.
pub(crate) fn pack(
    folder: &Path,
    passphrase: &Passphrase,
    stop: &CancellationToken,
) -> Result<PathBuf, ExportError> {
    let target = target(folder);
    if target.exists() {
        return Err(ExportError::NotEmpty { path: target });
    }
    let mut unfinished = target.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = PathBuf::from(unfinished);
    let names = files(folder)?;
    write(folder, &names, &unfinished, passphrase, stop)?;
    for name in &names {
        if stop.is_cancelled() {
            return Err(ExportError::Cancelled);
        }
        let plain = measure(folder, name)?;
        if read_back(&unfinished, name, passphrase)? != (plain.octets, plain.sha256) {
            return Err(ExportError::PackUnsound);
        }
    }
    std::fs::rename(&unfinished, &target).at(&target)?;
    if let Some(parent) = target.parent() {
        sync_folder(parent)?;
    }
    std::fs::remove_dir_all(folder).at(folder)?;
    Ok(target)
}

/// Names of all files of the export, in order; its own notes are none.
fn files(folder: &Path) -> Result<Vec<String>, ExportError> {
    let mut names = Vec::new();
    let mut folders = vec![(folder.to_owned(), String::new())];
    while let Some((at, within)) = folders.pop() {
        for entry in std::fs::read_dir(&at).at(&at)? {
            let entry = entry.at(&at)?;
            let name = format!("{within}{}", entry.file_name().to_string_lossy());
            if name == NOTES {
                continue;
            }
            if entry.file_type().at(&at)?.is_dir() {
                folders.push((entry.path(), format!("{name}/")));
            } else {
                names.push(name);
            }
        }
    }
    names.sort();
    Ok(names)
}

fn write(
    folder: &Path,
    names: &[String],
    target: &Path,
    passphrase: &Passphrase,
    stop: &CancellationToken,
) -> Result<(), ExportError> {
    let file = private_file(target)?;
    file.set_len(0).at(target)?;
    let mut packed = ZipWriter::new(BufWriter::with_capacity(PIECE, file));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .with_aes_encryption(AesMode::Aes256, &passphrase.0)
        .large_file(true);
    let mut piece = vec![0; PIECE];
    for name in names {
        packed
            .start_file(name.as_str(), options)
            .map_err(|error| zip_error(target, error))?;
        let path = folder.join(name);
        let mut source = File::open(&path).at(&path)?;
        loop {
            if stop.is_cancelled() {
                return Err(ExportError::Cancelled);
            }
            let read = source.read(&mut piece).at(&path)?;
            if read == 0 {
                break;
            }
            packed
                .write_all(piece.get(..read).unwrap_or_default())
                .at(target)?;
        }
    }
    let buffer = packed.finish().map_err(|error| zip_error(target, error))?;
    let file = buffer
        .into_inner()
        .map_err(|error| ExportError::io(target, error.into_error()))?;
    file.sync_all().at(target)
}

fn read_back(
    packed: &Path,
    name: &str,
    passphrase: &Passphrase,
) -> Result<(u64, String), ExportError> {
    let file = BufReader::new(File::open(packed).at(packed)?);
    let mut archive = ZipArchive::new(file).map_err(|error| zip_error(packed, error))?;
    let mut entry = archive
        .by_name_decrypt(name, passphrase.0.as_bytes())
        .map_err(|error| zip_error(packed, error))?;
    let (mut hash, mut octets, mut piece) = (Sha256::new(), 0_u64, vec![0; PIECE]);
    loop {
        let read = entry.read(&mut piece).at(packed)?;
        if read == 0 {
            return Ok((octets, hex(hash)));
        }
        hash.update(piece.get(..read).unwrap_or_default());
        octets += read as u64;
    }
}

fn zip_error(path: &Path, error: zip::result::ZipError) -> ExportError {
    match error {
        zip::result::ZipError::Io(error) => ExportError::io(path, error),
        _ => ExportError::PackUnsound,
    }
}
