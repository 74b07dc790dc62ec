//! Many rows into a table by few statements.
//!
//! Rows that are bound as one JSON text are parsed once for each of their columns (SQLite 3.50),
//! and one statement a row is handed to SQLite's own thread a row at a time. So a statement takes
//! many rows, each value bound by itself.

use sqlx::query_builder::Separated;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::error::StoreError;

/// Rows of one statement. With it no table reaches SQLite's 32,766 parameters, and preparing one
/// costs little beside running it.
const ROWS: usize = 100;

/// The values of one row, to be bound in the order of the columns.
pub(crate) type Values<'a> = Separated<'a, Sqlite, &'static str>;

/// Inserts rows in the order they come. `into` names the table and its columns, `conflict` what
/// happens with rows that are there, and is empty where that is an error.
pub(crate) async fn insert<T>(
    connection: &mut SqliteConnection,
    into: &str,
    rows: Vec<T>,
    bind: fn(&mut Values<'_>, T),
    conflict: &str,
) -> Result<(), StoreError> {
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let mut taken = 0;
        let mut statement = QueryBuilder::<Sqlite>::new(format!("INSERT INTO {into} "));
        statement.push_values(rows.by_ref().take(ROWS), |mut values, row| {
            taken += 1;
            bind(&mut values, row);
        });
        statement.push(" ").push(conflict);
        // One of every number of rows would push all others out of the statements kept prepared.
        let query = statement.build().persistent(taken == ROWS);
        query.execute(&mut *connection).await?;
    }
    Ok(())
}
