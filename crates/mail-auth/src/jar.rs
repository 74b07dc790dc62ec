//! The cookies of one sign-in attempt or one account.
//!
//! A jar is never shared: an attempt begins with an empty one, and the account that comes of it
//! keeps it. That is what keeps two accounts at one login service apart.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use cookie_store::{CookieExpiration, CookieStore};
use mail_model::UnixTime;
use reqwest::header::{HeaderMap, HeaderValue, SET_COOKIE};
use secrecy::SecretString;
use url::Url;

/// Longest `Set-Cookie` line that is looked at, in bytes; browsers stop at 4 KB too.
const LONGEST_COOKIE: usize = 8 * 1024;

/// A cookie jar. Not printable; its content is a secret.
pub(crate) struct CookieJar {
    cookies: Mutex<CookieStore>,
    changed: AtomicBool,
}

impl CookieJar {
    pub(crate) fn empty() -> Self {
        Self::holding(CookieStore::default())
    }

    fn holding(cookies: CookieStore) -> Self {
        Self {
            cookies: Mutex::new(cookies),
            changed: AtomicBool::new(false),
        }
    }

    /// Whether a reply has changed the jar since it was last saved.
    pub(crate) fn is_changed(&self) -> bool {
        self.changed.load(Ordering::Acquire)
    }

    /// From [`CookieJar::save`]'s text.
    pub(crate) fn load(json: &[u8]) -> Result<Self, UnreadableJar> {
        cookie_store::serde::json::load_all(json)
            .map(Self::holding)
            .map_err(|_| UnreadableJar)
    }

    /// Every cookie, also those that a browser would forget on exit. Whoever fails to put the
    /// text away calls [`CookieJar::mark_changed`].
    pub(crate) fn save(&self, to: &mut Vec<u8>) -> Result<(), UnreadableJar> {
        self.changed.store(false, Ordering::Release);
        cookie_store::serde::json::save_incl_expired_and_nonpersistent(&self.lock(), to)
            .map_err(|_| UnreadableJar)
    }

    pub(crate) fn mark_changed(&self) {
        self.changed.store(true, Ordering::Release);
    }

    /// The `Cookie` header for a request, marked as sensitive.
    pub(crate) fn header(&self, url: &Url) -> Option<HeaderValue> {
        let pairs = self
            .lock()
            .get_request_values(url)
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("; ");
        let mut header = HeaderValue::from_str(&pairs)
            .ok()
            .filter(|h| !h.is_empty())?;
        header.set_sensitive(true);
        Some(header)
    }

    /// Takes over a reply's cookies and names them.
    pub(crate) fn absorb(&self, headers: &HeaderMap, url: &Url) -> Vec<String> {
        let mut store = self.lock();
        let mut names = Vec::new();
        for line in headers.get_all(SET_COOKIE) {
            let Some(line) = line.to_str().ok().filter(|l| l.len() <= LONGEST_COOKIE) else {
                continue;
            };
            // One by one, because the store's own bulk call writes values to the debug log.
            if store.parse(line, url).is_ok() {
                let name = line.split('=').next().unwrap_or_default().trim();
                names.push(name.to_owned());
            }
        }
        drop(store);
        if !names.is_empty() {
            self.mark_changed();
        }
        names
    }

    /// The value of a cookie that would go to `url`.
    pub(crate) fn value(&self, url: &Url, name: &str) -> Option<SecretString> {
        self.lock()
            .get_request_values(url)
            .find(|(found, _)| *found == name)
            .map(|(_, value)| SecretString::from(value.to_owned()))
    }

    /// When a cookie that would go to `url` ends; `None` if its server has not said.
    pub(crate) fn end_of(&self, url: &Url, name: &str) -> Option<UnixTime> {
        let store = self.lock();
        let cookie = store.matches(url).into_iter().find(|c| c.name() == name)?;
        match cookie.expires {
            CookieExpiration::AtUtc(end) => Some(UnixTime::from_seconds(end.unix_timestamp())),
            CookieExpiration::SessionEnd => None,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, CookieStore> {
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stored cookies that cannot be read back.
#[derive(Debug, thiserror::Error)]
#[error("the stored cookies cannot be read")]
pub(crate) struct UnreadableJar;

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(lines: &[&str]) -> HeaderMap {
        lines
            .iter()
            .map(|line| (SET_COOKIE, HeaderValue::from_str(line).unwrap()))
            .collect()
    }

    #[test]
    fn cookies_survive_saving_also_those_without_an_end() {
        let url = Url::parse("https://login.example/api/session").unwrap();
        let jar = CookieJar::empty();
        let names = jar.absorb(
            &reply(&[
                "authress-session=abc; Path=/; HttpOnly; Secure; SameSite=Strict",
                "other=1; Max-Age=60",
            ]),
            &url,
        );
        assert_eq!(names, ["authress-session", "other"]);
        let mut json = Vec::new();
        jar.save(&mut json).unwrap();
        let again = CookieJar::load(&json).unwrap();
        let header = again.header(&url).unwrap();
        assert!(header.is_sensitive());
        assert!(header.to_str().unwrap().contains("authress-session=abc"));
        assert!(header.to_str().unwrap().contains("other=1"));
    }

    #[test]
    fn cookies_go_to_no_other_host() {
        let jar = CookieJar::empty();
        let url = Url::parse("https://login.example/").unwrap();
        jar.absorb(&reply(&["authress-session=abc; Path=/"]), &url);
        let other = Url::parse("https://login.example.evil.example/").unwrap();
        assert!(jar.header(&other).is_none());
    }

    #[test]
    fn a_secure_cookie_goes_over_loopback_but_not_over_plain_http() {
        let jar = CookieJar::empty();
        let url = Url::parse("http://127.0.0.1:4000/").unwrap();
        jar.absorb(&reply(&["authress-session=abc; Path=/; Secure"]), &url);
        assert!(jar.header(&url).is_some());

        let jar = CookieJar::empty();
        let secure = Url::parse("https://login.example/").unwrap();
        jar.absorb(&reply(&["authress-session=abc; Path=/; Secure"]), &secure);
        let plain = Url::parse("http://login.example/").unwrap();
        assert!(jar.header(&plain).is_none());
    }

    #[test]
    fn an_oversized_cookie_is_left_out() {
        let jar = CookieJar::empty();
        let url = Url::parse("https://login.example/").unwrap();
        let line = format!("a={}", "x".repeat(LONGEST_COOKIE));
        assert!(jar.absorb(&reply(&[&line]), &url).is_empty());
    }
}
