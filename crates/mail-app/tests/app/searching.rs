//! A search over three accounts, as the page asks for it.

use std::collections::HashMap;

use mail_app::{App, FeedSink, Filter, OpenFeed, Scope, SignInView};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::world::{LIMIT, World};

const ACCOUNTS: [&str; 3] = ["Work", "Personal", "Choir"];

/// A list that is a search, as the page keeps it.
struct Search {
    _feed: OpenFeed,
    events: UnboundedReceiver<Value>,
    order: Vec<String>,
    rows: HashMap<String, Value>,
    search: Value,
}

impl Search {
    async fn open(app: &App, text: &str) -> Self {
        Self::open_with(
            app,
            json!({ "kind": "search", "text": text, "account": null }),
            "all",
        )
        .await
    }

    async fn open_with(app: &App, scope: Value, filter: &str) -> Self {
        let (seen, events) = unbounded_channel();
        let sink = FeedSink::new(move |event| seen.send(event).is_ok());
        let request = json!({
            "list": "main", "scope": scope, "mode": "messages", "filter": filter,
        });
        Self {
            _feed: app.open("list", request, sink).await.unwrap(),
            events,
            order: Vec::new(),
            rows: HashMap::new(),
            search: Value::Null,
        }
    }

    fn take(&mut self, event: &Value) {
        if event["type"] == "search" {
            self.search = event["search"].clone();
            return;
        }
        let rows = event["rows"].as_array().unwrap();
        if event["type"] == "snapshot" {
            self.rows.clear();
        }
        for row in rows {
            let key = row["key"].as_str().unwrap();
            self.rows.insert(key.to_owned(), row.clone());
        }
        let keys = match event["order"].as_array() {
            Some(order) => order.clone(),
            None => rows.iter().map(|row| row["key"].clone()).collect(),
        };
        self.order = keys
            .iter()
            .map(|key| key.as_str().unwrap().to_owned())
            .collect();
    }

    fn subjects(&self) -> Vec<&str> {
        let rows = self.order.iter().map(|key| &self.rows[key]);
        rows.map(|row| row["subject"].as_str().unwrap()).collect()
    }

    fn accounts(&self) -> Vec<&str> {
        let accounts = self.search["accounts"].as_array();
        let accounts = accounts.into_iter().flatten();
        accounts
            .map(|account| account["account"].as_str().unwrap())
            .collect()
    }

    /// Follows the feed until it shows what is wanted.
    async fn until(&mut self, what: &str, wanted: impl Fn(&Self) -> bool) {
        let follow = async {
            while self.search.is_null() || !wanted(self) {
                let event = self.events.recv().await.expect("the feed goes on");
                self.take(&event);
            }
        };
        if tokio::time::timeout(LIMIT, follow).await.is_err() {
            panic!("{what}: {:?} {}", self.subjects(), self.search);
        }
    }

    async fn until_subjects(&mut self, expected: &[&str]) {
        let wanted = format!("{expected:?}");
        self.until(&wanted, |search| search.subjects() == expected)
            .await;
    }

    /// Every account has been looked through, and its server has answered or need not.
    async fn until_complete(&mut self) {
        self.until("the whole answer", |search| {
            let mut accounts = search.search["accounts"].as_array().unwrap().iter();
            accounts.all(|account| {
                account["searching"] == false
                    && account["to_index"] == 0
                    && (account["server"] == "asked" || account["server"] == "not_needed")
            })
        })
        .await;
    }
}

/// Three accounts with their mail, by name.
async fn three(world: &World) -> (App, Vec<String>) {
    let app = world.start().await;
    for account in ACCOUNTS {
        let ended = world.sign_in(&app, account, None).await;
        assert!(matches!(ended, SignInView::Added { .. }), "{ended:?}");
    }
    let settled = tokio::time::timeout(LIMIT, app.settled()).await.unwrap();
    (app, settled.into_iter().map(|account| account.id).collect())
}

