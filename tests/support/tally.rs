//! Counts comparisons and keeps the differences, each told so that it can be repeated.

use std::time::Duration;

use finstage::clock;
use jiff::Timestamp;
use tokio::time::Instant;

const SEED: u64 = 0xF1A5_7A6E_2026_0001;
const MOST_SHOWN: usize = 12;

/// What the oracle says about the next fire.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expected {
    /// At this instant, in Unix seconds.
    At(i64),
    /// At some time after this one, or never.
    NotUntil(i64),
}

pub(crate) struct Tally {
    pub(crate) compared: u64,
    differences: Vec<String>,
    started: Instant,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self {
            compared: 0,
            differences: Vec::new(),
            started: clock::monotonic(),
        }
    }

    pub(crate) fn compare(
        &mut self,
        zone: &str,
        rule: &str,
        start: Timestamp,
        expected: Expected,
        got: Option<Timestamp>,
    ) {
        let agrees = match expected {
            Expected::At(at) => got == Some(instant(at, 0)),
            Expected::NotUntil(until) => got.is_none_or(|got| got > instant(until, 0)),
        };
        self.check(agrees, || {
            let expected = match expected {
                Expected::At(at) => instant(at, 0).to_string(),
                Expected::NotUntil(until) => format!("nothing until {}", instant(until, 0)),
            };
            let got = got.map_or("nothing".to_owned(), |got| got.to_string());
            format!("zone {zone}, `{rule}`, after {start}: expected {expected}, got {got}")
        });
    }

    pub(crate) fn check(&mut self, agrees: bool, tell: impl FnOnce() -> String) {
        self.compared += 1;
        if !agrees {
            self.differences.push(tell());
        }
    }

    pub(crate) fn finish(self, what: &str) {
        let took: Duration = self.started.elapsed();
        eprintln!("{what}: {} comparisons in {took:.1?}", self.compared);
        let shown = self.differences.len().min(MOST_SHOWN);
        assert!(
            self.differences.is_empty(),
            "{} of {} comparisons differ (FINSTAGE_ORACLE_SEED={}):\n{}",
            self.differences.len(),
            self.compared,
            seed(),
            self.differences[..shown].join("\n")
        );
    }
}

/// An instant `nanos` after a Unix second.
pub(crate) fn instant(second: i64, nanos: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(second) * 1_000_000_000 + i128::from(nanos)).unwrap()
}

pub(crate) fn seed() -> u64 {
    setting("FINSTAGE_ORACLE_SEED", SEED)
}

pub(crate) fn setting(name: &str, default: u64) -> u64 {
    let parsed = |text: String| text.replace('_', "").parse();
    std::env::var(name).map_or(default, |text| parsed(text).expect("a whole number"))
}
