//! Which hosts one account speaks to, for showing a person who is contacted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::UnixTime;
use crate::requests::{Observing, RequestObserver, SentRequest};

/// What is known of one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostContact {
    /// Its name or address, without a port.
    pub host: String,
    /// When it was first spoken to.
    pub first_at: UnixTime,
    /// When it was last spoken to.
    pub last_at: UnixTime,
    /// Requests sent to it, answered or not.
    pub requests: u64,
}

impl HostContact {
    /// Takes over what another record of the same host says.
    pub fn merge(&mut self, other: &Self) {
        self.first_at = self.first_at.min(other.first_at);
        self.last_at = self.last_at.max(other.last_at);
        self.requests = self.requests.saturating_add(other.requests);
    }
}

/// The hosts one account has spoken to since it was opened. Clones share it: whatever sends
/// requests for the account notes them here, so that the list is complete.
#[derive(Debug, Clone, Default)]
pub struct HostLog {
    hosts: Arc<Mutex<Hosts>>,
    observing: Observing,
}

#[derive(Debug, Default)]
struct Hosts {
    all: BTreeMap<String, HostContact>,
    unsaved: BTreeMap<String, HostContact>,
}

impl HostLog {
    /// A log without entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One request goes to that host. Noted before it is sent: a request that fails was made.
    pub fn note(&self, host: &str, now: UnixTime) {
        let contact = HostContact {
            host: host.to_owned(),
            first_at: now,
            last_at: now,
            requests: 1,
        };
        let mut hosts = self.lock();
        add(&mut hosts.all, &contact);
        add(&mut hosts.unsaved, &contact);
    }

    /// The same for whoever can say more about the request than its host.
    pub fn sent(&self, request: &SentRequest<'_>, now: UnixTime) {
        self.note(request.host, now);
        if let Some(observer) = self.observing.get() {
            observer.sent(request);
        }
    }

    /// Shows every request from now on to an observer, instead of the one before; `None` ends it.
    pub fn observe(&self, observer: Option<Arc<dyn RequestObserver>>) {
        self.observing.set(observer);
    }

    /// Takes over what another log has noted, such as that of the sign-in the account began with.
    pub fn absorb(&self, other: &Self) {
        if Arc::ptr_eq(&self.hosts, &other.hosts) {
            return;
        }
        let contacts = other.contacts();
        let mut hosts = self.lock();
        for contact in &contacts {
            add(&mut hosts.all, contact);
            add(&mut hosts.unsaved, contact);
        }
    }

    /// Every host since the account was opened, by name.
    #[must_use]
    pub fn contacts(&self) -> Vec<HostContact> {
        self.lock().all.values().cloned().collect()
    }

    /// Their names, in order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.lock().all.keys().cloned().collect()
    }

    /// What was noted since the last call, for adding to what is kept; it counts as kept from now
    /// on. Give it back with [`Self::put_back`] when it could not be kept.
    #[must_use]
    pub fn take_unsaved(&self) -> Vec<HostContact> {
        std::mem::take(&mut self.lock().unsaved)
            .into_values()
            .collect()
    }

    /// Makes contacts wait for the next [`Self::take_unsaved`] again.
    pub fn put_back(&self, contacts: &[HostContact]) {
        let mut hosts = self.lock();
        for contact in contacts {
            add(&mut hosts.unsaved, contact);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Hosts> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add(hosts: &mut BTreeMap<String, HostContact>, contact: &HostContact) {
    match hosts.get_mut(&contact.host) {
        Some(known) => known.merge(contact),
        None => {
            hosts.insert(contact.host.clone(), contact.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> UnixTime {
        UnixTime::from_seconds(seconds)
    }

    #[test]
    fn clones_write_into_one_log() {
        let log = HostLog::new();
        log.note("mail.example", at(5));
        log.clone().note("login.example", at(7));
        log.clone().note("mail.example", at(9));
        assert_eq!(log.names(), ["login.example", "mail.example"]);
        let mail = log.contacts().remove(1);
        assert_eq!((mail.first_at, mail.last_at), (at(5), at(9)));
        assert_eq!(mail.requests, 2);
    }

    #[test]
    fn what_a_sign_in_noted_is_taken_over_and_later_requests_are_shown_to_the_observer() {
        struct Seen(Mutex<Vec<String>>);
        impl RequestObserver for Seen {
            fn sent(&self, request: &SentRequest<'_>) {
                self.0.lock().unwrap().push(request.url.to_owned());
            }
        }
        let request = |url: &'static str| SentRequest {
            method: "GET",
            host: "mail.example",
            url,
            authorization: None,
            cookies: None,
            body: &[],
        };
        let (account, sign_in) = (HostLog::new(), HostLog::new());
        sign_in.note("login.example", at(3));
        account.absorb(&sign_in);
        let seen = Arc::new(Seen(Mutex::default()));
        account.observe(Some(seen.clone()));
        account
            .clone()
            .sent(&request("https://mail.example/1"), at(4));
        account.observe(None);
        account.sent(&request("https://mail.example/2"), at(5));
        assert_eq!(*seen.0.lock().unwrap(), ["https://mail.example/1"]);
        assert_eq!(account.names(), ["login.example", "mail.example"]);
        assert_eq!(account.contacts()[1].requests, 2);
        assert_eq!(account.take_unsaved().len(), 2);
    }

    #[test]
    fn what_could_not_be_kept_is_not_forgotten() {
        let log = HostLog::new();
        log.note("mail.example", at(5));
        let taken = log.take_unsaved();
        assert!(log.take_unsaved().is_empty());
        log.note("mail.example", at(6));
        log.put_back(&taken);
        let again = log.take_unsaved();
        assert_eq!(again.len(), 1);
        assert_eq!(again[0].requests, 2);
        assert_eq!(again[0].first_at, at(5));
        assert_eq!(log.contacts()[0].requests, 2);
    }
}
