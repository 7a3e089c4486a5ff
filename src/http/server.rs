//! The server: few connections, short patience, on a thread of its own, so that a flood of requests
//! costs the daemon's work nothing but its share of the machine.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::guard::Guard;
use super::{Health, Watched};
use crate::clock;
use crate::config::HttpSettings;

/// Connections served at once; further ones wait.
const MAX_CONNECTIONS: usize = 64;

/// Longest wait for the head of a request, on a fresh connection and between two.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection is closed after so long, busy or not.
const CONNECTION_TIMEOUT: Duration = Duration::from_mins(5);

/// Largest head of a request.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// What was looked at a moment ago is shown again: scrapers ask every few seconds.
const SAME_LOOK: Duration = Duration::from_secs(1);

/// How often what was counted is tidied.
const TIDY_EVERY: Duration = Duration::from_secs(5);

/// Pause after a failed accept (no descriptors left): trying at once would only burn.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const EXPOSITION: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
const INDEX: &str = "finstage\n\n/metrics  in Prometheus's text format\n/healthz  200 while the daemon \
    lives\n/readyz   200 while it does its work\n";

/// A bound server.
pub struct HttpServer {
    listener: std::net::TcpListener,
    guard: Guard,
}

/// What the routes share.
struct Desk {
    watched: Arc<dyn Watched>,
    guard: Guard,
    metrics: Mutex<Option<(Instant, String)>>,
    health: Mutex<Option<(Instant, Health)>>,
}

impl HttpServer {
    /// Takes the address; nobody is answered yet.
    pub fn bind(settings: &HttpSettings) -> std::io::Result<Self> {
        let listener = std::net::TcpListener::bind(settings.listen)?;
        listener.set_nonblocking(true)?;
        Ok(Self {
            listener,
            guard: Guard::new(settings),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Starts a thread that answers until `stop`.
    pub fn start(
        self,
        watched: Arc<dyn Watched>,
        stop: CancellationToken,
    ) -> std::io::Result<std::thread::JoinHandle<()>> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(self.listener)?
        };
        let desk = Arc::new(Desk {
            watched,
            guard: self.guard,
            metrics: Mutex::default(),
            health: Mutex::default(),
        });
        std::thread::Builder::new()
            .name("http".to_owned())
            .spawn(move || {
                let router = router(Arc::clone(&desk));
                runtime.block_on(async {
                    tokio::select! {
                        () = accept(&listener, &router) => {}
                        () = tidy(&desk) => {}
                        () = stop.cancelled() => {}
                    }
                });
                // Who is being answered now is cut off: nothing is lost.
                runtime.shutdown_background();
            })
    }
}

fn router(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .layer(middleware::from_fn_with_state(Arc::clone(&desk), guard))
        .with_state(desk)
}

async fn tidy(desk: &Desk) {
    loop {
        tokio::time::sleep(TIDY_EVERY).await;
        desk.watched.tidy();
    }
}

async fn accept(listener: &TcpListener, router: &Router) {
    let seats = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let answering = TaskTracker::new();
    loop {
        let Ok(seat) = Arc::clone(&seats).acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(MAX_HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), service);
        drop(answering.spawn(async move {
            // How a connection ends is the other side's affair.
            let _ = tokio::time::timeout(CONNECTION_TIMEOUT, connection).await;
            drop(seat);
        }));
    }
}

async fn guard(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    match desk.guard.check(request.headers()) {
        Ok(()) => next.run(request).await,
        Err((status, why)) => answer(status, TEXT, why.to_owned()),
    }
}

fn answer(status: StatusCode, kind: HeaderValue, text: String) -> Response {
    let headers = [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, text).into_response()
}

async fn index() -> Response {
    answer(StatusCode::OK, TEXT, INDEX.to_owned())
}

async fn metrics(State(desk): State<Arc<Desk>>) -> Response {
    let look = || desk.watched.metrics();
    let text = remembered(&desk.metrics, look).await;
    answer(StatusCode::OK, EXPOSITION, text)
}

async fn healthz(State(desk): State<Arc<Desk>>) -> Response {
    told(
        remembered(&desk.health, || desk.watched.health())
            .await
            .lives,
    )
}

async fn readyz(State(desk): State<Arc<Desk>>) -> Response {
    told(
        remembered(&desk.health, || desk.watched.health())
            .await
            .is_ready,
    )
}

fn told(result: Result<(), String>) -> Response {
    match result {
        Ok(()) => answer(StatusCode::OK, TEXT, "ok\n".to_owned()),
        Err(why) => answer(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("{why}\n")),
    }
}

/// What was seen a moment ago, or what a look sees now; one looks at a time.
async fn remembered<T: Clone, F: Future<Output = T>>(
    seen: &Mutex<Option<(Instant, T)>>,
    look: impl FnOnce() -> F,
) -> T {
    let mut seen = seen.lock().await;
    let now = clock::monotonic();
    if let Some((at, sight)) = seen.as_ref()
        && now.duration_since(*at) < SAME_LOOK
    {
        return sight.clone();
    }
    let sight = look().await;
    *seen = Some((now, sight.clone()));
    sight
}
