//! A browser of a few lines: follows the tenant's redirect, or writes any bytes to an address.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;

pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// Opens the tenant's page; gives the address it redirects to.
pub(crate) async fn redirect_of(url: &Url) -> Url {
    let seen = get(url).await;
    assert_eq!(seen.status, 302, "{}", seen.body);
    Url::parse(seen.header("location").unwrap()).unwrap()
}

/// Opens the tenant's page and follows it home.
pub(crate) async fn sign_in(url: &Url) -> Seen {
    let home = redirect_of(url).await;
    get(&home).await
}

pub(crate) async fn get(url: &Url) -> Seen {
    let host = address(url);
    let mut target = url.path().to_owned();
    if let Some(query) = url.query() {
        target = format!("{target}?{query}");
    }
    raw(
        url,
        &format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n\r\n"),
    )
    .await
    .unwrap()
}

pub(crate) fn address(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap(), url.port().unwrap())
}

/// Sends a head as it is; `None` if the other side hangs up without an answer.
pub(crate) async fn raw(url: &Url, head: &str) -> Option<Seen> {
    let mut stream = TcpStream::connect(address(url)).await.ok()?;
    stream.write_all(head.as_bytes()).await.ok()?;
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some(seen) = complete(&text) {
            return Some(seen);
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(n) => bytes.extend_from_slice(&buffer[..n]),
        }
    }
}

fn complete(text: &str) -> Option<Seen> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let seen = Seen {
        status: head.split(' ').nth(1)?.parse().ok()?,
        head: head.to_owned(),
        body: body.to_owned(),
    };
    let length: usize = seen.header("content-length").unwrap_or("0").parse().ok()?;
    (body.len() >= length).then_some(seen)
}
