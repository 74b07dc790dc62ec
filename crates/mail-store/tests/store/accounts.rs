//! The list of accounts, and how an account's folder goes.

use mail_model::{AccountColor, AccountId, UnixTime};
use mail_store::{
    AccountRecord, AccountState, Registry, SourceAddress, StoreError, remove_account_folder,
    sweep_trash,
};
use tempfile::TempDir;

use crate::fixture::{Home, message};

fn account(id: &str, subject: &str, position: u32) -> AccountRecord {
    AccountRecord {
        id: AccountId::new(id).unwrap(),
        issuer: "https://login.northwind.example".into(),
        subject: subject.into(),
        name: "Work".into(),
        email: "ana@northwind.example".into(),
        color: AccountColor::Ocean,
        letter: "W".into(),
        position,
        connection: Some("northwind".into()),
        source: SourceAddress::Jmap {
            session_url: "https://mail.northwind.example/.well-known/jmap".into(),
        },
        state: AccountState::Active,
        epoch: 1,
        created_at: UnixTime::from_seconds(1),
    }
}

async fn names(registry: &Registry) -> Vec<String> {
    let accounts = registry.accounts().await.unwrap();
    accounts
        .into_iter()
        .map(|account| account.id.to_string())
        .collect()
}

#[tokio::test]
async fn accounts_are_kept_in_the_persons_order() {
    let folder = TempDir::new().unwrap();
    let registry = Registry::open(folder.path()).await.unwrap();
    for (n, id) in ["work", "personal", "choir"].into_iter().enumerate() {
        registry
            .insert(account(id, id, u32::try_from(n).unwrap()))
            .await
            .unwrap();
    }
    let order = ["choir", "work", "personal"].map(|id| AccountId::new(id).unwrap());
    registry.reorder(&order).await.unwrap();
    registry.close().await;
    let registry = Registry::open(folder.path()).await.unwrap();
    assert_eq!(names(&registry).await, ["choir", "work", "personal"]);
    let mut work = registry.accounts().await.unwrap().remove(1);
    assert_eq!(work, account("work", "work", 1));
    work.epoch = 2;
    work.state = AccountState::Paused;
    registry.update(work.clone()).await.unwrap();
    let found = registry.by_subject(&work.issuer, "work").await.unwrap();
    assert_eq!(found, Some(work));
    registry.remove(&order[0]).await.unwrap();
    registry.remove(&order[0]).await.unwrap();
    assert_eq!(names(&registry).await, ["work", "personal"]);
}

#[tokio::test]
async fn a_person_is_here_once_but_may_have_a_copy_put_aside() {
    let folder = TempDir::new().unwrap();
    let registry = Registry::open(folder.path()).await.unwrap();
    let mut sealed = account("old", "ana", 0);
    sealed.state = AccountState::Sealed;
    registry.insert(sealed).await.unwrap();
    registry.insert(account("new", "ana", 1)).await.unwrap();
    for again in [account("third", "ana", 2), account("new", "bo", 2)] {
        let error = registry.insert(again).await.unwrap_err();
        assert!(matches!(error, StoreError::AccountConflict), "{error:?}");
    }
    let missing = registry
        .update(account("nobody", "cy", 0))
        .await
        .unwrap_err();
    assert!(
        matches!(missing, StoreError::AccountConflict),
        "{missing:?}"
    );
    let issuer = "https://login.northwind.example";
    let found = registry.by_subject(issuer, "ana").await.unwrap().unwrap();
    assert_eq!(found.id.as_str(), "new");
}

#[tokio::test]
async fn a_removed_account_leaves_no_file_and_a_receipt() {
    let home = Home::new().await;
    home.upsert(vec![message("a", "a", 1)]).await;
    let account = home.folder.path().join("account");
    let error = remove_account_folder(&account).unwrap_err();
    assert!(matches!(error, StoreError::InUse), "{error:?}");
    home.store.close().await.unwrap();
    std::fs::create_dir(account.join("blobs")).unwrap();
    std::fs::write(account.join("blobs/one"), "12345").unwrap();
    let removed = remove_account_folder(&account).unwrap();
    assert!(removed.files >= 6 && removed.octets > 5, "{removed:?}");
    assert_eq!(std::fs::read_dir(home.folder.path()).unwrap().count(), 0);
    assert_eq!(remove_account_folder(&account).unwrap().files, 0);
}

#[test]
fn what_a_crash_left_of_a_removal_is_swept_and_nothing_else() {
    let folder = TempDir::new().unwrap();
    for name in [".trash-old", "living"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        std::fs::write(folder.path().join(name).join("mail.sqlite"), "1234").unwrap();
    }
    let removed = sweep_trash(folder.path()).unwrap();
    assert_eq!((removed.files, removed.octets), (1, 4));
    assert!(folder.path().join("living/mail.sqlite").exists());
    assert!(!folder.path().join(".trash-old").exists());
    assert_eq!(
        sweep_trash(&folder.path().join("missing")).unwrap().files,
        0
    );
}
