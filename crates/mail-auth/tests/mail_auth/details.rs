//! What a person is told about a session.

use mail_auth::{SealedFile, Session, SessionDetails, Vault as _};
use mail_model::UnixTime;
use mail_model::remote::TokenSource as _;
use serde_json::{Value, json};

use crate::tenant::Fault;
use crate::world::{DAY, World};

const BEGIN: i64 = 1_800_000_000;
/// As the cookie says it: the first of January 2031.
const COOKIE: &str = "; Expires=Wed, 01 Jan 2031 00:00:00 GMT";
const COOKIE_END: i64 = 1_924_992_000;

const fn at(seconds: i64) -> Option<UnixTime> {
    Some(UnixTime::from_seconds(seconds))
}

#[tokio::test]
async fn a_session_says_since_when_and_until_when_also_after_a_restart() {
    let world = World::new().await;
    world.tenant.with(|t| t.switches.cookie_extra = COOKIE);
    let session = world.ana().await;
    let details = session.details();
    assert_eq!(details.signed_in_at, at(BEGIN));
    assert_eq!(details.renewed_at, None);
    assert_eq!(details.token_until, at(BEGIN + DAY));
    assert_eq!(details.session_until, at(COOKIE_END));
    assert_eq!(details.connection.as_deref(), Some("con_northwind"));
    let identity = details.identity.unwrap();
    assert_eq!(identity.email.as_deref(), Some("ana@northwind.example"));

    world.clock.advance(DAY);
    world.tenant.with(|t| {
        t.switches.cookie_extra = "; Expires=Thu, 01 Jan 2032 00:00:00 GMT";
        t.switches.claims = json!({"azp": "con_other"});
    });
    session.token().await.unwrap();
    let renewed = session.details();
    assert_eq!(renewed.signed_in_at, at(BEGIN));
    assert_eq!(renewed.renewed_at, at(BEGIN + DAY));
    assert_eq!(renewed.token_until, at(BEGIN + 2 * DAY));
    assert_eq!(renewed.session_until, at(COOKIE_END + 365 * DAY));
    assert_eq!(renewed.connection.as_deref(), Some("con_other"));
    assert_eq!(world.reopened().await.details(), renewed);
}

#[tokio::test]
async fn the_age_of_a_cookie_counts_before_its_date() {
    let world = World::new().await;
    world
        .tenant
        .with(|t| t.switches.cookie_extra = "; Expires=Wed, 01 Jan 2031 00:00:00 GMT; Max-Age=60");
    let session = world.ana().await;
    let until = session.details().session_until.unwrap();
    assert!(until.seconds() < COOKIE_END);
    world.tenant.with(|t| t.switches.cookie_extra = "");
    let fresh = world.sign_in("user|ana").await.unwrap();
    session.replace_credentials(fresh).await.unwrap();
    assert_eq!(session.details().session_until, None, "nothing was said");
}

#[tokio::test]
async fn a_session_that_has_ended_still_says_whose_it_was() {
    let world = World::new().await;
    world.tenant.with(|t| t.switches.cookie_extra = COOKIE);
    let session = world.ana().await;
    world.clock.advance(DAY);
    world
        .tenant
        .fault("renew", Fault::Status(404, json!({"title": "No session"})));
    assert!(session.token().await.is_err());
    let whose = |details: SessionDetails| {
        assert_eq!(details.token_until, None);
        assert_eq!(details.session_until, None);
        assert_eq!(details.signed_in_at, at(BEGIN));
        assert_eq!(details.identity.unwrap().subject, "user|ana");
    };
    whose(session.details());
    assert!(session.identity().is_none());
    // The file says so too, as soon as the end is noted in it.
    crate::world::in_time(async {
        loop {
            let details = world.reopened().await.details();
            if details.token_until.is_none() {
                break whose(details);
            }
        }
    })
    .await;
    // After a sign-out nothing is left.
    session.sign_out().await.unwrap();
    assert_eq!(session.details(), SessionDetails::default());
}

/// What a session file holds, as it lies there.
async fn stored(world: &World) -> Value {
    let parts = world.session_parts("work", "user|ana");
    let key = world.vault.key(&parts.account).await.unwrap().unwrap();
    let content = SealedFile::new(&parts.file, &parts.account, &key)
        .read()
        .unwrap()
        .unwrap();
    serde_json::from_slice(&content).unwrap()
}

#[tokio::test]
async fn a_file_of_version_one_is_kept_as_version_two_from_its_next_renewal() {
    let world = World::new().await;
    drop(world.ana().await);
    let mut old = stored(&world).await;
    assert_eq!(old["version"], "2");
    let fields = old.as_object_mut().unwrap();
    fields.insert("version".into(), "1".into());
    fields.remove("signed_in_at");
    fields.remove("renewed_at");
    let parts = world.session_parts("work", "user|ana");
    let key = world.vault.key(&parts.account).await.unwrap().unwrap();
    SealedFile::new(&parts.file, &parts.account, &key)
        .write(old.to_string().as_bytes())
        .unwrap();

    let session = Session::open(parts).await;
    let details = session.details();
    assert_eq!(
        details.signed_in_at, None,
        "an older version did not keep it"
    );
    assert_eq!(details.token_until, at(BEGIN + DAY));
    world.clock.advance(DAY);
    session.token().await.unwrap();
    let new = stored(&world).await;
    assert_eq!(new["version"], "2");
    assert_eq!(new["renewed_at"], BEGIN + DAY);
    assert_eq!(new["signed_in_at"], Value::Null);
    assert_eq!(world.tenant.with(|t| t.reused), 0);
}
