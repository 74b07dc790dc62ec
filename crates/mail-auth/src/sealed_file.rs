//! A small file that only its account's key opens.
//!
//! Layout, version 1: magic (9 bytes), version (1), key id (16), nonce (24), ciphertext with tag
//! (XChaCha20-Poly1305). The key id is derived from the key, so that a file of another key is
//! told from a damaged one. Everything before the nonce, the account's name and the purpose are
//! authenticated: a file moved to another account does not open.
//!
//! A write replaces the whole file or nothing: new file, flush, rename, flush of the folder.
//! All calls block; callers in a task use a blocking thread.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use mail_model::AccountId;
use rand::TryRng as _;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use tracing::trace;
use zeroize::Zeroizing;

use crate::keys::{AccountKey, KeyPurpose, NoRandomBytes};
use crate::steps::STEP;

const MAGIC: &[u8; 9] = b"BRAIDSEAL";
const VERSION: u8 = 1;
const KEY_ID: usize = 16;
const NONCE: usize = 24;
const HEAD: usize = MAGIC.len() + 1 + KEY_ID;
/// Nothing we seal comes near this, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// One sealed file of one account.
pub struct SealedFile {
    path: PathBuf,
    account: AccountId,
    cipher_key: Zeroizing<[u8; 32]>,
    key_id: [u8; KEY_ID],
}

/// Why a sealed file was not read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealedFileError {
    /// Sealed with another key; the file is untouched.
    #[error("the file was sealed with another key")]
    WrongKey,
    /// Changed, cut, or not one of these files; it is untouched.
    #[error("the sealed file is damaged")]
    Damaged,
    /// Written by a newer version of the program; the file is untouched.
    #[error("the sealed file was written by a newer version")]
    Newer,
    /// The system gives no random bytes.
    #[error(transparent)]
    NoRandomBytes(#[from] NoRandomBytes),
    /// The disk refuses.
    #[error("the sealed file cannot be read or written")]
    Disk(#[from] io::Error),
}

impl SealedFile {
    /// Names a file; touches no disk.
    #[must_use]
    pub fn new(path: &Path, account: &AccountId, key: &AccountKey) -> Self {
        let root = key.derive(KeyPurpose::Session);
        let hkdf = Hkdf::<Sha256>::new(None, &*root);
        let mut cipher_key = Zeroizing::new([0; 32]);
        let mut key_id = [0; KEY_ID];
        // Both lengths are far below the limit of RFC 5869, so neither call can be refused.
        let expanded = hkdf
            .expand(b"braid/sealed-file/1/cipher", &mut *cipher_key)
            .and_then(|()| hkdf.expand(b"braid/sealed-file/1/key-id", &mut key_id));
        debug_assert!(expanded.is_ok());
        Self {
            path: path.to_owned(),
            account: account.clone(),
            cipher_key,
            key_id,
        }
    }

    /// The content; `None` if there is no file.
    ///
    /// # Errors
    /// See [`SealedFileError`]; the file is never changed.
    pub fn read(&self) -> Result<Option<Zeroizing<Vec<u8>>>, SealedFileError> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut bytes = Vec::new();
        file.take(LARGEST + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > LARGEST {
            return Err(SealedFileError::Damaged);
        }
        self.open(&bytes).map(Some)
    }

    /// Replaces the file, readable by its owner only. When this returns, the new content
    /// survives a crash; when it fails, the old content is still there.
    ///
    /// # Errors
    /// See [`SealedFileError`].
    pub fn write(&self, content: &[u8]) -> Result<(), SealedFileError> {
        trace!(target: STEP, "a file is sealed");
        let sealed = self.seal(content)?;
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let fresh = self.path.with_extension("sealing");
        let written = write_private(&fresh, &sealed).and_then(|()| fs::rename(&fresh, &self.path));
        trace!(target: STEP, "the fresh file is in place");
        if let Err(error) = written {
            if let Err(left) = fs::remove_file(&fresh) {
                tracing::debug!(error = %left, "a half-written file could not be removed");
            }
            return Err(error.into());
        }
        sync_folder(folder)?;
        trace!(target: STEP, "the folder is flushed");
        Ok(())
    }

    /// Removes the file; it is no error if there is none.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn delete(&self) -> Result<(), SealedFileError> {
        delete_file(&self.path).map_err(SealedFileError::Disk)
    }

    fn seal(&self, content: &[u8]) -> Result<Vec<u8>, SealedFileError> {
        let mut nonce = [0; NONCE];
        rand::rngs::SysRng
            .try_fill_bytes(&mut nonce)
            .map_err(|_| NoRandomBytes)?;
        let mut sealed = Vec::with_capacity(HEAD + NONCE + content.len() + 16);
        sealed.extend_from_slice(MAGIC);
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.key_id);
        let payload = Payload {
            msg: content,
            aad: &self.associated_data(),
        };
        let ciphertext = XChaCha20Poly1305::new((&*self.cipher_key).into())
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| SealedFileError::Damaged)?;
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        Ok(sealed)
    }

    fn open(&self, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealedFileError> {
        let rest = bytes
            .strip_prefix(MAGIC.as_slice())
            .ok_or(SealedFileError::Damaged)?;
        let (version, rest) = rest.split_first().ok_or(SealedFileError::Damaged)?;
        match *version {
            VERSION => {}
            newer if newer > VERSION => return Err(SealedFileError::Newer),
            _ => return Err(SealedFileError::Damaged),
        }
        let (key_id, rest) = rest
            .split_first_chunk::<KEY_ID>()
            .ok_or(SealedFileError::Damaged)?;
        if !bool::from(key_id.ct_eq(&self.key_id)) {
            return Err(SealedFileError::WrongKey);
        }
        let (nonce, ciphertext) = rest
            .split_first_chunk::<NONCE>()
            .ok_or(SealedFileError::Damaged)?;
        let payload = Payload {
            msg: ciphertext,
            aad: &self.associated_data(),
        };
        XChaCha20Poly1305::new((&*self.cipher_key).into())
            .decrypt(&XNonce::from(*nonce), payload)
            .map(Zeroizing::new)
            .map_err(|_| SealedFileError::Damaged)
    }

    fn associated_data(&self) -> Vec<u8> {
        let mut data = Vec::new();
        data.extend_from_slice(MAGIC);
        data.push(VERSION);
        data.extend_from_slice(&self.key_id);
        data.extend_from_slice(self.account.as_str().as_bytes());
        data.extend_from_slice(b"\0session");
        data
    }
}

