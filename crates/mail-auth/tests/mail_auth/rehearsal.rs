//! The same against the rehearsal, which is another program's idea of the contract.

use std::sync::Arc;

use mail_auth::{
    ConnectionIdentity, LinkAnswer, LoginRequest, MemoryVault, Session, SessionError, SessionParts,
    SessionState, SignIn, SignInError, SignInParts, SignedIn, TenantConfig, Vault as _,
};
use mail_model::AccountId;
use mail_model::remote::TokenSource as _;
use mail_rehearsal::faults::{Rule, Server, Switch};
use mail_rehearsal::people::Linking;
use mail_rehearsal::{PersonDescription, Rehearsal, RehearsalConfig};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::browser;
use crate::world::{in_time, now};

struct Rehearsed {
    rehearsal: Rehearsal,
    parts: SignInParts,
    vault: Arc<MemoryVault>,
    folder: tempfile::TempDir,
}

impl Rehearsed {
    async fn new() -> Self {
        let config = RehearsalConfig {
            size: 1,
            ..RehearsalConfig::default()
        };
        let rehearsal = Rehearsal::start(config).await.unwrap();
        let description = rehearsal.description();
        let tenant =
            TenantConfig::new(&description.login_url, &description.application_id).unwrap();
        Self {
            parts: SignInParts::new(tenant),
            vault: Arc::new(MemoryVault::new()),
            folder: tempfile::tempdir().unwrap(),
            rehearsal,
        }
    }

    /// One of the three, by account, or a newcomer.
    fn person(&self, account: &str) -> PersonDescription {
        let description = self.rehearsal.description();
        let everybody = description.people.iter().chain(&description.newcomers);
        everybody
            .into_iter()
            .find(|person| person.account == account)
            .unwrap()
            .clone()
    }

    fn newcomer(&self, connection: &str) -> PersonDescription {
        let newcomers = &self.rehearsal.description().newcomers;
        let found = newcomers.iter().find(|one| one.connection == connection);
        found.unwrap().clone()
    }

    async fn sign_in(&self, person: &PersonDescription) -> SignedIn {
        let request = LoginRequest {
            connection: Some(person.connection.clone()),
            ..LoginRequest::default()
        };
        let attempt = SignIn::begin(self.parts.clone(), request).await.unwrap();
        let page = page_of(attempt.url(), person);
        let cancel = CancellationToken::new();
        let (signed_in, _) = tokio::join!(attempt.wait(&cancel), browser::sign_in(&page));
        signed_in.unwrap()
    }

    async fn session(&self, account: &str) -> Session {
        let person = self.person(account);
        let id = AccountId::new(account.to_lowercase()).unwrap();
        self.vault.create_key(&id).await.unwrap();
        let signed_in = self.sign_in(&person).await;
        let parts = SessionParts {
            subject: person.user.clone(),
            epoch: 1,
            tenant: Arc::clone(&self.parts.tenant),
            verifier: Arc::clone(&self.parts.verifier),
            vault: self.vault.clone(),
            file: self.folder.path().join(account),
            clock: Arc::clone(&self.parts.clock),
            account: id,
            hosts: mail_model::HostLog::new(),
        };
        Session::create(parts, signed_in).await.unwrap()
    }

    async fn link(
        &self,
        session: &Session,
        person: &PersonDescription,
    ) -> Result<Option<SignedIn>, SignInError> {
        let request = LoginRequest {
            connection: Some(person.connection.clone()),
            ..LoginRequest::default()
        };
        let attempt = SignIn::begin_linking(self.parts.clone(), session, request).await?;
        let page = page_of(attempt.url(), person);
        let cancel = CancellationToken::new();
        let (linked, _) = tokio::join!(attempt.wait_link(&cancel), browser::sign_in(&page));
        Ok(linked?.signed_in)
    }

    /// `PATCH` requests that reached the service, with or without a fault.
    fn patches(&self) -> u64 {
        let faults = self.rehearsal.faults();
        faults.requests(Server::Login, "PATCH", "/v1/users/*/identities")
    }
}

