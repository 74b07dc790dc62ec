use serde_json::json;

use super::*;
use crate::faults::{Rule, Server, Switch};
use crate::people::{Linking, newcomers};

const PERSONAL: &str = "google|104822617305";
const CHOIR: &str = "github|4417208";
const LINK: &str = "/v1/users/google%7C104822617305/identities";

fn ana_in_the_choir() -> Person {
    people().remove(2)
}

fn sketchbook() -> Person {
    newcomers().remove(0)
}

async fn token_of(world: &World, person: &Person) -> (Client, String) {
    let mut client = world.client();
    let token = client.sign_in(person).await["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    (client, token)
}

fn identity(person: &Person) -> Value {
    json!({ "connectionId": person.connection, "connectionUserId": person.connection_user_id })
}

impl Client {
    async fn call_as(&mut self, method: Method, path: &str, body: &Value, token: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        self.send(
            method,
            path,
            Some(body),
            &[("origin", APP), ("authorization", &bearer)],
        )
        .await
    }

    /// What an application without a browser does: asks for the link with the kept user's token.
    async fn begin_link(&mut self, token: &str, changes: &Value) -> Answer {
        let mut body = self.begin_body(changes);
        body["linkIdentity"] = true.into();
        self.call_as(Method::POST, "/api/authentication", &body, token)
            .await
    }

    /// Links by signing in as `person` in a browser of their own; gives the request's id and the address
    /// they come back with.
    async fn link_by_sign_in(&mut self, token: &str, person: &Person) -> (String, Url) {
        let changes = json!({ "connectionId": person.connection });
        let begun = self.begin_link(token, &changes).await;
        assert_eq!(begun.status, 200, "{}", begun.text);
        let begun = begun.json();
        let url = Url::parse(begun["authenticationUrl"].as_str().unwrap()).unwrap();
        let mut browser = Self {
            http: self.http.clone(),
            url: self.url.clone(),
            clock: self.clock.clone(),
            jar: BTreeMap::new(),
        };
        let back = browser.choose(&url, person).await;
        assert!(
            back.cookie_line("authress-session").is_none(),
            "a link leaves the browser's session alone"
        );
        (
            begun["authenticationRequestId"]
                .as_str()
                .unwrap()
                .to_owned(),
            back.location(),
        )
    }

    async fn linked(&mut self, token: &str) -> Vec<String> {
        let profile = self.get_as("/api/session/profile", token).await.json();
        let all = profile["linkedIdentities"].as_array().unwrap().iter();
        all.map(|one| one["connection"]["userId"].as_str().unwrap().to_owned())
            .collect()
    }
}

fn refused(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.code())
}

#[tokio::test]
async fn an_identity_nobody_has_is_joined_by_a_sign_in_and_yields_the_same_sub() {
    let world = World::new().await;
    let (mut client, token) = token_of(&world, &ana_at_home()).await;
    let (id, back) = client.link_by_sign_in(&token, &sketchbook()).await;
    assert_eq!(query(&back, "nonce").as_ref(), Some(&id));
    assert_eq!(
        query(&back, "iss"),
        Some(world.tenant.config().issuer_text())
    );
    assert_eq!(query(&back, "keep").as_deref(), Some("me"));
    assert!(query(&back, "access_token").is_none());
    let reply = client
        .exchange(&id, &query(&back, "code").unwrap())
        .await
        .json();
    let claims = claims(reply["access_token"].as_str().unwrap());
    assert_eq!(
        (&claims["sub"], &claims["azp"]),
        (&json!(PERSONAL), &json!("github"))
    );
    assert_eq!(client.linked(&token).await, ["104822617305", "9913046"]);
    assert_eq!(
        world.tenant.user_of("github", "9913046").as_deref(),
        Some(PERSONAL)
    );

    let (_, again) = token_of(&world, &sketchbook()).await;
    assert_eq!(super::claims(&again)["sub"], PERSONAL);
}

#[tokio::test]
async fn a_link_for_a_web_page_brings_back_no_token_whatever_it_asked_for() {
    let world = World::new().await;
    let (mut client, token) = token_of(&world, &ana_at_home()).await;
    let asked = json!({ "connectionId": "github", "flowType": "token id_token code", "responseLocation": "query" });
    let begun = client.begin_link(&token, &asked).await.json();
    let url = Url::parse(begun["authenticationUrl"].as_str().unwrap()).unwrap();
    let back = world.client().choose(&url, &sketchbook()).await.location();
    let mut names: Vec<String> = back
        .query_pairs()
        .map(|(name, _)| name.into_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["code", "iss", "keep", "nonce"]);
}

