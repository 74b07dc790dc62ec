//! Named faults: what the rehearsal can be told to do wrong, and a count of what it was asked.
//!
//! A real service fails in ways that are hard to wait for. Here every such way is a switch or a rule that a
//! test, or a person at the control endpoint, turns on and off while the servers run. Faults never change
//! what is stored: turning one off gives back a healthy service.

mod control;
mod layer;
mod methods;
mod rule;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

pub use control::control_router;
pub use layer::with_faults;
pub use methods::{MethodAct, MethodRule};
pub use rule::{Act, PersonRule, Rule};

/// Most different (server, method, path) triples that are counted; later new ones share the path `…`.
const COUNTED_PATHS: usize = 4096;

/// Which of the two servers a request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Server {
    /// The tenant.
    Login,
    /// The mail server.
    Mail,
    /// The second mail server, which takes providers' credentials.
    ProviderMail,
}

/// A fault that is either on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Switch {
    /// The mail server answers every `*/changes` and `*/queryChanges` with `cannotCalculateChanges`.
    CannotCalculateChanges,
    /// Token replies carry an empty body and the tokens as cookies only.
    CookieOnlyTokens,
    /// The redirect back to the application has no `nonce`.
    NoNonce,
    /// A missing or wrong `antiAbuseHash` is accepted.
    RelaxedHash,
    /// The tenant has no `PATCH /v1/users/{userId}/identities`: it answers 404, and a sign-in with
    /// `linkIdentity: true` moves an identity that another user has.
    NoLinkEndpoint,
    /// The tenant offers no second factors: everything under `/api/session/devices` answers 404.
    NoDevices,
    /// Web sockets are let in and then say nothing, not even to pings.
    WebSocketSilent,
    /// Web sockets say things without sense instead of what they should.
    WebSocketJunk,
    /// Web sockets are cut with the first message that comes or would go.
    WebSocketCut,
    /// Id tokens say nothing of the provider's own claims, so that nobody can tell which of several identities
    /// of one connection was used.
    NoProviderClaims,
}

/// The faults of one rehearsal; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    set: Mutex<Set>,
    tokens_expired: AtomicU64,
    keys_rotated: AtomicU64,
    sessions_ended: AtomicU64,
    credentials_rotated: AtomicU64,
    /// Reads of a changed profile that still show it unchanged.
    profile_lag: AtomicU32,
    held: watch::Sender<Held>,
}

/// Requests and answers that are held on their way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Held {
    /// How many there are.
    pub waiting: usize,
    /// How often they were let go.
    pub released: u64,
}

/// How often the tenant was told to do something; it follows these counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Commands {
    pub(crate) tokens_expired: u64,
    pub(crate) keys_rotated: u64,
    pub(crate) sessions_ended: u64,
    pub(crate) credentials_rotated: u64,
}

#[derive(Debug, Default)]
struct Set {
    rules: Vec<PersonRule>,
    methods: Vec<MethodRule>,
    switches: BTreeMap<Switch, bool>,
    counts: BTreeMap<(Server, String, String), u64>,
}

/// What is switched on at this moment, as the control endpoint shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FaultsState {
    /// Rules that still apply, oldest first.
    pub rules: Vec<PersonRule>,
    /// Rules for single JMAP methods that still apply, oldest first.
    pub methods: Vec<MethodRule>,
    /// Switches that are on.
    pub switches: Vec<Switch>,
}

impl Faults {
    /// A rehearsal without faults.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds a rule. Of several that match a request, each kind of act applies once, the oldest rule first.
    pub fn add(&self, rule: Rule) {
        self.add_for(None, rule);
    }

    /// Adds a rule for the requests of one person only: those with a token whose subject this is.
    pub fn add_for(&self, person: Option<String>, rule: Rule) {
        self.set().rules.push(PersonRule { person, rule });
    }

    /// Turns a switch on or off.
    pub fn switch(&self, switch: Switch, on: bool) {
        self.set().switches.insert(switch, on);
    }