async fn fetch(app: &App) {
    app.call("account.sync", json!({ "account": null }))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn three_accounts_are_searched_at_once_while_mail_arrives_and_one_is_locked() {
    let world = World::with_messages(60).await;
    let (app, ids) = three(&world).await;
    for (number, account) in ACCOUNTS.iter().enumerate() {
        let subject = format!("Zeppelin {number}");
        world.deliver(account, &subject, "About the flight.");
    }
    fetch(&app).await;
    let mut search = Search::open(&app, "zeppelin").await;
    search
        .until("three rows", |search| search.order.len() == 3)
        .await;
    search.until_complete().await;
    assert_eq!(search.accounts(), ids, "in the person's order");
    for key in &search.order {
        let row = &search.rows[key];
        let subject = row["subject"].as_str().unwrap();
        let place: usize = subject.strip_prefix("Zeppelin ").unwrap().parse().unwrap();
        assert_eq!(row["account"], ids[place], "each from its own account");
        let pieces = row["found"]["subject"].as_array().unwrap();
        let marked = pieces.iter().find(|piece| piece["matched"] == true);
        assert_eq!(marked.unwrap()["text"], "Zeppelin");
    }

    // Mail that arrives, by a word of its text.
    let newer = world.deliver("Personal", "Tickets", "For the zeppelin to Lake Constance.");
    fetch(&app).await;
    search
        .until("the new mail", |search| {
            search.subjects().contains(&"Tickets")
        })
        .await;
    world.rehearsal.mail().destroy("Personal", &newer).unwrap();
    fetch(&app).await;
    search
        .until("its going", |search| {
            !search.subjects().contains(&"Tickets")
        })
        .await;

    // Nothing of a locked account is shown or said, and it is not called unreadable on the way.
    app.call("account.lock", json!({ "account": ids[0] }))
        .await
        .unwrap();
    while search.order.len() != 2 {
        let event = tokio::time::timeout(LIMIT, search.events.recv()).await;
        let event = event.unwrap().unwrap();
        search.take(&event);
        let is_fine = event["type"] == "search" || event["failed"] == json!([]);
        assert!(is_fine, "{event}");
    }
    search
        .until("two accounts", |search| {
            search.order.len() == 2 && search.accounts() == ids[1..]
        })
        .await;
    assert!(search.order.iter().all(|key| !key.starts_with(&ids[0])));
    app.call("account.unlock", json!({ "account": ids[0] }))
        .await
        .unwrap();
    search
        .until("all of them again", |search| {
            search.order.len() == 3 && search.accounts() == ids
        })
        .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_filters_and_words_narrow_a_search() {
    let world = World::with_messages(60).await;
    let (app, ids) = three(&world).await;
    for account in ACCOUNTS {
        world.deliver(account, &format!("Zeppelin {account}"), "Text.");
    }
    fetch(&app).await;
    let mut all = Search::open(&app, "zeppelin").await;
    all.until("three rows", |search| search.order.len() == 3)
        .await;
    let starred = all
        .order
        .iter()
        .find(|key| key.starts_with(&ids[2]))
        .unwrap();
    let row = &all.rows[starred];
    let target = json!({ "kind": "message", "account": ids[2], "message": row["message"] });
    let star = json!({ "targets": [target], "mark": "flagged", "set": true });
    app.call("message.mark", star).await.unwrap();
    all.until("the star", |search| {
        search.rows.values().any(|row| row["starred"] == true)
    })
    .await;

    let mut only = Search::open(&app, "zeppelin account:work").await;
    only.until_subjects(&["Zeppelin Work"]).await;
    assert_eq!(only.accounts(), ids[..1], "the others are ruled out");
    // A newer list under the name of an older one has ended the older one's search.
    while tokio::time::timeout(LIMIT, all.events.recv())
        .await
        .unwrap()
        .is_some()
    {}

    let scope = json!({ "kind": "search", "text": "zeppelin", "account": ids[1] });
    let mut chosen = Search::open_with(&app, scope, "all").await;
    chosen.until_subjects(&["Zeppelin Personal"]).await;
    let scope = json!({ "kind": "search", "text": "zeppelin", "account": null });
    let mut filtered = Search::open_with(&app, scope, "starred").await;
    filtered.until_subjects(&["Zeppelin Choir"]).await;

    let mut nothing = Search::open(&app, "  ").await;
    nothing.until_subjects(&[]).await;
    assert!(nothing.accounts().is_empty());
    let mut hinted = Search::open(&app, "zeppelin before:soonish").await;
    hinted
        .until("the hint", |search| {
            search.search["hints"] == json!(["date_expected"])
        })
        .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_is_asked_once_waits_for_its_whole_answer() {
    let world = World::with_messages(60).await;
    let (app, ids) = three(&world).await;
    world.deliver("Choir", "Zeppelin", "Text.");
    fetch(&app).await;
    tokio::time::timeout(LIMIT, app.settled()).await.unwrap();
    let scope = Scope::Search {
        text: "zeppelin".into(),
        account: None,
        group: None,
        mailbox: None,
    };
    let (rows, how) = app.search_now(scope, Filter::All, 10).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].account, ids[2]);
    assert_eq!(how.accounts.len(), 3);
    for account in &how.accounts {
        assert!(!account.searching && account.all_mail && !account.more);
        assert_eq!(account.to_index, 0);
    }
    app.stop().await;
}