#[tokio::test]
async fn a_browsers_session_does_not_answer_for_the_person_in_a_link() {
    let world = World::new().await;
    let (mut client, token) = token_of(&world, &ana_at_home()).await;
    let mut browser = world.client();
    let (_, url) = browser.begun(&json!({})).await;
    browser.choose(&url, &ana_in_the_choir()).await;
    let begun = client
        .begin_link(&token, &json!({ "connectionId": "github" }))
        .await
        .json();
    let page = browser
        .get(begun["authenticationUrl"].as_str().unwrap())
        .await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("ana@choir.example"));
}

#[tokio::test]
async fn an_identity_of_another_user_comes_back_as_a_conflict_and_stays() {
    let world = World::new().await;
    let (mut client, token) = token_of(&world, &ana_at_home()).await;
    let (id, back) = client.link_by_sign_in(&token, &ana_in_the_choir()).await;
    assert_eq!(query(&back, "error").as_deref(), Some("identity_conflict"));
    assert_eq!(
        (query(&back, "nonce"), query(&back, "code")),
        (Some(id), None)
    );
    assert_eq!(
        world.tenant.user_of("github", "4417208").as_deref(),
        Some(CHOIR)
    );
    assert!(world.tenant.set_aside().is_empty());
}

#[tokio::test]
async fn a_link_by_sign_in_says_who_and_which_connection_and_both_have_to_allow_it() {
    let world = World::new().await;
    let (mut home, token) = token_of(&world, &ana_at_home()).await;
    let none = home.begin_link(&token, &json!({})).await;
    assert_eq!(refused(&none), (400, "InvalidConnection".to_owned()));
    let lookup = json!({ "tenantLookupIdentifier": "ana@choir.example" });
    assert_eq!(home.begin_link(&token, &lookup).await.status, 200);
    let (mut work, at_work) = token_of(&world, &ana_at_work()).await;
    for (client, token, connection) in [
        (&mut home, &token, "northwind-sso"),
        (&mut work, &at_work, "google"),
    ] {
        let answer = client
            .begin_link(token, &json!({ "connectionId": connection }))
            .await;
        assert_eq!(
            refused(&answer),
            (403, "LinkingNotAllowed".to_owned()),
            "{connection}"
        );
    }
    let stranger = world
        .client()
        .begin_link("forged", &json!({ "connectionId": "github" }))
        .await;
    assert_eq!(refused(&stranger), (401, "Unauthorized".to_owned()));
}

#[tokio::test]
async fn the_patch_joins_a_taken_identity_and_ends_everything_of_the_other_user() {
    let world = World::new().await;
    let (mut home, token) = token_of(&world, &ana_at_home()).await;
    let (mut choir, of_choir) = token_of(&world, &ana_in_the_choir()).await;
    let (id, code) = world.client().code_for(&ana_in_the_choir()).await;

    let answer = home
        .call_as(Method::PATCH, LINK, &identity(&ana_in_the_choir()), &token)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(
        answer.json()["linkedIdentities"][1]["connection"]["userId"],
        "4417208"
    );
    assert!(answer.json()["linkedIdentities"][1]["linkedTime"].is_string());
    assert_eq!(
        home.get_as("/v1/users/google%7C104822617305", &token)
            .await
            .json()["linkedIdentities"],
        answer.json()["linkedIdentities"]
    );

    assert_eq!(
        choir.get_as("/api/session/profile", &of_choir).await.status,
        401
    );
    assert_eq!(choir.renew().await.status, 404);
    assert_eq!(choir.exchange(&id, &code).await.status, 400);
    let (_, now) = token_of(&world, &ana_in_the_choir()).await;
    assert_eq!(claims(&now)["sub"], PERSONAL);

    let [aside] = world.tenant.set_aside().try_into().unwrap();
    assert_eq!(
        (aside.user.as_str(), aside.at, aside.kept.as_str()),
        (CHOIR, THEN / 1000, PERSONAL)
    );
    assert_eq!(aside.mail_account, "u-choir");

    let again = home
        .call_as(Method::PATCH, LINK, &identity(&ana_in_the_choir()), &token)
        .await;
    assert_eq!(again.status, 200, "asking twice is no error");
    assert_eq!(
        world
            .faults
            .requests(Server::Login, "PATCH", "/v1/users/*/identities"),
        2
    );
}

