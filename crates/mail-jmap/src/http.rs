//! HTTP with one account's token: what may be sent where, and what a status means.

use std::error::Error;
use std::io::ErrorKind;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use mail_model::remote::{BearerToken, SourceError, TokenError, TokenSource};
use mail_model::{HostLog, SentRequest, UnixTime};
use mail_tls::{Versions, with_tls};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderValue, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, Method, Response, StatusCode, header::HeaderMap, redirect};
use serde::Deserialize;
use url::Url;

use crate::config::{JmapConfig, Origins, Timeouts, is_loopback};
use crate::fault::{Fault, bad_answer, word};
use crate::pace::PacedBody;

/// No answer that is read as JSON is longer.
pub(crate) const JSON_LIMIT: usize = 64 * 1024 * 1024;
/// The explanation beside an error status is not read further.
const PROBLEM_LIMIT: usize = 64 * 1024;
/// Nobody is asked to wait longer by a server.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);
/// An upload slower than this is given up.
const UPLOAD_OCTETS_PER_SECOND: u64 = 8 * 1024;
/// Octets of a request that no server has a reason to find too large.
const SMALL: usize = 2 * 1024;

/// A request before it has its token.
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) accept: &'static str,
    pub(crate) body: Option<(&'static str, Bytes)>,
    /// Headers that ask for another protocol on the connection, which is opened for this alone.
    pub(crate) upgrade: Option<HeaderMap>,
}

impl Outgoing {
    pub(crate) const fn get(url: Url, accept: &'static str) -> Self {
        Self {
            method: Method::GET,
            url,
            accept,
            body: None,
            upgrade: None,
        }
    }

    pub(crate) const fn upgrade(url: Url, headers: HeaderMap) -> Self {
        Self {
            method: Method::GET,
            url,
            accept: "*/*",
            body: None,
            upgrade: Some(headers),
        }
    }

    pub(crate) const fn post(url: Url, content_type: &'static str, body: Bytes) -> Self {
        Self {
            method: Method::POST,
            url,
            accept: "application/json",
            body: Some((content_type, body)),
            upgrade: None,
        }
    }
}

/// One account's HTTP clients, made when they are first needed: what is on the disk is on the
/// screen before the system's root certificates are read.
pub(crate) struct Transport {
    client: RwLock<Option<Client>>,
    /// For other protocols than HTTP, which begin on HTTP/1.1 only.
    upgrading: RwLock<Option<Client>>,
    user_agent: String,
    /// The server is on this machine: no proxy between.
    direct: bool,
    tokens: Arc<dyn TokenSource>,
    origins: Origins,
    timeouts: Timeouts,
    hosts: HostLog,
}

impl Transport {
    pub(crate) fn new(
        config: &JmapConfig,
        tokens: Arc<dyn TokenSource>,
    ) -> Result<Self, SourceError> {
        Ok(Self {
            client: RwLock::default(),
            upgrading: RwLock::default(),
            user_agent: config.user_agent.clone(),
            direct: is_loopback(&config.address.first()),
            tokens,
            origins: Origins::of(config)?,
            timeouts: config.timeouts,
            hosts: config.hosts.clone(),
        })
    }

    fn builder(&self, versions: Versions) -> ClientBuilder {
        let client = with_tls(Client::builder(), versions)
            .user_agent(&self.user_agent)
            .redirect(redirect::Policy::none())
            .referer(false)
            .connect_timeout(self.timeouts.connect);
        if self.direct {
            client.no_proxy()
        } else {
            client
        }
    }

    /// Forgets every connection that is kept for later: the network is another one, or the
    /// machine slept, and a connection from before would only be found dead by waiting.
    pub(crate) fn forget_connections(&self) {
        for clients in [&self.client, &self.upgrading] {
            clients
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
        }
    }

    /// The client to send with.
    fn client(&self, upgrade: bool) -> Result<Client, SourceError> {
        let (kept, versions) = if upgrade {
            (&self.upgrading, Versions::One)
        } else {
            (&self.client, Versions::Any)
        };
        let made = kept.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(made) = made {
            return Ok(made);
        }
        let mut kept = kept.write().unwrap_or_else(PoisonError::into_inner);
        let client = match kept.take() {
            Some(client) => client,
            None => self.builder(versions).build().map_err(unreachable)?,
        };
        Ok(kept.insert(client).clone())
    }

