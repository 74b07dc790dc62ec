//! The plans SQLite makes for the statements that run all the time, with and without statistics.

use mail_model::{Filter, ListMode};
use sqlx::{AssertSqlSafe, Row as _, SqliteConnection};

use super::{known, list, message, pending, revision, thread_mailbox};
use crate::error::FileKind;
use crate::file::SqliteFile;

const FILTERS: [Filter; 4] = [Filter::All, Filter::Unread, Filter::Starred, Filter::Files];

async fn file() -> (tempfile::TempDir, SqliteConnection) {
    let folder = tempfile::TempDir::new().unwrap();
    let file = SqliteFile::new(FileKind::Mail, folder.path(), None);
    let connection = file.open_writer().await.unwrap();
    (folder, connection)
}

async fn plan(connection: &mut SqliteConnection, sql: &'static str) -> Vec<String> {
    sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")))
        .fetch_all(connection)
        .await
        .unwrap()
        .iter()
        .map(|row| row.get::<String, _>(3))
        .collect()
}

/// Statistics of a file in which everything is unread and in one mailbox: what could lead the
/// planner astray.
async fn analyse(connection: &mut SqliteConnection) {
    sqlx::raw_sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50)
         INSERT INTO mailbox (id) SELECT 'b' || i FROM n;
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
         INSERT INTO thread (id) SELECT 't' || i FROM n;
         INSERT INTO message SELECT key, 'm' || key, key, key, 7, 1, '', '[]', '', '', '', '{}'
             FROM thread;
         INSERT INTO placement SELECT 1, key, key, 7 FROM thread;
         INSERT INTO thread_mailbox SELECT 1, key, key, key, 1, 1, 1, 1, '[]' FROM thread;
         ANALYZE;",
    )
    .execute(connection)
    .await
    .unwrap();
}

/// Walks of a table or sorting: what must not be. Walking a bound list or a finished page is fine.
fn faults(plan: &[String]) -> Vec<&String> {
    let harmless = [
        "SCAN j VIRTUAL TABLE",
        "SCAN json_each VIRTUAL TABLE",
        "SCAN (subquery",
    ];
    plan.iter()
        .filter(|step| step.contains("TEMP B-TREE") || step.starts_with("SCAN"))
        .filter(|step| !harmless.iter().any(|prefix| step.starts_with(prefix)))
        .collect()
}

/// The index each list has to walk.
fn expected(mode: ListMode, filter: Filter) -> &'static str {
    match (mode, filter) {
        (ListMode::Conversations, Filter::All) => "t USING INDEX thread_mailbox_latest",
        (ListMode::Conversations, Filter::Unread) => "t USING INDEX thread_mailbox_unread",
        (ListMode::Conversations, Filter::Starred) => "t USING INDEX thread_mailbox_starred",
        (ListMode::Conversations, Filter::Files) => "t USING INDEX thread_mailbox_file",
        (ListMode::Messages, Filter::All) => "p USING PRIMARY KEY",
        (ListMode::Messages, Filter::Unread) => "p USING INDEX placement_unread",
        (ListMode::Messages, Filter::Starred) => "p USING INDEX placement_starred",
        (ListMode::Messages, Filter::Files) => "p USING INDEX placement_file",
    }
}

async fn check_lists(connection: &mut SqliteConnection) {
    for mode in [ListMode::Conversations, ListMode::Messages] {
        let place = match mode {
            ListMode::Conversations => "(mailbox=? AND (latest_at,thread)<(?,?))",
            ListMode::Messages => "(mailbox=? AND (received_at,message)<(?,?))",
        };
        for filter in FILTERS {
            let sql = list::sql(mode, filter);
            let search = format!("SEARCH {} ", expected(mode, filter));
            // Walking a list without its rows stays inside the index.
            let covering = search.replace("USING INDEX", "USING COVERING INDEX");
            let page = plan(connection, sql.page).await;
            assert_eq!(faults(&page), Vec::<&String>::new(), "{page:#?}");
            let walk = page.iter().find(|step| step.ends_with(place)).unwrap();
            assert!(
                walk.starts_with(&search) || walk.starts_with(&covering),
                "{page:#?}"
            );
            let lookup = "SEARCH m USING INTEGER PRIMARY KEY (rowid=?)";
            assert!(page.iter().any(|step| step == lookup), "{page:#?}");

            let rung = plan(connection, sql.rung).await;
            assert_eq!(faults(&rung), Vec::<&String>::new(), "{rung:#?}");
            assert!(rung.contains(&format!("{covering}{place}")), "{rung:#?}");
            let places = plan(connection, sql.places).await;
            assert_eq!(faults(&places), Vec::<&String>::new(), "{places:#?}");
            assert!(
                places.contains(&format!("{covering}{place}")),
                "{places:#?}"
            );
            let between = plan(connection, sql.between).await;
            assert_eq!(faults(&between), Vec::<&String>::new(), "{between:#?}");
            let walk = between
                .iter()
                .find(|step| step.starts_with(&covering))
                .unwrap();
            assert!(walk.contains(">(?,?)") && walk.contains("<(?,?)"), "{walk}");

            let rows = plan(connection, sql.rows).await;
            assert_eq!(faults(&rows), Vec::<&String>::new(), "{rows:#?}");
        }
    }
}

async fn check_others(connection: &mut SqliteConnection) {
    for sql in [
        known::STORED,
        message::BY_KEY,
        message::OF_THREAD,
        pending::OPEN,
        revision::DELETE,
        thread_mailbox::DELETE,
        thread_mailbox::MEMBERS,
        thread_mailbox::STORED,
    ] {
        let plan = plan(connection, sql).await;
        assert_eq!(faults(&plan), Vec::<&String>::new(), "{sql}: {plan:#?}");
    }
}

#[tokio::test]
async fn every_statement_finds_its_rows_by_an_index() {
    let (_folder, mut connection) = file().await;
    check_lists(&mut connection).await;
    check_others(&mut connection).await;
    analyse(&mut connection).await;
    check_lists(&mut connection).await;
    check_others(&mut connection).await;
}

#[tokio::test]
async fn a_list_by_sorting_is_found_out() {
    let (_folder, mut connection) = file().await;
    let sorted = "SELECT thread, max(received_at) FROM message GROUP BY thread ORDER BY 2 DESC";
    assert!(!faults(&plan(&mut connection, sorted).await).is_empty());
}
