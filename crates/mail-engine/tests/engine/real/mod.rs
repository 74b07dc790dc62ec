//! The engine over `mail-jmap` and loopback HTTP against the rehearsal's mail server: everything
//! between the person and the wire is what is shipped. Only time stands still until it is moved.

mod cyrus;
mod figures;
mod moving;
mod simulation;

use std::collections::{BTreeMap, BTreeSet};
use std::future::IntoFuture as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use mail_engine::backoff::FixedJitter;
use mail_engine::clock::{ManualClock, Moment};
use mail_engine::{AccountEngine, EngineOptions, Notice};
use mail_jmap::{JmapConfig, JmapSource, ServerAddress};
use mail_model::remote::{BearerToken, TokenError, TokenSource};
use mail_model::{Filter, ListMode, MessageId, RowKey};
use mail_rehearsal::clock::Clock;
use mail_rehearsal::faults::{Faults, Server, with_faults};
use mail_rehearsal::listener::{CuttableListener, Shears};
use mail_rehearsal::mail_server::{
    Contents, HeldMailbox, HeldMessage, MailServer, MailServerConfig, NewMail,
};
use mail_rehearsal::people::{Person, people};
use mail_rehearsal::tenant::{TokenRefused, TokenVerifier};
use mail_store::{AccountStore, ListScope, StoreKey, StoreOptions};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use url::Url;

use crate::world::{Running, soon};

/// 2023-11-14, where every clock here begins.
const START: i64 = 1_700_000_000_000;

/// One account: its server, its local copy, and the time both go by.
pub(crate) struct Place {
    pub(crate) faults: Faults,
    pub(crate) mail: MailServer,
    pub(crate) person: Person,
    opened: Arc<Mutex<Person>>,
    pub(crate) store: AccountStore,
    source: Arc<JmapSource>,
    clock: Arc<ManualClock>,
    server_clock: Clock,
    address: SocketAddr,
    serving: JoinHandle<()>,
    folder: TempDir,
}

/// An engine at work, and what it has told so far.
pub(crate) struct Engine {
    pub(crate) running: Running,
    notices: broadcast::Receiver<Notice>,
}

