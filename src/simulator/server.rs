//! The HTTP side: routes, headers, latency, the rate limit and spoilt answers.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, USER_AGENT};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::stream;
use tokio_util::sync::CancellationToken;

use super::answer::{Answer, Kind, Request, World, not_found};
use super::options::{Fault, Options};
use super::stats::{Ledger, Visit};
use super::tiingo;
use crate::clock::Clock;
use crate::domain::Symbol;

const JSON: &str = "application/json;charset=utf-8";
const TEXT: &str = "text/plain;charset=utf-8";
const HTML: &str = "text/html;charset=utf-8";
const CACHING: &str = "public, max-age=10, stale-while-revalidate=20";
const EDGE_429: &str = "Edge: Too Many Requests";
const PAGE: &str = "<!doctype html><html><head><title>Yahoo</title></head>\
    <body><h1>Will be right back...</h1></body></html>";
/// A slow body comes in so many pieces, one per pause: 5 s in all.
const SLOW_PIECES: usize = 10;
const SLOW_PAUSE: Duration = Duration::from_millis(500);

/// Decoded query pairs, as they came.
type Pairs = Vec<(String, String)>;

/// Everything a request needs.
#[derive(Debug)]
pub(super) struct Server {
    /// What is answered.
    pub(super) world: World,
    /// What is counted.
    pub(super) ledger: Arc<Ledger>,
    /// How badly to behave.
    pub(super) options: Options,
    /// What time it is.
    pub(super) clock: Clock,
    /// Cuts waiting short when the server is to stop.
    pub(super) stop: CancellationToken,
}

/// The routes.
pub(super) fn router(server: Arc<Server>) -> Router {
    Router::new()
        .route("/v8/finance/chart/{symbol}", get(chart))
        .route("/v7/finance/spark", get(spark))
        .route("/tiingo/daily/{ticker}/prices", get(tiingo_prices))
        .route("/api/v3/klines", get(klines))
        .route("/__stats", get(stats))
        .fallback(elsewhere)
        .method_not_allowed_fallback(elsewhere)
        .with_state(server)
}

async fn chart(
    State(server): State<Arc<Server>>,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<Pairs>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let symbol = path.map(|Path(symbol)| symbol).unwrap_or_default();
    let query = query.map(|Query(pairs)| pairs).unwrap_or_default();
    let (visit, refused) = server.enter(&headers);
    if let Some((body, kind)) = refused {
        return text(&visit, StatusCode::TOO_MANY_REQUESTS, body, kind);
    }
    server.delay(server.options.latency).await;
    server.chart(visit, &symbol, &query)
}

async fn spark(
    State(server): State<Arc<Server>>,
    query: Result<Query<Pairs>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let query = query.map(|Query(pairs)| pairs).unwrap_or_default();
    let symbols = first(&query, "symbols").to_owned();
    let one = symbols.split(',').next().unwrap_or_default().to_owned();
    server
        .answer_other(&headers, &one, |server, now_s| {
            server.world.spark(&symbols, now_s)
        })
        .await
}

async fn tiingo_prices(
    State(server): State<Arc<Server>>,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<Pairs>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let ticker = path.map(|Path(ticker)| ticker).unwrap_or_default();
    let query = query.map(|Query(pairs)| pairs).unwrap_or_default();
    let token = headers.get(AUTHORIZATION);
    let token = token.and_then(|value| value.to_str().ok()?.strip_prefix("Token "));
    let has_token = token.is_some_and(|token| !token.trim().is_empty());
    server
        .answer_other(&headers, &ticker, |server, now_s| {
            server.world.tiingo(tiingo::Request {
                ticker: &ticker,
                query: &query,
                has_token,
                now_s,
            })
        })
        .await
}

async fn klines(
    State(server): State<Arc<Server>>,
    query: Result<Query<Pairs>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let query = query.map(|Query(pairs)| pairs).unwrap_or_default();
    let pair = first(&query, "symbol").to_owned();
    server
        .answer_other(&headers, &pair, |server, now_s| {
            server.world.klines(&query, now_s)
        })
        .await
}

