//! Sign-ins that open a mailbox: shown, added, removed.

use std::sync::atomic::Ordering;

use mail_app::{
    AccountRequest, AddIdentityRequest, ErrorCode, IdentitiesView, RemoveIdentityRequest,
    SignInView,
};
use mail_rehearsal::faults::{Rule, Server};
use mail_rehearsal::people::Linking;

use crate::flow::{Two, clicks};
use crate::world::{World, finish};

async fn list(two: &Two, account: &str) -> IdentitiesView {
    let account = account.to_owned();
    two.app
        .identities(AccountRequest { account })
        .await
        .unwrap()
}

async fn add(two: &Two, who: &str) -> SignInView {
    let connection = clicks(&two.world, who);
    let request = AddIdentityRequest {
        account: two.kept.id.clone(),
        connection,
    };
    let attempt = two.app.add_identity(request).await.unwrap().attempt;
    finish(&two.app, attempt, "").await
}

async fn remove(two: &Two, identity: &str) -> Result<IdentitiesView, ErrorCode> {
    let connection = list(two, &two.kept.id)
        .await
        .identities
        .into_iter()
        .find(|known| known.id == identity)
        .map(|known| known.connection);
    let request = RemoveIdentityRequest {
        account: two.kept.id.clone(),
        identity: identity.to_owned(),
        connection: connection.unwrap_or_else(|| "github".into()),
    };
    let removed = two.app.remove_identity(request).await;
    removed.map_err(|error| error.code)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sign_ins_of_a_mailbox_are_shown_also_without_a_connection() {
    let two = Two::new().await;
    let shown = list(&two, &two.kept.id).await;
    assert_eq!(shown.identities.len(), 1);
    let only = &shown.identities[0];
    assert_eq!(
        (only.id.as_str(), only.connection_name.as_str()),
        ("104822617305", "Google")
    );
    assert!(only.current);
    let down = Rule {
        times: None,
        ..Rule::status("/api/session/profile", 503, 1)
    };
    two.world.rehearsal.faults().add(down);
    assert_eq!(list(&two, &two.kept.id).await, shown);
    two.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_owns_nothing_is_added_and_removed_again() {
    let two = Two::new().await;
    let ended = add(&two, "Sketchbook").await;
    let SignInView::IdentityAdded { account, identity } = ended else {
        panic!("{ended:?}")
    };
    assert_eq!(account, two.kept.id);
    assert_eq!((identity.id.as_str(), identity.current), ("9913046", false));
    assert_eq!(list(&two, &two.kept.id).await.identities.len(), 2);
    // Once more is no news.
    let again = add(&two, "Sketchbook").await;
    assert!(
        matches!(again, SignInView::AlreadyOpens { .. }),
        "{again:?}"
    );
    let left = remove(&two, "9913046").await.unwrap();
    assert_eq!(left.identities.len(), 1);
    assert_eq!(
        two.world.rehearsal.tenant().user_of("github", "9913046"),
        None
    );
    two.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_of_another_mailbox_is_not_added() {
    let two = Two::new().await;
    let ended = add(&two, "Choir").await;
    assert!(
        matches!(
            ended,
            SignInView::Failed {
                code: ErrorCode::SignInTaken,
                ..
            }
        ),
        "{ended:?}"
    );
    two.assert_as_before(&two.app).await;
    assert_eq!(list(&two, &two.kept.id).await.identities.len(), 1);
    two.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_organisation_does_not_allow_is_said_so() {
    let two = Two::new().await;
    assert!(
        two.world
            .rehearsal
            .tenant()
            .set_linking("github", Linking::Off)
    );
    let ended = add(&two, "Sketchbook").await;
    assert!(
        matches!(
            ended,
            SignInView::Failed {
                code: ErrorCode::LinkingForbidden,
                ..
            }
        ),
        "{ended:?}"
    );
    two.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_sign_ins_needs_a_fresh_sign_in() {
    let two = Two::new().await;
    two.clock.0.store(6 * 60, Ordering::SeqCst);
    let request = AddIdentityRequest {
        account: two.kept.id.clone(),
        connection: "github".into(),
    };
    let refused = two.app.add_identity(request).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::ProofNeeded);
    assert_eq!(
        remove(&two, "104822617305").await.unwrap_err(),
        ErrorCode::ProofNeeded
    );
    two.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_only_sign_in_stays_by_our_rule_and_by_the_services() {
    let two = Two::new().await;
    assert_eq!(
        remove(&two, "104822617305").await.unwrap_err(),
        ErrorCode::LastSignIn
    );
    let faults = two.world.rehearsal.faults();
    let asked = || faults.requests(Server::Login, "DELETE", "/api/session/identities/*");
    assert_eq!(asked(), 0);
    add(&two, "Sketchbook").await;
    faults.add(Rule::refused(
        "/api/session/identities/*",
        409,
        "LastIdentity",
        1,
    ));
    assert_eq!(
        remove(&two, "9913046").await.unwrap_err(),
        ErrorCode::LastSignIn
    );
    assert_eq!(asked(), 1);
    two.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_a_removal_is_looked_up() {
    let two = Two::new().await;
    add(&two, "Sketchbook").await;
    two.world
        .rehearsal
        .faults()
        .add(Rule::lose_answer("/api/session/identities/*", 1));
    let left = remove(&two, "9913046").await.unwrap();
    assert_eq!(left.identities.len(), 1);
    two.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_removals_at_once_leave_one_sign_in() {
    let two = Two::new().await;
    add(&two, "Sketchbook").await;
    let faults = two.world.rehearsal.faults();
    faults.add(Rule::delay("/api/session/identities/*", 200, 2));
    let (one, other) = tokio::join!(remove(&two, "9913046"), remove(&two, "104822617305"));
    let refused = one.err().into_iter().chain(other.err());
    assert_eq!(refused.collect::<Vec<_>>(), [ErrorCode::LastSignIn]);
    // The second one is not even asked for.
    let asked = faults.requests(Server::Login, "DELETE", "/api/session/identities/*");
    assert_eq!(asked, 1);
    assert_eq!(list(&two, &two.kept.id).await.identities.len(), 1);
    two.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_change_of_mailboxes_begins_while_a_sign_in_is_added() {
    let two = Two::new().await;
    let connection = clicks(&two.world, "Sketchbook");
    // Nobody clicks.
    *two.world.browser.person.lock().unwrap() = None;
    let request = AddIdentityRequest {
        account: two.kept.id.clone(),
        connection,
    };
    let attempt = two.app.add_identity(request).await.unwrap().attempt;
    let begin = || mail_app::LinkBeginRequest {
        kept: two.kept.id.clone(),
        set_aside: two.aside.id.clone(),
    };
    let refused = two.app.begin_link(begin()).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::ChangeUnderWay);
    let request = mail_app::AttemptRequest {
        attempt: attempt.clone(),
    };
    two.app.cancel_sign_in(request).await.unwrap();
    assert_eq!(finish(&two.app, attempt, "").await, SignInView::Cancelled);
    two.app.begin_link(begin()).await.unwrap();
    two.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_organisations_file_forbids_it_no_sign_in_is_joined_and_the_page_is_told() {
    let world = World::with_messages(40).await;
    let app = world
        .start_configured(|config| mail_app::Config {
            linking: Some(false),
            ..config
        })
        .await;
    for account in ["Personal", "Choir"] {
        world.sign_in(&app, account, None).await;
    }
    let accounts = app.settled().await;
    let begun = app
        .begin_link(mail_app::LinkBeginRequest {
            kept: accounts[0].id.clone(),
            set_aside: accounts[1].id.clone(),
        })
        .await;
    assert_eq!(begun.unwrap_err().code, ErrorCode::LinkingForbidden);
    let planned = app.link_plan(&accounts[0].id, &accounts[1].id).await;
    assert_eq!(planned.unwrap_err().code, ErrorCode::LinkingForbidden);
    let added = app
        .add_identity(AddIdentityRequest {
            account: accounts[0].id.clone(),
            connection: "github".into(),
        })
        .await;
    assert_eq!(added.unwrap_err().code, ErrorCode::LinkingForbidden);
    let shown = crate::life::first(&app, "app", serde_json::json!({})).await;
    assert_eq!(shown["app"]["linking_forbidden"], true);
    // What is joined already may be taken apart.
    let removed = app
        .remove_identity(RemoveIdentityRequest {
            account: accounts[0].id.clone(),
            identity: "104822617305".into(),
            connection: "google".into(),
        })
        .await;
    assert_eq!(removed.unwrap_err().code, ErrorCode::LastSignIn);
    app.stop().await;
}
