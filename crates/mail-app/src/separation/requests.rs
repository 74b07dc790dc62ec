//! What one account sends while a check runs: whose markers, and with whose credentials.
//!
//! Of a request nothing is kept but its method, its host, and digests.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use mail_model::{RequestObserver, SentRequest};
use sha2::{Digest as _, Sha256};

use super::marker::Markers;

/// Requests that are kept; further ones are looked through and counted.
const MOST: usize = 10_000;

type Digested = [u8; 32];

/// Notes one account's requests.
pub(super) struct Recorder {
    markers: Arc<Markers>,
    seen: Mutex<Sent>,
}

/// What an account has sent.
#[derive(Debug, Clone, Default)]
pub(super) struct Sent {
    /// How many requests.
    pub(super) count: u64,
    requests: Vec<Request>,
}

#[derive(Debug, Clone)]
struct Request {
    /// Method and host, for showing.
    name: String,
    /// Digests of what proves somebody.
    proofs: Vec<Digested>,
    /// Places of the markers it holds.
    markers: Vec<usize>,
}

impl Recorder {
    pub(super) fn new(markers: Arc<Markers>) -> Self {
        Self {
            markers,
            seen: Mutex::default(),
        }
    }

    pub(super) fn sent(&self) -> Sent {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl RequestObserver for Recorder {
    fn sent(&self, request: &SentRequest<'_>) {
        let mut markers = self.markers.inside(request.url.as_bytes());
        markers.extend(self.markers.inside(request.body));
        for header in [request.authorization, request.cookies]
            .into_iter()
            .flatten()
        {
            markers.extend(self.markers.inside(header));
        }
        let proofs = [request.authorization, request.cookies]
            .into_iter()
            .flatten();
        let noted = Request {
            name: format!("{} {}", request.method, request.host),
            proofs: proofs.map(|proof| Sha256::digest(proof).into()).collect(),
            markers,
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.count += 1;
        if seen.requests.len() < MOST || !noted.markers.is_empty() {
            seen.requests.push(noted);
        }
    }
}

impl Sent {
    /// How many requests hold that marker.
    pub(super) fn with_marker(&self, marker: usize) -> u64 {
        let with = self.requests.iter();
        with.filter(|request| request.markers.contains(&marker))
            .count() as u64
    }

    /// Requests of this account that hold another account's marker, or were made with what
    /// proves that other account.
    pub(super) fn leaks_of(&self, other: &Self, marker: usize) -> Vec<String> {
        let theirs: BTreeSet<&Digested> = other
            .requests
            .iter()
            .flat_map(|request| &request.proofs)
            .collect();
        let leaks = self.requests.iter().filter(|request| {
            request.markers.contains(&marker)
                || request.proofs.iter().any(|proof| theirs.contains(proof))
        });
        leaks.map(|request| request.name.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use mail_model::AccountId;

    use super::*;

    fn request<'a>(authorization: &'a str, body: &'a str) -> SentRequest<'a> {
        SentRequest {
            method: "POST",
            host: "mail.example",
            url: "https://mail.example/jmap",
            authorization: Some(authorization.as_bytes()),
            cookies: None,
            body: body.as_bytes(),
        }
    }

    fn recorders() -> (Arc<Markers>, Recorder, Recorder) {
        let accounts = ["a", "b"].map(|id| AccountId::new(id).unwrap());
        let markers = Arc::new(Markers::new(accounts.into_iter()));
        let recorder = || Recorder::new(Arc::clone(&markers));
        (Arc::clone(&markers), recorder(), recorder())
    }

    #[test]
    fn own_markers_and_own_tokens_are_no_leak() {
        let (markers, a, b) = recorders();
        RequestObserver::sent(&a, &request("Bearer a", &markers.all()[0].text));
        RequestObserver::sent(&b, &request("Bearer b", &markers.all()[1].text));
        assert_eq!(a.sent().with_marker(0), 1);
        assert!(b.sent().leaks_of(&a.sent(), 0).is_empty());
        assert!(a.sent().leaks_of(&b.sent(), 1).is_empty());
    }

    #[test]
    fn a_request_with_the_others_marker_or_the_others_token_is_a_leak() {
        let (markers, a, b) = recorders();
        RequestObserver::sent(&a, &request("Bearer a", ""));
        RequestObserver::sent(&b, &request("Bearer b", &markers.all()[0].text));
        RequestObserver::sent(&b, &request("Bearer a", ""));
        assert_eq!(b.sent().count, 2);
        let leaks = b.sent().leaks_of(&a.sent(), 0);
        assert_eq!(leaks, ["POST mail.example", "POST mail.example"]);
    }

    #[test]
    fn nothing_of_a_request_is_kept_that_could_be_used() {
        let (_, a, _) = recorders();
        RequestObserver::sent(&a, &request("Bearer secret-token", "secret-body"));
        let kept = format!("{:?}", a.sent());
        assert!(!kept.contains("secret"), "{kept}");
    }
}
