//! The address on this machine that the browser comes back to.
//!
//! Listens on 127.0.0.1 only and only while a sign-in is pending. Knows no secrets and makes no
//! decisions: it hands a query to its judge and shows the page the judge names.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{HOST, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};
use url::Url;

use crate::page::Page;
use crate::tenant::REDIRECT_PATH;

/// A browser sends its head at once; whoever does not is idle.
const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// For the last page to reach the browser after the attempt is over.
const FAREWELL: Duration = Duration::from_millis(800);
/// More at once than this are not browsers.
const MOST_CONNECTIONS: usize = 256;

/// Decides about a redirect's query and names the page to show.
pub(crate) type Judge = Arc<dyn Fn(&str) -> Page + Send + Sync>;

/// None of the configured ports can be had.
#[derive(Debug, thiserror::Error)]
#[error("no redirect port is free")]
pub struct NoFreePort(#[source] Option<std::io::Error>);

impl NoFreePort {
    pub(crate) const fn without_cause() -> Self {
        Self(None)
    }
}

/// A bound address that nobody listens to yet.
pub(crate) struct Loopback {
    listener: TcpListener,
    address: SocketAddr,
}

impl Loopback {
    /// Binds the first port of the list that is free; 0 is any.
    pub(crate) async fn bind(ports: &[u16]) -> Result<Self, NoFreePort> {
        let mut last = None;
        for port in ports {
            let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).await;
            match bound.and_then(|listener| Ok((listener.local_addr()?, listener))) {
                Ok((address, listener)) => return Ok(Self { listener, address }),
                Err(error) => last = Some(error),
            }
        }
        Err(NoFreePort(last))
    }

    /// What the tenant is asked to redirect to.
    pub(crate) fn redirect_url(&self) -> Option<Url> {
        Url::parse(&format!("http://{}{REDIRECT_PATH}", self.address)).ok()
    }

    /// Serves until the guard is dropped.
    pub(crate) fn serve(self, judge: Judge) -> Listening {
        let (close, closed) = tokio::sync::oneshot::channel();
        let accepting = tokio::spawn(accept(self.listener, self.address, judge, closed));
        Listening {
            close: Some(close),
            accepting: accepting.abort_handle(),
        }
    }
}

/// Keeps the address open; dropping it closes the address at once.
pub(crate) struct Listening {
    close: Option<tokio::sync::oneshot::Sender<()>>,
    accepting: AbortHandle,
}

impl Drop for Listening {
    fn drop(&mut self) {
        let told = self
            .close
            .take()
            .is_some_and(|close| close.send(()).is_ok());
        if !told {
            self.accepting.abort();
        }
    }
}

async fn accept(
    listener: TcpListener,
    address: SocketAddr,
    judge: Judge,
    mut closed: tokio::sync::oneshot::Receiver<()>,
) {
    let mut connections = JoinSet::new();
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let stream = tokio::select! {
            _ = &mut closed => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let (Ok((stream, _)), Ok(place)) = (stream, Arc::clone(&places).try_acquire_owned()) else {
            // Out of descriptors or out of places: give the others a moment to go.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let judge = Arc::clone(&judge);
        connections.spawn(async move {
            converse(stream, address, judge).await;
            drop(place);
        });
    }
    drop(listener);
    let finished = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(FAREWELL, finished).await.is_err() {
        connections.abort_all();
    }
}

async fn converse(stream: TcpStream, address: SocketAddr, judge: Judge) {
    let service = service_fn(move |request| {
        let page = answer(&request, address, &judge);
        async move { Ok::<_, Infallible>(page) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .keep_alive(false)
        .max_buf_size(32 * 1024)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if served.is_err() {
        tracing::debug!("a connection to the redirect address broke off");
    }
}

fn answer<B>(request: &Request<B>, address: SocketAddr, judge: &Judge) -> Response<Full<Bytes>> {
    let literal = address.to_string();
    let hosts: Vec<_> = request.headers().get_all(HOST).iter().collect();
    let is_ours = matches!(hosts.as_slice(), [host] if host.as_bytes() == literal.as_bytes())
        && request.uri().authority().is_none();
    if !is_ours {
        tracing::warn!("a request to the redirect address under another name was refused");
        return Page::NotHere.response(StatusCode::MISDIRECTED_REQUEST);
    }
    if request.uri().path() != REDIRECT_PATH {
        return Page::NotHere.response(StatusCode::NOT_FOUND);
    }
    if request.method() != Method::GET {
        let mut response = Page::NotHere.response(StatusCode::METHOD_NOT_ALLOWED);
        response
            .headers_mut()
            .insert("allow", HeaderValue::from_static("GET"));
        return response;
    }
    let page = judge(request.uri().query().unwrap_or_default());
    let status = match page {
        Page::Welcome => StatusCode::OK,
        Page::Declined | Page::NotAccepted | Page::NotHere => StatusCode::BAD_REQUEST,
    };
    page.response(status)
}
