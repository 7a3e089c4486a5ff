//! The full set of indicators: nanoseconds a bar, one bar for each of 1,000 symbols, and what a
//! bar costs against computing ten years anew; beside pandas and TA-Lib on the same bars.

use std::fmt::Write as _;
use std::hint::black_box;
use std::process::Command;

use finstage::indicators::{Bar, IndicatorSet, Indicators};
use jiff::{Timestamp, ToSpan};

use crate::support::Figures;

/// Bars of the long series: a hundred times ten years.
const BARS: usize = 252_000;
/// Trading days of ten years.
const DECADE: usize = 2_520;
const SYMBOLS: usize = 1_000;
const ROUNDS: usize = 10;

pub(crate) fn measure(figures: &mut Figures) {
    let bars = bars();
    let peers = peers(&bars);
    let beside = |at: usize| {
        peers.as_ref().map_or_else(Clone::clone, |peers| {
            let texts: Vec<String> = peers
                .iter()
                .map(|(name, figures)| format!("{name} {:.1}", figures[at]))
                .collect();
            texts.join(", ")
        })
    };
    let fresh = Indicators::new(&IndicatorSet::default());
    let whole = least(|| {
        let mut state = fresh.sibling();
        cpu_nanos_of(|| push(&mut state, &bars))
    });
    figures.add(
        "indicators, full set, ns of CPU a bar",
        format!("{:.0}", whole / BARS as f64),
        "≤ 150",
        beside(0),
    );
    let decade = least(|| {
        let mut state = fresh.sibling();
        cpu_nanos_of(|| push(&mut state, &bars[..DECADE]))
    });
    let mut states: Vec<Indicators> = (0..SYMBOLS).map(|_| fresh.sibling()).collect();
    for state in &mut states {
        push(state, &bars[..DECADE]);
    }
    let mut next = DECADE;
    let append = least(|| {
        let bar = &bars[next..=next];
        next += 1;
        cpu_nanos_of(|| {
            for state in &mut states {
                push(state, bar);
            }
        })
    });
    figures.add(
        "a bar more for each of 1,000 symbols, ms of CPU",
        format!("{:.2}", append / 1e6),
        "≤ 1.5",
        String::new(),
    );
    figures.add(
        "ten years of one symbol anew, µs of CPU",
        format!("{:.0}", decade / 1e3),
        "(none)",
        beside(1),
    );
    let one = append / SYMBOLS as f64;
    figures.add(
        "a bar more, of ten years anew",
        format!("1/{:.0}", decade / one),
        "≤ 1/300",
        format!("{one:.0} ns, the state not in the cache"),
    );
}

fn push(state: &mut Indicators, bars: &[Bar]) {
    for bar in bars {
        black_box(state.push(black_box(bar)).unwrap());
    }
}

/// The least of some rounds: what the work costs without its neighbours.
fn least(mut round: impl FnMut() -> f64) -> f64 {
    (0..ROUNDS).map(|_| round()).fold(f64::MAX, f64::min)
}

fn cpu_nanos_of(work: impl FnOnce()) -> f64 {
    let start = cpu_nanos();
    work();
    cpu_nanos() - start
}

/// CPU time of this thread so far.
fn cpu_nanos() -> f64 {
    // A thread that never waits is charged at the ticks; giving the CPU up brings it to date.
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

/// A random walk to the cent, from a fixed seed.
fn bars() -> Vec<Bar> {
    let mut word = 7_u64;
    let mut share = || {
        word = word
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(word >> 32).unwrap()) / f64::from(u32::MAX)
    };
    let mut close = 100.0_f64;
    let mut session = jiff::civil::date(1400, 1, 1);
    (0..BARS)
        .map(|number| {
            let open = close;
            close = (close * (1.0 + 0.04 * (share() - 0.5)) * 100.0)
                .round()
                .max(100.0)
                / 100.0;
            let skipped: i64 = if number % 5 == 4 { 3 } else { 1 };
            session = session.checked_add(skipped.days()).unwrap();
            #[allow(clippy::cast_possible_truncation, reason = "below a million")]
            let volume = (1_000_000.0 * share()) as i64;
            Bar {
                at: Timestamp::from_second(i64::try_from(number).unwrap() * 86_400).unwrap(),
                session,
                high: open.max(close) * (1.0 + 0.01 * share()),
                low: open.min(close) * (1.0 - 0.01 * share()),
                close,
                volume: Some(volume),
            }
        })
        .collect()
}

/// The peers' names with ns a bar and µs for ten years, or why there are none.
fn peers(bars: &[Bar]) -> Result<Vec<(String, [f64; 2])>, String> {
    let mut text = String::from("high,low,close,volume\n");
    for bar in bars {
        let volume = bar.volume.unwrap();
        writeln!(text, "{},{},{},{volume}", bar.high, bar.low, bar.close).unwrap();
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bars.csv");
    std::fs::write(&file, text).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/indicators.py");
    let output = Command::new("python3")
        .arg(script)
        .arg(&file)
        .output()
        .map_err(|error| format!("no peers: python3: {error}"))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        let last = complaint.lines().last().unwrap_or_default();
        return Err(format!("no peers: {last}"));
    }
    let lines = String::from_utf8_lossy(&output.stdout);
    let read = lines.lines().map(|line| {
        let cells: Vec<&str> = line.split(' ').collect();
        let figure = |at: usize| cells[at].parse().unwrap();
        (cells[0].to_owned(), [figure(1), figure(2)])
    });
    Ok(read.collect())
}