/// The first value of a key, or nothing.
fn first<'q>(query: &'q Pairs, key: &str) -> &'q str {
    let found = query.iter().find(|(name, _)| name == key);
    found.map_or("", |(_, value)| value.as_str())
}

async fn stats(State(server): State<Arc<Server>>) -> Response {
    let body = serde_json::to_vec_pretty(&server.ledger.stats()).unwrap_or_default();
    ([(CONTENT_TYPE, JSON)], body).into_response()
}

async fn elsewhere(State(server): State<Arc<Server>>, headers: HeaderMap) -> Response {
    let (visit, refused) = server.enter(&headers);
    match refused {
        Some((body, kind)) => text(&visit, StatusCode::TOO_MANY_REQUESTS, body, kind),
        None => text(&visit, StatusCode::NOT_FOUND, "Not Found", Kind::NotFound),
    }
}

impl Server {
    /// The edge: a request too fast or without a name reaches nothing behind it, and is told why.
    fn enter(&self, headers: &HeaderMap) -> (Visit, Option<(&'static str, Kind)>) {
        let visit = self.ledger.arrive();
        let agent = headers.get(USER_AGENT);
        let refused = if !visit.admitted {
            Some((EDGE_429, Kind::RateLimited))
        } else if agent.is_none_or(|name| name.as_bytes().trim_ascii().is_empty()) {
            Some(("Too Many Requests", Kind::BadRequest))
        } else {
            None
        };
        (visit, refused)
    }

    fn chart(self: &Arc<Self>, visit: Visit, symbol: &str, query: &Pairs) -> Response {
        if Symbol::try_new(symbol).is_err() {
            return plain(&visit, not_found());
        }
        let index = self.ledger.count_symbol(symbol);
        let fault = self.options.fault(self.world.fault_draws(symbol, index));
        let answer = self.world.answer(Request {
            symbol,
            spelled: match fault {
                Some(Fault::WrongSymbol) => another(symbol),
                _ => symbol,
            },
            query,
            now_s: self.clock.now().as_second(),
        });
        match fault {
            None => plain(&visit, answer),
            Some(fault) => self.spoil(fault, visit, answer),
        }
    }

    /// Answers in another format than that of charts, with the same edge, latency and faults; such
    /// answers do not name their symbol, so that none can be wrong: a server error stands for it.
    async fn answer_other(
        self: &Arc<Self>,
        headers: &HeaderMap,
        symbol: &str,
        answer: impl Fn(&Self, i64) -> Answer,
    ) -> Response {
        let (visit, refused) = self.enter(headers);
        if let Some((body, kind)) = refused {
            return text(&visit, StatusCode::TOO_MANY_REQUESTS, body, kind);
        }
        self.delay(self.options.latency).await;
        if Symbol::try_new(symbol).is_err() {
            return plain(&visit, not_found());
        }
        let index = self.ledger.count_symbol(symbol);
        let answer = answer(self, self.clock.now().as_second());
        match self.options.fault(self.world.fault_draws(symbol, index)) {
            None => plain(&visit, answer),
            Some(Fault::WrongSymbol) => self.spoil(Fault::ServerError, visit, answer),
            Some(fault) => self.spoil(fault, visit, answer),
        }
    }

    /// Answers with a fault.
    fn spoil(self: &Arc<Self>, fault: Fault, visit: Visit, mut answer: Answer) -> Response {
        answer.kind = Kind::Fault;
        let half = answer.body.len() / 2;
        match fault {
            Fault::ServerError => {
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                text(&visit, status, "Internal Server Error", Kind::Fault)
            }
            Fault::TooMany => text(&visit, StatusCode::TOO_MANY_REQUESTS, EDGE_429, Kind::Fault),
            Fault::Html => whole(&visit, StatusCode::OK, HTML, PAGE.into(), Kind::Fault),
            Fault::Empty => whole(&visit, StatusCode::OK, JSON, Vec::new(), Kind::Fault),
            Fault::Truncated => {
                answer.body.truncate(half);
                plain(&visit, answer)
            }
            Fault::WrongSymbol => plain(&visit, answer),
            Fault::Reset => {
                let length = HeaderValue::from(answer.body.len());
                answer.body.truncate(half);
                let mut response = self.trickle(visit, &answer, 1, Duration::ZERO, true);
                response.headers_mut().insert(CONTENT_LENGTH, length);
                response
            }
            Fault::Slow => self.trickle(visit, &answer, SLOW_PIECES, SLOW_PAUSE, false),
        }
    }

    /// An answer whose body comes in pieces, each after a pause, and may break off at the end.
    fn trickle(
        self: &Arc<Self>,
        visit: Visit,
        answer: &Answer,
        pieces: usize,
        pause: Duration,
        breaks_off: bool,
    ) -> Response {
        visit.answered(answer.kind);
        let size = answer.body.len().div_ceil(pieces).max(1);
        let pieces: Vec<Vec<u8>> = answer.body.chunks(size).map(<[u8]>::to_vec).collect();
        let flow = Flow {
            server: Arc::clone(self),
            visit,
            pieces: pieces.into_iter(),
            pause,
            breaks_off,
        };
        let body = Body::from_stream(stream::unfold(flow, Flow::next));
        (status(answer.status), headers(JSON), body).into_response()
    }

    /// Waits, but not longer than until the server is to stop.
    async fn delay(&self, duration: Duration) {
        if duration.is_zero() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(duration) => {}
            () = self.stop.cancelled() => {}
        }
    }
}

