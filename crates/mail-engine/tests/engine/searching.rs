//! Searching accounts: what is here, what only their servers have, and what changes meanwhile.

use std::time::Duration;

use jiff::tz::TimeZone;
use mail_engine::{
    AccountEngine, AccountSearch, EngineOptions, Health, MergedList, MergedRow, OpenList, Replica,
    SearchState, ServerSearch, Wanted,
};
use mail_model::search::parse;
use mail_model::{AccountId, Keyword, KeywordEdit, Message};
use mail_store::NewIntent;

use crate::server::{Call, Fault, Held, Server, message, message_id};
use crate::world::{Running, World, soon};

pub(crate) fn options(world: &World) -> EngineOptions {
    EngineOptions {
        search_spacing: Duration::ZERO,
        server_search_after: Duration::ZERO,
        ..world.options()
    }
}

pub(crate) async fn synced(world: &World) -> Running {
    let mut running = world.start_with(options(world)).await;
    running.until(Health::Current).await;
    running
}

fn begin(running: &Running, text: &str) -> AccountSearch {
    let query = parse(text)
        .query
        .for_account("Work", "ana@northwind.example");
    running
        .engine
        .search(Wanted::anywhere(query), TimeZone::UTC)
}

/// Returns once everything that is here is in the search index.
pub(crate) async fn indexed(running: &Running) {
    // Subjects are here, so the server is not asked for them.
    let search = begin(running, "subject:anything");
    let mut state = search.state();
    let there = |state: &SearchState| !state.searching && state.coverage.to_index == 0;
    let told = soon("the index", state.wait_for(there)).await;
    assert!(told.is_ok(), "the search goes on");
}

/// A search over some accounts, as a page has it.
pub(crate) struct Looking {
    searches: Vec<AccountSearch>,
    open: OpenList,
    replica: Replica,
}

impl Looking {
    pub(crate) async fn over(accounts: &[(&str, &Running)], text: &str) -> Self {
        let begun = accounts.iter();
        Self::of(begun.map(|(name, of)| (*name, begin(of, text))).collect()).await
    }

    pub(crate) async fn of(begun: Vec<(&str, AccountSearch)>) -> Self {
        let mut searches = Vec::new();
        let mut members = Vec::new();
        for (name, search) in begun {
            members.push(search.member(AccountId::new(name).unwrap()));
            searches.push(search);
        }
        let open = MergedList::open(members, 0..100).await;
        Self {
            searches,
            replica: Replica::from(open.snapshot.clone()),
            open,
        }
    }

    fn rows(&self) -> &[MergedRow] {
        &self.replica.look().window.rows
    }

    pub(crate) fn subjects(&self) -> Vec<String> {
        let rows = self.rows().iter();
        rows.map(|row| row.row.subject.clone()).collect()
    }

    /// Follows the list until it shows exactly these subjects.
    pub(crate) async fn until(&mut self, expected: &[&str]) {
        let total = expected.len() as u64;
        let shown = async {
            while self.subjects() != expected || self.replica.look().window.total != total {
                self.replica
                    .apply(self.open.diffs.recv().await.unwrap())
                    .unwrap();
            }
        };
        if tokio::time::timeout(Duration::from_secs(30), shown)
            .await
            .is_err()
        {
            assert_eq!(self.subjects(), expected, "the list does not get there");
            assert_eq!(self.replica.look().window.total, total);
        }
    }

    pub(crate) async fn until_state(&self, what: &str, holds: impl Fn(&SearchState) -> bool) {
        for search in &self.searches {
            let mut state = search.state();
            let told = soon(what, state.wait_for(|state| holds(state))).await;
            assert!(told.is_ok(), "the search goes on");
        }
    }

    pub(crate) async fn until_server(&self, server: ServerSearch) {
        self.until_state(&format!("{server:?}"), |state| state.server == server)
            .await;
    }
}

pub(crate) fn titled(number: u64, received_at: i64, subject: &str) -> Message {
    Message {
        subject: subject.into(),
        ..message(number, number, received_at)
    }
}

/// A world whose server has these subjects, the oldest first, with ids from 0.
pub(crate) async fn world_of(subjects: &[&str], first: i64, step: i64) -> World {
    let server = Server::new();
    for (number, subject) in (0..).zip(subjects) {
        server.deliver(titled(number, first + step * number as i64, subject));
    }
    World::new(server).await
}

