//! The tenant's cookies.
//!
//! `authress-session` is the credential that continues a session: script cannot read it and only the
//! tenant's own host gets it. `authorization`, `user` and `auth-code` are messages to the application's page,
//! which reads them with script.

use axum::http::{HeaderMap, HeaderValue, header};
use url::Url;

use super::TenantConfig;
use super::ledger::seconds;

/// The session credential.
pub(super) const SESSION: &str = "authress-session";
/// The access token, for script.
pub(super) const AUTHORIZATION: &str = "authorization";
/// The id token, for script.
pub(super) const USER: &str = "user";
/// A code, for script.
pub(super) const AUTH_CODE: &str = "auth-code";

/// The first cookie of this name that a request carries.
pub(super) fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(named, value)| *named == name && !value.is_empty())
        .map(|(_, value)| value)
}

/// The cookies of one reply.
pub(super) struct Cookies<'a> {
    config: &'a TenantConfig,
    lines: Vec<String>,
}

impl<'a> Cookies<'a> {
    pub(super) fn new(config: &'a TenantConfig) -> Self {
        Self {
            config,
            lines: Vec::new(),
        }
    }

    /// Gives the session credential out.
    pub(super) fn session(&mut self, cookie: &str) {
        let life = seconds(self.config.session_life);
        self.lines.push(format!(
            "{SESSION}={cookie}; Path=/; Max-Age={life}; HttpOnly; SameSite=Strict{}",
            self.secure()
        ));
    }

    /// Leaves a message for the page at `url`, for the whole domain it shares with the tenant if it does.
    pub(super) fn message(&mut self, name: &str, value: &str, life: i64, url: &Url) {
        let domain = super::origins::shared_domain(&self.config.issuer, url);
        self.lines.push(self.plain(name, value, life, domain));
    }

    /// Takes every cookie of the tenant back.
    pub(super) fn take_back(&mut self) {
        self.lines.push(format!(
            "{SESSION}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict{}",
            self.secure()
        ));
        let parent = super::origins::shared_domain(&self.config.issuer, &self.config.issuer);
        for name in [AUTHORIZATION, USER, AUTH_CODE] {
            self.lines.push(self.plain(name, "", 0, None));
            if parent.is_some() {
                self.lines.push(self.plain(name, "", 0, parent));
            }
        }
    }

    /// Puts them into a reply's headers.
    pub(super) fn write(self, headers: &mut HeaderMap) {
        for line in self.lines {
            if let Ok(value) = HeaderValue::from_str(&line) {
                headers.append(header::SET_COOKIE, value);
            }
        }
    }

    fn plain(&self, name: &str, value: &str, life: i64, domain: Option<&str>) -> String {
        let domain = domain
            .map(|domain| format!("; Domain={domain}"))
            .unwrap_or_default();
        format!(
            "{name}={value}; Path=/; Max-Age={life}; SameSite=Strict{domain}{}",
            self.secure()
        )
    }

    fn secure(&self) -> &'static str {
        if self.config.issuer.scheme() == "https" {
            "; Secure"
        } else {
            ""
        }
    }
}
