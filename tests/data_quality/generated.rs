//! Series like real ones, and worse: made independently of the simulator's walk.

use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday};

use super::body::{Meta, Row};
use crate::support::random::Random;
use crate::support::values::day;

/// The ratios of real splits, reverse ones among them.
const SPLITS: [f64; 10] = [1.5, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 20.0, 0.1, 0.05];

/// A clean series and what its provider says of it.
#[derive(Debug, Clone)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) rows: Vec<Row>,
    pub(super) meta: Meta,
}

/// Uniform in `low..high`.
pub(super) fn uniform(random: &mut Random, low: f64, high: f64) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "53 bits are exact")]
    let unit = (random.word() >> 11) as f64 / (1_u64 << 53) as f64;
    low + (high - low) * unit
}

/// Bell-shaped with this deviation.
fn bell(random: &mut Random, sigma: f64) -> f64 {
    let sum: f64 = (0..12).map(|_| uniform(random, -0.5, 0.5)).sum();
    sum * sigma
}

/// Half a year of sessions until Friday, 2026-11-20: days of ±40 %, opening gaps, days that lack,
/// splits (carried out in the prices, as they are sent) and dividends.
pub(super) fn series(number: u64) -> Series {
    let mut random = Random::named(number, "series");
    let sigma = uniform(&mut random, 0.003, 0.045);
    let mut price = 10_f64.powf(uniform(&mut random, -0.5, 3.6));
    let mut rows = Vec::new();
    let mut meta = Meta::default();
    let sessions = dates(usize::try_from(random.between(110, 150)).unwrap());
    for date in sessions {
        let mut change = 1.0 + bell(&mut random, sigma);
        if random.chance(2) {
            change = uniform(&mut random, 0.6, 1.4);
        }
        // Neither to nothing nor to the moon.
        if price * change < 0.2 || price * change > 9_000.0 {
            change = 1.0 / change;
        }
        let close = tick(price * change);
        // Where the day opens between yesterday's close and today's, or beyond it.
        let part = uniform(&mut random, -0.2, 1.2);
        let open = tick(price * change.powf(part));
        let above = 1.0 + uniform(&mut random, 0.001, sigma);
        let below = 1.0 - uniform(&mut random, 0.001, sigma);
        price = close;
        if random.chance(2) {
            continue;
        }
        rows.push(Row {
            date,
            open,
            high: tick(open.max(close) * above) + 0.0001,
            low: tick(open.min(close) * below) - 0.0001,
            close,
            adjusted: close,
            volume: random.between(1, 9_000) * 1_000,
        });
        if random.chance(1) {
            meta.splits.push((date, *random.pick(&SPLITS)));
        } else if random.chance(2) {
            let amount = tick(close * uniform(&mut random, 0.001, 0.03));
            meta.dividends.push((date, amount));
        }
    }
    adjust(&mut rows, &meta.dividends);
    Series {
        name: format!("S{number}"),
        rows,
        meta,
    }
}

/// Ten thousandths: the smallest step of a price.
fn tick(price: f64) -> f64 {
    (price * 10_000.0).round() / 10_000.0
}

/// The weekdays until the Friday, oldest first.
fn dates(count: usize) -> Vec<Date> {
    let friday = day("2026-11-20");
    let back = (0_i64..).map(|days| friday.saturating_sub(days.days()));
    let weekdays =
        back.filter(|date| !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday));
    let mut dates: Vec<Date> = weekdays.take(count).collect();
    dates.reverse();
    dates
}

/// Each dividend lowers all adjusted closes before it by its part of the close before.
pub(super) fn adjust(rows: &mut [Row], dividends: &[(Date, f64)]) {
    let mut factor = 1.0;
    for index in (0..rows.len()).rev() {
        rows[index].adjusted = rows[index].close * factor;
        let paid = dividends.iter().find(|(date, _)| *date == rows[index].date);
        if let (Some((_, amount)), true) = (paid, index > 0) {
            factor *= 1.0 - amount / rows[index - 1].close;
        }
    }
}
