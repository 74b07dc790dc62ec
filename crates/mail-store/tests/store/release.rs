//! Files as earlier releases wrote them, made from the steps of the schemas themselves.

use std::path::Path;

use mail_store::FileKind;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

/// A file's connection without the store.
pub(crate) async fn bare(file: &Path, encrypted: bool) -> SqliteConnection {
    let mut options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal);
    if encrypted {
        options = options.pragma("key", format!("\"x'{}'\"", "01".repeat(32)));
    }
    options.connect().await.unwrap()
}

/// Every step of a file's schema.
pub(crate) async fn steps(kind: FileKind) -> Migrator {
    let name = kind.file_name().replace(".sqlite", "");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("migrations")
        .join(name);
    Migrator::new(folder).await.unwrap()
}

/// A file as the release wrote it that knew only the first steps of the schema.
pub(crate) async fn of_release(file: &Path, kind: FileKind, known: usize) -> SqliteConnection {
    let mut connection = bare(file, kind != FileKind::Registry).await;
    let all = steps(kind).await;
    let first = all.iter().take(known).cloned().collect();
    Migrator::with_migrations(first)
        .run(&mut connection)
        .await
        .unwrap();
    connection
}

/// The first release's files: a waiting change, a choice, a mailbox.
pub(crate) async fn fill_first_release(folder: &Path, known: usize) {
    std::fs::create_dir_all(folder).unwrap();
    for kind in FileKind::ACCOUNT {
        let mut connection = of_release(&folder.join(kind.file_name()), kind, known).await;
        let rows = match kind {
            FileKind::Local => {
                "INSERT INTO intent (keywords, add_to, remove_from)
                    VALUES ('[{\"keyword\":\"$seen\",\"set\":true}]', '[]', '[]');
                 INSERT INTO intent_message VALUES (1, 0, 'm1');
                 INSERT INTO setting VALUES ('signature', '\"Ana\"');"
            }
            FileKind::Mail => {
                "INSERT INTO mailbox (id, listed, name) VALUES ('inbox', 1, 'inbox');"
            }
            _ => "SELECT 1;",
        };
        sqlx::raw_sql(rows).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

/// The first release's list of accounts.
pub(crate) async fn fill_first_registry(folder: &Path) {
    let file = folder.join(FileKind::Registry.file_name());
    let mut connection = of_release(&file, FileKind::Registry, 1).await;
    let row = "INSERT INTO account VALUES ('old', 'https://login.northwind.example', 'old', 'Old',
        'old@northwind.example', 'ocean', 'O', 0, NULL,
        '{\"kind\":\"jmap\",\"session_url\":\"https://mail.northwind.example/\"}', 'active', 1, 1)";
    sqlx::query(row).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}
