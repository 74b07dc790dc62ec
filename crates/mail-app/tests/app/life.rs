//! An account's life on this computer: paused, locked, signed out, sealed, brought back, removed.

use mail_app::{
    AccountRequest, App, DataChoice, ErrorCode, Filter, HealthView, KeepSealedRequest, ListMode,
    MailboxRole, ReceiptKind, RowView, Scope, SealedRequest, SealedWhy, SignInView, SignOutRequest,
    Vault as _,
};
use mail_model::AccountId;
use mail_rehearsal::faults::Server;
use serde_json::{Value, json};

use crate::world::{LIMIT, World, eventually, until};

fn of(account: &str) -> AccountRequest {
    AccountRequest {
        account: account.to_owned(),
    }
}

fn sealed(id: &str) -> SealedRequest {
    SealedRequest {
        sealed: id.to_owned(),
    }
}

pub(crate) async fn inbox(app: &App) -> Vec<RowView> {
    let scope = Scope::Merged {
        role: MailboxRole::Inbox,
        group: None,
    };
    app.rows_now(scope, ListMode::Messages, Filter::All, 1_000)
        .await
        .unwrap()
}

async fn rows_of(app: &App, account: &str) -> usize {
    let rows = inbox(app).await;
    rows.iter().filter(|row| row.account == account).count()
}

async fn sign_out(app: &App, account: &str, data: DataChoice) -> mail_app::SignOutView {
    let account = account.to_owned();
    app.sign_out(SignOutRequest { account, data })
        .await
        .unwrap()
}

/// The first event of a feed.
pub(crate) async fn first(app: &App, feed: &str, payload: Value) -> Value {
    let (seen, mut events) = tokio::sync::mpsc::unbounded_channel();
    let sink = mail_app::FeedSink::new(move |event: Value| seen.send(event).is_ok());
    let open = app.open(feed, payload, sink).await.unwrap();
    let event = tokio::time::timeout(LIMIT, events.recv()).await.unwrap();
    drop(open);
    event.unwrap()
}

