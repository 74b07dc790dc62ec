//! The list of accounts, and how an account's folder goes.

use mail_model::{AccountColor, AccountId, GroupId, UnixTime};
use mail_store::{
    AccountGroup, AccountRecord, AccountState, Registry, Seal, SealReason, SourceAddress,
    StoreError, UnreadMark, remove_account_folder, seal_account_folder, sweep_trash,
    unseal_account_folder,
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
        picture: None,
        group: None,
        unread_mark: UnreadMark::Number,
        seal: None,
        link_journal: None,
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
    sealed.seal = Some(Seal {
        at: UnixTime::from_seconds(9),
        why: SealReason::SignedOut,
        keep_until: None,
    });
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
async fn what_is_known_of_an_account_survives_closing_the_list() {
    let folder = TempDir::new().unwrap();
    let registry = Registry::open(folder.path()).await.unwrap();
    let mut work = account("work", "ana", 0);
    work.picture = Some("tile.png".into());
    work.unread_mark = UnreadMark::Dot;
    registry.insert(work.clone()).await.unwrap();
    work.state = AccountState::Sealed;
    work.seal = Some(Seal {
        at: UnixTime::from_seconds(100),
        why: SealReason::SetAside,
        keep_until: Some(UnixTime::from_seconds(200)),
    });
    registry.update(work.clone()).await.unwrap();
    let journal = Some("{\"step\":\"prepared\"}");
    registry.set_link_journal(&work.id, journal).await.unwrap();
    // Whoever still holds the older copy of the record does not lose the journal.
    registry.update(work.clone()).await.unwrap();
    registry.close().await;
    let registry = Registry::open(folder.path()).await.unwrap();
    work.link_journal = journal.map(str::to_owned);
    assert_eq!(registry.accounts().await.unwrap(), [work.clone()]);
    registry.set_link_journal(&work.id, None).await.unwrap();
    assert_eq!(registry.accounts().await.unwrap()[0].link_journal, None);
    let nobody = AccountId::new("nobody").unwrap();
    let error = registry.set_link_journal(&nobody, None).await.unwrap_err();
    assert!(matches!(error, StoreError::AccountConflict), "{error:?}");
}

#[tokio::test]
async fn an_account_is_sealed_if_and_only_if_its_seal_is_known() {
    let folder = TempDir::new().unwrap();
    let registry = Registry::open(folder.path()).await.unwrap();
    let mut sealed = account("work", "ana", 0);
    sealed.state = AccountState::Sealed;
    let error = registry.insert(sealed).await.unwrap_err();
    assert!(matches!(error, StoreError::BadValue(_)), "{error:?}");
    let mut active = account("work", "ana", 0);
    active.seal = Some(Seal {
        at: UnixTime::from_seconds(1),
        why: SealReason::SignedOut,
        keep_until: None,
    });
    let error = registry.insert(active).await.unwrap_err();
    assert!(matches!(error, StoreError::BadValue(_)), "{error:?}");
    assert_eq!(registry.accounts().await.unwrap(), []);
}

#[tokio::test]
async fn groups_keep_their_order_and_a_deleted_one_takes_no_account_along() {
    let folder = TempDir::new().unwrap();
    let registry = Registry::open(folder.path()).await.unwrap();
    let group = |id: &str, name: &str, position| AccountGroup {
        id: GroupId::new(id).unwrap(),
        name: name.into(),
        position,
    };
    registry.save_group(group("g1", "Work", 0)).await.unwrap();
    registry.save_group(group("g2", "Home", 1)).await.unwrap();
    let mut work = account("work", "ana", 0);
    work.group = Some(GroupId::new("g1").unwrap());
    registry.insert(work.clone()).await.unwrap();
    work.group = Some(GroupId::new("g9").unwrap());
    let error = registry.update(work.clone()).await.unwrap_err();
    assert!(matches!(error, StoreError::AccountConflict), "{error:?}");

    let order = ["g2", "g1"].map(|id| GroupId::new(id).unwrap());
    registry.reorder_groups(&order).await.unwrap();
    registry.save_group(group("g1", "Office", 1)).await.unwrap();
    let groups = registry.groups().await.unwrap();
    assert_eq!(groups, [group("g2", "Home", 0), group("g1", "Office", 1)]);
    let kept = registry.accounts().await.unwrap().remove(0);
    assert_eq!(kept.group, Some(GroupId::new("g1").unwrap()));

    registry.delete_group(&order[1]).await.unwrap();
    registry.delete_group(&order[1]).await.unwrap();
    assert_eq!(registry.groups().await.unwrap(), [group("g2", "Home", 0)]);
    let kept = registry.accounts().await.unwrap().remove(0);
    assert_eq!(kept.group, None);
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
    assert_eq!(removed.files, removed.list.len() as u64);
    let octets: u64 = removed.list.iter().map(|file| file.octets).sum();
    assert_eq!(removed.octets, octets);
    let blob = removed.list.iter().find(|file| file.name == "blobs/one");
    assert_eq!(blob.unwrap().octets, 5);
    for name in ["mail.sqlite", "local.sqlite"] {
        assert!(removed.list.iter().any(|file| file.name == name), "{name}");
    }
    assert_eq!(std::fs::read_dir(home.folder.path()).unwrap().count(), 0);
    assert_eq!(remove_account_folder(&account).unwrap().files, 0);
}

#[tokio::test]
async fn a_sealed_folder_comes_back_as_it_was() {
    let home = Home::new().await;
    home.upsert(vec![message("a", "a", 1)]).await;
    let (account, sealed) = (
        home.folder.path().join("account"),
        home.folder.path().join("sealed/account"),
    );
    let error = seal_account_folder(&account, &sealed).unwrap_err();
    assert!(matches!(error, StoreError::InUse), "{error:?}");
    home.store.close().await.unwrap();
    // Twice each: a kill may come between the move and its note.
    for _ in 0..2 {
        seal_account_folder(&account, &sealed).unwrap();
        assert!(!account.exists() && sealed.join("mail.sqlite").exists());
    }
    for _ in 0..2 {
        unseal_account_folder(&sealed, &account).unwrap();
        assert!(account.join("mail.sqlite").exists() && !sealed.exists());
    }
    let store = crate::fixture::open(&home.folder, 1).await.unwrap();
    assert_eq!(store.message_count().await.unwrap(), 1);
}

#[test]
fn a_folder_is_never_moved_onto_another() {
    let folder = TempDir::new().unwrap();
    let (account, sealed) = (folder.path().join("account"), folder.path().join("sealed"));
    for path in [&account, &sealed] {
        std::fs::create_dir(path).unwrap();
        std::fs::write(path.join("mail.sqlite"), path.to_str().unwrap()).unwrap();
    }
    let error = seal_account_folder(&account, &sealed).unwrap_err();
    assert!(matches!(error, StoreError::Occupied { .. }), "{error:?}");
    for path in [&account, &sealed] {
        let kept = std::fs::read_to_string(path.join("mail.sqlite")).unwrap();
        assert_eq!(kept, path.to_str().unwrap());
    }
    let missing = folder.path().join("missing");
    let error = seal_account_folder(&missing, &folder.path().join("new")).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error:?}");
    assert!(!missing.exists());
    // An empty folder at the target is no obstacle.
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    seal_account_folder(&account, &empty).unwrap();
    assert!(empty.join("mail.sqlite").exists());
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
