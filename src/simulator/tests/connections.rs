//! How it is served: over loopback connections, with faults, limits and latency.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::FRIDAY_NOON;
use crate::clock::{self, Clock};
use crate::simulator::{Fault, Options, Simulator, server};

/// One request over its own connection: status, headers and body (as far as it came).
fn get(base_url: &str, target: &str, agent: &str) -> (u16, String, Vec<u8>) {
    let address = base_url.strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(address).unwrap();
    let request =
        format!("GET {target} HTTP/1.1\r\nhost: {address}\r\n{agent}connection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut buffer = [0; 8_192];
    // A reset is an end like any other here; what came before it is looked at.
    while let Ok(count) = connection.read(&mut buffer) {
        if count == 0 {
            break;
        }
        answer.extend_from_slice(&buffer[..count]);
    }
    let split = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let body = answer.split_off(split + 4);
    let head = String::from_utf8(answer).unwrap().to_lowercase();
    (head[9..12].parse().unwrap(), head, body)
}

const AGENT: &str = "user-agent: test\r\n";
const AAPL: &str = "/v8/finance/chart/AAPL?interval=1d&range=1y";

async fn start(options: Options) -> Simulator {
    let clock = Clock::starting_at(FRIDAY_NOON.parse().unwrap());
    Simulator::start(options, clock).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_on_loopback_and_counts_what_it_did() {
    let simulator = start(Options::default()).await;
    let base = simulator.base_url();
    let stats = tokio::task::spawn_blocking(move || {
        let (status, head, body) = get(&base, AAPL, AGENT);
        assert_eq!(status, 200);
        assert!(
            head.contains("content-type: application/json;charset=utf-8\r\n"),
            "{head}"
        );
        assert!(
            head.contains("max-age=10, stale-while-revalidate=20"),
            "{head}"
        );
        serde_json::from_slice::<Value>(&body).unwrap();
        let encoded = "/v8/finance/chart/%5EGSPC?interval=1d&range=5d&events=div%7Csplit";
        assert_eq!(get(&base, encoded, AGENT).0, 200);
        let nameless = get(&base, AAPL, "");
        assert_eq!(
            (nameless.0, nameless.2.as_slice()),
            (429, &b"Too Many Requests"[..])
        );
        assert_eq!(get(&base, AAPL, "user-agent: \r\n").0, 429);
        for target in [
            "/",
            "/v8/finance/chart/",
            "/v8/finance/chart/A/B",
            "/v8/finance/chart/%FF",
            "/v8/finance/chart/..%2f",
            "/v8/finance/chart/NOTFOUND?interval=1d&%ff=%&&=;",
        ] {
            assert_eq!(get(&base, target, AGENT).0, 404, "{target}");
        }
        let (status, _, body) = get(&base, "/__stats", "");
        assert_eq!(status, 200);
        serde_json::from_slice::<Value>(&body).unwrap()
    })
    .await
    .unwrap();
    let expected = [
        ("requests", 10),
        ("ok", 2),
        ("not_found", 6),
        ("bad_requests", 2),
        ("symbols", 3),
    ];
    for (name, count) in expected {
        assert_eq!(stats[name], count, "{name}: {stats}");
    }
    assert!(stats["bytes_sent"].as_u64() > Some(10_000));
    simulator.stop().await;
}

/// What each fault looks like, one server per kind.
#[tokio::test(flavor = "multi_thread")]
async fn every_fault_is_seen_by_a_client() {
    for fault in Fault::ALL.into_iter().filter(|fault| *fault != Fault::Slow) {
        let options = Options {
            fault_rate: 1.0,
            faults: vec![fault],
            ..Options::default()
        };
        let simulator = start(options).await;
        let base = simulator.base_url();
        let (status, head, body) = tokio::task::spawn_blocking(move || get(&base, AAPL, AGENT))
            .await
            .unwrap();
        let json = serde_json::from_slice::<Value>(&body);
        match fault {
            Fault::ServerError => assert_eq!(status, 500),
            Fault::Html => assert!(status == 200 && body.starts_with(b"<!doctype html>")),
            Fault::Empty => assert!(status == 200 && body.is_empty()),
            Fault::TooMany => assert_eq!(body, b"Edge: Too Many Requests"),
            Fault::WrongSymbol => {
                assert_eq!(
                    json.unwrap()["chart"]["result"][0]["meta"]["symbol"],
                    "MSFT"
                );
            }
            Fault::Truncated | Fault::Reset => {
                assert!(status == 200 && json.is_err() && body.len() > 1_000);
                let declared = format!("content-length: {}\r\n", body.len());
                assert_eq!(
                    head.contains(&declared),
                    fault == Fault::Truncated,
                    "{head}"
                );
            }
            Fault::Slow => {}
        }
        assert_eq!(simulator.stats().faults, 1, "{fault}");
        simulator.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_takes_five_seconds_and_is_in_service_all_the_while() {
    let options = Options {
        fault_rate: 1.0,
        faults: vec![Fault::Slow],
        ..Options::default()
    };
    let server = server::for_tests(options, FRIDAY_NOON);
    let started = clock::monotonic();
    let response = server.get_for_tests("AAPL").await;
    let body = axum::body::to_bytes(response.into_body(), usize::MAX)
        .await
        .unwrap();
    assert!(body.ends_with(b"}"));
    assert!((5_000..6_000).contains(&clock::elapsed_ms(started)));
    assert_eq!(server.ledger.stats().highest_concurrency, 1);
}

#[tokio::test(start_paused = true)]
async fn over_the_rate_is_429_and_the_busiest_second_is_exact() {
    let options = Options {
        limit_rps: Some(2.0),
        limit_burst: 5,
        latency: Duration::from_millis(300),
        ..Options::default()
    };
    let server = server::for_tests(options, FRIDAY_NOON);
    let asked = (0..12).map(|n| {
        let server = Arc::clone(&server);
        async move { server.get_for_tests(&format!("S{n}")).await.status() }
    });
    let statuses = futures_util::future::join_all(asked).await;
    let limited = statuses
        .iter()
        .filter(|status| status.as_u16() == 429)
        .count();
    assert_eq!(limited, 7);
    tokio::time::advance(Duration::from_millis(700)).await;
    assert_eq!(server.get_for_tests("S0").await.status(), 200);
    let stats = server.ledger.stats();
    assert_eq!((stats.requests, stats.ok, stats.rate_limited), (13, 6, 7));
    assert_eq!((stats.busiest_second, stats.symbols), (12, 5));
    assert_eq!(
        stats.highest_concurrency, 6,
        "five wait, the others are refused one by one"
    );
}

#[tokio::test(start_paused = true)]
async fn a_seed_draws_the_same_faults_again_at_about_the_rate() {
    let statuses = async |seed: u64| {
        let options = Options {
            seed,
            fault_rate: 0.2,
            faults: vec![Fault::ServerError, Fault::TooMany],
            ..Options::default()
        };
        let server = server::for_tests(options, FRIDAY_NOON);
        let mut statuses = Vec::new();
        for n in 0..500 {
            let symbol = format!("S{}", n % 7);
            statuses.push(server.get_for_tests(&symbol).await.status().as_u16());
        }
        let faults = server.ledger.stats().faults;
        assert!((60..140).contains(&faults), "{faults}");
        statuses
    };
    let once = statuses(7).await;
    assert!(once.contains(&500) && once.contains(&429));
    assert_eq!(once, statuses(7).await);
    assert_ne!(once, statuses(8).await);
}

#[tokio::test]
async fn a_bad_option_is_refused_before_anything_is_bound() {
    let options = Options {
        listen: "0.0.0.0:0".parse().unwrap(),
        ..Options::default()
    };
    let error = Simulator::start(options, Clock::system())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}

#[tokio::test]
async fn waiting_ends_when_the_token_is_cancelled() {
    let simulator = start(Options::default()).await;
    let token = simulator.stop_token();
    tokio::join!(simulator.wait(), async move { token.cancel() });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_says_nothing_does_not_hold_up_the_stop() {
    let simulator = start(Options::default()).await;
    let address = simulator.base_url().replace("http://", "");
    let silent = TcpStream::connect(address).unwrap();
    simulator.stop().await;
    drop(silent);
}