fn names_in(folder: &std::path::Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Calls of one account at the mail server so far.
fn calls(world: &World, account: &str) -> u64 {
    world.rehearsal.mail().calls(account, "*").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_account_has_no_traffic_and_its_marks_wait_also_over_a_restart() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, personal) = world.two_accounts(&app).await;
    app.pause_account(of(&work.id)).await.unwrap();
    until(&app, "a pause", async |accounts| {
        accounts[0].health == HealthView::Paused && accounts[1].health == HealthView::Current
    })
    .await;
    world.rehearsal.faults().expire_tokens();
    let before = calls(&world, "u-work");
    let renewals = world
        .rehearsal
        .faults()
        .requests(Server::Login, "PATCH", "*");
    let row = inbox(&app)
        .await
        .into_iter()
        .find(|row| row.account == work.id)
        .unwrap();
    let target = json!({ "kind": "message", "account": work.id, "message": row.message });
    let marks = json!({ "targets": [target], "mark": "flagged", "set": !row.starred });
    app.call("message.mark", marks).await.unwrap();
    world.deliver("u-work", "While it was paused", "Later.");
    let nothing = json!({ "account": work.id });
    app.call("account.sync", nothing).await.unwrap();
    app.stop().await;
    drop(app);

    let app = world.start().await;
    until(&app, "still paused", async |accounts| {
        accounts[0].health == HealthView::Paused
            && accounts[0].queued == 1
            && accounts[1].health == HealthView::Current
    })
    .await;
    assert!(rows_of(&app, &work.id).await > 0, "its mail can be read");
    assert_eq!(calls(&world, "u-work"), before, "no traffic");
    // Personal has renewed its token, and nobody else.
    let since = world
        .rehearsal
        .faults()
        .requests(Server::Login, "PATCH", "*");
    assert!(since <= renewals + 1, "{since} after {renewals}");
    app.resume_account(of(&work.id)).await.unwrap();
    until(&app, "what has waited", async |accounts| {
        accounts[0].queued == 0
            && accounts[0].health == HealthView::Current
            && inbox(&app)
                .await
                .iter()
                .any(|row| row.subject == "While it was paused")
    })
    .await;
    assert_eq!(app.accounts_now().await[1].id, personal.id);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rows_of_a_locked_account_vanish_and_come_back_with_its_key() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, personal) = world.two_accounts(&app).await;
    let before = inbox(&app).await;
    app.pause_account(of(&work.id)).await.unwrap();
    app.lock_account(of(&work.id)).await.unwrap();
    let locked = async |app: &App| {
        let accounts = app.accounts_now().await;
        assert_eq!(accounts[0].health, HealthView::Locked);
        assert_eq!((accounts[0].unread, accounts[0].mailboxes.len()), (0, 0));
        let rows = inbox(app).await;
        assert!(!rows.is_empty() && rows.iter().all(|row| row.account == personal.id));
        for call in ["account.pause", "account.resume"] {
            let refused = app.call(call, json!({ "account": work.id })).await;
            assert_eq!(refused.unwrap_err().code, ErrorCode::Locked, "{call}");
        }
    };
    locked(&app).await;
    app.stop().await;
    drop(app);
    // Not even the keyring is asked before the person unlocks it.
    let id = AccountId::new(work.id.clone()).unwrap();
    world.vault.seal_key(&id).await.unwrap();
    let app = world.start().await;
    locked(&app).await;
    // It stays locked as long as the keyring has no word of it; nothing is lost by trying.
    world.vault.unseal_key(&id).await.unwrap();
    app.unlock_account(of(&work.id)).await.unwrap();
    until(&app, "paused as before", async |accounts| {
        accounts[0].health == HealthView::Paused
    })
    .await;
    assert_eq!(inbox(&app).await, before);
    app.resume_account(of(&work.id)).await.unwrap();
    until(&app, "current", async |accounts| {
        accounts[0].health == HealthView::Current
    })
    .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_out_account_is_sealed_and_comes_back_with_its_mail_and_no_session() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, personal) = world.two_accounts(&app).await;
    let before = inbox(&app).await;
    let view = sign_out(&app, &work.id, DataChoice::Sealed).await;
    assert!(view.session_ended && view.receipt.is_none(), "{view:?}");
    let copy = view.sealed.unwrap();
    assert_eq!(
        (copy.why, copy.name.as_str()),
        (SealedWhy::SignedOut, "Work")
    );
    assert_eq!(copy.keep_until, Some(copy.sealed_at + 30 * 24 * 60 * 60));
    assert!(copy.octets > 0);
    let event = first(&app, "accounts", json!({})).await;
    assert_eq!(event["accounts"].as_array().unwrap().len(), 1);
    assert_eq!(event["sealed"][0]["id"], work.id);
    assert_eq!(names_in(&world.paths().accounts()), [personal.id.as_str()]);
    let folder = world.paths().data().join("sealed").join(&work.id);
    let kept = names_in(&folder);
    assert!(kept.contains(&"mail.sqlite".to_owned()), "{kept:?}");
    assert!(!kept.contains(&"session.sealed".to_owned()), "{kept:?}");
    let keys = world.vault.sealed_names().await.unwrap();
    assert_eq!((keys.len(), keys[0].as_str()), (1, work.id.as_str()));
    assert_eq!(world.vault.names().await.unwrap().len(), 1);
    app.stop().await;
    drop(app);

    // The login service is not needed for that, nor asked.
    let app = world.start().await;
    app.restore_sealed(sealed(&work.id)).await.unwrap();
    let accounts = app.accounts_now().await;
    let restored = accounts.iter().find(|it| it.id == work.id).unwrap();
    assert_eq!(restored.health, HealthView::SignedOut);
    assert_eq!(inbox(&app).await, before);
    assert!(app.sealed_now().await.unwrap().is_empty());
    assert!(world.vault.sealed_names().await.unwrap().is_empty());
    let ended = world.sign_in(&app, "Work", Some(&work.id)).await;
    let account = work.id.clone();
    assert_eq!(ended, SignInView::Renewed { account });
    until(&app, "signed in", async |accounts| {
        accounts
            .iter()
            .all(|account| account.health == HealthView::Current)
    })
    .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_signs_in_again_may_take_the_sealed_copy_back() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, _) = world.two_accounts(&app).await;
    sign_out(&app, &work.id, DataChoice::Sealed).await;
    let offered = std::sync::Mutex::new(None);
    let ended = world
        .sign_in_as(&app, "Work", |confirm, request| {
            let SignInView::Confirm { sealed, .. } = confirm else {
                return;
            };
            *offered.lock().unwrap() = sealed.clone();
            request.restore = true;
        })
        .await;
    assert_eq!(offered.into_inner().unwrap().unwrap().id, work.id);
    let account = work.id.clone();
    assert_eq!(ended, SignInView::Added { account });
    assert!(rows_of(&app, &work.id).await > 0);
    assert!(app.sealed_now().await.unwrap().is_empty());
    until(&app, "signed in", async |accounts| {
        accounts
            .iter()
            .all(|account| account.health == HealthView::Current)
    })
    .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wiped_is_on_the_receipt_and_nowhere_else() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, personal) = world.two_accounts(&app).await;
    let files = names_in(&world.paths().accounts().join(&work.id));
    let view = sign_out(&app, &work.id, DataChoice::Wiped).await;
    let receipt = view.receipt.unwrap();
    assert!(receipt.items.iter().all(|item| item.gone), "{receipt:?}");
    let named = |kind| {
        let items = receipt.items.iter().filter(move |item| item.kind == kind);
        items.map(|item| item.name.clone()).collect::<Vec<_>>()
    };
    for file in files.iter().filter(|file| file.ends_with(".sqlite")) {
        assert!(named(ReceiptKind::File).contains(file), "{file}");
    }
    assert!(named(ReceiptKind::Key).contains(&work.id));
    assert_eq!(named(ReceiptKind::Entry), std::slice::from_ref(&work.id));
    assert!(receipt.key_deleted && receipt.session_ended);
    assert_eq!(names_in(&world.paths().accounts()), [personal.id.as_str()]);
    assert!(names_in(&world.paths().data().join("sealed")).is_empty());
    assert!(app.sealed_now().await.unwrap().is_empty());
    assert_eq!(world.vault.names().await.unwrap().len(), 1);
    assert!(world.vault.sealed_names().await.unwrap().is_empty());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_copy_is_kept_as_long_as_it_is_said_and_deleted_after_that() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, personal) = world.two_accounts(&app).await;
    for account in [&work, &personal] {
        sign_out(&app, &account.id, DataChoice::Sealed).await;
    }
    let keep = |sealed: &str, days| {
        app.keep_sealed(KeepSealedRequest {
            sealed: sealed.to_owned(),
            days,
        })
    };
    keep(&work.id, None).await.unwrap();
    let refused = keep(&work.id, Some(0)).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::BadRequest);
    let copies = app.sealed_now().await.unwrap();
    let kept = copies.iter().find(|copy| copy.id == work.id).unwrap();
    assert_eq!((copies.len(), kept.keep_until), (2, None));
    app.stop().await;
    drop(app);
    // Thirty days later.
    let registry = mail_store::Registry::open(world.paths().data())
        .await
        .unwrap();
    for mut record in registry.accounts().await.unwrap() {
        if let Some(seal) = &mut record.seal
            && seal.keep_until.is_some()
        {
            seal.keep_until = Some(mail_model::UnixTime::from_seconds(1));
        }
        registry.update(record).await.unwrap();
    }
    registry.close().await;
    let app = world.start().await;
    eventually("a copy whose time is over", async || {
        names_in(&world.paths().data().join("sealed")) == [work.id.clone()]
            && world.vault.sealed_names().await.unwrap().len() == 1
    })
    .await;
    let receipt = app.destroy_sealed(sealed(&work.id)).await.unwrap();
    assert!(receipt.items.iter().all(|item| item.gone) && receipt.files >= 4);
    let gone = app.destroy_sealed(sealed(&work.id)).await.unwrap_err();
    assert_eq!(gone.code, ErrorCode::NotFound);
    assert!(names_in(&world.paths().data().join("sealed")).is_empty());
    assert!(world.vault.sealed_names().await.unwrap().is_empty());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_not_brought_back_beside_the_same_person() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, _) = world.two_accounts(&app).await;
    sign_out(&app, &work.id, DataChoice::Sealed).await;
    let ended = world.sign_in(&app, "Work", None).await;
    assert!(matches!(ended, SignInView::Added { .. }), "{ended:?}");
    let refused = app.restore_sealed(sealed(&work.id)).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::PersonHere);
    assert_eq!(app.sealed_now().await.unwrap().len(), 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_error_takes_a_row_from_the_rail() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, personal) = world.two_accounts(&app).await;
    let rail = [work.id.clone(), personal.id.clone()];
    let ids = async |app: &App| -> Vec<String> {
        let accounts = app.accounts_now().await;
        accounts.into_iter().map(|account| account.id).collect()
    };
    // The token.
    world
        .rehearsal
        .tenant()
        .end_sessions_of("northwind|ana.moreau");
    world.rehearsal.faults().expire_tokens();
    until(&app, "the end of a session", async |accounts| {
        app.call("account.sync", json!({ "account": null }))
            .await
            .unwrap();
        tokio::task::yield_now().await;
        accounts[0].health == HealthView::SignInNeeded
    })
    .await;
    assert_eq!(ids(&app).await, rail);
    app.stop().await;
    drop(app);
    // The network and the keyring.
    let keys = world.vault.names().await.unwrap();
    for key in &keys {
        world.vault.delete_key(key).await.unwrap();
    }
    world
        .rehearsal
        .faults()
        .add(mail_rehearsal::faults::Rule::lose_request("*", u32::MAX));
    let app = world.start().await;
    assert_eq!(ids(&app).await, rail);
    let scope = json!({ "kind": "merged", "role": "inbox" });
    let list = json!({ "list": "a", "scope": scope, "mode": "messages", "filter": "all" });
    let event = first(&app, "list", list).await;
    assert_eq!(event["total"], 0);
    assert_eq!(
        event["failed"],
        json!(rail),
        "a list that cannot be read says so"
    );
    app.stop().await;
}

