//! Twelve accounts whose server gives every one of them the same ids.

use std::sync::Arc;

use futures::StreamExt as _;
use mail_app::{AccountView, App, Filter, ListMode, MailboxRole, Scope, SignInView};
use mail_rehearsal::people::{Person, canary, extra_people, people};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::life::first;
use crate::world::{LIMIT, World};

/// Random operations in all.
const OPERATIONS: u64 = 10_000;
/// How many of them are under way at the same time.
const AT_ONCE: usize = 8;

struct Seat {
    account: AccountView,
    person: Person,
    canary: String,
    /// Conversations and messages of its inbox.
    rows: Vec<(i64, i64)>,
}

fn everybody() -> Vec<Person> {
    people().into_iter().chain(extra_people(9)).collect()
}

/// How often the words of other accounts stand in a text.
fn foreign(seats: &[Seat], own: usize, text: &str) -> usize {
    let others = seats.iter().enumerate().filter(|(place, _)| *place != own);
    others
        .map(|(_, seat)| text.matches(&seat.canary).count())
        .sum()
}

async fn rows(app: &App, scope: Scope) -> Vec<mail_app::RowView> {
    app.rows_now(scope, ListMode::Messages, Filter::All, 20)
        .await
        .unwrap()
}

/// Everything that a row, a conversation, a message or a frame shows, with the place of its
/// account.
async fn operation(app: &App, seats: &[Seat], seed: u64) -> Vec<(usize, String)> {
    let dice = &mut StdRng::seed_from_u64(seed);
    let own = dice.random_range(0..seats.len());
    let seat = &seats[own];
    let id = seat.account.id.as_str();
    let (thread, message) = seat.rows[dice.random_range(0..seat.rows.len())];
    match dice.random_range(0..100) {
        0..5 => {
            let scope = Scope::Merged {
                role: MailboxRole::Inbox,
                group: None,
            };
            let rows = rows(app, scope).await;
            let placed = rows.iter().map(|row| {
                let place = seats.iter().position(|seat| seat.account.id == row.account);
                (place.unwrap(), format!("{} {}", row.subject, row.preview))
            });
            placed.collect()
        }
        5..20 => {
            let account = id.to_owned();
            let rows = rows(app, Scope::All { account }).await;
            assert!(rows.iter().all(|row| row.account == id));
            let text = rows.iter().map(|row| row.subject.clone() + &row.preview);
            text.map(|text| (own, text)).collect()
        }
        20..45 => {
            let asked = json!({ "account": id, "thread": thread });
            let event = first(app, "conversation", asked).await;
            assert_eq!(event["conversation"]["account"], id);
            vec![(own, event.to_string())]
        }
        45..80 => {
            let read = app.read(id, message).await.unwrap();
            let text = format!("{} {}", read.subject, read.text);
            assert!(text.contains(&seat.canary), "{id}: {text}");
            vec![(own, text)]
        }
        80..94 => {
            let target = json!({ "kind": "message", "account": id, "message": message });
            let set: bool = dice.random();
            let marks = json!({ "targets": [target], "mark": "flagged", "set": set });
            app.call("message.mark", marks).await.unwrap();
            Vec::new()
        }
        94..98 => {
            app.call("account.sync", json!({ "account": id }))
                .await
                .unwrap();
            Vec::new()
        }
        _ => vec![(own, frame(app, id, thread, message).await)],
    }
}

