//! Series from tests/data/indicators and from seeds, and what several tests ask of them.

mod exact;
mod million;
mod oracle;
mod properties;
mod sets;
mod values;

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan};

use super::*;

const SERIES: &str = include_str!("../../../tests/data/indicators/series.csv");

/// A daily bar, numbered from 2000-01-01.
fn bar(day: usize, high: f64, low: f64, close: f64, volume: i64) -> Bar {
    let day = i64::try_from(day).unwrap();
    let session = jiff::civil::date(2000, 1, 1)
        .checked_add(day.days())
        .unwrap();
    Bar {
        at: Timestamp::from_second(946_684_800 + day * 86_400).unwrap(),
        session,
        high,
        low,
        close,
        volume: Some(volume),
    }
}

/// Bars of these closes, high and low around them.
fn closes(closes: &[f64]) -> Vec<Bar> {
    let numbered = closes.iter().enumerate();
    numbered
        .map(|(day, close)| bar(day, close * 1.5, close * 0.5, *close, 100))
        .collect()
}

/// All committed series by name.
fn series() -> BTreeMap<&'static str, Vec<Bar>> {
    let mut series: BTreeMap<&str, Vec<Bar>> = BTreeMap::new();
    for line in SERIES.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let price = |at: usize| cells[at].parse::<f64>().unwrap();
        let bars = series.entry(cells[0]).or_default();
        let volume = cells[4].parse().unwrap();
        bars.push(bar(bars.len(), price(1), price(2), price(3), volume));
    }
    assert!(series.len() >= 28, "{}", series.len());
    series
}

/// The row of every bar.
fn rows(set: &IndicatorSet, bars: &[Bar]) -> Vec<Row> {
    let mut state = Indicators::new(set);
    bars.iter().map(|bar| *state.push(bar).unwrap()).collect()
}

/// A seeded generator (splitmix64).
struct Random(u64);

impl Random {
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.word() % limit
    }

    /// 0 to 1.
    fn share(&mut self) -> f64 {
        f64::from(u32::try_from(self.word() >> 32).unwrap()) / 4_294_967_296.0
    }
}

/// A walk with gaps, flat runs and bad prints, prices with full mantissas.
fn wild(seed: u64, count: usize) -> Vec<Bar> {
    let mut random = Random(seed);
    let mut close = 100.0;
    let mut still = 0;
    (0..count)
        .map(|day| {
            if still > 0 {
                still -= 1;
            } else if random.below(40) == 0 {
                still = random.below(30);
            } else {
                close *= 1.0 + 0.04 * (random.share() - 0.5);
            }
            let printed = match random.below(300) {
                0 => close * 1e10,
                1 => close / 1e8,
                _ => close,
            };
            let reach = if still > 0 {
                0.0
            } else {
                0.01 * random.share()
            };
            let volume = i64::try_from(random.below(5) * random.below(1_000_000)).unwrap();
            bar(
                day,
                printed * (1.0 + reach),
                printed * (1.0 - reach),
                printed,
                volume,
            )
        })
        .collect()
}
