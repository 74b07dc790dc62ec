//! Conversations and files as the page asks for them.

use mail_app::{App, ErrorCode, FeedSink, Filter, ListMode, MailboxRole, OpenFeed, RowView, Scope};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::world::{LIMIT, World};

async fn inbox(app: &App, filter: Filter) -> Vec<RowView> {
    let scope = Scope::Merged {
        role: MailboxRole::Inbox,
        group: None,
    };
    app.rows_now(scope, ListMode::Messages, filter, 1_000)
        .await
        .unwrap()
}

struct Conversation {
    feed: OpenFeed,
    events: UnboundedReceiver<Value>,
    message: i64,
}

impl Conversation {
    async fn open(app: &App, row: &RowView) -> Self {
        let (seen, events) = unbounded_channel();
        let sink = FeedSink::new(move |event| seen.send(event).is_ok());
        let request = json!({ "account": row.account, "thread": row.thread });
        Self {
            feed: app.open("conversation", request, sink).await.unwrap(),
            events,
            message: row.message,
        }
    }

    /// The message, as soon as it is as wanted.
    async fn message(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let look = async {
            loop {
                let event = self.events.recv().await.expect("the feed goes on");
                let messages = event["conversation"]["messages"].as_array().unwrap();
                let mut messages = messages.iter();
                let message = messages.find(|found| found["key"] == self.message).unwrap();
                if wanted(message) {
                    return message.clone();
                }
            }
        };
        tokio::time::timeout(LIMIT, look)
            .await
            .expect("the message gets there")
    }
}

fn is_ready(message: &Value) -> bool {
    message["body"]["kind"] == "ready"
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_that_is_opened_again_stays_open_when_the_old_feed_ends() {
    let world = World::new().await;
    let app = world.start().await;
    world.two_accounts(&app).await;
    let row = inbox(&app, Filter::All).await.swap_remove(0);
    let load = json!({ "account": row.account, "message": row.message });
    let mut old = Conversation::open(&app, &row).await;
    app.call("message.load", load.clone()).await.unwrap();
    old.message(is_ready).await;
    // A page that is loaded anew opens its feed before it closes the one that is left over.
    let mut new = Conversation::open(&app, &row).await;
    app.call("message.load", load).await.unwrap();
    new.message(is_ready).await;
    drop(old.feed);
    // The sender of a feed goes with its task.
    while old.events.recv().await.is_some() {}
    let target = json!({ "kind": "message", "account": row.account, "message": row.message });
    let star = json!({ "targets": [target], "mark": "flagged", "set": !row.starred });
    app.call("message.mark", star).await.unwrap();
    let starred = new
        .message(|message| message["flagged"] == !row.starred)
        .await;
    assert!(is_ready(&starred), "{starred}");
    app.stop().await;
}

/// Opens the first file that may be opened, and gives whose it is.
async fn open_a_file(app: &App) -> String {
    for row in inbox(app, Filter::Files).await {
        app.read(&row.account, row.message).await.unwrap();
        let file = json!({ "account": row.account, "message": row.message, "index": 0 });
        match app.call("attachment.open", file).await {
            Ok(_) => return row.account,
            Err(refusal) => assert_eq!(refusal.code, ErrorCode::SaveOnly),
        }
    }
    panic!("no file can be opened")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_locked_or_removed_takes_its_open_conversations_and_files_along() {
    let world = World::new().await;
    let app = world.start().await;
    world.two_accounts(&app).await;
    for call in ["account.lock", "account.remove"] {
        let account = open_a_file(&app).await;
        let file = world.browser.files.lock().unwrap().pop().unwrap();
        assert!(file.exists());
        let rows = inbox(&app, Filter::All).await;
        let row = rows.iter().find(|row| row.account == account).unwrap();
        let mut open = Conversation::open(&app, row).await;
        let load = json!({ "account": account, "message": row.message });
        app.call("message.load", load).await.unwrap();
        open.message(is_ready).await;
        let named = json!({ "account": account });
        app.call(call, named.clone()).await.unwrap();
        // The last event shows nothing, and the feed ends although nobody has closed it.
        let rest = async {
            let mut last = None;
            while let Some(event) = open.events.recv().await {
                last = Some(event);
            }
            last
        };
        let last = tokio::time::timeout(LIMIT, rest).await.expect("it ends");
        assert_eq!(last.unwrap()["conversation"], Value::Null, "{call}");
        assert!(!file.exists(), "{call}");
        if call == "account.lock" {
            app.call("account.unlock", named).await.unwrap();
        }
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_were_opened_are_gone_when_the_app_ends() {
    let world = World::new().await;
    let app = world.start().await;
    world.two_accounts(&app).await;
    open_a_file(&app).await;
    let opened = world.browser.files.lock().unwrap().clone();
    assert!(opened.len() == 1 && opened[0].exists(), "{opened:?}");
    // What still holds the app, as a window does until its process ends, holds no file.
    app.stop().await;
    assert!(!opened[0].exists());
}
