//! Recorded answers of the upstream through the parser: whole, cut off, damaged.

use std::collections::BTreeSet;

use finstage::domain::{FaultClass, Symbol};
use finstage::upstream::yahoo::{parse, read};
use finstage::upstream::{Chart, ChartRequest, Fault};
use jiff::Timestamp;

use crate::support::random::Random;
use crate::support::recordings::{Expected, Recording, manifest, recordings};

/// Later than every recording.
fn now() -> Timestamp {
    "2026-11-22T00:00:00Z".parse().unwrap()
}

/// A request that the recording answers, for all the time there is.
fn request(symbol: Symbol) -> ChartRequest {
    ChartRequest {
        symbol,
        from: "1900-01-01T00:00:00Z".parse().unwrap(),
        to: now(),
    }
}

fn charts() -> Vec<(Recording, Chart)> {
    let mut charts = Vec::new();
    for recording in recordings() {
        if let Ok(chart) = parse(recording.status, &recording.body, now()) {
            charts.push((recording, chart));
        }
    }
    assert!(charts.len() >= 16, "only {} answers", charts.len());
    charts
}

#[test]
fn every_recording_kept_here_is_under_the_mit_licence_and_whole() {
    let (folder, rows) = manifest();
    let files: BTreeSet<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !["MANIFEST.tsv", "EXPECTED.tsv", "README.md"].contains(&name.as_str()))
        .collect();
    let listed: BTreeSet<String> = rows.iter().map(|row| row[0].clone()).collect();
    assert_eq!(files, listed);
    for row in rows {
        assert_eq!(row[6], "MIT", "{}", row[0]);
        let bytes = std::fs::read(folder.join(&row[0])).unwrap().len();
        assert_eq!(row[11].parse(), Ok(bytes), "{}", row[0]);
    }
}

#[test]
fn every_recorded_refusal_has_its_class() {
    let mut seen = 0;
    for recording in recordings() {
        let class = match recording.expected.outcome.as_str() {
            "bad_range" => FaultClass::NoData,
            "unauthorized_crumb" => FaultClass::Blocked,
            "not_found" => FaultClass::NotFound,
            "rate_limited" => FaultClass::RateLimited,
            _ => continue,
        };
        let fault = parse(recording.status, &recording.body, now()).unwrap_err();
        assert_eq!(fault.class, class, "{}: {fault}", recording.file);
        seen += 1;
    }
    assert!(seen >= 2, "only {seen} refusals");
}

#[test]
fn every_recorded_answer_has_the_outcome_computed_independently() {
    for (recording, chart) in charts() {
        let (file, expected) = (&recording.file, &recording.expected);
        assert!(
            ["bars", "no_data"].contains(&expected.outcome.as_str()),
            "{file}"
        );
        assert_eq!(chart.symbol, expected.symbol, "{file}");
        assert_eq!(
            chart.currency.as_deref().unwrap_or_default(),
            expected.currency
        );
        assert_eq!(chart.zone.iana_name(), Some(expected.zone.as_str()));
        assert_eq!(chart.granularity, expected.granularity, "{file}");
        assert_eq!(chart.rows, expected.rows, "{file}: rows");
        assert_eq!(chart.null_rows, expected.null_rows, "{file}: null rows");
        assert_eq!(
            chart.rejected.len(),
            expected.invalid_rows,
            "{file}: invalid rows"
        );
        assert_eq!(chart.bars.len(), expected.valid_rows, "{file}: valid rows");
        assert_eq!(chart.splits.len(), expected.splits, "{file}: splits");
        assert_eq!(
            chart.dividends.len(),
            expected.dividends,
            "{file}: dividends"
        );
        assert_eq!(
            chart.capital_gains.len(),
            expected.capital_gains,
            "{file}: gains"
        );
        assert_eq!(chart.price.is_some(), expected.has_price, "{file}: price");
        same_dates(&chart, expected, file);
        same_numbers(&chart, expected, file);
        holds_its_promises(&chart, file);
    }
}

