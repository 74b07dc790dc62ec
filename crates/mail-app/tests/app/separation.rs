//! Two accounts never mix: everything one of them keeps, sends and shows is searched for what
//! belongs to the other.

use mail_app::{Filter, ListMode, MailboxRole, Scope};
use mail_auth::Vault as _;

use crate::world::{LIMIT, World, until};

const OF_WORK: &str = "marker-of-work-7f3a91";
const OF_PERSONAL: &str = "marker-of-personal-c02d44";

fn mail_account(name: &str) -> String {
    let mut people = mail_rehearsal::people::people().into_iter();
    people
        .find(|person| person.account == name)
        .unwrap()
        .mail_account
}

/// Every file below a folder.
fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path))
        } else {
            found.push(path)
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn no_table_file_request_or_row_of_one_account_holds_anything_of_the_other() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, personal) = world.two_accounts(&app).await;
    world.deliver(
        &mail_account("Work"),
        &format!("Subject {OF_WORK}"),
        &format!("Text {OF_WORK}"),
    );
    world.deliver(
        &mail_account("Personal"),
        &format!("Subject {OF_PERSONAL}"),
        &format!("Text {OF_PERSONAL}"),
    );
    until(&app, "both markers, with their bodies", async |_| {
        let here = app.traces_of(&work.id, OF_WORK).await.unwrap().len() >= 2
            && app
                .traces_of(&personal.id, OF_PERSONAL)
                .await
                .unwrap()
                .len()
                >= 2;
        if !here {
            app.call("account.sync", serde_json::json!({ "account": null }))
                .await
                .unwrap();
            tokio::task::yield_now().await;
        }
        here
    })
    .await;

    // Tables, bodies unpacked: addresses, names and ids of the other as well as the markers.
    for (own, foreign) in [
        (&work, [OF_PERSONAL, "ana.m@mail.example", &personal.id]),
        (
            &personal,
            [OF_WORK, "Cutover plan for the billing API", &work.id],
        ),
    ] {
        for text in foreign {
            assert_eq!(
                app.traces_of(&own.id, text).await.unwrap(),
                Vec::<String>::new(),
                "{text} in {}",
                own.name
            );
        }
    }

    // Rows: each marker only under its own account.
    let scope = Scope::Merged {
        role: MailboxRole::Inbox,
        group: None,
    };
    let rows = app
        .rows_now(scope, ListMode::Conversations, Filter::All, 1_000)
        .await
        .unwrap();
    for (marker, account) in [(OF_WORK, &work), (OF_PERSONAL, &personal)] {
        let found: Vec<_> = rows
            .iter()
            .filter(|row| row.subject.contains(marker))
            .collect();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].account, account.id);
    }

    // Requests and headers: no token was ever sent for the other's mail.
    let mail = world.rehearsal.mail();
    let of_work = mail.token_hashes(&mail_account("Work")).unwrap();
    let of_personal = mail.token_hashes(&mail_account("Personal")).unwrap();
    assert!(!of_work.is_empty() && !of_personal.is_empty());
    assert!(of_work.iter().all(|token| !of_personal.contains(token)));

    // Files, as they lie on the disk: nothing readable at all, of either. What is looked for is
    // long, since any three octets are found by chance in some megabytes of sealed data.
    let token = world.access_token(&work.id).await;
    let header = token.get(..12).unwrap();
    app.stop().await;
    for file in files(world.folder.path()) {
        let bytes = std::fs::read(&file).unwrap();
        for text in [
            OF_WORK,
            OF_PERSONAL,
            "Cutover plan",
            "authress-session",
            header,
        ] {
            let found = bytes
                .windows(text.len())
                .any(|window| window == text.as_bytes());
            assert!(!found, "{text} in {}", file.display());
        }
    }
    let keys = world.vault.names().await.unwrap();
    assert_eq!(keys.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_a_person_can_run_passes_unless_this_build_leaks_on_purpose() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, personal) = world.two_accounts(&app).await;
    let view = app
        .call("separation.view", serde_json::json!({}))
        .await
        .unwrap();
    assert_eq!(view["report"], serde_json::Value::Null);
    for (belongings, account) in view["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .zip([&work, &personal])
    {
        assert_eq!(belongings["folder"], format!("accounts/{}", account.id));
        assert_eq!(belongings["key"], format!("braid / {}", account.id));
        let files: Vec<_> = belongings["files"].as_array().unwrap().iter().collect();
        let named = |name: &str| {
            files
                .iter()
                .any(|file| file["name"] == name && file["octets"] != 0)
        };
        for name in [
            "mail.sqlite",
            "body.sqlite",
            "search.sqlite",
            "local.sqlite",
            "session.sealed",
        ] {
            assert!(named(name), "{name} in {files:?}");
        }
        assert!(!belongings["audience"].as_array().unwrap().is_empty());
        assert_eq!(belongings["hosts"][0]["host"], "127.0.0.1");
    }
    let report = app
        .call("separation.check", serde_json::json!({}))
        .await
        .unwrap();
    assert_eq!(
        report["passed"],
        !cfg!(feature = "deliberate-leak"),
        "{report:#}"
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_in_trouble_does_not_keep_the_other_from_its_mail() {
    let world = World::new().await;
    let app = world.start().await;
    let (_, personal) = world.two_accounts(&app).await;
    // Work's session ends at the tenant, and its tokens with it; Personal's does not.
    let work = app.accounts_now().await.remove(0);
    app.sign_out(mail_app::SignOutRequest {
        account: work.id,
        data: mail_app::DataChoice::Sealed,
    })
    .await
    .unwrap();
    world.deliver(&mail_account("Personal"), "Still here", "Yes.");
    let scope = Scope::Merged {
        role: MailboxRole::Inbox,
        group: None,
    };
    let arrival = async {
        loop {
            app.call(
                "account.sync",
                serde_json::json!({ "account": personal.id }),
            )
            .await
            .unwrap();
            let rows = app
                .rows_now(scope.clone(), ListMode::Messages, Filter::All, 20)
                .await
                .unwrap();
            if rows.iter().any(|row| row.subject == "Still here") {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, arrival).await.unwrap();
    app.stop().await;
}