/// The page that signs a person in without asking.
fn page_of(url: &Url, person: &PersonDescription) -> Url {
    Url::parse(&format!("{url}{}", person.sign_in_query)).unwrap()
}

fn identity(person: &PersonDescription) -> ConnectionIdentity {
    ConnectionIdentity {
        connection_id: person.connection.clone(),
        user_id: person.connection_user_id.clone(),
    }
}

#[tokio::test]
async fn an_identity_that_owns_nothing_is_added_and_taken_away() {
    let world = Rehearsed::new().await;
    let session = world.session("Personal").await;
    let newcomer = world.newcomer("github");
    let before = session.profile().await.unwrap();
    let linked = world.link(&session, &newcomer).await.unwrap();
    if let Some(signed_in) = linked {
        assert_eq!(signed_in.identity.subject, session.subject());
        signed_in.discard().await;
    }
    let after = session.profile().await.unwrap();
    assert!(after.opens_with(&identity(&newcomer)));
    assert_eq!(
        after.linked_identities.len(),
        before.linked_identities.len() + 1
    );
    session.token().await.unwrap();

    let answer = session.unlink_identity(&newcomer.connection_user_id).await;
    assert!(matches!(answer, LinkAnswer::Accepted), "{answer:?}");
    assert_eq!(
        session.profile().await.unwrap().linked_identities.len(),
        before.linked_identities.len()
    );
    let own = &before.linked_identities[0].connection.user_id;
    assert!(matches!(
        session.unlink_identity(own).await,
        LinkAnswer::Refused { status: 409, refusal, .. }
            if refusal.code.as_deref() == Some("LastIdentity")
    ));
}

#[tokio::test]
async fn an_identity_of_somebody_else_is_a_conflict_until_the_service_moves_it() {
    let world = Rehearsed::new().await;
    let session = world.session("Personal").await;
    let choir = world.person("Choir");
    let conflict = world.link(&session, &choir).await.err().unwrap();
    assert!(
        matches!(&conflict, SignInError::Conflict { detail } if detail == "identity_conflict"),
        "{conflict:?}"
    );
    assert!(
        !session
            .profile()
            .await
            .unwrap()
            .opens_with(&identity(&choir))
    );
    // The session is as it was, and so is the other person.
    session.token().await.unwrap();
    let theirs = world.sign_in(&choir).await;
    assert_eq!(theirs.identity.subject, choir.user);

    world
        .rehearsal
        .faults()
        .switch(Switch::NoLinkEndpoint, true);
    assert!(matches!(
        session.link_identity(&identity(&choir)).await,
        LinkAnswer::Refused { status: 404, .. }
    ));
    let fresh = world.link(&session, &choir).await.unwrap();
    if let Some(fresh) = fresh {
        assert_eq!(fresh.identity.subject, session.subject());
    }
    assert!(
        session
            .profile()
            .await
            .unwrap()
            .opens_with(&identity(&choir))
    );
}

#[tokio::test]
async fn where_linking_is_off_both_ways_say_so() {
    let world = Rehearsed::new().await;
    let session = world.session("Personal").await;
    assert!(world.rehearsal.tenant().set_linking("github", Linking::Off));
    let choir = world.person("Choir");
    assert!(matches!(
        session.link_identity(&identity(&choir)).await,
        LinkAnswer::Refused { status: 403, refusal, .. }
            if refusal.code.as_deref() == Some("LinkingNotAllowed")
    ));
    assert!(matches!(
        world.link(&session, &world.newcomer("github")).await.err(),
        Some(
            SignInError::Login(mail_auth::AuthressError::Refused { status: 403, .. })
                | SignInError::Declined { .. }
        )
    ));
    session.token().await.unwrap();
}

