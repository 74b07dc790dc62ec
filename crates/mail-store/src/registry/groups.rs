//! Groups of accounts. A group owns no account: deleting it leaves its members where they are.

use mail_model::GroupId;
use sqlx::Row as _;

use super::Registry;
use crate::error::StoreError;
use crate::mail::mailbox::stored_id;
use crate::writer::Priority;

/// Accounts a person reads together, such as Work and Home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountGroup {
    /// Its random name on this machine.
    pub id: GroupId,
    /// What the person calls it.
    pub name: String,
    /// Its place among the groups, smallest first.
    pub position: u32,
}

impl Registry {
    /// All groups in their order. Which accounts belong to one is said by the accounts.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn groups(&self) -> Result<Vec<AccountGroup>, StoreError> {
        self.writer
            .run(Priority::Person, |connection| {
                Box::pin(async move {
                    let rows = sqlx::query(
                        "SELECT id, name, position FROM account_group ORDER BY position, name, id",
                    )
                    .fetch_all(connection)
                    .await?;
                    rows.iter()
                        .map(|row| {
                            Ok(AccountGroup {
                                id: stored_id(row, 0)?,
                                name: row.try_get(1)?,
                                position: row.try_get(2)?,
                            })
                        })
                        .collect()
                })
            })
            .await
    }

    /// Adds a group, or writes it anew.
    ///
    /// # Errors
    /// The old one is kept.
    pub async fn save_group(&self, group: AccountGroup) -> Result<(), StoreError> {
        self.writer
            .run(Priority::Person, move |connection| {
                Box::pin(async move {
                    sqlx::query(
                        "INSERT INTO account_group (id, name, position) VALUES (?1, ?2, ?3)
                         ON CONFLICT (id) DO UPDATE
                         SET name = excluded.name, position = excluded.position",
                    )
                    .bind(group.id.as_str())
                    .bind(&group.name)
                    .bind(group.position)
                    .execute(connection)
                    .await?;
                    Ok(())
                })
            })
            .await
    }

    /// Deletes a group; its accounts stay and belong to none. Done again it does nothing.
    ///
    /// # Errors
    /// The group is kept.
    pub async fn delete_group(&self, id: &GroupId) -> Result<(), StoreError> {
        let id = id.clone();
        self.writer
            .run(Priority::Person, move |connection| {
                Box::pin(async move {
                    sqlx::query("DELETE FROM account_group WHERE id = ?1")
                        .bind(id.as_str())
                        .execute(connection)
                        .await?;
                    Ok(())
                })
            })
            .await
    }

    /// Puts the groups into this order; those that are not named keep their places.
    ///
    /// # Errors
    /// The old order is kept.
    pub async fn reorder_groups(&self, ids: &[GroupId]) -> Result<(), StoreError> {
        self.place(
            serde_json::to_string(ids)?,
            "UPDATE account_group SET position = j.key FROM json_each(?1) j
             WHERE account_group.id = j.value",
        )
        .await
    }
}
