//! A file of an account is damaged while the app runs.

use std::sync::{Arc, Mutex};

use mail_app::{App, FeedSink, HealthView, OpenFeed};
use mail_model::AccountId;
use mail_rehearsal::faults::MethodRule;
use serde_json::{Value, json};

use crate::life::inbox;
use crate::world::{World, eventually, until};

/// Spoils all of a file but its first page, as a disk that fails does.
fn spoil(world: &World, account: &str, file: &str) {
    use std::io::{Seek as _, SeekFrom, Write as _};
    let folder = world.paths().account(&AccountId::new(account).unwrap());
    let path = folder.join(file);
    let mut file = std::fs::File::options().write(true).open(&path).unwrap();
    let length = file.metadata().unwrap().len();
    assert!(length > 8192, "{path:?} has {length} octets");
    file.seek(SeekFrom::Start(4096)).unwrap();
    file.write_all(&vec![0xA5; usize::try_from(length - 4096).unwrap()])
        .unwrap();
    file.sync_all().unwrap();
}

/// Two accounts whose files are as a start finds them, everything in them and nothing in journals.
async fn started(world: &World) -> (App, String, String) {
    let app = world.start().await;
    let (work, personal) = world.two_accounts(&app).await;
    app.stop().await;
    let app = world.start().await;
    for account in [&work.id, &personal.id] {
        until_well(&app, account).await;
    }
    (app, work.id, personal.id)
}

/// Every state of an account that the page is told.
struct Told {
    _feed: OpenFeed,
    healths: Arc<Mutex<Vec<Value>>>,
}

impl Told {
    async fn of(app: &App, account: &str) -> Self {
        let healths = Arc::new(Mutex::new(Vec::new()));
        let (account, kept) = (account.to_owned(), Arc::clone(&healths));
        let sink = FeedSink::new(move |event: Value| {
            let mut accounts = event["accounts"].as_array().unwrap().iter();
            let found = accounts.find(|one| one["id"] == account.as_str());
            kept.lock()
                .unwrap()
                .extend(found.map(|account| account["health"]["kind"].clone()));
            true
        });
        Self {
            _feed: app.open("accounts", json!({}), sink).await.unwrap(),
            healths,
        }
    }

    fn has(&self, kind: &str) -> bool {
        self.healths.lock().unwrap().iter().any(|told| told == kind)
    }
}

async fn count(app: &App, account: &str) -> usize {
    let rows = inbox(app).await;
    rows.iter().filter(|row| row.account == account).count()
}

async fn look(app: &App, account: &str) {
    // Where it is just being opened anew, it looks by itself.
    let _looked = app
        .call("account.sync", json!({ "account": account }))
        .await
        .is_ok();
}

async fn until_well(app: &App, account: &str) {
    until(app, "all is well", async |accounts| {
        let account = accounts.iter().find(|one| one.id == account).unwrap();
        account.health == HealthView::Current && account.queued == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_damaged_at_work_is_set_aside_and_filled_again_and_nothing_written_is_lost()
{
    let world = World::new().await;
    let email = world.deliver("Work", "Before the damage", "Text.");
    let (app, work, personal) = started(&world).await;
    let (of_work, of_personal) = (count(&app, &work).await, count(&app, &personal).await);
    let told = Told::of(&app, &work).await;

    // A change the server does not take just now.
    let faults = world.rehearsal.faults();
    faults.add_method(MethodRule::error(
        "Email/set",
        "serverUnavailable",
        u32::MAX,
    ));
    let row = inbox(&app).await.into_iter();
    let row = row
        .filter(|row| row.account == work)
        .find(|row| row.subject == "Before the damage")
        .unwrap();
    let target = json!({ "kind": "message", "account": work, "message": row.message });
    let star = json!({ "targets": [target], "mark": "flagged", "set": true });
    app.call("message.mark", star).await.unwrap();

    spoil(&world, &work, "mail.sqlite");
    world.deliver("Work", "After the damage", "Text.");
    look(&app, &work).await;
    eventually("its mail, fetched again", async || {
        let here = count(&app, &work).await;
        told.has("rebuilding") && here == of_work + 1
    })
    .await;
    assert_eq!(count(&app, &personal).await, of_personal);
    let folder = world
        .paths()
        .account(&AccountId::new(work.as_str()).unwrap());
    let aside = std::fs::read_dir(&folder).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with("mail.sqlite.")
    });
    assert!(aside.count() > 0, "the damaged file is kept");

    faults.clear();
    look(&app, &work).await;
    until_well(&app, &work).await;
    let keywords = world.rehearsal.mail().keywords_of("Work", &email).unwrap();
    assert!(keywords.contains(&"$flagged".to_owned()), "{keywords:?}");
    let accounts = app.accounts_now().await;
    assert!(accounts.iter().all(|account| !account.may_miss_changes));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_changes_may_be_missing_after_damage_that_is_said() {
    let world = World::new().await;
    let (app, work, _) = started(&world).await;
    let before = count(&app, &work).await;
    spoil(&world, &work, "local.sqlite");
    spoil(&world, &work, "mail.sqlite");
    world.deliver("Work", "After the damage", "Text.");
    look(&app, &work).await;
    eventually("its mail, fetched again", async || {
        count(&app, &work).await == before + 1
    })
    .await;
    until_well(&app, &work).await;
    let accounts = app.accounts_now().await;
    let of_work = accounts.iter().find(|one| one.id == work).unwrap();
    assert!(of_work.may_miss_changes);
    assert_eq!(
        accounts.iter().filter(|one| one.may_miss_changes).count(),
        1
    );
    app.stop().await;
}
