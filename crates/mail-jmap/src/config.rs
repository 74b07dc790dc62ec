//! What a caller decides about one account's server.

use std::time::Duration;

use mail_model::HostLog;
use mail_model::remote::SourceError;
use url::{Host, Url};

/// Where the server's session resource is looked for (RFC 8620 section 2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerAddress {
    /// At `/.well-known/jmap` of this origin; path and query are ignored.
    Origin(Url),
    /// At exactly this address.
    Session(Url),
}

impl ServerAddress {
    /// Takes an address as a person or an administrator gives it: a bare origin is asked for
    /// its well-known resource, anything with a path is the session resource itself.
    #[must_use]
    pub fn of(url: Url) -> Self {
        if url.path() == "/" {
            Self::Origin(url)
        } else {
            Self::Session(url)
        }
    }

    /// The first address asked.
    pub(crate) fn first(&self) -> Url {
        match self {
            Self::Session(url) => url.clone(),
            Self::Origin(url) => {
                let mut url = url.clone();
                url.set_path("/.well-known/jmap");
                url.set_query(None);
                url.set_fragment(None);
                url
            }
        }
    }
}

/// How long to wait for a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until a connection stands.
    pub connect: Duration,
    /// From there to the first octet of the answer. Uploads get longer, by their size.
    pub first_byte: Duration,
    /// Within this long at least [`Timeouts::stall_octets`] octets of an answer must arrive.
    pub stall: Duration,
    /// See [`Timeouts::stall`]; stops a server that feeds us octet by octet.
    pub stall_octets: u64,
    /// A page that takes longer ends with the piece that has just come, so that it can be shown
    /// and kept.
    pub page: Duration,
    /// A web socket that was silent for so long is asked for a sign of life.
    pub ping: Duration,
    /// And is given up when none comes within this long.
    pub pong: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(30),
            stall: Duration::from_secs(60),
            stall_octets: 4 * 1024,
            page: Duration::from_secs(2),
            ping: Duration::from_secs(60),
            pong: Duration::from_secs(20),
        }
    }
}

/// One account's server.
#[derive(Debug, Clone)]
pub struct JmapConfig {
    /// Where to look for the session.
    pub address: ServerAddress,
    /// Further origins that may get the account's token, each confirmed by a person or an
    /// administrator; normally none. Everything else a session document names is refused.
    pub trusted: Vec<Url>,
    /// The `User-Agent` sent.
    pub user_agent: String,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// Texts of a body beyond this many octets are cut by the server.
    pub body_octets: u64,
    /// Where the hosts spoken to are noted; the account's own log.
    pub hosts: HostLog,
}

impl JmapConfig {
    /// The usual settings for an address, with a log of its own.
    #[must_use]
    pub fn new(address: ServerAddress) -> Self {
        Self {
            address,
            trusted: Vec::new(),
            user_agent: concat!("Braid/", env!("CARGO_PKG_VERSION")).into(),
            timeouts: Timeouts::default(),
            body_octets: 1024 * 1024,
            hosts: HostLog::new(),
        }
    }
}

/// The origins that may see the account's token.
#[derive(Debug, Clone)]
pub(crate) struct Origins(Vec<url::Origin>);

impl Origins {
    /// # Errors
    /// An address that is not https, other than on this machine.
    pub(crate) fn of(config: &JmapConfig) -> Result<Self, SourceError> {
        let mut origins = Vec::new();
        for url in std::iter::once(&config.address.first()).chain(&config.trusted) {
            if !is_protected(url) {
                return Err(SourceError::NoService {
                    reason: "the address must begin with https://".into(),
                });
            }
            origins.push(url.origin());
        }
        Ok(Self(origins))
    }

    /// Whether a token may be sent there.
    pub(crate) fn allow(&self, url: &Url) -> bool {
        is_protected(url)
            && url.username().is_empty()
            && url.password().is_none()
            && self.0.contains(&url.origin())
    }
}

/// Encrypted, or never leaving this machine.
fn is_protected(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn a_bare_origin_is_asked_for_its_well_known_resource() {
        let address = ServerAddress::of(url("https://mail.example"));
        assert_eq!(
            address.first().as_str(),
            "https://mail.example/.well-known/jmap"
        );
    }

    #[test]
    fn an_address_with_a_path_is_the_session_itself() {
        let address = ServerAddress::of(url("https://mail.example/jmap/session?x=1"));
        assert_eq!(
            address.first().as_str(),
            "https://mail.example/jmap/session?x=1"
        );
    }

    #[test]
    fn tokens_go_to_named_origins_only() {
        let mut config =
            JmapConfig::new(ServerAddress::Session(url("https://mail.example/session")));
        config.trusted.push(url("https://blobs.example:8443/"));
        let origins = Origins::of(&config).unwrap();
        for good in ["https://mail.example/x", "https://blobs.example:8443/y"] {
            assert!(origins.allow(&url(good)), "{good}");
        }
        for bad in [
            "http://mail.example/x",
            "https://mail.example:444/x",
            "https://blobs.example/y",
            "https://mail.example.evil.example/",
            "https://user:pw@mail.example/",
            "https://evil.example/https://mail.example/",
            "ftp://mail.example/",
            "data:text/plain,x",
        ] {
            assert!(!origins.allow(&url(bad)), "{bad}");
        }
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for (address, good) in [
            ("http://127.0.0.1:9/s", true),
            ("http://[::1]:9/s", true),
            ("http://localhost/s", true),
            ("http://mail.example/s", false),
            ("http://127.0.0.1.mail.example/s", false),
            ("http://10.0.0.1/s", false),
        ] {
            let config = JmapConfig::new(ServerAddress::Session(url(address)));
            assert_eq!(Origins::of(&config).is_ok(), good, "{address}");
        }
    }
}