    pub(crate) const fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    /// Whether the account's token may go there.
    pub(crate) fn allows(&self, url: &Url) -> bool {
        self.origins.allow(url)
    }

    pub(crate) const fn hosts(&self) -> &HostLog {
        &self.hosts
    }

    /// Sends with the account's token; a refused token is replaced once. Gives any answer
    /// other than 401, or 413 to a small request.
    ///
    /// # Errors
    /// No connection, no token, a second 401, or an address that may not see the token.
    pub(crate) async fn authorised(&self, request: &Outgoing) -> Result<Response, SourceError> {
        let answer = self.with_token(request).await?;
        let octets = request.body.as_ref().map_or(0, |(_, body)| body.len());
        if answer.status() == StatusCode::PAYLOAD_TOO_LARGE && octets <= SMALL {
            // Asking for less would not make it smaller; the fault is the server's.
            return Err(SourceError::Busy {
                retry_after: retry_after(answer.headers()),
                reason: "413".into(),
            });
        }
        Ok(answer)
    }

    async fn with_token(&self, request: &Outgoing) -> Result<Response, SourceError> {
        if !self.allows(&request.url) {
            return Err(bad_answer("it names an address on another server"));
        }
        let token = self.tokens.token().await?;
        let answer = self.send(request, &token).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        drop(answer);
        let token = self.tokens.replace(&token).await?;
        let answer = self.send(request, &token).await?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            return Err(TokenError::SignInAgain.into());
        }
        Ok(answer)
    }

    async fn send(&self, request: &Outgoing, token: &BearerToken) -> Result<Response, SourceError> {
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.expose()))
            .map_err(|_| TokenError::SignInAgain)?;
        bearer.set_sensitive(true);
        self.note(request, &bearer);
        let mut outgoing = self
            .client(request.upgrade.is_some())?
            .request(request.method.clone(), request.url.clone())
            .header(AUTHORIZATION, bearer)
            .header(ACCEPT, request.accept);
        let mut patience = self.timeouts.connect + self.timeouts.first_byte;
        if let Some((content_type, body)) = &request.body {
            patience += Duration::from_secs(body.len() as u64 / UPLOAD_OCTETS_PER_SECOND);
            outgoing = outgoing
                .header(CONTENT_TYPE, *content_type)
                .body(body.clone());
        }
        if let Some(headers) = &request.upgrade {
            outgoing = outgoing.headers(headers.clone());
        }
        match tokio::time::timeout(patience, outgoing.send()).await {
            Ok(answer) => answer.map_err(unreachable),
            Err(elapsed) => Err(SourceError::Unreachable(Some(elapsed.into()))),
        }
    }

    fn note(&self, request: &Outgoing, bearer: &HeaderValue) {
        let Some(host) = request.url.host_str() else {
            return;
        };
        let sent = SentRequest {
            method: request.method.as_str(),
            host,
            url: request.url.as_str(),
            authorization: Some(bearer.as_bytes()),
            cookies: None,
            body: request.body.as_ref().map_or(&[], |(_, body)| body),
        };
        let now = UnixTime::from_seconds(Timestamp::now().as_second());
        self.hosts.sent(&sent, now);
    }

    /// Sends, wants success, and reads the answer as JSON.
    pub(crate) async fn json<T: serde::de::DeserializeOwned>(
        &self,
        request: &Outgoing,
    ) -> Result<T, Fault> {
        let answer = self.authorised(request).await?;
        let answer = self.successful(answer).await?;
        Ok(self.read_json(answer).await?)
    }

    /// The body as JSON of that shape.
    pub(crate) async fn read_json<T: serde::de::DeserializeOwned>(
        &self,
        answer: Response,
    ) -> Result<T, SourceError> {
        let body = PacedBody::new(answer, self.timeouts)
            .whole(JSON_LIMIT)
            .await?;
        serde_json::from_slice(&body).map_err(|error| not_json(&error))
    }

    /// Lets an answer with a success status pass and names the rest.
    pub(crate) async fn successful(&self, answer: Response) -> Result<Response, Fault> {
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let retry_after = retry_after(answer.headers());
        let busy = || {
            Fault::Source(SourceError::Busy {
                retry_after,
                reason: status.as_u16().to_string(),
            })
        };
        Err(match status.as_u16() {
            404 | 410 => SourceError::NotFound.into(),
            413 => Fault::TooLarge("413"),
            414 => Fault::TooLarge("414"),
            408 | 425 | 429 | 500..=599 => busy(),
            300..=399 => bad_answer("it redirects a request that carries a token").into(),
            400 => self.problem(answer).await,
            code => SourceError::Refused {
                reason: code.to_string(),
            }
            .into(),
        })
    }

    /// Reads the problem details of a 400 (RFC 8620 section 3.6.1).
    async fn problem(&self, answer: Response) -> Fault {
        #[derive(Deserialize)]
        struct Problem {
            #[serde(rename = "type")]
            kind: String,
            limit: Option<String>,
        }
        let retry_after = retry_after(answer.headers());
        let body = PacedBody::new(answer, self.timeouts)
            .whole(PROBLEM_LIMIT)
            .await;
        let problem = match &body {
            Ok(body) => serde_json::from_slice::<Problem>(body).ok(),
            Err(_) => None,
        };
        let Some(Problem { kind, limit }) = problem else {
            return SourceError::Refused {
                reason: "400".into(),
            }
            .into();
        };
        match (kind.as_str(), limit.as_deref()) {
            ("urn:ietf:params:jmap:error:limit", Some("maxSizeRequest" | "maxCallsInRequest")) => {
                Fault::TooLarge("limit")
            }
            ("urn:ietf:params:jmap:error:limit", _) => SourceError::Busy {
                retry_after,
                reason: "limit".into(),
            }
            .into(),
            ("urn:ietf:params:jmap:error:unknownCapability", _) => Fault::StaleSession,
            _ => SourceError::Refused {
                reason: word(&kind),
            }
            .into(),
        }
    }
}

