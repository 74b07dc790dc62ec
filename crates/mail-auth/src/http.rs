//! HTTP as this crate allows it: no redirects followed, time and size limits, no address in an
//! error (addresses carry ids), no proxy to this machine itself.

use std::sync::OnceLock;
use std::time::Duration;

use mail_tls::{Versions, with_tls};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::redirect;
use url::Url;
use zeroize::Zeroizing;

const CONNECT: Duration = Duration::from_secs(10);
const TOTAL: Duration = Duration::from_secs(30);
/// Tokens and key sets are far smaller, in bytes.
const LARGEST_BODY: usize = 256 * 1024;
/// A server that asks for more is not believed.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// No answer, or one that broke off or was too large.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// Nothing was sent: no route, no name, no secure connection.
    #[error("no connection")]
    NotConnected(#[source] reqwest::Error),
    /// The time limit passed.
    #[error("no answer in time")]
    TimedOut(#[source] reqwest::Error),
    /// The connection broke.
    #[error("the connection broke")]
    Broken(#[source] reqwest::Error),
    /// The answer is larger than anything expected.
    #[error("the answer is too large")]
    TooLarge,
}

impl From<reqwest::Error> for NetworkError {
    fn from(error: reqwest::Error) -> Self {
        let error = error.without_url();
        if error.is_timeout() {
            Self::TimedOut(error)
        } else if error.is_connect() || error.is_builder() {
            Self::NotConnected(error)
        } else {
            Self::Broken(error)
        }
    }
}

impl NetworkError {
    /// Whether it is certain that no byte of the request has left: there was no connection yet.
    pub(crate) fn is_before_sending(&self) -> bool {
        match self {
            Self::NotConnected(_) => true,
            Self::TimedOut(error) => error.is_connect(),
            Self::Broken(_) | Self::TooLarge => false,
        }
    }
}

/// A whole answer. The body may hold tokens, so it is wiped when dropped.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// A client of its own: no connection, cookie or state is shared with any other.
pub(crate) fn client(loopback: bool) -> Result<reqwest::Client, NetworkError> {
    Ok(builder(loopback).build()?)
}

/// The same, made when it is first needed: before the first rows are on the screen nobody is
/// asked anything, and the system's root certificates need not be read.
pub(crate) struct LazyClient {
    loopback: bool,
    made: OnceLock<reqwest::Client>,
}

impl LazyClient {
    pub(crate) const fn new(loopback: bool) -> Self {
        Self {
            loopback,
            made: OnceLock::new(),
        }
    }

    pub(crate) fn get(&self) -> Result<&reqwest::Client, NetworkError> {
        if let Some(made) = self.made.get() {
            return Ok(made);
        }
        let fresh = client(self.loopback)?;
        Ok(self.made.get_or_init(|| fresh))
    }
}

/// A client for one request that must not be repeated: a connection of its own, so that one
/// that has silently died cannot be met, and no repetition by the library.
pub(crate) fn client_for_one_request(loopback: bool) -> Result<reqwest::Client, NetworkError> {
    Ok(builder(loopback)
        .retry(reqwest::retry::never())
        .pool_max_idle_per_host(0)
        .build()?)
}

fn builder(loopback: bool) -> reqwest::ClientBuilder {
    let builder = with_tls(reqwest::Client::builder(), Versions::Any)
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT)
        .timeout(TOTAL)
        .user_agent(concat!("Braid/", env!("CARGO_PKG_VERSION")));
    if loopback {
        builder.no_proxy()
    } else {
        builder.https_only(true)
    }
}

/// Sends a request and reads the whole answer.
pub(crate) async fn send(request: reqwest::RequestBuilder) -> Result<Reply, NetworkError> {
    read(request.send().await?).await
}

/// The same for a request that is complete.
pub(crate) async fn execute(
    client: &reqwest::Client,
    request: reqwest::Request,
) -> Result<Reply, NetworkError> {
    read(client.execute(request).await?).await
}

async fn read(mut response: reqwest::Response) -> Result<Reply, NetworkError> {
    let mut body = Zeroizing::new(Vec::new());
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > LARGEST_BODY {
            return Err(NetworkError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply {
        status: response.status().as_u16(),
        retry_after: retry_after(response.headers()),
        headers: response.headers().clone(),
        body,
    })
}

/// A plain `GET` without credentials.
pub(crate) async fn get(client: &reqwest::Client, url: Url) -> Result<Reply, NetworkError> {
    send(client.get(url)).await
}

/// `Retry-After` in seconds; its date form is rare with rate limits and is left to our own pace.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}