#[tokio::test]
async fn the_patch_refuses_what_it_must() {
    let world = World::new().await;
    let (mut home, token) = token_of(&world, &ana_at_home()).await;
    let (mut work, at_work) = token_of(&world, &ana_at_work()).await;
    let choir = identity(&ana_in_the_choir());

    let unnamed = json!({ "connectionId": "google" });
    let unknown = json!({ "connectionId": "nowhere", "connectionUserId": "1" });
    let nobody = json!({ "connectionId": "github", "connectionUserId": "1" });
    let managed = identity(&ana_at_work());
    for (body, status, code) in [
        (&unnamed, 400, "InvalidRequest"),
        (&unknown, 404, "NotFound"),
        (&nobody, 404, "NotFound"),
        (&managed, 403, "LinkingNotAllowed"),
    ] {
        let answer = home.call_as(Method::PATCH, LINK, body, &token).await;
        assert_eq!(refused(&answer), (status, code.to_owned()), "{body}");
    }
    let of_another = work.call_as(Method::PATCH, LINK, &choir, &at_work).await;
    assert_eq!(refused(&of_another), (403, "Forbidden".to_owned()));
    let path = "/v1/users/northwind%7Cana.moreau/identities";
    let from_work = work.call_as(Method::PATCH, path, &choir, &at_work).await;
    assert_eq!(refused(&from_work), (403, "LinkingNotAllowed".to_owned()));
    let stranger = world.client().call(Method::PATCH, LINK, &choir).await;
    assert_eq!(refused(&stranger), (401, "Unauthorized".to_owned()));

    let (mut in_choir, of_choir) = token_of(&world, &ana_in_the_choir()).await;
    in_choir.link_by_sign_in(&of_choir, &sketchbook()).await;
    let answer = home.call_as(Method::PATCH, LINK, &choir, &token).await;
    assert_eq!(refused(&answer), (409, "IdentityConflict".to_owned()));
    assert_eq!(in_choir.linked(&of_choir).await, ["4417208", "9913046"]);
}

#[tokio::test]
async fn a_tenant_without_the_endpoint_links_by_sign_in_with_the_same_result() {
    let world = World::new().await;
    world.faults.switch(Switch::NoLinkEndpoint, true);
    let (mut home, token) = token_of(&world, &ana_at_home()).await;
    let missing = home
        .call_as(Method::PATCH, LINK, &identity(&ana_in_the_choir()), &token)
        .await;
    assert_eq!(refused(&missing), (404, "NotFound".to_owned()));
    let (id, back) = home.link_by_sign_in(&token, &ana_in_the_choir()).await;
    let reply = home
        .exchange(&id, &query(&back, "code").unwrap())
        .await
        .json();
    assert_eq!(
        claims(reply["access_token"].as_str().unwrap())["sub"],
        PERSONAL
    );
    assert_eq!(world.tenant.set_aside()[0].user, CHOIR);
}

#[tokio::test]
async fn an_automatic_connection_joins_a_newcomer_by_address_without_being_asked() {
    let world = World::new().await;
    assert!(!world.tenant.set_linking("nowhere", Linking::Automatic));
    assert!(world.tenant.set_linking("github", Linking::Automatic));
    let (_, token) = token_of(&world, &sketchbook()).await;
    assert_eq!(
        (&claims(&token)["sub"], &claims(&token)["azp"]),
        (&json!(PERSONAL), &json!("github"))
    );
    assert_eq!(world.tenant.identities_of(PERSONAL).len(), 2);
    let (_, choir) = token_of(&world, &ana_in_the_choir()).await;
    assert_eq!(claims(&choir)["sub"], CHOIR, "who has a user keeps it");
}

#[tokio::test]
async fn a_newcomer_opens_a_user_of_their_own_where_linking_is_explicit() {
    let world = World::new().await;
    let (mut client, token) = token_of(&world, &sketchbook()).await;
    assert_eq!(claims(&token)["sub"], "github|9913046");
    assert_eq!(client.linked(&token).await, ["9913046"]);
    let (_, again) = token_of(&world, &sketchbook()).await;
    assert_eq!(claims(&again)["sub"], "github|9913046");
}