    /// Whether a switch is on.
    #[must_use]
    pub fn is_on(&self, switch: Switch) -> bool {
        self.set().switches.get(&switch).copied().unwrap_or(false)
    }

    /// Takes every rule away, turns every switch off, lets reads keep up and what is held go. Expired tokens
    /// stay expired.
    pub fn clear(&self) {
        self.inner.profile_lag.store(0, Ordering::SeqCst);
        let mut set = self.set();
        set.rules.clear();
        set.methods.clear();
        set.switches.clear();
        drop(set);
        self.release();
    }

    /// Lets everything go that is held on its way, see [`Act::Hold`].
    pub fn release(&self) {
        self.inner.held.send_modify(|held| held.released += 1);
    }

    /// What is held on its way.
    #[must_use]
    pub fn held(&self) -> watch::Receiver<Held> {
        self.inner.held.subscribe()
    }

    /// Every access token issued so far is expired from now on. Sessions stay, so tokens can be renewed.
    pub fn expire_tokens(&self) {
        self.inner.tokens_expired.fetch_add(1, Ordering::SeqCst);
    }

    /// The tenant signs with a new key from now on; the old ones stay published while their tokens live.
    pub fn rotate_keys(&self) {
        self.inner.keys_rotated.fetch_add(1, Ordering::SeqCst);
    }

    /// Every session that exists is over from now on: access tokens stay valid, renewing them does not work.
    pub fn end_sessions(&self) {
        self.inner.sessions_ended.fetch_add(1, Ordering::SeqCst);
    }

    /// Every provider's credential given out so far is refused from now on; the next one asked for is new.
    pub fn rotate_credentials(&self) {
        self.inner
            .credentials_rotated
            .fetch_add(1, Ordering::SeqCst);
    }

    /// After the next change of a user's identities, this many reads of the profile still show them as they
    /// were before. Reads before the change do not count.
    pub fn lag_profile(&self, reads: u32) {
        self.inner.profile_lag.store(reads, Ordering::SeqCst);
    }

    /// Uses up one lagging read; `false` when reads keep up.
    pub(crate) fn take_profile_lag(&self) -> bool {
        self.inner
            .profile_lag
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            })
            .is_ok()
    }

    /// What is switched on at this moment.
    #[must_use]
    pub fn state(&self) -> FaultsState {
        let set = self.set();
        FaultsState {
            rules: set.rules.clone(),
            methods: set.methods.clone(),
            switches: set
                .switches
                .iter()
                .filter(|(_, on)| **on)
                .map(|(switch, _)| *switch)
                .collect(),
        }
    }

    /// How many requests `server` got with this method (upper case) and a path matching `pattern`,
    /// counting those a fault answered.
    #[must_use]
    pub fn requests(&self, server: Server, method: &str, pattern: &str) -> u64 {
        let set = self.set();
        let wanted = |key: &(Server, String, String)| {
            key.0 == server && key.1 == method && path_matches(pattern, &key.2)
        };
        set.counts
            .iter()
            .filter(|(key, _)| wanted(key))
            .map(|(_, count)| count)
            .sum()
    }

    /// How often each of the commands was given.
    pub(crate) fn commands(&self) -> Commands {
        let read = |count: &AtomicU64| count.load(Ordering::SeqCst);
        Commands {
            tokens_expired: read(&self.inner.tokens_expired),
            keys_rotated: read(&self.inner.keys_rotated),
            sessions_ended: read(&self.inner.sessions_ended),
            credentials_rotated: read(&self.inner.credentials_rotated),
        }
    }

    /// Counts a request of a person, if it says whose it is, and takes the acts that apply to it, at most one
    /// of each kind.
    fn meet(&self, server: Server, method: &str, path: &str, person: Option<&str>) -> Vec<Act> {
        let mut set = self.set();
        count(&mut set.counts, server, method, path);
        let mut acts: Vec<Act> = Vec::new();
        for PersonRule { person: of, rule } in &mut set.rules {
            if of.is_some() && of.as_deref() != person {
                continue;
            }
            let taken = acts
                .iter()
                .any(|act| std::mem::discriminant(act) == std::mem::discriminant(&rule.act));
            if taken || !rule.matches(server, method, path) {
                continue;
            }
            acts.push(rule.act.clone());
            rule.times = rule.times.map(|times| times.saturating_sub(1));
        }
        set.rules.retain(|standing| standing.rule.times != Some(0));
        acts
    }

    fn set(&self) -> MutexGuard<'_, Set> {
        self.inner
            .set
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn count(
    counts: &mut BTreeMap<(Server, String, String), u64>,
    server: Server,
    method: &str,
    path: &str,
) {
    let mut key = (server, method.to_owned(), path.to_owned());
    if counts.len() >= COUNTED_PATHS && !counts.contains_key(&key) {
        "…".clone_into(&mut key.2);
    }
    let times = counts.entry(key).or_default();
    *times = times.saturating_add(1);
}

