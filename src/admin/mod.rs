//! The admin HTTP server: whether the process lives, whether it is ready, and its counters.
//!
//! It has a thread and a runtime of its own, so it answers when every worker is busy, and it holds
//! little: a connection serves one request within `CONNECTION_TIME_MAX`, and where there are too
//! many connections the oldest is closed for the newest.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use http_body_util::{Either, Full};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout};

use crate::stats::{Stats, UpstreamStats};

pub mod metrics;

/// Connections open at once.
const CONNECTIONS_MAX: usize = 64;

/// From accepting a connection to having answered its request, at the latest.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(10);

/// Longest head of a request, in bytes. hyper's own minimum.
const HEAD_BYTES_MAX: usize = 8 * 1024;

/// Most header lines of a request.
const HEADERS_MAX: usize = 64;

/// The wait after a connection could not be accepted, most probably for want of descriptors.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// A running server; dropping it stops it.
#[derive(Debug)]
#[must_use = "the server stops when this is dropped"]
pub struct Handle {
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the admin server panicked");
        }
    }
}

/// Listens on `address`; port 0 picks a free one.
///
/// # Errors
/// The address is in use, not local, or not permitted.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Serves what `stats` says on a socket from [`bind`].
///
/// # Errors
/// There is no thread or no runtime to be had.
pub fn spawn(listener: TcpListener, stats: Stats) -> io::Result<Handle> {
    let address = listener.local_addr()?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (stop, stopped) = oneshot::channel();
    let thread = thread::Builder::new().name("admin".to_owned()).spawn(move || {
        if let Err(error) = serve(&runtime, listener, &stats, stopped) {
            tracing::error!(%error, "the admin server failed");
        }
    })?;
    tracing::info!(%address, "admin server listening");
    Ok(Handle { stop: Some(stop), thread: Some(thread) })
}

fn serve(
    runtime: &Runtime,
    listener: TcpListener,
    stats: &Stats,
    mut stopped: oneshot::Receiver<Infallible>,
) -> io::Result<()> {
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let mut connections = Connections::default();
        loop {
            let accepted = poll_fn(|cx| match Pin::new(&mut stopped).poll(cx) {
                Poll::Ready(_) => Poll::Ready(None),
                Poll::Pending => listener.poll_accept(cx).map(Some),
            });
            match accepted.await {
                Some(Ok((stream, _))) => connections.add(connection(stream, stats.clone())),
                Some(Err(error)) => {
                    tracing::warn!(%error, "the admin server cannot accept");
                    sleep(ACCEPT_RETRY).await;
                }
                None => return Ok(()),
            }
        }
    })
}

/// The connections open now; dropping them closes them.
#[derive(Default)]
struct Connections {
    tasks: JoinSet<()>,
    oldest_first: VecDeque<AbortHandle>,
}

impl Connections {
    fn add(&mut self, connection: impl Future<Output = ()> + Send + 'static) {
        while self.tasks.try_join_next().is_some() {}
        self.oldest_first.retain(|task| !task.is_finished());
        if self.oldest_first.len() == CONNECTIONS_MAX
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            oldest.abort();
        }
        self.oldest_first.push_back(self.tasks.spawn(connection));
    }
}

async fn connection(stream: TcpStream, stats: Stats) {
    let service = service_fn(move |request: Request<Incoming>| {
        let response = respond(request.method(), request.uri().path(), &stats);
        async move { Ok::<_, Infallible>(response) }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(CONNECTION_TIME_MAX)
        .keep_alive(false)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), service);
    match timeout(CONNECTION_TIME_MAX, serving).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "an admin connection failed"),
        Err(_) => tracing::debug!("an admin connection took too long"),
    }
}

/// What is served at one path.
struct Route {
    path: &'static str,
    doc: &'static str,
    page: fn(&Stats) -> Page,
}

const ROUTES: &[Route] = &[
    Route { path: "/", doc: "this list", page: index },
    Route { path: "/livez", doc: "200 while the process runs", page: live },
    Route {
        path: "/ready",
        doc: "200 while clients can be served, else 503; whether each upstream is usable",
        page: ready,
    },
    Route { path: "/readyz", doc: "the same", page: ready },
    Route { path: "/metrics", doc: "counters, in the Prometheus text format", page: prometheus },
];

/// A status, a content type and a body.
struct Page(StatusCode, &'static str, Content);

/// A whole body, or one that is made while it is sent.
type Content = Either<Full<Bytes>, Metrics>;

/// The metrics as a body: a client that reads slowly has a piece of it in memory, not all.
struct Metrics(metrics::Text);

impl Body for Metrics {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.0.next();
        Poll::Ready(piece.map(|piece| Ok(Frame::data(Bytes::from(piece)))))
    }
}

const TEXT: &str = "text/plain; charset=utf-8";

fn respond(method: &Method, path: &str, stats: &Stats) -> Response<Content> {
    let route = ROUTES.iter().find(|route| route.path == path);
    let allowed = [Method::GET, Method::HEAD].contains(method);
    let Page(status, content_type, body) = match route {
        Some(route) if allowed => (route.page)(stats),
        Some(_) => page(StatusCode::METHOD_NOT_ALLOWED, "GET it\n"),
        None => page(StatusCode::NOT_FOUND, "not here; see /\n"),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

fn page(status: StatusCode, text: impl Into<Bytes>) -> Page {
    Page(status, TEXT, Either::Left(Full::new(text.into())))
}

fn index(_: &Stats) -> Page {
    let line = |Route { path, doc, .. }: &Route| format!("{path:<10}{doc}\n");
    page(StatusCode::OK, ROUTES.iter().map(line).collect::<String>())
}

fn live(_: &Stats) -> Page {
    page(StatusCode::OK, "ok\n")
}

fn ready(stats: &Stats) -> Page {
    let (status, verdict) = if stats.draining.load(Ordering::Relaxed) {
        (StatusCode::SERVICE_UNAVAILABLE, "draining")
    } else if stats.is_ready() {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready: no upstream is usable")
    };
    let line = |upstream: &UpstreamStats| format!("{}: {}\n", upstream.name, upstream.health());
    let upstreams: String = stats.upstreams.iter().map(line).collect();
    page(status, format!("{verdict}\n{upstreams}"))
}

fn prometheus(stats: &Stats) -> Page {
    let content_type = "text/plain; version=0.0.4; charset=utf-8";
    let text = metrics::Text::new(stats, Instant::now().into_std());
    Page(StatusCode::OK, content_type, Either::Right(Metrics(text)))
}

#[cfg(test)]
mod tests;
