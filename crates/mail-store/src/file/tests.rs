use sqlx::Row as _;
use tempfile::TempDir;

use super::*;

const ALL: [FileKind; 5] = [
    FileKind::Mail,
    FileKind::Body,
    FileKind::Search,
    FileKind::Local,
    FileKind::Registry,
];

fn file(folder: &TempDir, kind: FileKind) -> SqliteFile {
    SqliteFile::new(kind, folder.path(), Some(StoreKey::new([7; 32])))
}

async fn pragma(connection: &mut SqliteConnection, name: &'static str) -> i64 {
    let sql = sqlx::AssertSqlSafe(format!("PRAGMA {name}"));
    sqlx::query_scalar(sql).fetch_one(connection).await.unwrap()
}

/// The picture in `schema/` is what the migrations make. After a new migration run with
/// `BRAID_REFRESH=1`, and read the difference.
#[tokio::test]
async fn the_pictures_of_the_schemas_show_what_the_migrations_make() {
    let pictures = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
    for kind in ALL {
        let folder = TempDir::new().unwrap();
        let mut connection = file(&folder, kind).open_writer().await.unwrap();
        let objects: Vec<String> = sqlx::query_scalar(
            "SELECT sql FROM sqlite_schema
             WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_sqlx_%'
             ORDER BY rowid",
        )
        .fetch_all(&mut connection)
        .await
        .unwrap();
        let made = format!(
            "-- {kind}, after all migrations. A picture: a test compares it, nothing runs it.\n\n{};\n",
            objects.join(";\n\n")
        );
        let picture = pictures.join(kind.file_name().replace(".sqlite", ".sql"));
        if std::env::var_os("BRAID_REFRESH").is_some() {
            std::fs::write(&picture, &made).unwrap();
        }
        let drawn = std::fs::read_to_string(&picture).unwrap_or_default();
        assert_eq!(drawn, made, "{}", picture.display());
    }
}

#[tokio::test]
async fn settings_are_those_that_were_measured() {
    settle_process().await.unwrap();
    for kind in ALL {
        let folder = TempDir::new().unwrap();
        let mut connection = file(&folder, kind).open_writer().await.unwrap();
        let journal: String = sqlx::query_scalar("PRAGMA journal_mode")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(journal, "wal");
        let full = matches!(kind, FileKind::Local | FileKind::Registry);
        let synchronous = if full { 2 } else { 1 };
        assert_eq!(pragma(&mut connection, "synchronous").await, synchronous);
        assert_eq!(pragma(&mut connection, "cache_size").await, -8192);
        assert_eq!(pragma(&mut connection, "temp_store").await, 2);
        assert_eq!(pragma(&mut connection, "foreign_keys").await, 1);
        assert_eq!(pragma(&mut connection, "journal_size_limit").await, 1 << 26);
        assert_eq!(pragma(&mut connection, "soft_heap_limit").await, 1 << 26);
    }
}

#[tokio::test]
async fn sqlite_is_built_with_encryption_and_without_one_lock_for_all_caches() {
    let folder = TempDir::new().unwrap();
    let mut connection = file(&folder, FileKind::Mail).open_writer().await.unwrap();
    let options: Vec<String> = sqlx::query_scalar("PRAGMA compile_options")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    assert!(
        options.iter().any(|option| option == "HAS_CODEC"),
        "{options:?}"
    );
    assert!(
        !options
            .iter()
            .any(|option| option == "ENABLE_MEMORY_MANAGEMENT")
    );
}

#[tokio::test]
async fn readers_cannot_write() {
    let folder = TempDir::new().unwrap();
    let file = file(&folder, FileKind::Mail);
    let _writer = file.open_writer().await.unwrap();
    let readers = file.readers(2);
    let read = sqlx::query("SELECT count(*) FROM message")
        .fetch_one(&readers)
        .await;
    assert_eq!(read.unwrap().get::<i64, _>(0), 0);
    let write = sqlx::query("INSERT INTO thread (id) VALUES ('t')")
        .execute(&readers)
        .await;
    assert!(write.is_err());
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_kept() {
    let folder = TempDir::new().unwrap();
    let file = file(&folder, FileKind::Mail);
    let mut connection = file.open_writer().await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'from the future', 1, x'00', 0)",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    connection.close().await.unwrap();
    for _ in 0..2 {
        let error = file.open_writer().await.err().unwrap();
        assert!(
            matches!(
                error,
                StoreError::NewerSchema {
                    file: FileKind::Mail
                }
            ),
            "{error:?}"
        );
    }
}

#[cfg(unix)]
#[tokio::test]
async fn files_are_the_persons_alone_even_if_they_were_not() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = TempDir::new().unwrap();
    let inner = folder.path().join("account");
    std::fs::create_dir(&inner).unwrap();
    std::fs::set_permissions(&inner, std::fs::Permissions::from_mode(0o777)).unwrap();
    create_private_folder(&inner).unwrap();
    assert_eq!(mode(&inner), 0o700);
    let lax = inner.join("mail.sqlite");
    std::fs::write(&lax, "").unwrap();
    std::fs::set_permissions(&lax, std::fs::Permissions::from_mode(0o666)).unwrap();
    let file = SqliteFile::new(FileKind::Mail, &inner, Some(StoreKey::new([7; 32])));
    let _connection = file.open_writer().await.unwrap();
    for suffix in ["", "-wal", "-shm"] {
        assert_eq!(mode(&suffixed(&lax, suffix)), 0o600, "{suffix}");
    }
}

#[tokio::test]
async fn readers_that_nobody_uses_are_closed() {
    let folder = TempDir::new().unwrap();
    let file = file(&folder, FileKind::Mail);
    let _writer = file.open_writer().await.unwrap();
    let readers = file.readers_until(2, Duration::from_millis(20));
    let (one, two) = (readers.acquire().await, readers.acquire().await);
    assert_eq!(readers.size(), 2);
    drop((one.unwrap(), two.unwrap()));
    tokio::time::timeout(Duration::from_secs(60), async {
        while readers.size() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
    // The next one opens by itself.
    let read = sqlx::query("SELECT count(*) FROM message")
        .fetch_one(&readers)
        .await;
    assert_eq!(read.unwrap().get::<i64, _>(0), 0);
}