/// The oracle wrote down the local time of the first and the last good row: a bar is of that day.
fn same_dates(chart: &Chart, expected: &Expected, file: &str) {
    for (bar, local) in [
        (chart.bars.first(), &expected.first_local),
        (chart.bars.last(), &expected.last_local),
    ] {
        let date = bar.map(|bar| bar.trading_date.to_string());
        let told = local.split('T').next().unwrap_or_default();
        assert_eq!(date.unwrap_or_default(), told, "{file}");
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the upstream's own width")]
fn same_numbers(chart: &Chart, expected: &Expected, file: &str) {
    let last = chart.bars.last().map(|bar| bar.close);
    let raw = expected.last_close.map(|close| close as f32);
    assert_eq!(last.map(|close| close as f32), raw, "{file}: last close");
    // Oracle: the standard library's shortest printing of a float32.
    let shortest = raw.map(|close| close.to_string().parse::<f64>().unwrap());
    assert_eq!(last, shortest, "{file}: not the shortest decimal");
    let volumes = chart.bars.iter().filter_map(|bar| bar.volume);
    assert_eq!(
        volumes.sum::<i64>(),
        expected.sum_volume.unwrap_or(0),
        "{file}: volume"
    );
}

/// What must hold of any chart, whatever the answer was.
fn holds_its_promises(chart: &Chart, file: &str) {
    for bar in &chart.bars {
        assert_eq!(bar.check(), Ok(()), "{file}: {bar:?}");
        let today = chart.zone.to_datetime(now()).date();
        assert!(bar.trading_date <= today, "{file}: {bar:?}");
    }
    let in_order = chart
        .bars
        .windows(2)
        .all(|pair| pair[0].trading_date < pair[1].trading_date);
    assert!(in_order, "{file}: dates repeat or go back");
    let accounted = chart.bars.len() + chart.null_rows + chart.rejected.len();
    assert!(accounted <= chart.rows, "{file}: rows out of nowhere");
    let amounts = chart.splits.iter().chain(&chart.dividends);
    for (_, amount) in amounts.chain(&chart.capital_gains) {
        assert!(amount.is_finite(), "{file}: {amount}");
    }
    if let Some(latest) = chart.price {
        assert!(latest.price.is_finite() && latest.price > 0.0, "{file}");
    }
}

#[test]
fn an_answer_without_bars_is_no_data_and_one_with_bars_is_kept_whole() {
    for (recording, chart) in charts() {
        let expected = &recording.expected;
        if expected.granularity != "1d" {
            continue;
        }
        let asked = request(recording.asked());
        let answer = read(recording.status, &recording.body, &asked, now());
        match (expected.outcome.as_str(), answer) {
            ("no_data", Err(fault)) => {
                assert_eq!(chart.rows, 0, "{}", recording.file);
                assert_eq!(fault.class, FaultClass::NoData, "{}", recording.file);
            }
            ("bars", Ok(answer)) => assert_eq!(answer.bars, chart.bars, "{}", recording.file),
            (outcome, answer) => panic!("{}: {outcome}, but {answer:?}", recording.file),
        }
    }
}

#[test]
fn quarterly_rows_are_refused_when_daily_ones_were_asked_for() {
    let (recording, _) = charts()
        .into_iter()
        .find(|(recording, _)| recording.expected.symbol == "VFINX")
        .unwrap();
    let asked = request(recording.asked());
    let fault = read(recording.status, &recording.body, &asked, now()).unwrap_err();
    assert_eq!(fault.class, FaultClass::BadPayload);
    assert!(fault.message.contains("`3mo`"), "{fault}");
}

#[test]
fn an_answer_about_another_symbol_is_refused() {
    for (recording, _) in charts() {
        let asked = request(Symbol::try_new("QQQQ").unwrap());
        let fault = read(recording.status, &recording.body, &asked, now()).unwrap_err();
        assert_eq!(fault.class, FaultClass::BadPayload, "{}", recording.file);
    }
}

#[test]
fn bars_outside_the_window_asked_for_are_left_out() {
    let (recording, chart) = charts()
        .into_iter()
        .find(|(recording, _)| recording.file.contains("AAPL_1d_split"))
        .unwrap();
    let (from, to) = (chart.bars[5], chart.bars[20]);
    let instant = |date: jiff::civil::Date, hour: i8| {
        let local = date.at(hour, 0, 0, 0);
        local.to_zoned(chart.zone.clone()).unwrap().timestamp()
    };
    let asked = ChartRequest {
        symbol: recording.asked(),
        from: instant(from.trading_date, 0),
        to: instant(to.trading_date, 23),
    };
    let answer = read(recording.status, &recording.body, &asked, now()).unwrap();
    assert_eq!(answer.bars, chart.bars[5..=20]);
}

#[test]
fn a_row_outside_the_window_is_left_out_wherever_it_stands_in_the_answer() {
    let (recording, _) = charts()
        .into_iter()
        .find(|(recording, _)| recording.file.contains("AAPL_1d_split"))
        .unwrap();
    let mut json: serde_json::Value = serde_json::from_slice(&recording.body).unwrap();
    json["chart"]["result"][0]["timestamp"][10] = (-2_300_000_000_i64).into();
    let asked = request(recording.asked());
    let answer = read(200, json.to_string().as_bytes(), &asked, now()).unwrap();
    holds_its_promises_within(&answer, &asked, &recording.file);
    assert_eq!(answer.bars.len(), recording.expected.valid_rows - 1);
}

/// Recordings whose body is JSON, with the place of its end.
fn json_recordings() -> Vec<(Recording, usize)> {
    let all = recordings().into_iter();
    let mut json: Vec<(Recording, usize)> = all
        .filter_map(|recording| {
            let end = recording.last_brace()?;
            Some((recording, end))
        })
        .collect();
    json.retain(|(recording, _)| recording.body.trim_ascii_start().starts_with(b"{"));
    assert!(json.len() >= 18, "only {} bodies are JSON", json.len());
    json
}

fn index(random: &mut Random, below: usize) -> usize {
    let last = i64::try_from(below).unwrap() - 1;
    usize::try_from(random.between(0, last)).unwrap()
}

#[test]
fn an_answer_that_broke_off_is_a_fault_wherever_it_broke_off() {
    for (recording, end) in json_recordings() {
        let mut random = Random::named(1, &recording.file);
        let mut cuts: Vec<usize> = (0..20).map(|_| index(&mut random, end)).collect();
        cuts.extend([0, 1, end]);
        for cut in cuts {
            let body = &recording.body[..cut];
            let outcome = parse(recording.status, body, now());
            let fault = outcome.expect_err(&format!("{} cut at {cut}", recording.file));
            if recording.status == 200 {
                assert_eq!(
                    fault.class,
                    FaultClass::Outage,
                    "worth another try: {fault}"
                );
            }
        }
    }
}

#[test]
fn an_answer_with_bytes_that_are_no_text_is_a_fault() {
    let mut tried = 0;
    for (recording, end) in json_recordings() {
        let mut random = Random::named(2, &recording.file);
        for _ in 0..20 {
            let mut body = recording.body.clone();
            for _ in 0..random.between(1, 8) {
                let high = u8::try_from(random.between(0x80, 0xFF)).unwrap();
                body[index(&mut random, end)] = high;
            }
            // Neighbours may have become a letter beyond ASCII by chance.
            if std::str::from_utf8(&body).is_err() {
                let outcome = parse(recording.status, &body, now());
                assert!(outcome.is_err(), "{}", recording.file);
                tried += 1;
            }
        }
    }
    assert!(tried > 300, "only {tried} bodies");
}

#[test]
fn whatever_bits_are_flipped_no_bad_bar_and_no_panic_comes_of_it() {
    let mut survivors = 0;
    for (recording, _) in json_recordings() {
        let mut random = Random::named(3, &recording.file);
        let asked = request(recording.asked());
        for _ in 0..250 {
            let mut body = recording.body.clone();
            for _ in 0..random.between(1, 2) {
                let at = index(&mut random, body.len());
                body[at] ^= 1 << random.between(0, 7);
            }
            survivors += usize::from(survives(recording.status, &body, &asked, &recording.file));
        }
    }
    assert!(survivors > 500, "only {survivors} bodies could be read");
}

#[test]
fn whatever_digits_are_changed_no_bad_bar_and_no_panic_comes_of_it() {
    let mut survivors = 0;
    for (recording, _) in charts() {
        let mut random = Random::named(4, &recording.file);
        let digits: Vec<usize> = (0..recording.body.len())
            .filter(|at| recording.body[*at].is_ascii_digit())
            .collect();
        let asked = request(recording.asked());
        for _ in 0..100 {
            let mut body = recording.body.clone();
            for _ in 0..random.between(1, 40) {
                // Signs and exponents too: they make huge, tiny and negative numbers.
                body[*random.pick(&digits)] = *random.pick(b"0123456789999-e");
            }
            survivors += usize::from(survives(recording.status, &body, &asked, &recording.file));
        }
    }
    assert!(survivors > 100, "only {survivors} bodies could be read");
}

/// Parses without panic; what comes out keeps its promises. Gives whether anything came out.
fn survives(status: u16, body: &[u8], asked: &ChartRequest, file: &str) -> bool {
    if let Ok(chart) = read(status, body, asked, now()) {
        holds_its_promises_within(&chart, asked, file);
    }
    let parsed: Result<Chart, Fault> = parse(status, body, now());
    parsed.is_ok_and(|chart| {
        holds_its_promises(&chart, file);
        true
    })
}

fn holds_its_promises_within(chart: &Chart, asked: &ChartRequest, file: &str) {
    let from = chart.zone.to_datetime(asked.from).date();
    for bar in &chart.bars {
        assert!(bar.trading_date >= from, "{file}: {bar:?} is not asked for");
    }
}
