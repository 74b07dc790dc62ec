//! Reads an answer's body as long as it keeps coming.

use bytes::Bytes;
use mail_model::remote::SourceError;
use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use crate::config::Timeouts;
use crate::fault::bad_answer;
use crate::http::unreachable;

/// A body that must arrive at a minimum pace.
pub(crate) struct PacedBody {
    response: Response,
    timeouts: Timeouts,
    window_ends: Instant,
    octets: u64,
}

impl PacedBody {
    pub(crate) fn new(response: Response, timeouts: Timeouts) -> Self {
        Self {
            response,
            timeouts,
            window_ends: Instant::now() + timeouts.stall,
            octets: 0,
        }
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// [`SourceError::Unreachable`] when the connection breaks, ends early or crawls.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, SourceError> {
        loop {
            match timeout_at(self.window_ends, self.response.chunk()).await {
                Ok(chunk) => {
                    let chunk = chunk.map_err(unreachable)?;
                    let octets = chunk.as_ref().map_or(0, Bytes::len);
                    self.octets = self.octets.saturating_add(octets as u64);
                    return Ok(chunk);
                }
                Err(_) if self.octets >= self.timeouts.stall_octets => {
                    self.octets = 0;
                    self.window_ends = Instant::now() + self.timeouts.stall;
                }
                Err(elapsed) => return Err(SourceError::Unreachable(Some(elapsed.into()))),
            }
        }
    }

    /// The whole body, if it is at most `limit` octets after decompression.
    ///
    /// # Errors
    /// As [`PacedBody::next`]; [`SourceError::BadAnswer`] when it is longer.
    pub(crate) async fn whole(mut self, limit: usize) -> Result<Vec<u8>, SourceError> {
        let mut body = Vec::new();
        while let Some(chunk) = self.next().await? {
            if body.len().saturating_add(chunk.len()) > limit {
                return Err(bad_answer("it is longer than any answer may be"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}