#[tokio::test]
async fn an_unlinked_identity_opens_something_new_and_the_old_user_only_an_administrator_brings_back()
 {
    let world = World::new().await;
    let (mut home, token) = token_of(&world, &ana_at_home()).await;
    home.call_as(Method::PATCH, LINK, &identity(&ana_in_the_choir()), &token)
        .await;
    let answer = home
        .call_as(
            Method::DELETE,
            "/api/session/identities/4417208",
            &json!({}),
            &token,
        )
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(home.linked(&token).await, ["104822617305"]);
    let (_, new) = token_of(&world, &ana_in_the_choir()).await;
    assert_eq!(claims(&new)["sub"], "github|4417208~2");

    world.tenant.bring_back(CHOIR).unwrap();
    let (_, old) = token_of(&world, &ana_in_the_choir()).await;
    assert_eq!(claims(&old)["sub"], CHOIR);
    assert_eq!(
        world
            .client()
            .get_as("/api/session/profile", &new)
            .await
            .status,
        401
    );
    assert!(world.tenant.bring_back(CHOIR).is_err());
}

#[tokio::test]
async fn links_and_set_aside_users_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let first = World::with(StateDir::open(dir.path()).unwrap(), None, |_| {}).await;
    let (mut home, token) = token_of(&first, &ana_at_home()).await;
    home.call_as(Method::PATCH, LINK, &identity(&ana_in_the_choir()), &token)
        .await;
    assert!(first.tenant.set_linking("google", Linking::Off));
    let (aside, identities) = (
        first.tenant.set_aside(),
        first.tenant.identities_of(PERSONAL),
    );

    // The first tenant still holds the folder, so what it wrote is looked at in a copy of it.
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(
        dir.path().join("tenant.json"),
        copy.path().join("tenant.json"),
    )
    .unwrap();
    let config = TenantConfig::new(first.url.clone());
    let second = Tenant::open(
        config,
        Clock::standing_at(THEN),
        Faults::none(),
        StateDir::open(copy.path()).unwrap(),
    )
    .unwrap();
    assert_eq!(second.set_aside(), aside);
    assert_eq!(second.identities_of(PERSONAL), identities);
    assert_eq!(second.linking("google"), Some(Linking::Off));
    assert!(
        second.identities_of(CHOIR).is_empty(),
        "nobody is welcomed twice"
    );
}

#[tokio::test]
async fn a_commit_can_be_answered_wrongly_both_ways() {
    let world = World::new().await;
    let (mut home, token) = token_of(&world, &ana_at_home()).await;
    let choir = identity(&ana_in_the_choir());
    world
        .faults
        .add(Rule::pretend("/v1/users/*/identities", 1).method("PATCH"));
    assert_eq!(
        home.call_as(Method::PATCH, LINK, &choir, &token)
            .await
            .status,
        200
    );
    assert_eq!(
        world.tenant.user_of("github", "4417208").as_deref(),
        Some(CHOIR),
        "said yes, did nothing"
    );

    world.faults.add(Rule::refused(
        "/v1/users/*/identities",
        409,
        "IdentityConflict",
        1,
    ));
    let answer = home.call_as(Method::PATCH, LINK, &choir, &token).await;
    assert_eq!(refused(&answer), (409, "IdentityConflict".to_owned()));
    assert_eq!(
        world.tenant.user_of("github", "4417208").as_deref(),
        Some(CHOIR)
    );

    world
        .faults
        .add(Rule::status_after("/v1/users/*/identities", 500, 1));
    assert_eq!(
        home.call_as(Method::PATCH, LINK, &choir, &token)
            .await
            .status,
        500
    );
    assert_eq!(
        world.tenant.user_of("github", "4417208").as_deref(),
        Some(PERSONAL),
        "said no, did it"
    );
}

#[tokio::test]
async fn reads_can_lag_behind_a_link_for_as_often_as_told() {
    let world = World::new().await;
    let (mut home, token) = token_of(&world, &ana_at_home()).await;
    world.faults.lag_profile(2);
    for _ in 0..3 {
        assert_eq!(
            home.linked(&token).await.len(),
            1,
            "reads before the change do not count"
        );
    }
    home.call_as(Method::PATCH, LINK, &identity(&ana_in_the_choir()), &token)
        .await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(home.linked(&token).await.len());
    }
    assert_eq!(seen, [1, 1, 2, 2]);
}