#[tokio::test]
async fn what_a_link_is_answered_and_what_became_of_it_are_two_things() {
    let path = "/v1/users/*/identities";
    let cases = [
        ("a yes", None, "accepted", true),
        (
            "done, then 500",
            Some(Rule::status_after(path, 500, 1)),
            "unknown",
            true,
        ),
        (
            "done, answer lost",
            Some(Rule::lose_answer(path, 1)),
            "unknown",
            true,
        ),
        (
            "done, answer cut",
            Some(Rule::cut_after(path, 5, 1)),
            "unknown",
            true,
        ),
        (
            "request lost",
            Some(Rule::lose_request(path, 1)),
            "unknown",
            false,
        ),
        (
            "500, nothing done",
            Some(Rule::status(path, 500, 1)),
            "unknown",
            false,
        ),
        (
            "a yes, nothing done",
            Some(Rule::pretend(path, 1)),
            "accepted",
            false,
        ),
        (
            "asked to wait",
            Some(Rule::rate_limit(path, 40, 1)),
            "refused",
            false,
        ),
        (
            "a no",
            Some(Rule::refused(path, 409, "IdentityConflict", 1)),
            "refused",
            false,
        ),
    ];
    eprintln!("\nlink, at the service     answered   linked   requests");
    for (name, rule, expected, is_linked) in cases {
        let world = Rehearsed::new().await;
        let session = world.session("Personal").await;
        let choir = identity(&world.person("Choir"));
        let token = session.token().await.unwrap();
        if let Some(rule) = rule {
            world.rehearsal.faults().add(rule);
        }
        let answer = in_time(session.link_identity(&choir)).await;
        let answered = match &answer {
            LinkAnswer::Accepted => "accepted",
            LinkAnswer::Refused { .. } => "refused",
            LinkAnswer::NotSent(_) => "not sent",
            LinkAnswer::Unknown { .. } => "unknown",
        };
        let linked = session.profile().await.unwrap().opens_with(&choir);
        eprintln!(
            "  {name:<22} {answered:<10} {linked:<8} {}",
            world.patches()
        );
        assert_eq!(
            (answered, linked),
            (expected, is_linked),
            "{name}: {answer:?}"
        );
        assert_eq!(world.patches(), 1, "{name}");
        assert!(
            matches!(now(&session.state()), SessionState::SignedIn { .. }),
            "{name}"
        );
        assert_eq!(
            session.token().await.unwrap().expose(),
            token.expose(),
            "{name}"
        );
    }
}

#[tokio::test]
async fn devices_are_listed_removed_and_may_not_be_offered() {
    let world = Rehearsed::new().await;
    let session = world.session("Personal").await;
    let devices = session.devices().await.unwrap().unwrap();
    assert_eq!(devices.len(), 2);
    session.remove_device(&devices[0].id).await.unwrap();
    assert_eq!(session.devices().await.unwrap().unwrap(), devices[1..]);
    assert!(matches!(
        session.remove_device("device_nobody_has").await,
        Err(SessionError::Login(_))
    ));
    world.rehearsal.faults().switch(Switch::NoDevices, true);
    assert_eq!(session.devices().await.unwrap(), None);
}

#[tokio::test]
async fn a_providers_token_is_replaced_when_the_provider_has_changed_it() {
    let world = Rehearsed::new().await;
    let session = world.session("Personal").await;
    let source = session.connection_tokens("google");
    let first = source.token().await.unwrap();
    assert!(source.replace(&first).await.is_err(), "there is no other");

    let choir = world.session("Choir").await;
    let source = choir.connection_tokens("github");
    let theirs = source.token().await.unwrap();
    assert_ne!(first.expose(), theirs.expose());
    world.rehearsal.faults().rotate_credentials();
    let fresh = source.replace(&theirs).await.unwrap();
    assert_ne!(fresh.expose(), theirs.expose());
    assert!(choir.connection_tokens("google").token().await.is_err());
}

#[tokio::test]
async fn a_session_of_the_rehearsal_says_until_when_it_is() {
    let world = Rehearsed::new().await;
    let session = world.session("Personal").await;
    let details = session.details();
    assert_eq!(details.connection.as_deref(), Some("google"));
    let signed_in = details.signed_in_at.unwrap().seconds();
    let days = |until: i64| (until - signed_in + 43_200) / 86_400;
    assert_eq!(days(details.token_until.unwrap().seconds()), 1);
    assert_eq!(days(details.session_until.unwrap().seconds()), 30);
}
