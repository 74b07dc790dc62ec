//! What a search of an account can find: read whenever a search looks, so it counts no mail.

use std::collections::BTreeSet;

use mail_model::UnixTime;
use sqlx::SqliteConnection;

use super::{AccountStore, Inner};
use crate::error::{FileKind, StoreError};
use crate::mail::{progress, unindexed};
use crate::search::{coverage, index};
use crate::sync::FillState;

/// What a search of this account can find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SearchCoverage {
    /// Messages the index does not know yet, or not in full.
    pub to_index: u64,
    /// Whether everything the server told of is here.
    pub all_mail: bool,
    /// Receipt of the oldest message from which on mail is here; none when nothing is here.
    pub mail_since: Option<UnixTime>,
    /// From which receipt on texts can be found; none when not even the newest can. One or two
    /// texts that are missing among fifty others make no difference.
    pub texts_since: Option<UnixTime>,
}

impl AccountStore {
    /// What a search of this account can find. Only reads, and waits for nobody who writes.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn search_coverage(&self) -> Result<SearchCoverage, StoreError> {
        let to_index = self.inner.left_to_index().await?;
        let of_mail = |error| self.inner.noted(FileKind::Mail, error);
        let mut reader = self.inner.mail_reader().await?;
        let progress = progress::load(&mut reader).await.map_err(of_mail)?;
        let oldest = oldest_above(&mut reader, i64::MIN).await.map_err(of_mail)?;
        drop(reader);
        Ok(SearchCoverage {
            to_index,
            all_mail: progress.fill == FillState::Complete,
            mail_since: match progress.fill {
                FillState::Filling {
                    oldest: reached, ..
                } => oldest.map(|_| reached),
                _ => oldest,
            },
            texts_since: self.inner.texts_since().await?,
        })
    }
}

impl Inner {
    /// The receipt from which on the index knows texts.
    async fn texts_since(&self) -> Result<Option<UnixTime>, StoreError> {
        let of_mail = |error| self.noted(FileKind::Mail, error);
        let of_index = |error| self.noted(FileKind::Search, error);
        // What is noted goes from here into the index: looked at in the other order, a message
        // could be in neither.
        let mut mail = self.mail_reader().await?;
        let waiting = unindexed::noted_here(&mut mail, coverage::GAPS).await;
        let waiting = waiting.map_err(of_mail)?;
        drop(mail);
        let mut index = self.index_reader().await?;
        let textless = coverage::textless(&mut index.connection).await;
        let gaps: BTreeSet<i64> = textless
            .map_err(of_index)?
            .into_iter()
            .chain(waiting)
            .collect();
        let gaps: Vec<i64> = gaps.into_iter().rev().take(coverage::GAPS).collect();
        let reached = coverage::boundary(&mut index.connection, &gaps).await;
        let reached = reached.map_err(of_index)?;
        let follows = index::follows(&mut index.connection)
            .await
            .map_err(of_index)?;
        drop(index);
        // The first walk over all mail has seen what lies at this key and above.
        let walked = follows.below.map(|below| below.saturating_sub(1));
        let above = reached.max(walked).unwrap_or(i64::MIN);
        let mut mail = self.mail_reader().await?;
        oldest_above(&mut mail, above).await.map_err(of_mail)
    }
}

/// The receipt of the oldest message with a key above that one.
async fn oldest_above(
    mail: &mut SqliteConnection,
    key: i64,
) -> Result<Option<UnixTime>, StoreError> {
    let seconds: Option<i64> =
        sqlx::query_scalar("SELECT received_at FROM message WHERE key > ?1 ORDER BY key LIMIT 1")
            .bind(key)
            .fetch_optional(mail)
            .await?;
    Ok(seconds.map(UnixTime::from_seconds))
}