/// Changes the rows of the registry while no app has it.
async fn change_rows(world: &World, change: impl Fn(&mut mail_store::AccountRecord)) {
    let registry = mail_store::Registry::open(world.paths().data())
        .await
        .unwrap();
    for mut record in registry.accounts().await.unwrap() {
        change(&mut record);
        registry.update(record).await.unwrap();
    }
    registry.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_leaps_ahead_deletes_no_copy() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, _) = world.two_accounts(&app).await;
    sign_out(&app, &work.id, DataChoice::Sealed).await;
    app.stop().await;
    drop(app);
    // As if the last run and the sign-out had been ninety days ago.
    let day = 24 * 60 * 60;
    let file = world.paths().clock();
    let seen = |file: &std::path::Path| -> Value {
        serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
    };
    let now = seen(&file)["at"].as_i64().unwrap();
    let past = json!({ "at": now - 90 * day, "wait_until": null });
    std::fs::write(&file, past.to_string()).unwrap();
    change_rows(&world, |record| {
        if let Some(seal) = &mut record.seal {
            seal.at = mail_model::UnixTime::from_seconds(now - 90 * day);
            seal.keep_until = Some(mail_model::UnixTime::from_seconds(now - 60 * day));
        }
    })
    .await;
    let app = world.start().await;
    eventually("a look at the clock", async || {
        seen(&file)["wait_until"].is_number()
    })
    .await;
    let copies = app.sealed_now().await.unwrap();
    assert_eq!((copies.len(), copies[0].id.as_str()), (1, work.id.as_str()));
    app.stop().await;
    drop(app);
    assert!(world.paths().data().join("sealed").join(&work.id).exists());
    // A day later the clock still says so.
    let later = json!({ "at": now, "wait_until": now - 1 });
    std::fs::write(&file, later.to_string()).unwrap();
    let app = world.start().await;
    eventually("a copy whose time is over", async || {
        names_in(&world.paths().data().join("sealed")).is_empty()
    })
    .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_whose_key_is_in_memory_says_that_it_ends_with_the_app() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, _) = world.two_accounts(&app).await;
    let copy = sign_out(&app, &work.id, DataChoice::Sealed).await.sealed;
    assert!(copy.unwrap().until_quit);
    app.stop().await;
    drop(app);
    // Memory has gone with the process.
    let app = world
        .start_with(std::sync::Arc::new(mail_app::MemoryVault::new()))
        .await;
    eventually("a copy without a key", async || {
        let copies = app.sealed_now().await.unwrap();
        copies[0].why == SealedWhy::KeyLost && !copies[0].until_quit
    })
    .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_written_for_files_that_never_came_is_no_copy() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, _) = world.two_accounts(&app).await;
    app.stop().await;
    drop(app);
    let registry = mail_store::Registry::open(world.paths().data())
        .await
        .unwrap();
    let records = registry.accounts().await.unwrap();
    let own = records.iter().find(|it| it.id.as_str() == work.id).unwrap();
    let ghost = mail_store::AccountRecord {
        id: AccountId::new("ghost").unwrap(),
        state: mail_store::AccountState::Sealed,
        seal: Some(mail_store::Seal {
            at: own.created_at,
            why: mail_store::SealReason::KeyLost,
            keep_until: None,
        }),
        ..own.clone()
    };
    registry.insert(ghost).await.unwrap();
    registry.close().await;
    let app = world.start().await;
    eventually("no copy", async || {
        app.sealed_now().await.unwrap().is_empty()
    })
    .await;
    assert_eq!(app.accounts_now().await.len(), 2);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_for_an_account_that_was_locked_meanwhile_is_ended_and_changes_nothing() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, _) = world.two_accounts(&app).await;
    let connection = world.at_the_browser("Work");
    // Somebody stands at the sign-in page and does not click yet.
    let query = world.browser.person.lock().unwrap().take().unwrap();
    world.browser.opened.lock().unwrap().clear();
    let request = mail_app::BeginSignInRequest {
        connection: Some(connection),
        account: Some(work.id.clone()),
    };
    let attempt = app.begin_sign_in(request).await.unwrap().attempt;
    let page = || world.browser.opened.lock().unwrap().last().cloned();
    eventually("a page", async || page().is_some()).await;
    app.lock_account(of(&work.id)).await.unwrap();
    let ends = || {
        world
            .rehearsal
            .faults()
            .requests(Server::Login, "DELETE", "*")
    };
    let ended_before = ends();
    let page = page().unwrap();
    mail_app::rehearsal::follow(&page, &query).await.unwrap();
    let ended = crate::world::finish(&app, attempt, "Work").await;
    let SignInView::Failed { code, .. } = ended else {
        panic!("{ended:?}")
    };
    assert_eq!(code, ErrorCode::Locked);
    assert_eq!(ends(), ended_before + 1, "the new session is ended");
    assert_eq!(app.accounts_now().await[0].health, HealthView::Locked);
    app.unlock_account(of(&work.id)).await.unwrap();
    until(&app, "the old session", async |accounts| {
        accounts[0].health == HealthView::Current
    })
    .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_cannot_be_unlocked_is_closed_and_not_only_called_so() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, personal) = world.two_accounts(&app).await;
    app.lock_account(of(&work.id)).await.unwrap();
    // Its row is gone for a moment, so that nothing can be written to it.
    let registry = mail_store::Registry::open(world.paths().data())
        .await
        .unwrap();
    let records = registry.accounts().await.unwrap();
    let own = records.iter().find(|it| it.id.as_str() == work.id).unwrap();
    registry.remove(&own.id).await.unwrap();
    app.unlock_account(of(&work.id)).await.unwrap_err();
    assert_eq!(app.accounts_now().await[0].health, HealthView::Locked);
    let rows = inbox(&app).await;
    assert!(!rows.is_empty() && rows.iter().all(|row| row.account == personal.id));
    assert_eq!(app.message_count(&work.id).await.unwrap(), 0, "it is open");
    registry.insert(own.clone()).await.unwrap();
    registry.close().await;
    app.unlock_account(of(&work.id)).await.unwrap();
    until(&app, "unlocked", async |accounts| {
        accounts[0].health == HealthView::Current
    })
    .await;
    app.stop().await;
}
