//! A backfill of 100 symbols × 10 years from an upstream without latency, and a second one that
//! finds nothing new.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::routing::get;
use finstage::clock::Clock;
use finstage::daemon;
use finstage::domain::JobKind;
use finstage::jobs::Assignment;

use crate::support::{self, Figures, thousands};

const SYMBOLS: usize = 100;

/// Days an incremental request asks for, with room to spare.
const RECENT_DAYS: i64 = 18;

/// The answers of one symbol.
struct Answers {
    ten_years: Vec<u8>,
    recent: Vec<u8>,
}

type Bodies = Arc<HashMap<String, Answers>>;

pub(crate) fn measure(figures: &mut Figures) {
    let runtime = support::runtime();
    let directory = tempfile::tempdir().unwrap();
    runtime.block_on(async {
        let symbols = support::symbols(SYMBOLS);
        let simulator = support::simulator(Duration::ZERO, None).await;
        let mut bodies = HashMap::new();
        for symbol in &symbols {
            let ten_years = support::answer(&simulator, symbol, support::TEN_YEARS).await;
            let recent = support::answer(&simulator, symbol, RECENT_DAYS).await;
            bodies.insert(symbol.to_string(), Answers { ten_years, recent });
        }
        let bytes: usize = bodies.values().map(|answers| answers.ten_years.len()).sum();
        let base_url = serve(Arc::new(bodies)).await;
        let config = support::configuration(directory.path(), &base_url, &symbols, 9_999.0, 8);
        let mut seconds = Vec::new();
        let mut rows = Vec::new();
        for _ in 0..2 {
            // A fresh assembly each time: the second run remembers nothing but the database.
            let assembly = daemon::assemble(&config, Clock::system()).await.unwrap();
            let start = Instant::now();
            let end = support::run(&assembly, &config, Assignment::Job(JobKind::DailyBars)).await;
            seconds.push(start.elapsed().as_secs_f64());
            assert_eq!(end.totals.tasks_succeeded as usize, SYMBOLS, "{end:?}");
            rows.push(end.totals.rows_written as f64);
            assembly.close(&Clock::system()).await;
        }
        assert!(
            rows[1] < 1.0,
            "the second run found something new: {rows:?}"
        );
        figures.add(
            "backfill 100 symbols × 10 years, end to end",
            format!(
                "{} rows/s, {:.2} s",
                thousands(rows[0] / seconds[0]),
                seconds[0]
            ),
            "≥ 150,000 rows/s",
            format!("{:.0} MB of JSON over loopback HTTP", bytes as f64 / 1e6),
        );
        figures.add(
            "the same again, nothing new",
            format!("{:.3} s", seconds[1]),
            "≤ 0.1 of the first",
            format!("{:.3} of the first", seconds[1] / seconds[0]),
        );
    });
}

/// Serves ready-made bodies: the last bars to a request that starts within the last year.
async fn serve(bodies: Bodies) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new()
        .route("/v8/finance/chart/{symbol}", get(body))
        .with_state(bodies);
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

async fn body(
    State(bodies): State<Bodies>,
    Path(symbol): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Vec<u8> {
    let answers = &bodies[&symbol];
    let from: i64 = query["period1"].parse().unwrap();
    let is_recent = from > Clock::system().now().as_second() - 365 * 86_400;
    if is_recent {
        answers.recent.clone()
    } else {
        answers.ten_years.clone()
    }
}
