//! Fetches single messages, octet by octet, onto the disk.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt as _;
use mail_model::remote::{RawEntry, SourceError};
use mail_model::{BlobId, Reaction};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;

use super::archive::{Archive, Octets};
use super::disk::{hex, private_file};
use super::driver::Driver;
use super::error::{At as _, ExportError};
use super::{ExportFailure, FailureReason};

/// What came of fetching one message; with a failure, what the server or the way to it said.
pub(super) type Fetched = Result<(RawEntry, Octets, PathBuf), (ExportFailure, Option<SourceError>)>;

impl Driver<'_> {
    /// Fetches one message into a file of its own.
    pub(super) async fn fetch(
        &self,
        archive: &Arc<Mutex<Archive>>,
        number: usize,
        entry: RawEntry,
    ) -> Result<Fetched, ExportError> {
        let spool = {
            let archive = archive.lock().unwrap_or_else(PoisonError::into_inner);
            archive.spool(number)
        };
        let mut tries = 0;
        loop {
            let got = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(ExportError::Cancelled),
                got = self.download(&entry.blob, &spool) => got?,
            };
            let error = match got {
                Ok((size, octets)) if size == entry.size => {
                    return Ok(Ok((entry, octets, spool)));
                }
                Ok(_) => None,
                Err(error) if error.reaction() == Reaction::SignInAgain => {
                    return Err(error.into());
                }
                Err(error) => Some(error),
            };
            let again = match &error {
                Some(error) if tries < self.request.options.tries => self.wait(error).await?,
                _ => false,
            };
            if !again {
                let reason = match &error {
                    Some(error) => FailureReason::NotGiven(error.to_string()),
                    None => FailureReason::WrongSize,
                };
                let failure = ExportFailure {
                    id: entry.id,
                    reason,
                };
                return Ok(Err((failure, error)));
            }
            tries += 1;
        }
    }

    /// Streams a blob to the disk; gives its size and what is known of its octets.
    async fn download(
        &self,
        blob: &BlobId,
        spool: &Path,
    ) -> Result<Result<(u64, Octets), SourceError>, ExportError> {
        let mut bytes = match self.source.blob(blob).await {
            Ok(bytes) => bytes,
            Err(error) => return Ok(Err(error)),
        };
        let mut file = tokio::fs::File::from_std(private_file(spool)?);
        file.set_len(0).await.at(spool)?;
        let (mut hash, mut size, mut last) = (Sha256::new(), 0_u64, b'\n');
        while let Some(piece) = bytes.next().await {
            let piece = match piece {
                Ok(piece) => piece,
                Err(error) => return Ok(Err(error)),
            };
            hash.update(&piece);
            size += piece.len() as u64;
            last = piece.last().copied().unwrap_or(last);
            file.write_all(&piece).await.at(spool)?;
            self.progress
                .send_modify(|progress| progress.octets += piece.len() as u64);
        }
        file.flush().await.at(spool)?;
        let octets = Octets {
            sha256: hex(hash),
            ends_with_line: last == b'\n',
        };
        Ok(Ok((size, octets)))
    }
}
