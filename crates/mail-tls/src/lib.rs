//! TLS of every HTTP client, with root certificates that are read once.
//!
//! A client that makes its own TLS reads all root certificates of the system, tens of
//! milliseconds of work, and an account has several clients. What is shared here is whom the
//! process trusts and what it offers in a handshake. Connections, cookies and the state of TLS
//! sessions stay each client's own.

use std::sync::{Mutex, PoisonError};

use native_tls::{Protocol, TlsConnector};
use reqwest::ClientBuilder;

/// The versions of HTTP a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versions {
    /// HTTP/2 where the server does, else HTTP/1.1.
    Any,
    /// HTTP/1.1 alone, from which other protocols begin.
    One,
}

/// Gives a client the process's TLS, 1.2 or newer, with the system's root certificates. Reads
/// them the first time, which blocks; a change of them counts from the next start.
///
/// Where the system's TLS cannot be set up, building the client ends with what is wrong.
pub fn with_tls(client: ClientBuilder, versions: Versions) -> ClientBuilder {
    static ANY: Shared = Shared::new();
    static ONE: Shared = Shared::new();
    let client = client.tls_version_min(reqwest::tls::Version::TLS_1_2);
    let (client, shared, protocols) = match versions {
        Versions::Any => (client, &ANY, &["h2", "http/1.1"][..]),
        Versions::One => (client.http1_only(), &ONE, &["http/1.1"][..]),
    };
    match shared.get(|| connector(protocols)) {
        Ok(connector) => client.tls_backend_preconfigured(connector),
        Err(error) => {
            // The client makes its own then, and says the same in its own words.
            tracing::warn!(%error, "TLS could not be set up");
            client
        }
    }
}

fn connector(protocols: &[&str]) -> native_tls::Result<TlsConnector> {
    TlsConnector::builder()
        .min_protocol_version(Some(Protocol::Tlsv12))
        .request_alpns(protocols)
        .build()
}

/// Made once for the process; a failure is not kept.
struct Shared<T = TlsConnector>(Mutex<Option<T>>);

impl<T: Clone> Shared<T> {
    const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Who comes while it is being made waits for it.
    fn get<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = &*made {
            return Ok(made.clone());
        }
        let fresh = make()?;
        *made = Some(fresh.clone());
        Ok(fresh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_and_a_failure_is_not_kept() {
        let shared = Shared::new();
        assert_eq!(shared.get(|| Err::<u8, _>("broken")), Err("broken"));
        assert_eq!(shared.get(|| Ok::<_, &str>(1)), Ok(1));
        assert_eq!(shared.get(|| Err("made twice")), Ok(1));
    }

    /// A connector of another release than reqwest's own is refused when the client is built.
    #[test]
    fn the_http_library_takes_the_connector() {
        for versions in [Versions::Any, Versions::One] {
            with_tls(reqwest::Client::builder(), versions)
                .build()
                .unwrap();
        }
    }
}
