//! Bad prints in 200 series, and none in 200 others: through the parser, the job and the store, on
//! the first fetch and day by day.

use finstage::domain::DailyBar;
use jiff::civil::Date;

use super::body::{Meta, Row};
use super::desk::Desk;
use super::generated::{Series, adjust, series, uniform};
use crate::support::random::Random;

/// Series of each kind.
const SERIES: u64 = 200;

/// Sessions of the overlap: bars that every incremental answer holds again.
const OVERLAP: usize = 10;

/// What can be wrong with one row.
const PRINTS: [&str; 9] = [
    "hundredfold",
    "hundredth",
    "close hundredfold",
    "high hundredfold",
    "low hundredth",
    "zero",
    "zeros beside a close",
    "high and low swapped",
    "not a number",
];

fn spoil(row: Row, print: &str, random: &mut Random) -> Row {
    let bad = match print {
        "zero" => 0.0,
        _ => f64::NAN,
    };
    match print {
        "hundredfold" => row.scaled(100.0),
        "hundredth" => row.scaled(0.01),
        "close hundredfold" => Row {
            close: row.close * 100.0,
            ..row
        },
        "high hundredfold" => Row {
            high: row.high * 100.0,
            ..row
        },
        "low hundredth" => Row {
            low: row.low * 0.01,
            ..row
        },
        "zeros beside a close" => Row {
            open: 0.0,
            high: 0.0,
            low: 0.0,
            ..row
        },
        "high and low swapped" => Row {
            high: row.low,
            low: row.high,
            ..row
        },
        _ => match random.between(0, 3) {
            0 => Row { open: bad, ..row },
            1 => Row { high: bad, ..row },
            2 => Row { low: bad, ..row },
            _ => Row { close: bad, ..row },
        },
    }
}

fn bars(rows: &[Row]) -> Vec<DailyBar> {
    rows.iter().map(|row| row.bar()).collect()
}

/// What the provider knew when `rows` were all there was.
fn known_by(meta: &Meta, rows: &[Row]) -> Meta {
    let (first, last) = (rows[0].date, rows[rows.len() - 1].date);
    let within = |list: &[(Date, f64)]| {
        let found = list
            .iter()
            .filter(|(date, _)| (first..=last).contains(date));
        found.copied().collect()
    };
    Meta {
        splits: within(&meta.splits),
        dividends: within(&meta.dividends),
        ..meta.clone()
    }
}

/// All answers up to the series' end as a daily job gets them: most of it at first, then the newest
/// sessions, a few more each time. Adjusted closes are those known at the time.
fn answers(series: &Series) -> Vec<Vec<Row>> {
    let all = series.rows.len();
    let mut answers = Vec::new();
    for end in [all - 9, all] {
        let mut rows = series.rows[..end].to_vec();
        let paid = known_by(&series.meta, &rows).dividends;
        adjust(&mut rows, &paid);
        answers.push(rows);
    }
    answers
}

#[tokio::test]
async fn none_of_two_hundred_clean_series_is_flagged() {
    let desk = Desk::new().await;
    for number in 0..SERIES {
        let series = series(number);
        for rows in answers(&series) {
            let meta = known_by(&series.meta, &rows);
            let done = desk.bars_job(&series.name, &rows, &meta).await;
            let done = done.unwrap_or_else(|fault| panic!("{}: {fault}", series.name));
            assert_eq!(done.rows_rejected, 0, "{}", series.name);
        }
        let flagged = desk.quarantine(&series.name).await;
        assert_eq!(flagged, [], "{}", series.name);
        assert_eq!(
            desk.bars(&series.name).await,
            bars(&series.rows),
            "{}",
            series.name
        );
    }
}

#[tokio::test]
async fn every_bad_print_of_two_hundred_series_is_caught_and_nothing_else() {
    let desk = Desk::new().await;
    let mut caught = 0;
    for number in 0..SERIES {
        let series = series(1_000 + number);
        let mut random = Random::named(number, "prints");
        let print = PRINTS[usize::try_from(number).unwrap() % PRINTS.len()];
        let all = series.rows.len();
        let any = usize::try_from(random.between(0, i64::try_from(all).unwrap() - 1)).unwrap();
        let at = *random.pick(&[0, any, any, all - 12, all - 9, all - 5, all - 1]);
        let (name, date) = (&series.name, series.rows[at].date);
        let bad = spoil(series.rows[at], print, &mut random);
        for mut rows in answers(&series) {
            let meta = known_by(&series.meta, &rows);
            if at < rows.len() {
                rows[at] = bad;
            }
            desk.bars_job(name, &rows, &meta).await.unwrap();
        }
        let held = desk.told(name).await;
        let told = format!("{name}: {print} on {date}: {held:?}");
        assert_eq!(held.len(), 1, "{told}");
        assert!(held[0].starts_with(&date.to_string()), "{told}");
        assert!(held[0].ends_with("held"), "{told}");
        let mut clean = bars(&series.rows);
        clean.remove(at);
        let stored = desk.bars(name).await;
        let dates =
            |bars: &[DailyBar]| -> Vec<Date> { bars.iter().map(|b| b.trading_date).collect() };
        assert_eq!(dates(&stored), dates(&clean), "{told}");
        let prices = |bar: &DailyBar| [bar.open, bar.high, bar.low, bar.close];
        assert!(
            stored.iter().map(prices).eq(clean.iter().map(prices)),
            "{told}"
        );
        caught += 1;
        if at + OVERLAP >= all {
            // The provider mends it.
            desk.bars_job(name, &series.rows, &series.meta)
                .await
                .unwrap();
            assert_eq!(
                desk.told(name).await,
                [held[0].replace("held", "superseded")]
            );
            assert_eq!(desk.bars(name).await.len(), all, "{told}");
        }
    }
    assert_eq!(caught, SERIES);
}

