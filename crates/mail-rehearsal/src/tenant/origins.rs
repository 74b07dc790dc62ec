//! Which addresses belong to the application, and which names to the tenant.

use std::net::IpAddr;

use url::{Host, Url};

use super::TenantConfig;

/// Whether the address is http or https.
pub(super) fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

/// Whether the address can only mean this computer.
pub(super) fn is_loopback(url: &Url) -> bool {
    is_web(url) && url.host().is_some_and(|host| names_loopback(&host))
}

fn names_loopback<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.as_ref();
            name == "localhost" || name.ends_with(".localhost")
        }
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// Whether people may be sent to `url`: any port of a loopback name, or an address of the application's list,
/// which covers its subdomains and the paths below it.
pub(super) fn may_return_to(url: &Url, config: &TenantConfig) -> bool {
    is_loopback(url)
        || config
            .redirect_urls
            .iter()
            .any(|listed| covers(listed, url) && path_covers(listed, url))
}

/// Whether a request with this `Origin` comes from the application: the origin of an address people may be
/// sent back to, or the tenant's own.
pub(super) fn is_ours(origin: &str, config: &TenantConfig) -> bool {
    let Ok(url) = Url::parse(origin) else {
        return false;
    };
    is_loopback(&url)
        || url.origin() == config.issuer.origin() && is_web(&url)
        || config
            .redirect_urls
            .iter()
            .any(|listed| covers(listed, &url))
}

/// Whether a request's `Host` is a name of this tenant. Anything else is a page that had its own name point
/// here to be let in.
pub(super) fn answers_to(host: &str, config: &TenantConfig) -> bool {
    let Ok(url) = Url::parse(&format!("http://{host}/")) else {
        return false;
    };
    let issuer = config.issuer.host_str();
    url.host().is_some_and(|named| names_loopback(&named)) || url.host_str() == issuer
}

/// Whether a `Host` can only mean this computer.
pub(super) fn is_loopback_host(host: &str) -> bool {
    Url::parse(&format!("http://{host}/")).is_ok_and(|url| is_loopback(&url))
}

fn covers(listed: &Url, url: &Url) -> bool {
    let same_place = listed.scheme() == url.scheme()
        && listed.port_or_known_default() == url.port_or_known_default();
    let below = match (listed.host_str(), url.host_str()) {
        (Some(listed), Some(host)) => {
            host == listed
                || host
                    .strip_suffix(listed)
                    .is_some_and(|before| before.ends_with('.'))
        }
        (listed, host) => listed == host,
    };
    same_place && below
}

fn path_covers(listed: &Url, url: &Url) -> bool {
    let listed = listed.path().trim_end_matches('/');
    url.path()
        .strip_prefix(listed)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The domain cookies are shared in with the application: the issuer's without its first label, when that
/// still has two and `url` is inside it.
pub(super) fn shared_domain<'a>(issuer: &'a Url, url: &Url) -> Option<&'a str> {
    let host = issuer
        .host_str()
        .filter(|host| host.parse::<IpAddr>().is_err())?;
    let (_, parent) = host.split_once('.')?;
    let inside = url.host_str().is_some_and(|name| {
        name == parent
            || name
                .strip_suffix(parent)
                .is_some_and(|before| before.ends_with('.'))
    });
    (parent.contains('.') && inside).then_some(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> TenantConfig {
        let mut config = TenantConfig::new(Url::parse("https://login.northwind.example").unwrap());
        config.redirect_urls = ["https://northwind.example/mail", "braid://auth"]
            .map(|url| Url::parse(url).unwrap())
            .into();
        config
    }

    fn allowed(url: &str) -> bool {
        may_return_to(&Url::parse(url).unwrap(), &config())
    }

    #[test]
    fn any_loopback_port_is_the_applications() {
        for url in [
            "http://127.0.0.1:1/a",
            "http://localhost:65535/",
            "https://app.localhost/x",
            "http://[::1]:8/",
        ] {
            assert!(allowed(url), "{url}");
        }
    }

    #[test]
    fn a_listed_address_covers_subdomains_and_deeper_paths() {
        for url in [
            "https://northwind.example/mail",
            "https://a.northwind.example/mail/b?c#d",
            "braid://auth/callback",
        ] {
            assert!(allowed(url), "{url}");
        }
    }

    #[test]
    fn look_alikes_are_refused() {
        for url in [
            "https://evilnorthwind.example/mail",
            "https://northwind.example.evil.example/mail",
            "https://northwind.example/mailbox",
            "https://northwind.example:444/mail",
            "http://northwind.example/mail",
            "http://localhost.evil.example/",
            "http://notlocalhost/",
            "http://127.0.0.1.evil.example/",
            "braid://other/callback",
            "file:///etc/passwd",
        ] {
            assert!(!allowed(url), "{url}");
        }
    }

    #[test]
    fn an_origin_is_ours_or_it_is_not() {
        let config = config();
        for origin in [
            "http://127.0.0.1:7",
            "https://mail.northwind.example",
            "braid://auth",
            "https://login.northwind.example",
        ] {
            assert!(is_ours(origin, &config), "{origin}");
        }
        for origin in ["null", "", "https://evil.example", "braid://evil"] {
            assert!(!is_ours(origin, &config), "{origin}");
        }
    }

    #[test]
    fn other_names_pointed_here_are_not_answered() {
        let config = config();
        for host in ["127.0.0.1:80", "localhost", "login.northwind.example:444"] {
            assert!(answers_to(host, &config), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:80",
            "",
            "app.northwind.example",
        ] {
            assert!(!answers_to(host, &config), "{host}");
        }
    }

    #[test]
    fn cookies_are_shared_with_neighbours_only() {
        let url = |text| Url::parse(text).unwrap();
        let issuer = url("https://login.northwind.example");
        assert_eq!(
            shared_domain(&issuer, &url("https://app.northwind.example")),
            Some("northwind.example")
        );
        assert_eq!(
            shared_domain(&issuer, &url("https://app.other.example")),
            None
        );
        assert_eq!(
            shared_domain(&url("http://127.0.0.1:9"), &url("http://127.0.0.1:8")),
            None
        );
        assert_eq!(
            shared_domain(&url("https://login.example"), &url("https://app.example")),
            None
        );
    }
}
