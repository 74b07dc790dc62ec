//! Looking for a text in everything an account keeps: how one can check that nothing of one
//! account has reached another.

use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};

use super::AccountStore;
use crate::body;
use crate::error::{FileKind, StoreError};

/// Where a text was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// Which file.
    pub file: FileKind,
    /// Which table.
    pub table: String,
    /// In how many rows.
    pub rows: u64,
}

impl AccountStore {
    /// Every table of the account's four files that holds a text, whatever its case. Bodies are
    /// unpacked for it. Reads everything: for checks, not for searching.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn traces_of(&self, text: &str) -> Result<Vec<Trace>, StoreError> {
        let files = &self.inner.files;
        let mut traces = Vec::new();
        for file in [&files.mail, &files.body, &files.search, &files.local] {
            let mut connection = file.open_for_reading().await?;
            for (table, rows) in tables_with(&mut connection, text).await? {
                traces.push(Trace {
                    file: file.kind(),
                    table,
                    rows,
                });
            }
            if file.kind() == FileKind::Body {
                let rows = body::count_with(&mut connection, text).await?;
                if rows > 0 {
                    traces.push(Trace {
                        file: FileKind::Body,
                        table: "body".into(),
                        rows,
                    });
                }
            }
            connection.close().await?;
        }
        Ok(traces)
    }
}

async fn tables_with(
    connection: &mut SqliteConnection,
    text: &str,
) -> Result<Vec<(String, u64)>, StoreError> {
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
            .fetch_all(&mut *connection)
            .await?;
    let mut found = Vec::new();
    for table in tables {
        let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info(?1)")
            .bind(&table)
            .fetch_all(&mut *connection)
            .await?;
        let tests: Vec<String> = columns
            .iter()
            .map(|column| {
                format!(
                    "instr(lower(CAST({} AS TEXT)), lower(?1)) > 0",
                    quoted(column)
                )
            })
            .collect();
        if tests.is_empty() {
            continue;
        }
        // Names come from the schema of our own migrations; the text is bound.
        let sql = format!(
            "SELECT count(*) FROM {} WHERE {}",
            quoted(&table),
            tests.join(" OR ")
        );
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(text)
            .fetch_one(&mut *connection)
            .await?;
        let rows: i64 = row.try_get(0)?;
        if rows > 0 {
            found.push((table, rows.unsigned_abs()));
        }
    }
    Ok(found)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
