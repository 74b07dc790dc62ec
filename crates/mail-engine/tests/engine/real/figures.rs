//! What a server in trouble is asked, and how soon all is well again. The table in
//! `docs/reliability.md` is written from here.

use std::fmt::Write as _;
use std::time::Duration;

use mail_engine::Health;
use mail_rehearsal::faults::{Act, MethodRule, Rule};

use super::{Engine, Place, written};
use crate::world::soon;

const TEN_MINUTES: u64 = 600;
/// Requests in ten minutes of constant failure.
const MOST_REQUESTS: u64 = 20;

/// Lets a second pass and everything happen that is due.
async fn second(place: &Place, engine: &mut Engine) {
    place.advance(Duration::from_secs(1));
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    engine
        .running
        .until_status("rest", |status| status.health != Health::Working)
        .await;
}

/// Ten minutes in which every request meets that act; gives requests, and seconds until all is
/// well after it is over and the app was told so.
async fn ten_minutes(act: Act) -> (u64, u64) {
    let place = Place::new(5).await;
    let mut engine = place.start().await;
    soon("a look", engine.running.engine.sync()).await;
    engine.running.until(Health::Current).await;
    place.faults.add(Rule {
        server: None,
        method: None,
        path: "*".into(),
        act,
        times: None,
    });
    let before = place.requests();
    engine.running.engine.sync_now();
    for _ in 0..TEN_MINUTES {
        second(&place, &mut engine).await;
    }
    let requests = place.requests() - before;
    place.faults.clear();
    place.deliver("Well again");
    // What a network that is back does, and a person who asks.
    let mut seconds = 0;
    loop {
        let status = soon("a look", engine.running.engine.sync()).await;
        if status.health == Health::Current || seconds > 3_600 {
            break;
        }
        second(&place, &mut engine).await;
        seconds += 1;
    }
    assert_eq!(place.differences().await, Vec::<String>::new());
    engine.stop().await;
    (requests, seconds)
}

fn status(status: u16) -> Act {
    Act::Status {
        status,
        retry_after: None,
        error_code: None,
    }
}

#[tokio::test]
async fn ten_minutes_of_trouble_cost_few_requests_and_end_at_once() {
    let html = Act::Instead {
        content_type: "text/html".into(),
        body: "<title>Sign in to the hotel</title>".into(),
    };
    let cases = [
        ("answers 429", status(429)),
        ("answers 500", status(500)),
        ("answers 503", status(503)),
        ("answers 403", status(403)),
        ("refuses every token", status(401)),
        ("finds every request too large", status(413)),
        ("cuts every connection", Act::LoseRequest),
        ("does it and cuts the connection", Act::LoseAnswer),
        ("ends every answer early", Act::CutAfter { bytes: 30 }),
        (
            "sends half an answer as a whole one",
            Act::Shorten { bytes: 30 },
        ),
        ("is a page of a hotel", html),
    ];
    let mut table = String::from(
        "| For ten minutes the server | Requests | Seconds until all is well, once told |\n|---|---:|---:|\n",
    );
    for (name, act) in cases {
        let (requests, seconds) = ten_minutes(act).await;
        writeln!(table, "| {name} | {requests} | {seconds} |").unwrap();
        assert!(requests <= MOST_REQUESTS, "{name}: {requests}");
        assert!(seconds <= 10, "{name}: {seconds}");
    }
    written("sync trouble", &table);
}

#[tokio::test]
async fn a_wait_the_server_asks_for_is_kept_to_the_second() {
    let place = Place::new(5).await;
    let mut engine = place.start().await;
    soon("a look", engine.running.engine.sync()).await;
    engine.running.until(Health::Current).await;
    place.faults.add(Rule::rate_limit("/jmap/api", 120, 1));
    engine.running.engine.sync_now();
    let waits = |health: &Health| matches!(health, Health::Waiting { .. });
    engine
        .running
        .until_status("waiting", |status| waits(&status.health))
        .await;
    let before = place.requests();
    for _ in 0..119 {
        // Nobody can cut it short.
        engine.running.engine.sync_now();
        second(&place, &mut engine).await;
    }
    assert_eq!(place.requests(), before, "asked too early");
    second(&place, &mut engine).await;
    engine.running.until(Health::Current).await;
    engine.stop().await;
}

#[tokio::test]
async fn requests_that_are_too_large_become_smaller_ones() {
    let place = Place::new(400).await;
    let mut engine = place.start().await;
    let too_large = MethodRule::error("Email/get", "requestTooLarge", 3);
    place.faults.add_method(too_large);
    soon("a look", engine.running.engine.sync()).await;
    engine.running.until(Health::Current).await;
    assert_eq!(place.differences().await, Vec::<String>::new());
    engine.stop().await;
}

#[tokio::test]
async fn a_thousand_connections_lost_leave_nothing_behind() {
    let mut place = Place::new(5).await;
    let mut engine = place.start().await;
    soon("a look", engine.running.engine.sync()).await;
    engine.running.until(Health::Current).await;
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let before = tasks();
    for flap in 0..1_000 {
        place.kill_server().await;
        place.faults.add(Rule::lose_answer("*", 2));
        if flap % 10 == 0 {
            soon("a look", engine.running.engine.sync()).await;
        }
        place.restart_server().await;
        place.faults.clear();
        engine.running.engine.sync_now();
    }
    place.deliver("After all that");
    place.advance(Duration::from_secs(3_600));
    soon("a look", engine.running.engine.sync()).await;
    soon("a look", engine.running.engine.sync()).await;
    engine.running.until(Health::Current).await;
    assert_eq!(place.differences().await, Vec::<String>::new());
    let mut tries = 0;
    while tasks() > before + 5 && tries < 100_000 {
        tokio::task::yield_now().await;
        tries += 1;
    }
    assert!(tasks() <= before + 5, "{} tasks, {before} before", tasks());
    engine.stop().await;
}
