//! Rules for the requests of a path: which they match, and what happens to those.

use serde::{Deserialize, Serialize};

use super::{Server, path_matches};

/// What a rule does to a request it matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Act {
    /// Answers with this HTTP status and an error body, or `{}` where the status is a success; the request
    /// does not reach the server.
    Status {
        /// The HTTP status, 100 to 599.
        status: u16,
        /// Seconds for a `Retry-After` header, as sent with 429 and 503.
        #[serde(default)]
        retry_after: Option<u32>,
        /// The tenant's `errorCode`; `Rehearsed` when absent.
        #[serde(default)]
        error_code: Option<String>,
    },
    /// Lets the server do everything, then answers with this HTTP status instead of the server's.
    StatusAfter {
        /// The HTTP status, 100 to 599.
        status: u16,
    },
    /// Cuts the connection; the request does not reach the server.
    LoseRequest,
    /// Lets the server do everything, then cuts the connection without a word.
    LoseAnswer,
    /// Waits before the request reaches the server.
    Delay {
        /// How long, in milliseconds.
        millis: u64,
    },
    /// Lets the server answer, then cuts the connection after this many octets of the body.
    CutAfter {
        /// Octets of the body that still arrive.
        bytes: u64,
    },
    /// Lets the server answer, and sends the first octets of its body as if they were the whole of it.
    Shorten {
        /// Octets of the body that are sent.
        bytes: usize,
    },
    /// Answers with 200 and a body of one's own, as something in between might; the request does not reach the
    /// server.
    Instead {
        /// The `Content-Type`.
        content_type: String,
        /// The body.
        body: String,
    },
    /// The request reaches the server twice, one after the other; the second answer is sent.
    Twice,
    /// The request stays on its way until [`Faults::release`](super::Faults::release), and then reaches the server even if the client
    /// has gone away.
    Hold,
    /// The server does everything; the answer stays on its way until [`Faults::release`](super::Faults::release).
    HoldAnswer,
}

/// A fault for the requests of one path, or of several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// The server it applies to; both when absent.
    #[serde(default)]
    pub server: Option<Server>,
    /// The HTTP method it applies to, in upper case; all when absent.
    #[serde(default)]
    pub method: Option<String>,
    /// The path it applies to; `*` stands for any characters, slashes too.
    pub path: String,
    /// What happens.
    pub act: Act,
    /// How many requests it applies to before it is gone; for ever when absent.
    #[serde(default)]
    pub times: Option<u32>,
}

/// A rule, and whose requests it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRule {
    /// The subject of the bearer token that a request must carry; any request when absent.
    #[serde(default)]
    pub person: Option<String>,
    /// What happens, and where.
    #[serde(flatten)]
    pub rule: Rule,
}

impl Rule {
    /// Answers the next `times` requests for `path` with `status`.
    #[must_use]
    pub fn status(path: &str, status: u16, times: u32) -> Self {
        Self::next(
            path,
            times,
            Act::Status {
                status,
                retry_after: None,
                error_code: None,
            },
        )
    }

    /// Refuses the next `times` requests for `path` with `status` and the tenant's `error_code`.
    #[must_use]
    pub fn refused(path: &str, status: u16, error_code: &str, times: u32) -> Self {
        Self::next(
            path,
            times,
            Act::Status {
                status,
                retry_after: None,
                error_code: Some(error_code.to_owned()),
            },
        )
    }

    /// Lets the next `times` requests for `path` be done, and answers with `status` all the same.
    #[must_use]
    pub fn status_after(path: &str, status: u16, times: u32) -> Self {
        Self::next(path, times, Act::StatusAfter { status })
    }

    /// Answers the next `times` requests for `path` with 200 without doing anything.
    #[must_use]
    pub fn pretend(path: &str, times: u32) -> Self {
        Self::status(path, 200, times)
    }

    /// Cuts the connection of the next `times` requests for `path` before they are done.
    #[must_use]
    pub fn lose_request(path: &str, times: u32) -> Self {
        Self::next(path, times, Act::LoseRequest)
    }

    /// Cuts the connection of the next `times` requests for `path` after they are done.
    #[must_use]
    pub fn lose_answer(path: &str, times: u32) -> Self {
        Self::next(path, times, Act::LoseAnswer)
    }

    /// Answers the next `times` requests for `path` with 429 and a `Retry-After` of `seconds`.
    #[must_use]
    pub fn rate_limit(path: &str, seconds: u32, times: u32) -> Self {
        Self::next(
            path,
            times,
            Act::Status {
                status: 429,
                retry_after: Some(seconds),
                error_code: None,
            },
        )
    }

    /// Holds the next `times` requests for `path` back for `millis` milliseconds.
    #[must_use]
    pub fn delay(path: &str, millis: u64, times: u32) -> Self {
        Self::next(path, times, Act::Delay { millis })
    }

    /// Cuts the answer to the next `times` requests for `path` after `bytes` octets of the body.
    #[must_use]
    pub fn cut_after(path: &str, bytes: u64, times: u32) -> Self {
        Self::next(path, times, Act::CutAfter { bytes })
    }

    /// The same rule for one server only.
    #[must_use]
    pub fn on(mut self, server: Server) -> Self {
        self.server = Some(server);
        self
    }

    /// The same rule for one HTTP method only.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_ascii_uppercase());
        self
    }

    fn next(path: &str, times: u32, act: Act) -> Self {
        Self {
            server: None,
            method: None,
            path: path.to_owned(),
            act,
            times: Some(times),
        }
    }

    pub(super) fn matches(&self, server: Server, method: &str, path: &str) -> bool {
        self.server.is_none_or(|wanted| wanted == server)
            && self.method.as_deref().is_none_or(|wanted| wanted == method)
            && path_matches(&self.path, path)
    }
}
