//! How far synchronisation is, and the number of the newest change.

use mail_model::{ChangeNumber, StateString, UnixTime};
use sqlx::{Row as _, SqliteConnection};

use super::mailbox::{from_stored, to_stored};
use crate::error::StoreError;
use crate::sync::{FillState, ProgressUpdate, SyncProgress};

pub(crate) async fn load(connection: &mut SqliteConnection) -> Result<SyncProgress, StoreError> {
    let row = sqlx::query(
        "SELECT mailbox_state, message_state, fill, fill_oldest, fill_done, fill_total,
         last_success FROM progress WHERE id = 1",
    )
    .fetch_one(connection)
    .await?;
    let fill: String = row.try_get(2)?;
    let total: Option<i64> = row.try_get(5)?;
    let last_success: Option<i64> = row.try_get(6)?;
    Ok(SyncProgress {
        mailbox_state: state(row.try_get(0)?)?,
        message_state: state(row.try_get(1)?)?,
        fill: match fill.as_str() {
            "complete" => FillState::Complete,
            "filling" => FillState::Filling {
                oldest: UnixTime::from_seconds(row.try_get(3)?),
                done: from_stored(row.try_get(4)?),
                total: total.map(from_stored),
            },
            _ => FillState::Start,
        },
        last_success: last_success.map(UnixTime::from_seconds),
    })
}

fn state(text: Option<String>) -> Result<Option<StateString>, StoreError> {
    text.map(StateString::new)
        .transpose()
        .map_err(|_| StoreError::BadValue(None))
}

pub(crate) async fn update(
    connection: &mut SqliteConnection,
    update: &ProgressUpdate,
) -> Result<(), StoreError> {
    if *update == ProgressUpdate::default() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE progress SET mailbox_state = coalesce(?1, mailbox_state),
         message_state = coalesce(?2, message_state),
         last_success = coalesce(?3, last_success) WHERE id = 1",
    )
    .bind(update.mailbox_state.as_ref().map(StateString::as_str))
    .bind(update.message_state.as_ref().map(StateString::as_str))
    .bind(update.last_success.map(UnixTime::seconds))
    .execute(&mut *connection)
    .await?;
    let Some(fill) = update.fill else {
        return Ok(());
    };
    let (name, oldest, done, total) = match fill {
        FillState::Start => ("start", 0, 0, None),
        FillState::Filling {
            oldest,
            done,
            total,
        } => ("filling", oldest.seconds(), done, total),
        FillState::Complete => ("complete", 0, 0, None),
    };
    sqlx::query(
        "UPDATE progress SET fill = ?1, fill_oldest = ?2, fill_done = ?3, fill_total = ?4
         WHERE id = 1",
    )
    .bind(name)
    .bind(oldest)
    .bind(to_stored(done))
    .bind(total.map(to_stored))
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes the next change number.
pub(crate) async fn next_change(
    connection: &mut SqliteConnection,
) -> Result<ChangeNumber, StoreError> {
    let number: i64 = sqlx::query_scalar(
        "UPDATE progress SET change_number = change_number + 1 WHERE id = 1
         RETURNING change_number",
    )
    .fetch_one(connection)
    .await?;
    Ok(ChangeNumber(from_stored(number)))
}
