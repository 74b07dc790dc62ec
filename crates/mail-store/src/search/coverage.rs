//! From when on texts can be found: pure, but for two reads of the index.
//!
//! What the index holds without its text, and what it does not hold yet, are gaps. Single ones do
//! not count: there are messages whose text no server gives out, and mail that came just now.

use sqlx::SqliteConnection;

use crate::error::StoreError;

/// Newest gaps that are looked at.
pub(crate) const GAPS: usize = 200;
/// Gaps that are passed over within so many texts.
const PASSED: usize = 2;
const WITHIN: i64 = 50;

/// Messages of the index without their text, newest first.
pub(crate) async fn textless(connection: &mut SqliteConnection) -> Result<Vec<i64>, StoreError> {
    let keys = sqlx::query_scalar("SELECT key FROM textless ORDER BY key DESC LIMIT ?1")
        .bind(i64::try_from(GAPS).unwrap_or(i64::MAX))
        .fetch_all(connection)
        .await?;
    Ok(keys)
}

/// The gap above which texts are here, if there is one; none when they are here from the first
/// message on. `gaps` from the newest down; no more than [`GAPS`].
pub(crate) async fn boundary(
    connection: &mut SqliteConnection,
    gaps: &[i64],
) -> Result<Option<i64>, StoreError> {
    let stretches = stretches(gaps);
    let texts: Vec<i64> = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM (SELECT 1 FROM head_docsize d
                 WHERE d.id > j.value ->> 0 AND d.id < j.value ->> 1 LIMIT ?2))
         FROM json_each(?1) j ORDER BY j.key",
    )
    .bind(serde_json::to_string(&stretches)?)
    .bind(WITHIN)
    .fetch_all(connection)
    .await?;
    let is_long = |at: usize| texts.get(at).is_some_and(|texts| *texts >= WITHIN);
    let passed = (0..gaps.len())
        .take_while(|at| {
            // Below it, or, near the oldest message, above it.
            is_long(at + PASSED) || (at + PASSED >= gaps.len() && is_long(*at))
        })
        .count();
    Ok(gaps
        .get(passed)
        .copied()
        .or(gaps.last().copied().filter(|_| gaps.len() >= GAPS)))
}

/// What lies between each gap and the one [`PASSED`] before it, and above the newest and below the
/// oldest ones: above which key, below which.
fn stretches(gaps: &[i64]) -> Vec<(i64, i64)> {
    (0..gaps.len() + PASSED)
        .map(|at| {
            let newer = at.checked_sub(PASSED).and_then(|at| gaps.get(at));
            let above = gaps.get(at).copied().unwrap_or(i64::MIN);
            (above, newer.copied().unwrap_or(i64::MAX))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use sqlx::Connection as _;

    use super::*;

    /// The boundary where messages 0 to `messages` are in the index, these without their texts.
    async fn of(messages: i64, gaps: impl IntoIterator<Item = i64>) -> Option<i64> {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        sqlx::raw_sql("CREATE TABLE head_docsize (id INTEGER PRIMARY KEY)")
            .execute(&mut connection)
            .await
            .unwrap();
        let all: Vec<i64> = (0..messages).collect();
        sqlx::query("INSERT INTO head_docsize SELECT value FROM json_each(?1)")
            .bind(serde_json::to_string(&all).unwrap())
            .execute(&mut connection)
            .await
            .unwrap();
        let gaps: BTreeSet<i64> = gaps.into_iter().collect();
        let gaps: Vec<i64> = gaps.into_iter().rev().take(GAPS).collect();
        boundary(&mut connection, &gaps).await.unwrap()
    }

    #[tokio::test]
    async fn single_gaps_are_passed_over_wherever_they_are() {
        assert_eq!(of(1000, []).await, None);
        for gap in [999, 998, 500, 1, 0] {
            assert_eq!(of(1000, [gap]).await, None, "{gap}");
        }
        assert_eq!(of(1000, [999, 998]).await, None);
        assert_eq!(of(1000, [1, 0]).await, None);
        assert_eq!(of(20_000, (0..199).map(|n| n * 100)).await, None);
    }

    #[tokio::test]
    async fn texts_end_where_gaps_lie_close_together() {
        assert_eq!(of(1000, [500, 499, 498]).await, Some(500));
        assert_eq!(of(1000, [900, 500, 490, 470, 450, 100]).await, Some(500));
        assert_eq!(of(1000, 0..300).await, Some(299));
        assert_eq!(of(1000, 0..1000).await, Some(999));
        // Too many to be looked at one by one.
        assert_eq!(of(30_000, (0..300).map(|n| n * 100)).await, Some(10_000));
    }

    #[tokio::test]
    async fn in_little_mail_every_gap_counts() {
        assert_eq!(of(4, [3]).await, Some(3));
        assert_eq!(of(4, [0]).await, Some(0));
    }
}