/// The document a message's frame shows.
async fn frame(app: &App, account: &str, thread: i64, message: i64) -> String {
    let (seen, mut events) = tokio::sync::mpsc::unbounded_channel();
    let sink = mail_app::FeedSink::new(move |event: Value| seen.send(event).is_ok());
    let asked = json!({ "account": account, "thread": thread });
    let feed = app.open("conversation", asked, sink).await.unwrap();
    let load = json!({ "account": account, "message": message });
    app.call("message.load", load).await.unwrap();
    let url = loop {
        let event = events.recv().await.unwrap();
        let messages = event["conversation"]["messages"].as_array().unwrap();
        let shown = messages.iter().find(|shown| shown["key"] == message);
        let body = &shown.unwrap()["body"];
        if body["kind"] == "ready" {
            break body["url"].as_str().unwrap().to_owned();
        }
        assert_ne!(body["kind"], "failed", "{body}");
    };
    let path = url.strip_prefix("mail://localhost").unwrap();
    let reply = app.frame(&format!("{path}body")).await;
    assert_eq!(reply.status, 200);
    drop(feed);
    String::from_utf8(reply.body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn twelve_accounts_with_the_same_ids_never_show_each_others_mail() {
    let world = World::of(mail_rehearsal::RehearsalConfig {
        size: 30,
        extra_people: 9,
        identical_ids: true,
        ..mail_rehearsal::RehearsalConfig::default()
    })
    .await;
    let began = std::time::Instant::now();
    let app = world.start().await;
    for person in everybody() {
        let ended = world.sign_in(&app, &person.account, None).await;
        assert!(matches!(ended, SignInView::Added { .. }), "{ended:?}");
    }
    let accounts = tokio::time::timeout(LIMIT, app.settled()).await.unwrap();
    assert_eq!(accounts.len(), 12);
    let mut seats = Vec::new();
    for (account, person) in accounts.into_iter().zip(everybody()) {
        assert_eq!(account.email, person.email);
        let scope = Scope::All {
            account: account.id.clone(),
        };
        let rows = rows(&app, scope).await;
        let rows: Vec<_> = rows.iter().map(|row| (row.thread, row.message)).collect();
        assert!(rows.len() >= 10, "{} of {}", rows.len(), person.account);
        let canary = canary(&person.mail_account);
        seats.push(Seat {
            account,
            person,
            canary,
            rows,
        });
    }
    let signed_in = began.elapsed();
    let began = std::time::Instant::now();
    let seats = Arc::new(seats);
    // Each on whichever thread is free, as calls of the page are; what it shows is looked through
    // there, too.
    let operations = (0..OPERATIONS).map(|seed| {
        let (app, seats) = (app.clone(), Arc::clone(&seats));
        tokio::spawn(async move {
            let texts = operation(&app, &seats, seed).await;
            let wrong = texts.iter().map(|(own, text)| foreign(&seats, *own, text));
            (texts.len() as u64, wrong.sum::<usize>())
        })
    });
    let (shown, wrong) = futures::stream::iter(operations)
        .buffer_unordered(AT_ONCE)
        .fold((0, 0), async |(shown, wrong), done| {
            let (more, foreign) = done.unwrap();
            (shown + more, wrong + foreign)
        })
        .await;
    let took = began.elapsed();
    // At the server: no token was ever sent for somebody else's mail.
    let mail = world.rehearsal.mail();
    let tokens: Vec<_> = seats
        .iter()
        .map(|seat| mail.token_hashes(&seat.person.mail_account).unwrap())
        .collect();
    let mut crossed = 0;
    for (place, own) in tokens.iter().enumerate() {
        assert!(!own.is_empty());
        let others = tokens
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != place);
        crossed += others
            .flat_map(|(_, other)| other)
            .filter(|token| own.contains(token))
            .count();
    }
    let began = std::time::Instant::now();
    // On the disk, bodies unpacked.
    let mut leaked = 0;
    for (place, seat) in seats.iter().enumerate() {
        for (other, foreign) in seats.iter().enumerate() {
            let found = app.traces_of(&seat.account.id, &foreign.canary).await;
            let found = found.unwrap().len();
            if other == place {
                assert!(found > 0, "{}", seat.person.account);
            } else {
                leaked += found;
            }
        }
    }
    println!(
        "12 accounts ready in {signed_in:?}, searched in {:?}; {OPERATIONS} operations in {took:?}: {shown} texts shown, {wrong} with another account's words, {crossed} tokens at another account, {leaked} rows with another account's words",
        began.elapsed()
    );
    assert!(shown > OPERATIONS);
    assert_eq!((wrong, crossed, leaked), (0, 0, 0));
    app.stop().await;
}
