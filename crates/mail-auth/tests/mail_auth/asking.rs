//! What a person may ask about themselves, and the service's own settings page.

use mail_auth::{AuthressError, SessionError, SettingsPage};
use serde_json::json;
use url::Url;

use crate::tenant::Fault;
use crate::world::World;

#[tokio::test]
async fn devices_are_listed_and_removed() {
    let world = World::new().await;
    let session = world.ana().await;
    let devices = session.devices().await.unwrap().unwrap();
    let seen: Vec<_> = devices
        .iter()
        .map(|d| (d.id.as_str(), d.name.as_deref(), d.kind.as_deref()))
        .collect();
    assert_eq!(
        seen,
        [
            ("dev|1", Some("A key"), Some("WebAuthN")),
            ("dev/2", None, None)
        ]
    );
    session.remove_device("dev/2").await.unwrap();
    let (headers, body) = world.tenant.last("remove device");
    assert_eq!(body, json!({"id": "dev/2"}));
    assert!(headers.contains_key("authorization"));
    assert!(matches!(
        session.remove_device("..").await,
        Err(SessionError::BadId)
    ));
}

#[tokio::test]
async fn a_service_without_devices_is_not_a_failure_and_a_failure_is_not_an_empty_list() {
    let world = World::new().await;
    let session = world.ana().await;
    world.tenant.with(|t| t.switches.has_devices = false);
    assert_eq!(session.devices().await.unwrap(), None);
    world.tenant.fault("devices", Fault::Status(405, json!({})));
    assert_eq!(session.devices().await.unwrap(), None);
    for _ in 0..5 {
        world.tenant.fault("devices", Fault::Status(501, json!({})));
    }
    assert_eq!(session.devices().await.unwrap(), None);
    world.tenant.fault("devices", Fault::Status(403, json!({})));
    assert!(matches!(
        session.devices().await,
        Err(SessionError::Login(AuthressError::Refused {
            status: 403,
            ..
        }))
    ));
    world.tenant.fault("devices", Fault::Text("<h1>Hello</h1>"));
    assert!(matches!(
        session.devices().await,
        Err(SessionError::Login(AuthressError::BadAnswer { .. }))
    ));
    let asked = world.tenant.count("devices");
    world.tenant.fault("devices", Fault::Status(401, json!({})));
    session.devices().await.unwrap();
    assert_eq!(world.tenant.count("devices"), asked + 2);
    assert_eq!(world.tenant.count("renew"), 1);
}

#[tokio::test]
async fn the_settings_page_is_named_without_a_secret() {
    let world = World::new().await;
    let session = world.ana().await;
    let back = Url::parse("http://127.0.0.1:1/settings-closed?a=b&c").unwrap();
    for (page, name) in [
        (SettingsPage::Profile, "Profile"),
        (SettingsPage::Mfa, "MFA"),
    ] {
        let url = session.settings_url(page, &back);
        assert_eq!(url.path(), "/settings");
        assert!(url.as_str().starts_with(&world.tenant.url));
        let pairs: Vec<_> = url.query_pairs().into_owned().collect();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            pairs,
            [
                pair("client_id", "app_mail"),
                pair("start_page", name),
                pair("redirect_uri", back.as_str()),
            ]
        );
    }
}

#[tokio::test]
async fn a_profile_with_unknown_and_missing_fields_is_read() {
    let world = World::new().await;
    let session = world.ana().await;
    let told = json!({"newer": [1], "picture": "https://p.example/1", "linkedIdentities": [
        {"connection": {"connectionId": "c", "userId": "u", "more": {}}, "name": "Ana",
         "email": "ana@c.example", "lastUsed": 1},
    ]});
    world.tenant.fault("profile", Fault::Status(200, told));
    let profile = session.profile().await.unwrap();
    assert_eq!(profile.user_id, None);
    assert_eq!(profile.picture.as_deref(), Some("https://p.example/1"));
    let way = &profile.linked_identities[0];
    assert_eq!(way.name.as_deref(), Some("Ana"));
    assert_eq!(way.email.as_deref(), Some("ana@c.example"));
    assert_eq!(way.linked_time, None);
}