/// A session on which a split may be missed: an ordinary day, of which there are enough before it.
fn quiet_session(rows: &[Row], random: &mut Random, from: usize, to: usize) -> Option<usize> {
    let is_quiet = |at: usize| {
        let before = rows[at - 1].close;
        let calm = |price: f64| (price / before).ln().abs() < 0.08;
        calm(rows[at].open) && calm(rows[at].close)
    };
    let quiet: Vec<usize> = (from..to).filter(|at| is_quiet(*at)).collect();
    (!quiet.is_empty()).then(|| *random.pick(&quiet))
}

#[tokio::test]
async fn a_split_that_the_prices_lack_is_caught_and_mended_when_they_follow() {
    let desk = Desk::new().await;
    let mut tried = 0;
    for number in 0..SERIES / 2 {
        let mut series = series(2_000 + number);
        let mut random = Random::named(number, "splits");
        series.meta.splits.clear();
        series.meta.dividends.clear();
        adjust(&mut series.rows, &[]);
        let (name, all) = (series.name.clone(), series.rows.len());
        let Some(at) = quiet_session(&series.rows, &mut random, all - 4, all) else {
            continue;
        };
        tried += 1;
        let ratio = *random.pick(&[2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 20.0, 0.5, 0.1, 0.05]);
        let mut unadjusted = series.rows.clone();
        for row in &mut unadjusted[..at] {
            *row = row.before_split(ratio);
        }
        let meta = Meta {
            splits: vec![(series.rows[at].date, ratio)],
            ..Meta::default()
        };
        let none = Meta::default();
        desk.bars_job(&name, &unadjusted[..at], &none)
            .await
            .unwrap();
        let before = desk.bars(&name).await;
        for end in at + 1..=all {
            desk.bars_job(&name, &unadjusted[..end], &meta)
                .await
                .unwrap();
            assert_eq!(desk.bars(&name).await, before, "{name}: {ratio}");
        }
        let held = desk.told(&name).await;
        assert_eq!(held.len(), all - at, "{name}: {ratio}: {held:?}");
        assert!(held.iter().all(|row| row.ends_with("V6 held")), "{held:?}");
        desk.bars_job(&name, &series.rows, &meta).await.unwrap();
        assert_eq!(
            desk.bars(&name).await,
            bars(&series.rows),
            "{name}: {ratio}"
        );
        let settled = desk.told(&name).await;
        assert!(
            settled.iter().all(|row| row.ends_with("released")),
            "{settled:?}"
        );
    }
    assert!(tried >= 75, "{tried}");
}

#[tokio::test]
async fn a_first_answer_that_lacks_a_split_keeps_the_newer_side() {
    let desk = Desk::new().await;
    for number in 0..40 {
        let mut series = series(3_000 + number);
        let mut random = Random::named(number, "old splits");
        series.meta.splits.clear();
        series.meta.dividends.clear();
        adjust(&mut series.rows, &[]);
        let (name, all) = (&series.name, series.rows.len());
        let Some(at) = quiet_session(&series.rows, &mut random, 30, all - 30) else {
            continue;
        };
        let ratio = *random.pick(&[2.0, 4.0, 10.0, 0.1]);
        let mut rows = series.rows.clone();
        for row in &mut rows[..at] {
            *row = row.before_split(ratio);
        }
        let meta = Meta {
            splits: vec![(series.rows[at].date, ratio)],
            ..Meta::default()
        };
        let done = desk.bars_job(name, &rows, &meta).await.unwrap();
        assert_eq!(done.rows_rejected, at as u64, "{name}: {ratio}");
        assert_eq!(desk.bars(name).await, bars(&series.rows[at..]), "{name}");
    }
}

#[tokio::test]
async fn a_price_that_really_moves_is_held_for_two_sessions_and_then_stored() {
    let desk = Desk::new().await;
    for number in 0..20 {
        let mut series = series(4_000 + number);
        let mut random = Random::named(number, "crashes");
        series.meta = Meta::default();
        let all = series.rows.len();
        let factor = uniform(&mut random, 0.11, 0.14);
        for row in &mut series.rows[all - 4..] {
            *row = Row {
                open: row.close,
                high: row.close * 1.02,
                low: row.close * 0.98,
                ..*row
            }
            .scaled(factor);
        }
        adjust(&mut series.rows, &[]);
        // From a quiet level, so that the factor is the move.
        let level = series.rows[all - 5].close;
        for row in &mut series.rows[all - 4..] {
            *row = row.scaled(level * factor / row.close);
        }
        let (name, rows) = (&series.name, &series.rows);
        let mut held = Vec::new();
        for end in all - 4..=all {
            let done = desk
                .bars_job(name, &rows[..end], &series.meta)
                .await
                .unwrap();
            held.push(done.rows_rejected);
        }
        assert_eq!(held, [0, 1, 2, 0, 0], "{name}");
        assert_eq!(desk.bars(name).await, bars(rows), "{name}");
        let told = desk.told(name).await;
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(
            told.iter().all(|row| row.ends_with("V5 released")),
            "{told:?}"
        );
    }
}