/// What was wrong with a JSON text, without any of it.
pub(crate) fn not_json(error: &serde_json::Error) -> SourceError {
    let what = match error.classify() {
        serde_json::error::Category::Data => "a value of the wrong type or a missing one",
        serde_json::error::Category::Eof => "it ends too early",
        _ => "it is not JSON",
    };
    bad_answer(format!("{what}, line {}", error.line()))
}

/// A connection's failure, without the URL it went to.
pub(crate) fn unreachable(error: reqwest::Error) -> SourceError {
    let error = error.without_url();
    if is_damaged(&error) {
        return bad_answer("it is not packed as it says");
    }
    let error: Box<dyn Error + Send + Sync> = error.into();
    SourceError::Unreachable(Some(error))
}

/// Whether a body came but cannot be unpacked, as opposed to one that did not come.
fn is_damaged(error: &reqwest::Error) -> bool {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(cause) = cause.downcast_ref::<std::io::Error>() {
            return error.is_decode()
                && matches!(
                    cause.kind(),
                    ErrorKind::InvalidData | ErrorKind::InvalidInput
                );
        }
        source = cause.source();
    }
    false
}

/// How long a server asks to wait: seconds or a date (RFC 9110 section 10.2.3), at most an hour.
///
/// A date is compared with the answer's own `Date`, so that a wrong clock here changes nothing.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if let Ok(seconds) = text.parse::<u64>() {
        Duration::from_secs(seconds)
    } else {
        let until = http_date(text)?;
        let now = headers
            .get(DATE)
            .and_then(|date| date.to_str().ok())
            .and_then(http_date)
            .unwrap_or_else(Timestamp::now);
        let seconds = until.as_second().saturating_sub(now.as_second());
        Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
    };
    Some(wait.min(LONGEST_WAIT))
}

fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(text)
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(retry: &str, date: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, retry.parse().unwrap());
        headers.insert(DATE, date.parse().unwrap());
        retry_after(&headers)
    }

    #[test]
    fn a_wait_is_seconds_or_a_date_and_never_more_than_an_hour() {
        let now = "Tue, 03 Mar 2026 10:00:00 GMT";
        for (retry, expected) in [
            ("120", Some(120)),
            ("0", Some(0)),
            ("99999999999", Some(3600)),
            ("Tue, 03 Mar 2026 10:01:30 GMT", Some(90)),
            ("Tue, 03 Mar 2026 09:00:00 GMT", Some(0)),
            ("Tue, 03 Mar 2099 09:00:00 GMT", Some(3600)),
            ("-5", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(
                wait(retry, now),
                expected.map(Duration::from_secs),
                "{retry}"
            );
        }
    }
}