async fn mark(world: &World, running: &Running, number: u64, keyword: Keyword, set: bool) {
    let edit = NewIntent {
        messages: vec![world.key(&message_id(number)).await],
        keywords: vec![KeywordEdit { keyword, set }],
        ..NewIntent::default()
    };
    running.engine.edit(edit).await.unwrap();
}

#[tokio::test]
async fn three_accounts_with_the_same_ids_are_found_newest_first_and_never_mixed() {
    let work = world_of(&["Budget work 1", "Lunch", "Budget work 2"], 1_000, 30).await;
    let home = world_of(&["Lunch", "Budget home 1", "Budget home 2"], 1_010, 30).await;
    let choir = world_of(&["Rehearsal", "Lunch", "Budget choir"], 1_005, 30).await;
    let engines = [
        synced(&work).await,
        synced(&home).await,
        synced(&choir).await,
    ];
    let accounts = [
        ("work", &engines[0]),
        ("home", &engines[1]),
        ("choir", &engines[2]),
    ];
    let mut looking = Looking::over(&accounts, "subject:budget").await;
    looking
        .until(&[
            "Budget home 2",
            "Budget choir",
            "Budget work 2",
            "Budget home 1",
            "Budget work 1",
        ])
        .await;
    for row in looking.rows() {
        let own = row.account.as_str();
        assert!(row.row.subject.contains(own), "{own}: {}", row.row.subject);
        let found = row.row.found.as_ref().unwrap();
        let marked = found.subject.iter().filter(|piece| piece.matched);
        assert_eq!(
            marked.map(|p| p.text.as_str()).collect::<Vec<_>>(),
            ["Budget"]
        );
    }
    looking.until_server(ServerSearch::NotNeeded).await;
    looking
        .until_state("the end", |state| {
            !state.searching && !state.more && state.coverage.to_index == 0
        })
        .await;
    // A conversation of one account that has changed changes nothing of the others.
    mark(&home, &engines[1], 1, Keyword::flagged(), true).await;
    soon("the star", async {
        while !looking.rows().iter().any(|row| row.row.starred) {
            let diff = looking.open.diffs.recv().await.unwrap();
            looking.replica.apply(diff).unwrap();
        }
    })
    .await;
    let starred = looking.rows().iter().filter(|row| row.row.starred);
    let starred: Vec<_> = starred.map(|row| row.row.subject.as_str()).collect();
    assert_eq!(starred, ["Budget home 1"]);
}

#[tokio::test]
async fn mail_that_arrives_goes_or_is_marked_while_a_search_is_open_is_followed() {
    let world = world_of(&["Budget 1", "Budget 2", "Lunch"], 1_000, 60).await;
    let running = synced(&world).await;
    let mut looking = Looking::over(&[("work", &running)], "subject:budget is:unread").await;
    looking.until(&["Budget 2", "Budget 1"]).await;
    world.server.deliver(titled(10, 5_000, "The new budget"));
    world.server.deliver(titled(11, 5_060, "Supper"));
    running.sync().await;
    looking
        .until(&["The new budget", "Budget 2", "Budget 1"])
        .await;
    world.server.destroy(&message_id(1));
    running.sync().await;
    looking.until(&["The new budget", "Budget 1"]).await;
    mark(&world, &running, 10, Keyword::seen(), true).await;
    looking.until(&["Budget 1"]).await;
    mark(&world, &running, 10, Keyword::seen(), false).await;
    looking.until(&["The new budget", "Budget 1"]).await;
}

#[tokio::test]
async fn a_word_of_a_text_that_is_not_here_is_found_by_the_server() {
    let world = world_of(&["One", "Two", "Three"], 1_000, 60).await;
    let running = synced(&world).await;
    let mut looking = Looking::over(&[("work", &running)], "M1").await;
    looking.until(&["Two"]).await;
    looking.until_server(ServerSearch::Asked).await;
    // What it has found goes with a mark as everything else does.
    let mut starred = Looking::over(&[("work", &running)], "M2 -is:starred").await;
    starred.until(&["Three"]).await;
    mark(&world, &running, 2, Keyword::flagged(), true).await;
    starred.until(&[]).await;
    looking.until(&["Two"]).await;
    world.server.destroy(&message_id(1));
    running.sync().await;
    looking.until(&[]).await;
}

