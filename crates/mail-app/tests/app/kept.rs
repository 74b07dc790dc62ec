//! How much of an account's texts stays on this computer.

use mail_app::{AccountRequest, App, ErrorCode, KeepTextsRequest, KeptTextsView};

use crate::world::{World, eventually};

async fn kept(app: &App, account: &str) -> KeptTextsView {
    let account = account.to_owned();
    app.kept_texts(AccountRequest { account }).await.unwrap()
}

fn keep(account: &str, days: Option<u32>, octets: Option<u64>) -> KeepTextsRequest {
    KeepTextsRequest {
        account: account.to_owned(),
        days,
        octets,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_of_one_account_holds_there_alone_and_over_a_restart() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, personal) = world.two_accounts(&app).await;
    app.settled().await;
    assert_eq!(kept(&app, &work.id).await.days, None);
    // Nothing fetches while it is looked what goes.
    let filled = async || {
        let before = kept(&app, &work.id).await.used;
        app.settled().await;
        before > 0 && kept(&app, &work.id).await.used == before
    };
    eventually("its texts", filled).await;
    let before = kept(&app, &work.id).await.used;
    let request = keep(&work.id, Some(1), Some(100_000_000));
    app.keep_texts(request).await.unwrap();
    let dropped = async || kept(&app, &work.id).await.used < before;
    eventually("what is older than a day went", dropped).await;
    assert_eq!(kept(&app, &personal.id).await.days, None);
    app.stop().await;
    drop(app);

    let app = world.start().await;
    let again = kept(&app, &work.id).await;
    assert_eq!((again.days, again.octets), (Some(1), Some(100_000_000)));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_time_at_all_and_hardly_any_room_are_refused_and_a_locked_account_says_so() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, _) = world.two_accounts(&app).await;
    let before = kept(&app, &work.id).await;
    for request in [
        keep(&work.id, Some(0), None),
        keep(&work.id, None, Some(1_000)),
    ] {
        let refused = app.keep_texts(request).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::BadRequest);
    }
    let after = kept(&app, &work.id).await;
    assert_eq!((after.days, after.octets), (before.days, before.octets));
    let request = || AccountRequest {
        account: work.id.clone(),
    };
    app.lock_account(request()).await.unwrap();
    let refused = app.kept_texts(request()).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Locked);
    app.stop().await;
}
