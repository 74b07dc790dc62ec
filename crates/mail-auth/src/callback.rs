//! Judging what comes back from the browser. Pure: no clock, no network.
//!
//! Anybody on this machine, and any web page, can make the browser call our address. So a
//! redirect counts only if it answers a pending attempt: its nonce, its issuer, in time, once.
//! Nothing of a query is ever put into an error or a log.

use mail_model::UnixTime;
use secrecy::SecretString;
use subtle::ConstantTimeEq as _;
use url::form_urlencoded;

/// How long an attempt stays open, in seconds.
pub const ATTEMPT_SECONDS: i64 = 5 * 60;
/// Longest query that is looked at, in bytes.
pub(crate) const LONGEST_QUERY: usize = 8 * 1024;
const LONGEST_CODE: usize = 2 * 1024;
const MOST_PARAMETERS: usize = 32;

/// Parameters that hand tokens over without a code. They were not asked for.
const TOKEN_PARAMETERS: [&str; 4] = ["access_token", "id_token", "session_token", "refresh_token"];

/// What an attempt is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptKind {
    /// Signing in: nothing but a code counts.
    Login,
    /// Adding a way in: the service has done it when the browser comes back, so that a code may
    /// be missing.
    Link,
}

/// What an open attempt waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// What it is for.
    pub kind: AttemptKind,
    /// The login service's id for the attempt.
    pub request_id: String,
    /// Exactly what `iss` must be.
    pub issuer: String,
    /// When the attempt was opened.
    pub started: UnixTime,
    /// Whether a code has already been taken for it.
    pub used: bool,
}

/// A redirect that answers a pending attempt. Not printable.
pub struct Accepted {
    /// Which of the attempts.
    pub attempt: usize,
    /// For that attempt's issuer and nobody else. Absent only where a way in was added.
    pub code: Option<SecretString>,
}

/// Why a redirect was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// Longer than any answer.
    #[error("the answer is too long")]
    TooLong,
    /// Not decodable, or with more parameters than any answer has.
    #[error("the answer is malformed")]
    Malformed,
    /// A parameter that matters appears twice.
    #[error("the answer repeats a parameter")]
    Repeated,
    /// No attempt is named.
    #[error("the answer names no attempt")]
    NonceMissing,
    /// No such attempt is open.
    #[error("the answer belongs to no open attempt")]
    NonceUnknown,
    /// No issuer is named.
    #[error("the answer names no issuer")]
    IssuerMissing,
    /// Another issuer than the attempt's.
    #[error("the answer comes from another issuer")]
    IssuerDiffers,
    /// The attempt is older than five minutes, or from the future.
    #[error("the answer comes too late")]
    Late,
    /// The attempt has had its answer.
    #[error("the answer was used already")]
    Replayed,
    /// The service or the person said no. Ends attempt `attempt`.
    #[error("the sign-in was declined")]
    Declined {
        /// Which of the attempts.
        attempt: usize,
        /// `error`, if it is one of the registered short words.
        code: String,
    },
    /// Tokens are in the address, where browsers and their histories keep them.
    #[error("the answer carries tokens instead of a code")]
    Tokens {
        /// Which of the attempts.
        attempt: usize,
    },
    /// Nothing to exchange.
    #[error("the answer has no usable code")]
    CodeMissing {
        /// Which of the attempts.
        attempt: usize,
    },
}

/// Judges a redirect's query (without `?`) against the open attempts.
///
/// The caller marks the attempt as used when it takes the code, so that a second answer is
/// [`Refused::Replayed`].
///
/// # Errors
/// See [`Refused`].
pub fn judge(query: &str, pending: &[Pending], now: UnixTime) -> Result<Accepted, Refused> {
    let answer = Answer::parse(query)?;
    let nonce = match (&answer.nonce, &answer.request_id) {
        (Some(nonce), Some(id)) if nonce != id => return Err(Refused::Malformed),
        (Some(nonce), _) | (None, Some(nonce)) => nonce,
        (None, None) => return Err(Refused::NonceMissing),
    };
    let (attempt, open) = find(nonce, pending).ok_or(Refused::NonceUnknown)?;
    match answer.issuer.as_deref() {
        Some(issuer) if issuer == open.issuer => {}
        Some(_) => return Err(Refused::IssuerDiffers),
        // A "no" may come without its issuer: it gives nothing away and takes nothing.
        None if answer.error.is_some() => {}
        None => return Err(Refused::IssuerMissing),
    }
    if open.used {
        return Err(Refused::Replayed);
    }
    let age = now.seconds().saturating_sub(open.started.seconds());
    if !(-60..=ATTEMPT_SECONDS).contains(&age) {
        return Err(Refused::Late);
    }
    if answer.has_tokens {
        return Err(Refused::Tokens { attempt });
    }
    if let Some(error) = answer.error {
        return Err(Refused::Declined {
            attempt,
            code: error_word(&error),
        });
    }
    // The word `cookie` says that the code is in a cookie, which only a web page could read.
    match (answer.code.filter(|code| code != "cookie"), open.kind) {
        (Some(code), _) if is_code(&code) => Ok(Accepted {
            attempt,
            code: Some(SecretString::from(code)),
        }),
        (None, AttemptKind::Link) => Ok(Accepted {
            attempt,
            code: None,
        }),
        _ => Err(Refused::CodeMissing { attempt }),
    }
}

#[derive(Default)]
struct Answer {
    nonce: Option<String>,
    request_id: Option<String>,
    issuer: Option<String>,
    code: Option<String>,
    error: Option<String>,
    has_tokens: bool,
}

impl Answer {
    fn parse(query: &str) -> Result<Self, Refused> {
        if query.len() > LONGEST_QUERY {
            return Err(Refused::TooLong);
        }
        let mut answer = Self::default();
        for (count, (name, value)) in form_urlencoded::parse(query.as_bytes()).enumerate() {
            if count >= MOST_PARAMETERS || value.contains('\u{fffd}') {
                return Err(Refused::Malformed);
            }
            let slot = match &*name {
                "nonce" => &mut answer.nonce,
                "authenticationRequestId" => &mut answer.request_id,
                "iss" => &mut answer.issuer,
                "code" => &mut answer.code,
                "error" => &mut answer.error,
                token if TOKEN_PARAMETERS.contains(&token) => {
                    answer.has_tokens = true;
                    continue;
                }
                _ => continue,
            };
            if slot.replace(value.into_owned()).is_some() {
                return Err(Refused::Repeated);
            }
        }
        Ok(answer)
    }
}

/// Compares with every open attempt, each in constant time, so that timing tells nothing about
/// how much of a guess was right.
fn find<'a>(nonce: &str, pending: &'a [Pending]) -> Option<(usize, &'a Pending)> {
    let mut found = None;
    for (index, open) in pending.iter().enumerate() {
        let same = nonce.as_bytes().ct_eq(open.request_id.as_bytes());
        if bool::from(same) && !open.request_id.is_empty() {
            found = Some((index, open));
        }
    }
    found
}

fn is_code(code: &str) -> bool {
    (1..=LONGEST_CODE).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_graphic())
}

/// An OAuth error word as it is, anything else as `other`.
fn error_word(error: &str) -> String {
    let is_word = (1..=64).contains(&error.len())
        && error
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if is_word { error } else { "other" }.to_owned()
}

#[cfg(test)]
mod tests;
