//! The organisation's login service: where it is and what this program is called there.
//!
//! Owns the clean-up of the address and the checks a person gets to see before it is kept.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use mail_model::Reaction;
use url::{Host, Url};

use crate::http;

/// Where the redirect comes back to, below the loopback address.
pub const REDIRECT_PATH: &str = "/signed-in";

/// Longest application or connection id of the contract.
const LONGEST_ID: usize = 64;

/// One way to sign in that the tenant offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// The tenant's `connectionId`.
    pub id: String,
    /// What people call it.
    pub name: String,
}

/// One tenant and this application's place in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantConfig {
    base: Url,
    issuer: String,
    application_id: String,
    /// Ports the redirect may come back on, in order of preference; 0 is any free one. These
    /// are what the application's redirect addresses at the tenant must list.
    pub redirect_ports: Vec<u16>,
    /// Connections to offer; with none, the tenant's own login page offers them.
    pub connections: Vec<Connection>,
    /// `Origin` to send; the redirect's own if absent.
    pub origin: Option<String>,
    /// Whether to ask the tenant for one more account rather than for the one its browser
    /// session knows.
    pub multi_account: bool,
    /// What is handed through to the identity provider at sign-in.
    pub connection_properties: BTreeMap<String, String>,
}

/// What is wrong with a tenant's address or application id, in words for the person.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TenantError {
    /// Nothing usable was typed.
    #[error("this is not an address; it looks like login.example.org")]
    NotAnAddress,
    /// Plain HTTP to another machine.
    #[error("the address has to begin with https://")]
    NotSecure,
    /// Not of the form `app_…`.
    #[error("an application id begins with app_ and has letters, digits, - and _ only")]
    ApplicationId,
    /// Nobody answers there.
    #[error("the address cannot be reached; check its spelling and the network")]
    Unreachable(#[source] http::NetworkError),
    /// The host has a passing fault.
    #[error("the login service has a problem at the moment; try again later")]
    Faulty {
        /// HTTP status.
        status: u16,
        /// Not before this long.
        retry_after: Option<Duration>,
    },
    /// Something answers, but no login service of this kind.
    #[error("there is no Authress login service at this address")]
    NotALoginHost,
}

impl TenantError {
    /// What the caller should do.
    #[must_use]
    pub fn reaction(&self) -> Reaction {
        match self {
            Self::NotAnAddress | Self::NotSecure | Self::ApplicationId | Self::NotALoginHost => {
                Reaction::AskPerson
            }
            Self::Unreachable(_) => Reaction::RetryLater(None),
            Self::Faulty { retry_after, .. } => Reaction::RetryLater(*retry_after),
        }
    }
}

impl TenantConfig {
    /// Takes an address as people type it and an application id. Contacts nobody.
    ///
    /// `https://` is put before a bare host; a path is dropped; `X.anything.authress.io` becomes
    /// `X.login.authress.io`, as the service's own clients do. Plain HTTP is for loopback only.
    ///
    /// # Errors
    /// [`TenantError::NotAnAddress`], [`TenantError::NotSecure`], [`TenantError::ApplicationId`].
    pub fn new(address: &str, application_id: &str) -> Result<Self, TenantError> {
        let base = clean(address)?;
        let application_id = application_id.trim();
        let rest = application_id
            .strip_prefix("app_")
            .ok_or(TenantError::ApplicationId)?;
        if rest.is_empty() || application_id.len() > LONGEST_ID || !rest.bytes().all(is_id_byte) {
            return Err(TenantError::ApplicationId);
        }
        Ok(Self {
            issuer: base.origin().ascii_serialization(),
            base,
            application_id: application_id.to_owned(),
            redirect_ports: vec![0],
            connections: Vec::new(),
            origin: None,
            multi_account: true,
            connection_properties: BTreeMap::from([(
                "prompt".to_owned(),
                "select_account".to_owned(),
            )]),
        })
    }

    /// What every token's `iss` must equal: scheme, host and port, no slash at the end.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The login host, path `/`.
    #[must_use]
    pub const fn login_host(&self) -> &Url {
        &self.base
    }

    /// This application's id there.
    #[must_use]
    pub fn application_id(&self) -> &str {
        &self.application_id
    }