/// A body on its way; the visit lasts as long as it.
struct Flow {
    server: Arc<Server>,
    visit: Visit,
    pieces: std::vec::IntoIter<Vec<u8>>,
    pause: Duration,
    breaks_off: bool,
}

impl Flow {
    async fn next(mut self) -> Option<(io::Result<Vec<u8>>, Self)> {
        self.server.delay(self.pause).await;
        if let Some(piece) = self.pieces.next() {
            self.visit.sent(piece.len());
            return Some((Ok(piece), self));
        }
        if !self.breaks_off {
            return None;
        }
        // Lets the connection write what it has before it is told to close.
        tokio::task::yield_now().await;
        self.breaks_off = false;
        Some((Err(io::ErrorKind::ConnectionReset.into()), self))
    }
}

/// A well-known symbol that is not `symbol`.
fn another(symbol: &str) -> &'static str {
    if symbol == "AAPL" { "MSFT" } else { "AAPL" }
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn headers(content_type: &'static str) -> [(axum::http::HeaderName, &'static str); 2] {
    [(CONTENT_TYPE, content_type), (CACHE_CONTROL, CACHING)]
}

fn plain(visit: &Visit, answer: Answer) -> Response {
    whole(visit, status(answer.status), JSON, answer.body, answer.kind)
}

fn text(visit: &Visit, status: StatusCode, body: &'static str, kind: Kind) -> Response {
    whole(visit, status, TEXT, body.into(), kind)
}

fn whole(
    visit: &Visit,
    status: StatusCode,
    content_type: &'static str,
    body: Vec<u8>,
    kind: Kind,
) -> Response {
    visit.answered(kind);
    visit.sent(body.len());
    (status, headers(content_type), body).into_response()
}

#[cfg(test)]
impl Server {
    /// A request for a month of a symbol, without a connection.
    pub(super) async fn get_for_tests(self: &Arc<Self>, symbol: &str) -> Response {
        let query = [("interval", "1d"), ("range", "1mo")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()));
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static("test"));
        let path = Ok(Path(symbol.to_owned()));
        let query = Ok(Query(query.to_vec()));
        chart(State(Arc::clone(self)), path, query, headers).await
    }
}

/// A server without a listener.
#[cfg(test)]
pub(super) fn for_tests(options: Options, now: &str) -> Arc<Server> {
    let limiter = options
        .limit_rps
        .and_then(|rps| super::stats::Limiter::new(rps, options.limit_burst));
    Arc::new(Server {
        world: World::load(options.seed).unwrap(),
        ledger: Arc::new(Ledger::new(limiter)),
        clock: Clock::starting_at(now.parse().unwrap()),
        stop: CancellationToken::new(),
        options,
    })
}