/// Removes a file; it is no error if there is none.
pub(crate) fn delete_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    delete_file(path)?;
    trace!(target: STEP, "what an earlier write left is gone");
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    trace!(target: STEP, "the fresh file is empty");
    let (first, second) = bytes.split_at(bytes.len() / 2);
    file.write_all(first)?;
    trace!(target: STEP, "the fresh file is half written");
    file.write_all(second)?;
    trace!(target: STEP, "the fresh file is written");
    file.sync_all()?;
    trace!(target: STEP, "the fresh file is flushed");
    Ok(())
}

/// Makes a rename durable. Only Unix lets a folder be opened for that.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work() -> AccountId {
        AccountId::new("work").unwrap()
    }

    fn file(dir: &Path, account: &AccountId, key: u8) -> SealedFile {
        SealedFile::new(
            &dir.join("session.sealed"),
            account,
            &AccountKey::from_bytes([key; 32]),
        )
    }

    #[test]
    fn what_was_written_is_read_back_and_nothing_of_it_is_on_disk() {
        let dir = tempfile::tempdir().unwrap();
        let sealed = file(dir.path(), &work(), 1);
        assert!(sealed.read().unwrap().is_none());
        sealed.write(b"first").unwrap();
        sealed.write(b"a plain secret").unwrap();
        assert_eq!(&**sealed.read().unwrap().unwrap(), b"a plain secret");
        let raw = fs::read(dir.path().join("session.sealed")).unwrap();
        assert!(!raw.windows(5).any(|w| w == b"plain"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        file(dir.path(), &work(), 1).write(b"x").unwrap();
        let meta = fs::metadata(dir.path().join("session.sealed")).unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn another_key_is_told_from_damage() {
        let dir = tempfile::tempdir().unwrap();
        file(dir.path(), &work(), 1).write(b"x").unwrap();
        assert!(matches!(
            file(dir.path(), &work(), 2).read(),
            Err(SealedFileError::WrongKey)
        ));
        let path = dir.path().join("session.sealed");
        let good = fs::read(&path).unwrap();
        for i in (0..good.len()).filter(|i| !(MAGIC.len()..HEAD).contains(i)) {
            let mut bad = good.clone();
            bad[i] ^= 1;
            fs::write(&path, &bad).unwrap();
            let read = file(dir.path(), &work(), 1).read();
            assert!(matches!(read, Err(SealedFileError::Damaged)), "byte {i}");
        }
        for length in 0..good.len() {
            fs::write(&path, &good[..length]).unwrap();
            assert!(
                file(dir.path(), &work(), 1).read().is_err(),
                "cut to {length}"
            );
        }
    }

    #[test]
    fn a_file_of_another_account_does_not_open() {
        let dir = tempfile::tempdir().unwrap();
        file(dir.path(), &work(), 1).write(b"x").unwrap();
        let choir = AccountId::new("choir").unwrap();
        assert!(matches!(
            file(dir.path(), &choir, 1).read(),
            Err(SealedFileError::Damaged)
        ));
    }

    #[test]
    fn a_newer_format_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let sealed = file(dir.path(), &work(), 1);
        sealed.write(b"x").unwrap();
        let path = dir.path().join("session.sealed");
        let mut bytes = fs::read(&path).unwrap();
        bytes[MAGIC.len()] = 2;
        fs::write(&path, bytes).unwrap();
        assert!(matches!(sealed.read(), Err(SealedFileError::Newer)));
    }

    #[test]
    fn a_failed_write_keeps_the_old_content() {
        let dir = tempfile::tempdir().unwrap();
        let sealed = file(dir.path(), &work(), 1);
        sealed.write(b"old").unwrap();
        // A folder with something in it where the fresh file goes: it cannot be replaced.
        fs::create_dir_all(dir.path().join("session.sealing/x")).unwrap();
        assert!(matches!(
            sealed.write(b"new"),
            Err(SealedFileError::Disk(_))
        ));
        assert_eq!(&**sealed.read().unwrap().unwrap(), b"old");
    }
}
