use serde_json::json;

use super::*;

/// Chooses as a browser does that keeps its session, and gives the browser.
async fn browser_of(world: &World, person: &Person) -> Client {
    let mut browser = world.client();
    let (_, url) = browser.begun(&json!({})).await;
    browser.choose(&url, person).await;
    browser
}

/// Sets Choir aside in favour of Personal.
async fn set_choir_aside(world: &World) {
    let mut home = world.client();
    let token = home.sign_in(&ana_at_home()).await["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let bearer = format!("Bearer {token}");
    let answer = home
        .send(
            Method::PATCH,
            "/v1/users/google%7C104822617305/identities",
            Some(&json!({ "connectionId": "github", "connectionUserId": "4417208" })),
            &[("origin", APP), ("authorization", &bearer)],
        )
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

async fn post_form(world: &World, origin: &str, user: &str) -> reqwest::Response {
    let client = world.client();
    let request = client
        .http
        .post(world.url.join("/admin/bring-back").unwrap());
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("user", user)
        .finish();
    let request = request
        .header("origin", origin)
        .header("content-type", "application/x-www-form-urlencoded");
    request.body(form).send().await.unwrap()
}

#[tokio::test]
async fn an_administrator_sees_who_is_set_aside_and_brings_them_back() {
    let world = World::new().await;
    assert!(
        world
            .client()
            .get("/admin")
            .await
            .text
            .contains("Nobody is set aside")
    );
    set_choir_aside(&world).await;
    let page = world.client().get("/admin").await;
    assert!(page.text.contains("ana@choir.example"), "{}", page.text);
    assert!(
        page.text.contains("14 November 2023, 22:13 UTC")
            && page.text.contains("google|104822617305")
    );
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("form-action 'self'") && policy.contains("default-src 'none'"));

    let origin = world.tenant.config().issuer_text();
    let done = post_form(&world, &origin, "github|4417208").await;
    assert_eq!(
        (done.status().as_u16(), &done.headers()["location"]),
        (303, &"/admin".parse().unwrap())
    );
    assert!(world.tenant.set_aside().is_empty());
    assert_eq!(
        world.tenant.user_of("github", "4417208").as_deref(),
        Some("github|4417208")
    );
    assert_eq!(
        post_form(&world, &origin, "github|4417208").await.status(),
        404
    );
}

#[tokio::test]
async fn the_administrators_page_takes_orders_from_itself_and_under_a_loopback_name_only() {
    let world = World::with(StateDir::in_memory(), None, |config| {
        config.issuer = Url::parse("https://login.northwind.example").unwrap();
    })
    .await;
    for origin in ["https://evil.example", APP, "null", "http://localhost:1"] {
        assert_eq!(
            post_form(&world, origin, "github|4417208").await.status(),
            403,
            "{origin}"
        );
    }
    let named = [("host", "login.northwind.example")];
    let outside = world
        .client()
        .send(Method::GET, "/admin", None, &named)
        .await;
    assert_eq!(outside.status, 404);
}

#[tokio::test]
async fn the_settings_page_lists_ways_in_and_second_factors() {
    let world = World::new().await;
    let mut browser = browser_of(&world, &ana_at_home()).await;
    let page = browser.get("/settings?start_page=Profile").await.text;
    let (ways, factors) = (
        page.find("google, 104822617305").unwrap(),
        page.find("Security key").unwrap(),
    );
    assert!(ways < factors && page.contains("Ana's phone".replace('\'', "&#39;").as_str()));
    let page = browser.get("/settings?start_page=MFA").await.text;
    assert!(page.find("Security key").unwrap() < page.find("google, 104822617305").unwrap());
    world.faults.switch(crate::faults::Switch::NoDevices, true);
    assert!(browser.get("/settings").await.text.contains("not offered"));
}