#[tokio::test]
async fn a_text_that_is_here_is_found_without_the_server() {
    let world = world_of(&["One", "Two", "Three"], 1_000, 60).await;
    let running = synced(&world).await;
    for number in 0..3 {
        let key = world.key(&message_id(number)).await;
        running.engine.fetch_body(key).await.unwrap();
    }
    indexed(&running).await;
    let mut looking = Looking::over(&[("work", &running)], "\"M1\"").await;
    looking.until(&["Two"]).await;
    looking.until_server(ServerSearch::NotNeeded).await;
    assert_eq!(world.server.count(Call::Search), 0);
}

/// An account whose first fill has fetched its 50 newest messages and goes on one message at a
/// time, as it is let.
struct Filling {
    world: World,
    running: Running,
    older: Held,
}

impl Filling {
    async fn new() -> Self {
        let subjects: Vec<String> = (0..300).map(|number| format!("No {number}")).collect();
        let subjects: Vec<&str> = subjects.iter().map(String::as_str).collect();
        let world = world_of(&subjects, 1_000_000, 86_400).await;
        world.server.set_older_page(1);
        let older = world.server.hold_answers(Call::OlderThan);
        let running = world.start_with(options(&world)).await;
        let mut made = older.made.subscribe();
        let page = soon("the first page", made.wait_for(|made| *made == 1)).await;
        assert!(page.is_ok());
        Self {
            world,
            running,
            older,
        }
    }

    /// One message more, and what has changed meanwhile.
    async fn step(&self) {
        let mut made = self.older.made.subscribe();
        let pages = *made.borrow();
        self.running.engine.sync_now();
        self.older.permits.add_permits(1);
        let next = soon("the next page", made.wait_for(|made| *made > pages)).await;
        assert!(next.is_ok());
    }

    async fn finish(&mut self) {
        self.world.server.set_older_page(usize::MAX);
        self.older.permits.add_permits(1_000);
        self.running.until(Health::Current).await;
        self.world.assert_converged().await;
    }
}

#[tokio::test]
async fn a_message_the_first_fill_has_not_reached_is_fetched_shown_and_met_again() {
    let mut filling = Filling::new().await;
    let accounts = [("work", &filling.running)];
    let mut looking = Looking::over(&accounts, "subject:\"3\"").await;
    while looking.searches[0].state().borrow().server != ServerSearch::Asked {
        filling.step().await;
    }
    looking.until(&["No 3"]).await;
    let here = filling.world.rows("inbox").await.len();
    assert!(here < 300, "the fill goes on: {here}");
    assert_eq!(filling.world.store.recount().await.unwrap(), []);
    filling.finish().await;
    looking.until(&["No 3"]).await;
    filling.running.engine.stop().await;
}

#[tokio::test]
async fn a_message_that_is_deleted_or_changed_while_it_is_fetched_is_not_stored_as_it_was() {
    let mut filling = Filling::new().await;
    let server = std::sync::Arc::clone(&filling.world.server);
    let answers = server.hold_answers(Call::Messages);
    let accounts = [("work", &filling.running)];
    let looking = Looking::over(&accounts, "subject:\"3\" OR subject:\"4\"").await;
    while *answers.made.borrow() == 0 {
        filling.step().await;
    }
    // The answer is on its way; what happens now is told to the account before it comes.
    server.hold_no_more(Call::Messages);
    let asked = server.count(Call::Messages);
    server.destroy(&message_id(3));
    server.flag(&message_id(4), Keyword::flagged(), true);
    filling.step().await;
    // The account itself asks for what has changed and is not here yet.
    assert_eq!(server.count(Call::Messages), asked + 1);
    answers.permits.add_permits(100);
    looking.until_server(ServerSearch::Asked).await;
    assert!(
        server.count(Call::Messages) > asked + 1,
        "the search asks again"
    );
    let keywords = filling.world.keywords(&message_id(4)).await;
    assert!(keywords.is_flagged());
    let gone = filling.world.store.message_key(&message_id(3)).await;
    assert_eq!(gone.unwrap(), None);
    filling.finish().await;
    filling.running.engine.stop().await;
}

