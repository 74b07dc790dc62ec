//! Mail servers that take the identity provider's own token: fetched once, kept in memory until
//! refused, each account's own, never on the disk.

use mail_app::{App, SignInView};
use mail_rehearsal::RehearsalConfig;
use mail_rehearsal::faults::Server;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::world::{LIMIT, World, until};

const CREDENTIALS: &str = "/api/session/credentials";

fn hashed(token: &str) -> String {
    let digest = Sha256::digest(token.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Work and Personal, both with their mail at the second server; and Choir, at the first.
async fn world() -> World {
    let mut world = World::of(RehearsalConfig {
        size: 60,
        provider_mail: true,
        ..RehearsalConfig::default()
    })
    .await;
    for account in ["Work", "Personal"] {
        let connection = world.at_the_browser(account);
        world.provider_mail_for(&connection);
    }
    world
}

async fn signed_in(world: &World, app: &App) -> Vec<String> {
    let mut ids = Vec::new();
    for account in ["Work", "Personal", "Choir"] {
        match world.sign_in(app, account, None).await {
            SignInView::Added { account } => ids.push(account),
            other => panic!("{other:?}"),
        }
    }
    tokio::time::timeout(LIMIT, app.settled()).await.unwrap();
    ids
}

/// The provider's token of an account, as the login service gives it out.
async fn credential(world: &World, account: &str) -> String {
    let login = &world.rehearsal.description().login_url;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let asked = http
        .get(format!("{login}{CREDENTIALS}"))
        .bearer_auth(world.access_token(account).await)
        .send();
    let answer: serde_json::Value = asked.await.unwrap().json().await.unwrap();
    answer["accessToken"].as_str().unwrap().to_owned()
}

fn mail_account(world: &World, name: &str) -> String {
    let mut people = world.rehearsal.description().people.iter();
    people
        .find(|p| p.account == name)
        .unwrap()
        .mail_account
        .clone()
}

/// Delivers something and waits until it is here.
async fn arrives(world: &World, app: &App, name: &str, account: &str, subject: &str) {
    world.deliver(&mail_account(world, name), subject, "Hello.");
    app.call("account.sync", json!({ "account": account }))
        .await
        .unwrap();
    until(app, subject, async |_| {
        !app.traces_of(account, subject).await.unwrap().is_empty()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_account_uses_its_own_providers_token_fetched_once_and_again_only_when_refused() {
    let world = world().await;
    let app = world.start().await;
    let ids = signed_in(&world, &app).await;
    let asked = || {
        world
            .rehearsal
            .faults()
            .requests(Server::Login, "GET", CREDENTIALS)
    };
    // Choir's server takes the login service's token: nobody asks for a provider's.
    assert_eq!(asked(), 2, "one fetch for each account that needs one");
    for (name, account) in ["Work", "Personal"].iter().zip(&ids) {
        arrives(&world, &app, name, account, "first words").await;
    }
    assert_eq!(asked(), 2, "kept until refused");

    let before = [
        credential(&world, &ids[0]).await,
        credential(&world, &ids[1]).await,
    ];
    let asked_by_test = 2;
    world.rehearsal.faults().rotate_credentials();
    for (name, account) in ["Work", "Personal"].iter().zip(&ids) {
        arrives(&world, &app, name, account, "second words").await;
    }
    assert_eq!(asked() - asked_by_test, 4, "fetched once more, once each");
    let after = [
        credential(&world, &ids[0]).await,
        credential(&world, &ids[1]).await,
    ];

    // What the servers saw: each account's own tokens and no others.
    let mail = world.rehearsal.mail();
    for (own, name) in ["Work", "Personal"].iter().enumerate() {
        let other = 1 - own;
        let seen = mail.token_hashes(&mail_account(&world, name)).unwrap();
        assert_ne!(before[own], after[own]);
        for token in [&before[own], &after[own]] {
            assert!(
                seen.contains(&hashed(token)),
                "{name} has not used its token"
            );
        }
        for token in [&before[other], &after[other]] {
            assert!(
                !seen.contains(&hashed(token)),
                "{name} used the other's token"
            );
        }
        let authress = hashed(&world.access_token(&ids[own]).await);
        assert!(
            !seen.contains(&authress),
            "the login service's token went to the wrong server"
        );
    }
    let choir = mail.token_hashes(&mail_account(&world, "Choir")).unwrap();
    assert_eq!(choir, [hashed(&world.access_token(&ids[2]).await)]);

    // On the disk there is none of them, sealed session included.
    app.stop().await;
    let tokens: Vec<&String> = before.iter().chain(&after).collect();
    for id in &ids {
        let sealed = world.sealed_session(id).await.to_string();
        assert!(tokens.iter().all(|token| !sealed.contains(token.as_str())));
    }
    let looked = crate::logs::files_with(world.folder.path(), &tokens);
    assert!(
        looked.0 >= 15,
        "only {} files were looked through",
        looked.0
    );
    assert_eq!(looked.1, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_the_token_is_fetched_anew_and_mail_goes_on() {
    let world = world().await;
    let app = world.start().await;
    let ids = signed_in(&world, &app).await;
    app.stop().await;
    drop(app);
    let before = world
        .rehearsal
        .faults()
        .requests(Server::Login, "GET", CREDENTIALS);
    let app = world.start().await;
    arrives(&world, &app, "Work", &ids[0], "after the restart").await;
    let after = world
        .rehearsal
        .faults()
        .requests(Server::Login, "GET", CREDENTIALS);
    assert!((1..=2).contains(&(after - before)), "{}", after - before);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_in_again_by_another_connection_the_mail_is_asked_for_where_that_one_has_it() {
    let mut world = World::of(RehearsalConfig {
        size: 60,
        provider_mail: true,
        ..RehearsalConfig::default()
    })
    .await;
    // Google's people have their mail at the first server, GitHub's at the second.
    world.provider_mail_for("github");
    let app = world.start().await;
    let SignInView::Added { account } = world.sign_in(&app, "Personal", None).await else {
        panic!("not added")
    };
    tokio::time::timeout(LIMIT, app.settled()).await.unwrap();
    let personal = "google|104822617305";
    assert!(world.rehearsal.tenant().join(personal, "github", "9913046"));
    let asked = || {
        let faults = world.rehearsal.faults();
        faults.requests(Server::Login, "GET", CREDENTIALS)
    };
    assert_eq!(asked(), 0);

    crate::flow::clicks(&world, "Sketchbook");
    let request = mail_app::BeginSignInRequest {
        connection: Some("github".to_owned()),
        account: Some(account.clone()),
    };
    let attempt = app.begin_sign_in(request).await.unwrap().attempt;
    let ended = crate::world::finish(&app, attempt, "").await;
    assert!(matches!(ended, SignInView::Renewed { .. }), "{ended:?}");
    arrives(&world, &app, "Personal", &account, "by the other way").await;
    assert_eq!(asked(), 1, "with the other provider's token");
    let provider = hashed(&credential(&world, &account).await);
    let seen = world.rehearsal.mail().token_hashes("u-personal").unwrap();
    assert!(seen.contains(&provider));

    // And back: the first server takes the login service's token again.
    let ended = world.sign_in(&app, "Personal", Some(&account)).await;
    assert!(matches!(ended, SignInView::Renewed { .. }), "{ended:?}");
    arrives(&world, &app, "Personal", &account, "the way back").await;
    let own = hashed(&world.access_token(&account).await);
    let seen = world.rehearsal.mail().token_hashes("u-personal").unwrap();
    assert!(seen.contains(&own));
    app.stop().await;
}
