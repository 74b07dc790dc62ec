//! A loopback HTTP server that records what it is asked and answers as it is told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use url::Url;

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    pub(crate) method: String,
    pub(crate) target: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Recorded {
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    /// The method calls of an API request: name, arguments, id.
    pub(crate) fn calls(&self) -> Vec<(String, Value, String)> {
        let request: Value = serde_json::from_slice(&self.body).unwrap();
        serde_json::from_value(request["methodCalls"].clone()).unwrap()
    }
}

/// What comes back.
#[derive(Clone)]
pub(crate) struct Reply {
    head: String,
    pieces: Vec<Vec<u8>>,
    /// Each piece waits for a permit, if there is a semaphore.
    gate: Option<Arc<Semaphore>>,
    hangs: bool,
    /// Goes on with the connection after everything was sent.
    takes_over: Option<TakesOver>,
}

type TakesOver = Arc<dyn Fn(TcpStream) -> BoxFuture<'static, ()> + Send + Sync>;

impl Reply {
    /// A whole answer with its length.
    pub(crate) fn new(status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let length = body.len().to_string();
        let mut all = headers.to_vec();
        all.push(("Content-Length", &length));
        Self::raw(status, &all, vec![body])
    }

    pub(crate) fn json(value: &Value) -> Self {
        Self::new(
            200,
            &[("Content-Type", "application/json")],
            value.to_string(),
        )
    }

    pub(crate) fn status(status: u16) -> Self {
        Self::new(status, &[], "")
    }

    /// Exactly these headers and pieces, then the connection ends.
    pub(crate) fn raw(status: u16, headers: &[(&str, &str)], pieces: Vec<Vec<u8>>) -> Self {
        let headers: String = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        Self {
            head: format!("HTTP/1.1 {status} X\r\nConnection: close\r\n{headers}\r\n"),
            pieces,
            gate: None,
            hangs: false,
            takes_over: None,
        }
    }

    /// Agrees to another protocol, which is spoken by what takes over the connection.
    pub(crate) fn switching(
        headers: &[(&str, &str)],
        takes_over: impl Fn(TcpStream) -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) -> Self {
        let mut reply = Self::raw(101, headers, Vec::new());
        reply.head = reply
            .head
            .replace("Connection: close", "Connection: Upgrade");
        reply.takes_over = Some(Arc::new(takes_over));
        reply
    }

    /// Keeps the connection open, and silent, after everything was sent.
    pub(crate) fn and_hangs(mut self) -> Self {
        self.hangs = true;
        self
    }

    /// Sends each piece only when the gate has a permit for it.
    pub(crate) fn through(mut self, gate: &Arc<Semaphore>) -> Self {
        self.gate = Some(Arc::clone(gate));
        self
    }

    /// Says nothing at all.
    pub(crate) fn silence() -> Self {
        let mut reply = Self::raw(200, &[], Vec::new()).and_hangs();
        reply.head.clear();
        reply
    }
}

type Script = Arc<dyn Fn(&Recorded) -> Reply + Send + Sync>;

/// The server; it ends when dropped.
pub(crate) struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Recorded>>>,
    script: Arc<Mutex<Script>>,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(script: impl Fn(&Recorded) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Mutex<Script>> = Arc::new(Mutex::new(Arc::new(script)));
        let task = {
            let (seen, script) = (Arc::clone(&seen), Arc::clone(&script));
            tokio::spawn(async move {
                let mut talks = tokio::task::JoinSet::new();
                while let Ok((stream, _)) = listener.accept().await {
                    let (seen, script) = (Arc::clone(&seen), Arc::clone(&script));
                    talks.spawn(talk(stream, seen, script));
                    while talks.try_join_next().is_some() {}
                }
            })
        };
        Self {
            address,
            seen,
            script,
            task,
        }
    }

    pub(crate) fn set(&self, script: impl Fn(&Recorded) -> Reply + Send + Sync + 'static) {
        *self.script.lock().unwrap() = Arc::new(script);
    }

    pub(crate) fn url(&self, path: &str) -> Url {
        format!("http://{}{path}", self.address).parse().unwrap()
    }

    pub(crate) fn seen(&self) -> Vec<Recorded> {
        self.seen.lock().unwrap().clone()
    }

    /// Forgets what was asked so far.
    pub(crate) fn forget(&self) {
        self.seen.lock().unwrap().clear();
    }

    /// The names of the methods called so far, request by request.
    pub(crate) fn methods(&self) -> Vec<Vec<String>> {
        let seen = self.seen();
        let requests = seen.iter().filter(|request| request.path() == "/api");
        requests
            .map(|request| request.calls().into_iter().map(|(name, ..)| name).collect())
            .collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A client may hang up at any time; that is for the client's test to judge.
async fn talk(
    mut stream: TcpStream,
    seen: Arc<Mutex<Vec<Recorded>>>,
    script: Arc<Mutex<Script>>,
) -> Option<()> {
    let request = read(&mut stream).await?;
    seen.lock().unwrap().push(request.clone());
    let script = Arc::clone(&script.lock().unwrap());
    let reply = script(&request);
    stream.write_all(reply.head.as_bytes()).await.ok()?;
    for piece in reply.pieces {
        if let Some(gate) = &reply.gate {
            gate.acquire().await.ok()?.forget();
        }
        stream.write_all(&piece).await.ok()?;
    }
    if let Some(takes_over) = reply.takes_over {
        takes_over(stream).await;
        return Some(());
    }
    if reply.hangs {
        std::future::pending::<()>().await;
    }
    stream.shutdown().await.ok()
}

async fn read(stream: &mut TcpStream) -> Option<Recorded> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let mut lines = head.lines();
    let mut words = lines.next()?.split(' ');
    let mut request = Recorded {
        method: words.next()?.into(),
        target: words.next()?.into(),
        headers: lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        body: bytes.split_off(end + 4),
    };
    let length: usize = request
        .header("content-length")
        .map_or(0, |length| length.parse().unwrap());
    while request.body.len() < length {
        if stream.read_buf(&mut request.body).await.ok()? == 0 {
            return None;
        }
    }
    Some(request)
}