#[tokio::test]
async fn a_server_that_refuses_to_search_is_said_and_takes_nothing_away() {
    let world = world_of(&["Budget 1", "Lunch"], 1_000, 60).await;
    let running = synced(&world).await;
    world.server.fail(Call::Search, Fault::Refused);
    let mut looking = Looking::over(&[("work", &running)], "budget").await;
    looking.until(&["Budget 1"]).await;
    looking.until_server(ServerSearch::Refused).await;
    assert_eq!(looking.subjects(), ["Budget 1"]);
    assert_eq!(running.status.borrow().health, Health::Current);
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_asked_once_it_can() {
    let world = world_of(&["Budget 1", "M0 is here", "Lunch"], 1_000, 60).await;
    let mut running = synced(&world).await;
    world.server.fail_everything(Fault::Unreachable);
    running.engine.sync_now();
    running.until(Health::Offline).await;
    let mut looking = Looking::over(&[("work", &running)], "M0").await;
    looking.until(&["M0 is here"]).await;
    looking.until_server(ServerSearch::Unreachable).await;
    world.server.heal();
    running.engine.sync_now();
    looking.until(&["M0 is here", "Budget 1"]).await;
    looking.until_server(ServerSearch::Asked).await;
}

#[tokio::test]
async fn a_paused_account_is_searched_without_a_request_and_its_server_asked_afterwards() {
    let world = world_of(&["Budget 1", "M0 is here"], 1_000, 60).await;
    let running = synced(&world).await;
    soon("the pause", running.engine.pause()).await;
    let requests = world.server.log().len();
    let mut looking = Looking::over(&[("work", &running)], "M0").await;
    looking.until(&["M0 is here"]).await;
    looking.until_server(ServerSearch::Unreachable).await;
    assert_eq!(world.server.log().len(), requests);
    running.engine.resume().await;
    looking.until(&["M0 is here", "Budget 1"]).await;
}

#[tokio::test]
async fn a_server_that_never_answers_keeps_no_other_account_waiting() {
    let slow = world_of(&["Budget slow", "One"], 1_000, 60).await;
    let quick = world_of(&["Budget quick", "Budget two"], 1_030, 60).await;
    let (of_slow, of_quick) = (synced(&slow).await, synced(&quick).await);
    slow.server.fail(Call::Search, Fault::Hang);
    let accounts = [("home", &of_slow), ("work", &of_quick)];
    let mut looking = Looking::over(&accounts, "budget").await;
    looking
        .until(&["Budget two", "Budget quick", "Budget slow"])
        .await;
    let (slow_state, quick_state) = (looking.searches[0].state(), looking.searches[1].state());
    let mut quick_state = quick_state;
    soon(
        "the quick server",
        quick_state.wait_for(|s| s.server == ServerSearch::Asked),
    )
    .await
    .unwrap();
    assert_eq!(slow_state.borrow().server, ServerSearch::Asking);
}

#[tokio::test]
async fn a_search_nobody_looks_at_any_more_ends_also_at_the_server() {
    let world = world_of(&["Budget 1", "One"], 1_000, 60).await;
    let running = synced(&world).await;
    world.server.fail(Call::Search, Fault::Hang);
    let search = begin(&running, "budget");
    let mut state = search.state();
    let mut calls = world.server.calls();
    soon("the request", async {
        while world.server.count(Call::Search) == 0 {
            calls.changed().await.unwrap();
        }
    })
    .await;
    drop(search);
    soon("the end", async { while state.changed().await.is_ok() {} }).await;
}

#[tokio::test]
async fn an_engine_that_starts_paused_indexes_when_it_is_told() {
    let world = world_of(&["Budget 1", "Budget 2"], 1_000, 60).await;
    synced(&world).await.engine.stop().await;
    let source = std::sync::Arc::clone(&world.server);
    let engine = AccountEngine::start_paused(world.store.clone(), source, options(&world));
    let engine = engine.await.unwrap();
    let status = engine.status();
    let running = Running { engine, status };
    running.engine.index();
    let mut looking = Looking::over(&[("work", &running)], "subject:budget").await;
    looking.until(&["Budget 2", "Budget 1"]).await;
    looking
        .until_state("the index", |state| state.coverage.to_index == 0)
        .await;
}

#[tokio::test]
async fn two_searches_of_one_account_are_apart() {
    let world = world_of(&["Budget", "Lunch"], 1_000, 60).await;
    let running = synced(&world).await;
    let mut first = Looking::over(&[("work", &running)], "subject:budget").await;
    let mut second = Looking::over(&[("work", &running)], "subject:lunch").await;
    first.until(&["Budget"]).await;
    second.until(&["Lunch"]).await;
    drop(first);
    world.server.deliver(titled(9, 9_000, "Lunch again"));
    running.sync().await;
    second.until(&["Lunch again", "Lunch"]).await;
}