impl Place {
    /// A server with that many messages in the inbox.
    pub(crate) async fn new(size: usize) -> Self {
        let faults = Faults::none();
        let server_clock = Clock::standing_at(START);
        let [person, other] = [1, 2].map(|place| people().swap_remove(place));
        let opened = Arc::new(Mutex::new(person.clone()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mail = MailServer::open(MailServerConfig {
            origin: format!("http://{address}"),
            state_dir: None,
            seed: 1,
            size: 0,
            people: vec![person.clone(), other],
            identical_ids: false,
            clock: server_clock.clone(),
            faults: faults.clone(),
            verifier: Arc::new(Everybody(Arc::clone(&opened))),
            cancel: Default::default(),
        })
        .unwrap();
        let serving = serve(listener, &mail, &faults);
        let folder = in_memory();
        let store = open(&folder).await;
        let place = Self {
            source: source(address),
            faults,
            mail,
            person,
            opened,
            store,
            clock: Arc::new(ManualClock::at(Moment::from_millis(START))),
            server_clock,
            address,
            serving,
            folder,
        };
        for number in 0..size {
            place.deliver(&format!("Letter {number}"));
            // Some of them in the same second.
            place.advance(Duration::from_secs(number as u64 % 3));
        }
        place
    }

    /// Mail arrives; gives its id on the server.
    pub(crate) fn deliver(&self, subject: &str) -> String {
        let mail = NewMail {
            from_name: "Ben Ortiz",
            from: "ben@mail.example",
            subject,
            text: "Hello\n",
            answers: None,
        };
        self.mail.deliver(self.account(), &mail).unwrap()
    }

    pub(crate) fn account(&self) -> &str {
        &self.person.account
    }

    /// From now on every token opens another person's account.
    pub(crate) fn become_another_person(&mut self) {
        self.person = people().swap_remove(2);
        *self.opened.lock().unwrap() = self.person.clone();
    }

    /// Lets time pass, for the server too.
    pub(crate) fn advance(&self, span: Duration) {
        self.server_clock.advance(span);
        self.clock.advance(span);
    }

    /// A new engine.
    pub(crate) async fn start(&self) -> Engine {
        let source = Arc::clone(&self.source);
        let clock: Arc<ManualClock> = Arc::clone(&self.clock);
        let options = EngineOptions {
            clock,
            jitter: Arc::new(FixedJitter(1.0)),
            bodies_ahead: 0,
            ..EngineOptions::default()
        };
        let engine = AccountEngine::start(self.store.clone(), source, options)
            .await
            .unwrap();
        Engine {
            notices: engine.notices(),
            running: Running {
                status: engine.status(),
                engine,
            },
        }
    }

    /// Closes the local copy and the connections and opens them again, as a new process would.
    pub(crate) async fn reopen(&mut self) {
        self.store.clone().close().await.unwrap();
        self.store = open(&self.folder).await;
        self.source = source(self.address);
    }

    /// Ends every connection, without a word, and the server with them.
    pub(crate) async fn kill_server(&mut self) {
        self.serving.abort();
        // Over only when the listener is gone.
        let _ended = (&mut self.serving).await.is_err();
    }

    /// The server at the same address; it has kept everything it was told.
    pub(crate) async fn restart_server(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.serving = serve(listener, &self.mail, &self.faults);
    }

    /// Requests so far, those that a fault answered included.
    pub(crate) fn requests(&self) -> u64 {
        let of = |method| self.faults.requests(Server::Mail, method, "*");
        of("GET") + of("POST")
    }

    pub(crate) fn remote(&self) -> Contents {
        self.mail.contents(self.account()).unwrap()
    }

    /// The local copy in the server's terms, with the counts that are kept.
    pub(crate) async fn local(&self) -> Contents {
        let mut contents = Contents::default();
        for (mailbox, counts) in self.store.mailboxes().await.unwrap() {
            let id = mailbox.id.as_str().to_owned();
            let scope = ListScope {
                mailbox: mailbox.id,
                mode: ListMode::Messages,
                filter: Filter::All,
            };
            for row in self.store.page(&scope, None, 100_000).await.unwrap() {
                let RowKey::Message(key) = row.key else {
                    panic!("a list of messages has a conversation")
                };
                // A look that a hint has asked for may have removed it between the two reads.
                let Some(stored) = self.store.message(key).await.unwrap() else {
                    continue;
                };
                let stored = stored.message;
                let message = contents
                    .messages
                    .entry(stored.id.as_str().to_owned())
                    .or_insert_with(|| HeldMessage {
                        mailboxes: BTreeSet::new(),
                        keywords: stored.keywords.iter().map(ToString::to_string).collect(),
                    });
                message.mailboxes.insert(id.clone());
            }
            let mailbox = HeldMailbox {
                name: mailbox.name,
                messages: counts.messages,
                unread: counts.unread_messages,
            };
            contents.mailboxes.insert(id, mailbox);
        }
        contents
    }

    /// What differs between here and there; empty when nothing does.
    pub(crate) async fn differences(&self) -> Vec<String> {
        let (local, remote) = (self.local().await, self.remote());
        let mut found = differing("mailbox", &local.mailboxes, &remote.mailboxes);
        found.extend(differing("message", &local.messages, &remote.messages));
        let counts = self.store.recount().await.unwrap();
        found.extend(counts.iter().map(|wrong| format!("{wrong:?}")));
        found
    }

    /// Which of these messages are here.
    pub(crate) async fn known(&self, ids: &BTreeSet<MessageId>) -> BTreeSet<MessageId> {
        let asked: Vec<MessageId> = ids.iter().cloned().collect();
        let unknown = self.store.unknown_ids(&asked).await.unwrap();
        let mut known = ids.clone();
        known.retain(|id| !unknown.contains(id));
        known
    }

    /// Ids of the messages on the server.
    pub(crate) fn remote_ids(&self) -> BTreeSet<MessageId> {
        let ids = self.remote().messages.into_keys();
        ids.map(|id| MessageId::new(id).unwrap()).collect()
    }
}

fn differing<T: PartialEq + std::fmt::Debug>(
    what: &str,
    local: &BTreeMap<String, T>,
    remote: &BTreeMap<String, T>,
) -> Vec<String> {
    let ids: BTreeSet<_> = local.keys().chain(remote.keys()).collect();
    ids.into_iter()
        .filter(|id| local.get(*id) != remote.get(*id))
        .map(|id| {
            let (here, there) = (local.get(id), remote.get(id));
            format!("{what} {id}: here {here:?}, on the server {there:?}")
        })
        .collect()
}

impl Drop for Place {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Engine {
    /// Changes the server refused for good, as the person was told.
    pub(crate) fn refused(&mut self) -> Vec<mail_store::IntentId> {
        let mut refused = Vec::new();
        while let Ok(Notice::EditRefused { intent, .. }) = self.notices.try_recv() {
            refused.push(intent);
        }
        refused
    }

    pub(crate) async fn stop(&self) {
        soon("stopping", self.running.engine.stop()).await;
    }
}

fn serve(listener: TcpListener, mail: &MailServer, faults: &Faults) -> JoinHandle<()> {
    let routes = with_faults(mail.router(), faults.clone(), Server::Mail);
    let service = routes.into_make_service_with_connect_info::<Shears>();
    let serving = axum::serve(CuttableListener(listener), service);
    tokio::spawn(async move { serving.into_future().await.unwrap() })
}

/// A way to the server without any connection yet.
fn source(address: SocketAddr) -> Arc<JmapSource> {
    let url = Url::parse(&format!("http://{address}/")).unwrap();
    let config = JmapConfig::new(ServerAddress::of(url));
    Arc::new(JmapSource::new(config, Arc::new(Tokens::default())).unwrap())
}

/// A folder that costs no disk where there is one in memory.
fn in_memory() -> TempDir {
    let memory = std::path::Path::new("/dev/shm");
    if memory.is_dir() {
        TempDir::with_prefix_in("braid-engine-", memory).unwrap()
    } else {
        TempDir::new().unwrap()
    }
}

async fn open(folder: &TempDir) -> AccountStore {
    let path = folder.path().join("account");
    AccountStore::open(&path, StoreKey::new([7; 32]), StoreOptions::default())
        .await
        .unwrap()
}

/// Every token opens this person's account.
struct Everybody(Arc<Mutex<Person>>);

impl TokenVerifier for Everybody {
    fn person_of(&self, _: &str) -> Result<Person, TokenRefused> {
        Ok(self.0.lock().unwrap().clone())
    }
}

/// A session that always has one more token.
#[derive(Default)]
struct Tokens(AtomicU64);

#[async_trait]
impl TokenSource for Tokens {
    async fn token(&self) -> Result<BearerToken, TokenError> {
        Ok(BearerToken::new(format!(
            "token {}",
            self.0.load(Ordering::SeqCst)
        )))
    }

    async fn replace(&self, _: &BearerToken) -> Result<BearerToken, TokenError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        self.token().await
    }
}

/// Writes a part of `docs/reliability.md` under `BRAID_WRITE_DOCS=1`.
fn written(name: &str, table: &str) {
    if std::env::var_os("BRAID_WRITE_DOCS").is_none() {
        return;
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reliability.md");
    let docs = std::fs::read_to_string(path).unwrap();
    let (begin, end) = (
        format!("<!-- {name} -->\n"),
        format!("<!-- end of {name} -->"),
    );
    let (before, rest) = docs.split_once(&begin).unwrap();
    let (_, after) = rest.split_once(&end).unwrap();
    std::fs::write(path, format!("{before}{begin}{table}{end}{after}")).unwrap();
}
