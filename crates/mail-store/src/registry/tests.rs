//! Lists of accounts that an earlier release wrote.

use std::borrow::Cow;

use mail_model::UnixTime;
use tempfile::TempDir;

use super::*;

/// The first release's schema, as the first migration made it.
async fn first_release(folder: &TempDir) {
    let file = SqliteFile::new(FileKind::Registry, folder.path(), None);
    let mut connection = file.open_unmigrated().await.unwrap();
    let mut migrator = sqlx::migrate!("migrations/registry");
    migrator.migrations = Cow::Owned(migrator.migrations.iter().take(1).cloned().collect());
    migrator.run(&mut connection).await.unwrap();
    sqlx::raw_sql(
        "INSERT INTO account VALUES
             ('work', 'https://login.northwind.example', 'ana', 'Work', 'ana@northwind.example',
              'ocean', 'W', 0, 'northwind', '{\"kind\":\"jmap\",\"session_url\":\"https://m/\"}',
              'active', 3, 11),
             ('home', 'https://login.northwind.example', 'bo', 'Home', 'bo@northwind.example',
              'rust', 'H', 1, NULL, '{\"kind\":\"jmap\",\"session_url\":\"https://m/\"}',
              'paused', 1, 12),
             ('old', 'https://login.northwind.example', 'ana', 'Old', 'ana@northwind.example',
              'rust', 'O', 2, NULL, '{\"kind\":\"jmap\",\"session_url\":\"https://m/\"}',
              'sealed', 1, 13)",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn the_first_releases_list_opens_with_everything_in_it() {
    let folder = TempDir::new().unwrap();
    first_release(&folder).await;
    let registry = Registry::open(folder.path()).await.unwrap();
    let accounts = registry.accounts().await.unwrap();
    let told: Vec<_> = accounts
        .iter()
        .map(|a| (a.id.as_str(), a.subject.as_str(), a.state, a.epoch))
        .collect();
    assert_eq!(
        told,
        [
            ("work", "ana", AccountState::Active, 3),
            ("home", "bo", AccountState::Paused, 1),
            ("old", "ana", AccountState::Sealed, 1),
        ]
    );
    let seal = Seal {
        at: UnixTime::from_seconds(13),
        why: SealReason::SignedOut,
        keep_until: None,
    };
    assert_eq!(accounts[2].seal, Some(seal));
    assert_eq!(accounts[0].connection.as_deref(), Some("northwind"));
    assert_eq!(accounts[0].unread_mark, UnreadMark::Number);
    // A person still is here once.
    let mut second = accounts[0].clone();
    second.id = AccountId::new("second").unwrap();
    let error = registry.insert(second).await.unwrap_err();
    assert!(matches!(error, StoreError::AccountConflict), "{error:?}");
}