/// Whether `path` is `pattern`, in which each `*` stands for any characters or none.
fn path_matches(pattern: &str, path: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| path.strip_prefix(first)) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else {
            return false;
        };
        rest = after;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_whole_paths_only() {
        assert!(path_matches("/api/session", "/api/session"));
        assert!(!path_matches("/api/session", "/api/session/profile"));
        assert!(path_matches(
            "/api/*/tokens",
            "/api/authentication/abc/tokens"
        ));
        assert!(!path_matches("/api/*/tokens", "/api/authentication/abc"));
        assert!(path_matches("*", "/anything"));
        assert!(!path_matches("/a*a", "/a"));
    }

    #[test]
    fn a_rule_is_gone_after_its_times() {
        let faults = Faults::none();
        faults.add(Rule::status("/jmap", 503, 2).on(Server::Mail));
        let status = Act::Status {
            status: 503,
            retry_after: None,
            error_code: None,
        };
        assert_eq!(faults.meet(Server::Login, "POST", "/jmap", None), vec![]);
        assert_eq!(
            faults.meet(Server::Mail, "POST", "/jmap", None),
            vec![status.clone()]
        );
        assert_eq!(
            faults.meet(Server::Mail, "GET", "/jmap", None),
            vec![status]
        );
        assert_eq!(faults.meet(Server::Mail, "POST", "/jmap", None), vec![]);
        assert_eq!(faults.requests(Server::Mail, "POST", "/jmap"), 2);
    }

    #[test]
    fn a_rule_for_one_person_leaves_the_others_alone() {
        let faults = Faults::none();
        faults.add_for(Some("u1".to_owned()), Rule::status("/jmap", 503, 1));
        let meet = |person| faults.meet(Server::Mail, "GET", "/jmap", person).len();
        assert_eq!((meet(None), meet(Some("u2"))), (0, 0));
        assert_eq!(meet(Some("u1")), 1);
        assert_eq!(meet(Some("u1")), 0);
    }

    #[test]
    fn rules_of_one_kind_wait_for_their_turn() {
        let faults = Faults::none();
        faults.add(Rule::status("/a", 500, 1));
        faults.add(Rule::status("/a", 404, 1));
        faults.add(Rule::delay("/a", 5, 1));
        assert_eq!(faults.meet(Server::Mail, "GET", "/a", None).len(), 2);
        assert_eq!(
            faults.meet(Server::Mail, "GET", "/a", None),
            vec![Act::Status {
                status: 404,
                retry_after: None,
                error_code: None
            }]
        );
    }

    #[test]
    fn clearing_heals_but_keeps_the_counts() {
        let faults = Faults::none();
        faults.switch(Switch::NoNonce, true);
        faults.add(Rule::status("*", 500, 9));
        faults.meet(Server::Login, "GET", "/x", None);
        faults.clear();
        assert!(!faults.is_on(Switch::NoNonce));
        assert_eq!(
            faults.state(),
            FaultsState {
                rules: vec![],
                methods: vec![],
                switches: vec![]
            }
        );
        assert_eq!(faults.requests(Server::Login, "GET", "*"), 1);
    }
}