    /// Whether the host is this machine, where plain HTTP and no proxy are right.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.base)
    }

    /// Asks the host for its keys, to see that it is a login service. Ten seconds to connect,
    /// thirty in total. Whether the application id is known there only a sign-in can tell.
    ///
    /// # Errors
    /// [`TenantError::Unreachable`], [`TenantError::Faulty`], [`TenantError::NotALoginHost`].
    pub async fn check(&self) -> Result<(), TenantError> {
        let client = http::client(self.is_loopback()).map_err(TenantError::Unreachable)?;
        let reply = http::get(&client, self.jwks_url())
            .await
            .map_err(TenantError::Unreachable)?;
        match reply.status {
            200 if crate::verify::has_usable_key(&reply.body) => Ok(()),
            status @ (429 | 500..) => Err(TenantError::Faulty {
                status,
                retry_after: reply.retry_after,
            }),
            _ => Err(TenantError::NotALoginHost),
        }
    }

    pub(crate) fn jwks_url(&self) -> Url {
        self.join(&[".well-known", "openid-configuration", "jwks"])
    }

    /// A URL below the host; every segment is percent-encoded down to the unreserved characters
    /// of RFC 3986, because Authress's ids contain `|`, `/`, `:` and blanks.
    ///
    /// A segment that came from outside has passed [`is_segment`].
    pub(crate) fn join(&self, segments: &[&str]) -> Url {
        let mut path = String::new();
        for segment in segments {
            path.push('/');
            for byte in segment.bytes() {
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                    path.push(char::from(byte));
                } else {
                    // Writing to a text cannot fail.
                    let _written = write!(path, "%{byte:02X}");
                }
            }
        }
        let mut url = self.base.clone();
        url.set_path(&path);
        url
    }
}

/// Whether an id can stand in a path: dots alone would mean another folder, however they are
/// encoded.
pub(crate) fn is_segment(id: &str) -> bool {
    !matches!(id, "" | "." | "..")
}

const fn is_id_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn clean(address: &str) -> Result<Url, TenantError> {
    let address = address.trim();
    let lower = address.to_ascii_lowercase();
    let full = if lower.starts_with("https://") || lower.starts_with("http://") {
        address.to_owned()
    } else if address.contains("://") {
        return Err(TenantError::NotAnAddress);
    } else {
        format!("https://{address}")
    };
    let mut url = Url::parse(&full).map_err(|_| TenantError::NotAnAddress)?;
    let host = url.host_str().unwrap_or_default().to_owned();
    let has_dot = host.contains('.') || host.contains(':');
    if host.is_empty()
        || !(has_dot || host == "localhost")
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return Err(TenantError::NotAnAddress);
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err(TenantError::NotSecure);
    }
    if let [tenant, _, "authress", "io"] = host.split('.').collect::<Vec<_>>().as_slice() {
        let host = format!("{tenant}.login.authress.io");
        url.set_host(Some(&host))
            .map_err(|_| TenantError::NotAnAddress)?;
    }
    url.set_path("/");
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_cleaned_as_the_service_does_it() {
        for (typed, issuer) in [
            ("login.northwind.example", "https://login.northwind.example"),
            (
                " https://login.northwind.example/ ",
                "https://login.northwind.example",
            ),
            (
                "https://login.northwind.example//",
                "https://login.northwind.example",
            ),
            (
                "https://LOGIN.northwind.example/a/b?c#d",
                "https://login.northwind.example",
            ),
            (
                "https://login.northwind.example:443",
                "https://login.northwind.example",
            ),
            (
                "login.northwind.example:8443",
                "https://login.northwind.example:8443",
            ),
            (
                "northwind.api-eu-west.authress.io",
                "https://northwind.login.authress.io",
            ),
            (
                "https://northwind.login.authress.io",
                "https://northwind.login.authress.io",
            ),
            ("http://127.0.0.1:4000", "http://127.0.0.1:4000"),
            ("http://localhost:4000/", "http://localhost:4000"),
            ("http://[::1]:4000/", "http://[::1]:4000"),
        ] {
            let tenant = TenantConfig::new(typed, "app_mail").unwrap();
            assert_eq!(tenant.issuer(), issuer, "{typed}");
            assert_eq!(tenant.login_host().path(), "/");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for typed in [
            "",
            "   ",
            "northwind",
            "ftp://login.example",
            "https://",
            "a b.example",
            "https://ana@login.example",
            "https://ana:x@login.example",
            "javascript:alert(1)",
        ] {
            assert!(
                matches!(
                    TenantConfig::new(typed, "app_mail"),
                    Err(TenantError::NotAnAddress)
                ),
                "{typed}"
            );
        }
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for typed in [
            "http://login.northwind.example",
            "http://10.0.0.1",
            "http://localhost.example",
        ] {
            assert!(
                matches!(
                    TenantConfig::new(typed, "app_mail"),
                    Err(TenantError::NotSecure)
                ),
                "{typed}"
            );
        }
    }

    #[test]
    fn only_an_application_id_is_one() {
        for id in [
            "",
            "app_",
            "sc_mail",
            "ext_mail",
            "mail",
            "app_a/b",
            "app_a b",
            &format!("app_{}", "a".repeat(64)),
        ] {
            assert!(
                matches!(
                    TenantConfig::new("login.example", id),
                    Err(TenantError::ApplicationId)
                ),
                "{id}"
            );
        }
        assert_eq!(
            TenantConfig::new("login.example", " app_Mail-1 ")
                .unwrap()
                .application_id(),
            "app_Mail-1"
        );
    }

    #[test]
    fn ids_in_a_path_are_encoded() {
        let tenant = TenantConfig::new("login.example", "app_mail").unwrap();
        assert_eq!(
            tenant
                .join(&["api", "authentication", "a/../b", "tokens"])
                .as_str(),
            "https://login.example/api/authentication/a%2F..%2Fb/tokens"
        );
    }
}
