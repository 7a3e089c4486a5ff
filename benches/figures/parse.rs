//! Bars parsed a second from a ten-year answer, beside the JSON reader alone.

use std::hint::black_box;
use std::time::{Duration, Instant};

use finstage::clock::Clock;
use finstage::upstream::yahoo;
use serde::de::IgnoredAny;

use crate::support::{self, Figures, thousands};

/// How long each side is repeated.
const REPEAT_FOR: Duration = Duration::from_secs(3);

pub(crate) fn measure(figures: &mut Figures) {
    let runtime = support::runtime();
    let body = runtime.block_on(async {
        let simulator = support::simulator(Duration::ZERO, None).await;
        support::answer(&simulator, &support::symbols(1)[0], support::TEN_YEARS).await
    });
    let now = Clock::system().now();
    let bars = yahoo::parse(200, &body, now).unwrap().bars.len();
    let parse = seconds_each(|| {
        black_box(yahoo::parse(200, black_box(&body), now).unwrap());
    });
    let limit = seconds_each(|| {
        black_box(serde_json::from_slice::<IgnoredAny>(black_box(&body)).unwrap());
    });
    let megabytes = body.len() as f64 / 1e6;
    let rate = thousands(bars as f64 / parse);
    figures.add(
        "parse a ten-year answer",
        format!("{:.0} MB/s, {rate} bars/s", megabytes / parse),
        "≥ 200 MB/s",
        format!(
            "{:.0} MB/s for skipping over the same JSON",
            megabytes / limit
        ),
    );
}

fn seconds_each(mut work: impl FnMut()) -> f64 {
    work();
    let start = Instant::now();
    let mut rounds = 0_u32;
    while start.elapsed() < REPEAT_FOR {
        work();
        rounds += 1;
    }
    start.elapsed().as_secs_f64() / f64::from(rounds)
}
