//! The simulated API on a loopback socket.
#![expect(
    clippy::disallowed_methods,
    reason = "a server spawns its accept loop and dates its answers"
)]

use std::future::poll_fn;
use std::io;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use futures_util::{StreamExt, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, JoinSet};

use super::answer::{Delivery, Reply, Service};
use crate::error::{Error, Result};
use crate::table::Instant;

/// How long half a body gets to leave before its connection closes.
const HALF_BODY_MS: u64 = 5;

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A listening server; dropping it closes its port and its connections.
pub(super) struct Server {
    pub(super) port: u16,
    accept_loop: JoinHandle<()>,
    /// Its own threads, where the caller's are not to be used.
    runtime: Option<Runtime>,
}

impl Server {
    /// Listens on loopback, on the current runtime; port 0 takes a free one.
    pub(super) fn start(service: Arc<Service>, port: u16) -> Result<Self> {
        let refuse = |error: io::Error| {
            Error::failed(format!("cannot listen on 127.0.0.1:{port}"))
                .because(error)
                .help(
                    "end what listens there, or take another port with --port; 0 takes a free one",
                )
        };
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(refuse)?;
        listener.set_nonblocking(true).map_err(refuse)?;
        let listener = TcpListener::from_std(listener).map_err(refuse)?;
        let port = listener.local_addr().map_err(refuse)?.port();
        Ok(Self {
            port,
            accept_loop: tokio::spawn(accept(listener, service)),
            runtime: None,
        })
    }

    /// Listens on loopback, on a thread of its own.
    pub(super) fn start_apart(service: Arc<Service>, port: u16) -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|error| Error::failed("cannot start a thread").because(error))?;
        let entered = runtime.enter();
        let mut server = Self::start(service, port)?;
        drop(entered);
        server.runtime = Some(runtime);
        Ok(server)
    }

    /// Closes the port and waits until it is free again.
    pub(super) async fn stop(mut self) {
        self.accept_loop.abort();
        let _aborted = (&mut self.accept_loop).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accept_loop.abort();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Accepts connections for ever. They end with this future, because it owns them.
async fn accept(listener: TcpListener, service: Arc<Service>) {
    let mut connections = JoinSet::new();
    let mut number = 0;
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    number += 1;
                    connections.spawn(converse(stream, number, Arc::clone(&service)));
                }
                // Out of file descriptors or the like: it passes.
                Err(_) => tokio::time::sleep(Duration::from_millis(HALF_BODY_MS)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn converse(stream: TcpStream, number: u64, service: Arc<Service>) {
    // Without it small answers wait for the client's acknowledgement.
    let _unsupported = stream.set_nodelay(true);
    let is_reset = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&is_reset);
    let handler = service_fn(move |request| {
        let future = respond(request, number, Arc::clone(&service), Arc::clone(&flag));
        Box::pin(future) as Pin<Box<dyn Future<Output = io::Result<Response<Body>>> + Send>>
    });
    let mut connection = http1::Builder::new()
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), handler);
    // A client that goes is not the server's error.
    let _ended = poll_fn(|context| connection.poll_without_shutdown(context)).await;
    let stream = connection.into_parts().io.into_inner();
    if is_reset.load(Ordering::Relaxed) {
        let _unsupported = stream.set_zero_linger();
    }
}

async fn respond(
    request: Request<Incoming>,
    connection: u64,
    service: Arc<Service>,
    is_reset: Arc<AtomicBool>,
) -> io::Result<Response<Body>> {
    let key = request.headers().get("x-auth-token");
    let now = service.now();
    let reply = service.answer(
        connection,
        request.method().as_str(),
        request.uri().path(),
        request.uri().query().unwrap_or_default(),
        key.and_then(|value| value.to_str().ok()),
        |seconds| http_date(now, seconds),
    );
    if !reply.delay.is_zero() {
        tokio::time::sleep(reply.delay).await;
    }
    match reply.delivery {
        Delivery::Never => std::future::pending().await,
        Delivery::Reset => {
            is_reset.store(true, Ordering::Relaxed);
            Err(io::ErrorKind::ConnectionReset.into())
        }
        Delivery::Whole | Delivery::HalfThenClose | Delivery::HalfThenHang => {
            let _once = reply.answered_at.set(std::time::Instant::now());
            response(reply)
        }
    }
}

/// An answer goes out with the date at which it was made, since what it says is of then: where a desk's
/// days pass in seconds, it may be hours later when a slow answer is sent.
fn response(reply: Reply) -> io::Result<Response<Body>> {
    let mut response = Response::builder()
        .status(StatusCode::from_u16(reply.status).map_err(io::Error::other)?)
        .header(CONTENT_TYPE, HeaderValue::from_static(reply.content_type))
        .header(CONTENT_LENGTH, reply.body.len());
    if reply.has_date {
        response = response.header(DATE, http_date(reply.made_at, 0));
    }
    if let Some((name, value)) = reply.header {
        response = response.header(name, value);
    }
    let body = match reply.delivery {
        Delivery::HalfThenClose => half(reply.body, async {
            tokio::time::sleep(Duration::from_millis(HALF_BODY_MS)).await;
            Err(io::ErrorKind::ConnectionAborted.into())
        }),
        Delivery::HalfThenHang => half(reply.body, std::future::pending()),
        _ => Full::new(reply.body)
            .map_err(|never| match never {})
            .boxed_unsync(),
    };
    response.body(body).map_err(io::Error::other)
}

/// The first half of a body, then whatever `end` gives.
fn half(
    mut whole: Bytes,
    end: impl Future<Output = io::Result<Frame<Bytes>>> + Send + 'static,
) -> Body {
    let first = whole.split_to(whole.len() / 2);
    let frames = stream::iter([Ok(Frame::data(first))]).chain(stream::once(end));
    StreamBody::new(frames).boxed_unsync()
}

/// The HTTP date so many seconds from `now`, or from the real present.
fn http_date(now: Option<Instant>, seconds: u64) -> String {
    let now = now.map_or_else(SystemTime::now, SystemTime::from);
    httpdate::fmt_http_date(now + Duration::from_secs(seconds))
}
