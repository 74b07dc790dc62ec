//! The loopback address: who may come, how often, and what they see.

use mail_auth::SignInError;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::browser::{self, Seen, address, raw};
use crate::world::{World, in_time};

fn target(url: &Url) -> String {
    format!("{}?{}", url.path(), url.query().unwrap())
}

fn is_a_page_of_ours(seen: &Seen) {
    let policy = seen.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
    assert_eq!(seen.header("cache-control"), Some("no-store"));
    assert_eq!(seen.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(seen.header("x-content-type-options"), Some("nosniff"));
    assert!(
        seen.body.contains("You can close this tab"),
        "{}",
        seen.body
    );
    for outside in ["<script", "http:", "https:", "src=", "href=", "url("] {
        assert!(!seen.body.contains(outside), "{outside}");
    }
}

#[tokio::test]
async fn only_a_get_of_the_exact_address_counts_and_only_once() {
    let world = World::new().await;
    let attempt = world.begin().await.unwrap();
    let home = browser::redirect_of(attempt.url()).await;
    let (good, host) = (target(&home), address(&home));
    let port = home.port().unwrap();

    for method in ["POST", "HEAD", "PUT", "OPTIONS", "DELETE", "PATCH", "get"] {
        let head = format!("{method} {good} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 0\r\n\r\n");
        let seen = if method == "HEAD" {
            continue;
        } else {
            raw(&home, &head).await
        };
        assert_eq!(seen.map(|s| s.status), Some(405), "{method}");
    }
    for path in [
        "/",
        "/signed-in/",
        "/Signed-In",
        "/signed-in/x",
        "//signed-in",
        "/favicon.ico",
    ] {
        let query = home.query().unwrap();
        let head = format!("GET {path}?{query} HTTP/1.1\r\nhost: {host}\r\n\r\n");
        assert_eq!(raw(&home, &head).await.unwrap().status, 404, "{path}");
    }
    let wrong_hosts = [
        format!("localhost:{port}"),
        "127.0.0.1".into(),
        format!("127.0.0.1:{}", port ^ 1),
        format!("127.0.0.2:{port}"),
        format!("[::1]:{port}"),
        format!("0.0.0.0:{port}"),
        format!("127.1:{port}"),
        format!("2130706433:{port}"),
        format!("evil.example:{port}"),
        "evil.example".into(),
        format!("127.0.0.1:{port}.evil.example"),
        format!("evil.example@127.0.0.1:{port}"),
        format!("127.0.0.1.:{port}"),
        String::new(),
        format!("127.0.0.1:0{port}"),
        format!("LOCALHOST:{port}"),
        format!("0:{port}"),
        format!("127.0.0.1:{port}/"),
        format!("localhost.example:{port}"),
        format!("[::ffff:127.0.0.1]:{port}"),
    ];
    assert!(wrong_hosts.len() >= 20);
    for wrong in wrong_hosts {
        let head = format!("GET {good} HTTP/1.1\r\nhost: {wrong}\r\n\r\n");
        let seen = raw(&home, &head).await;
        assert!(
            seen.is_none_or(|s| [400, 421].contains(&s.status)),
            "{wrong}"
        );
    }
    for head in [
        format!("GET {good} HTTP/1.1\r\n\r\n"),
        format!("GET {good} HTTP/1.1\r\nhost: {host}\r\nhost: {host}\r\n\r\n"),
        format!("GET http://{host}{good} HTTP/1.1\r\nhost: {host}\r\n\r\n"),
        format!(
            "GET {good}&pad={} HTTP/1.1\r\nhost: {host}\r\n\r\n",
            "x".repeat(9000)
        ),
        format!(
            "GET {good} HTTP/1.1\r\nhost: {host}\r\npad: {}\r\n\r\n",
            "x".repeat(100_000)
        ),
        "\0\0\0\r\n\r\n".to_owned(),
    ] {
        let seen = raw(&home, &head).await;
        assert!(seen.is_none_or(|s| s.status >= 400), "{head:.80}");
    }

    let cancel = CancellationToken::new();
    let (result, pages) = tokio::join!(attempt.wait(&cancel), async {
        let first = browser::get(&home).await;
        let again = raw(
            &home,
            &format!("GET {good} HTTP/1.1\r\nhost: {host}\r\n\r\n"),
        )
        .await;
        (first, again)
    });
    result.unwrap();
    let (first, again) = pages;
    assert_eq!(first.status, 200);
    is_a_page_of_ours(&first);
    // The second is told so, or finds the address closed already.
    assert!(again.is_none_or(|page| page.status == 400));
    assert_eq!(world.tenant.count("tokens"), 1);
}

#[tokio::test]
async fn a_refused_answer_gets_a_page_and_the_good_one_still_works() {
    let world = World::new().await;
    let attempt = world.begin().await.unwrap();
    let home = browser::redirect_of(attempt.url()).await;
    let mut foreign = home.clone();
    foreign.set_query(Some("nonce=other&iss=https://evil.example&code=CANARY"));
    let seen = browser::get(&foreign).await;
    assert_eq!(seen.status, 400);
    is_a_page_of_ours(&seen);
    assert!(!seen.body.contains("CANARY"));
    let cancel = CancellationToken::new();
    let (result, page) = tokio::join!(attempt.wait(&cancel), browser::get(&home));
    assert_eq!(page.status, 200);
    result.unwrap();
}

#[tokio::test]
async fn idle_connections_do_not_keep_the_answer_out() {
    let world = World::new().await;
    let attempt = world.begin().await.unwrap();
    let home = browser::redirect_of(attempt.url()).await;
    let mut idle = Vec::new();
    for _ in 0..60 {
        idle.push(
            tokio::net::TcpStream::connect(address(&home))
                .await
                .unwrap(),
        );
    }
    let cancel = CancellationToken::new();
    let (result, page) =
        in_time(async { tokio::join!(attempt.wait(&cancel), browser::get(&home)) }).await;
    assert_eq!(page.status, 200);
    result.unwrap();
    drop(idle);
}

#[tokio::test]
async fn the_address_is_closed_after_success() {
    let world = World::new().await;
    let attempt = world.begin().await.unwrap();
    let home = browser::redirect_of(attempt.url()).await;
    let idle = tokio::net::TcpStream::connect(address(&home))
        .await
        .unwrap();
    let cancel = CancellationToken::new();
    let (result, _) = tokio::join!(attempt.wait(&cancel), browser::get(&home));
    result.unwrap();
    let closing = std::time::Instant::now();
    in_time(async {
        while tokio::net::TcpStream::connect(address(&home)).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(closing.elapsed() < std::time::Duration::from_secs(1));
    drop(idle);
}

#[tokio::test]
async fn the_address_is_on_this_machine_only() {
    let world = World::new().await;
    let attempt = world.begin().await.unwrap();
    let home = browser::redirect_of(attempt.url()).await;
    let port = home.port().unwrap();
    // 127.0.0.2 is this machine too, but not the address that was bound.
    let other = tokio::net::TcpStream::connect(("127.0.0.2", port)).await;
    assert!(other.is_err());
    drop(attempt);
}

#[tokio::test]
async fn the_first_free_port_of_the_list_is_taken() {
    let world = World::new().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken_port = taken.local_addr().unwrap().port();
    let mut parts = world.parts.clone();
    let mut tenant = (*parts.tenant).clone();
    tenant.redirect_ports = vec![taken_port];
    parts.tenant = tenant.clone().into();
    let failed = mail_auth::SignIn::begin(parts.clone(), Default::default()).await;
    assert!(matches!(failed.err(), Some(SignInError::NoFreePort(_))));
    assert_eq!(world.tenant.count("authentication"), 0);

    tenant.redirect_ports = vec![taken_port, 0];
    parts.tenant = tenant.into();
    mail_auth::SignIn::begin(parts, Default::default())
        .await
        .unwrap();
}

#[tokio::test]
async fn two_attempts_at_once_do_not_mix() {
    let world = World::new().await;
    world.tenant.next_person("user|ana");
    let first = world.begin().await.unwrap();
    let first_home = browser::redirect_of(first.url()).await;
    world.tenant.next_person("user|choir");
    let second = world.begin().await.unwrap();
    let second_home = browser::redirect_of(second.url()).await;

    // Each one's answer brought to the other's address counts for nothing.
    let mut crossed = first_home.clone();
    crossed.set_query(second_home.query());
    assert_eq!(browser::get(&crossed).await.status, 400);

    let cancel = CancellationToken::new();
    let (second, first, _, _) = tokio::join!(
        second.wait(&cancel),
        first.wait(&cancel),
        browser::get(&second_home),
        browser::get(&first_home)
    );
    assert_eq!(first.unwrap().identity.subject, "user|ana");
    assert_eq!(second.unwrap().identity.subject, "user|choir");
}
