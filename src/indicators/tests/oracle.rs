//! TA-Lib's values, recorded by tests/data/indicators/make.py, and the exact means and bands.

use super::*;

const TALIB: &str = include_str!("../../../tests/data/indicators/talib.csv");
const SUMS: &str = include_str!("../../../tests/data/indicators/sums.csv");

/// Relative difference allowed.
const RTOL: f64 = 1e-9;

/// Columns that TA-Lib computes with running sums, which keep a remainder of a bad print for ever.
const DRIFTING: &[&str] = &[
    "sma_5",
    "sma_20",
    "sma_50",
    "sma_60",
    "sma_200",
    "sma_300",
    "bollinger_upper",
    "bollinger_middle",
    "bollinger_lower",
];

/// The first bad print of `bad_prints`.
const BAD_PRINT: usize = 130;

/// What differences near zero are measured against: 1e-14 of the dearest price is
/// nothing for a MACD, which is a difference of prices.
fn floor(column: &str, bars: &[Bar], at: usize) -> f64 {
    let dearest = bars[..=at].iter().map(|bar| bar.high).fold(0.0, f64::max);
    match column {
        "rsi" | "stochastic_k" | "stochastic_d" | "plus_di" | "minus_di" | "adx" => 1e-11,
        "obv" | "volume_sma" => 0.0,
        _ => 1e-14 * dearest,
    }
}

/// A difference that is meant; docs/indicators.md names each.
fn deliberate(
    series: &str,
    column: &str,
    at: usize,
    theirs: Option<f64>,
    ours: Option<f64>,
) -> bool {
    match column {
        // No range, no %K; theirs is 0. And theirs waits for the first %D.
        "stochastic_k" => (ours.is_none() && theirs == Some(0.0)) || (at < 15 && theirs.is_none()),
        "stochastic_d" => ours.is_none(),
        // Nothing ever moved.
        "rsi" => ours == Some(50.0) && theirs == Some(0.0),
        _ => series == "bad_prints" && DRIFTING.contains(&column) && at >= BAD_PRINT,
    }
}

#[test]
fn every_value_is_talibs_but_for_the_documented_differences() {
    let (series, set) = (series(), IndicatorSet::default());
    let mut lines = TALIB.lines();
    let columns: Vec<&str> = lines.next().unwrap().split(',').collect();
    let computed: BTreeMap<&str, Vec<Row>> = series
        .iter()
        .map(|(name, bars)| (*name, rows(&set, bars)))
        .collect();
    let (mut compared, mut meant, mut wrong) = (0, 0, Vec::new());
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let (name, at) = (cells[0], cells[1].parse::<usize>().unwrap());
        for (column, cell) in columns.iter().zip(&cells).skip(2) {
            let theirs = (!cell.is_empty()).then(|| cell.parse::<f64>().unwrap());
            let ours = computed[name][at].get(set.column(column).unwrap());
            let same = match (ours, theirs) {
                (Some(a), Some(b)) => {
                    (a - b).abs() <= RTOL * b.abs() + floor(column, &series[name], at)
                }
                (a, b) => a.is_none() && b.is_none(),
            };
            if same {
                compared += 1;
            } else if deliberate(name, column, at, theirs, ours) {
                meant += 1;
            } else {
                wrong.push(format!(
                    "{name}[{at}].{column}: {ours:?}, TA-Lib {theirs:?}"
                ));
            }
        }
    }
    let first = wrong
        .iter()
        .take(30)
        .cloned()
        .collect::<Vec<_>>()
        .join("\n");
    assert!(wrong.is_empty(), "{} differences:\n{first}", wrong.len());
    assert!(
        compared > 39_000 && (100..500).contains(&meant),
        "{compared}, {meant}"
    );
}

#[test]
fn means_are_the_exact_ones_to_the_last_bit_and_bands_within_1e_12() {
    let (series, set) = (series(), IndicatorSet::default());
    let mut lines = SUMS.lines();
    let columns: Vec<&str> = lines.next().unwrap().split(',').collect();
    let computed: BTreeMap<&str, Vec<Row>> = series
        .iter()
        .map(|(name, bars)| (*name, rows(&set, bars)))
        .collect();
    let (mut means, mut bands) = (0, 0);
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let row = &computed[cells[0]][cells[1].parse::<usize>().unwrap()];
        let middle = row.get(set.column("bollinger_middle").unwrap());
        for (column, cell) in columns.iter().zip(&cells).skip(2) {
            let exact = (!cell.is_empty()).then(|| cell.parse::<f64>().unwrap());
            let ours = row.get(set.column(column).unwrap());
            if column.starts_with("sma") {
                assert_eq!(
                    ours.map(f64::to_bits),
                    exact.map(f64::to_bits),
                    "{line} {column}"
                );
                means += 1;
            } else if let (Some(ours), Some(exact)) = (ours, exact) {
                // The lower band may be a small difference of large numbers: by the middle.
                let size = exact.abs().max(middle.unwrap());
                assert!(
                    (ours - exact).abs() <= 1e-12 * size,
                    "{line} {column}: {ours}"
                );
                bands += 1;
            } else {
                assert_eq!(ours, exact, "{line} {column}");
            }
        }
    }
    assert!(means > 3_000 && bands > 1_000, "{means}, {bands}");
}

#[test]
fn talib_keeps_a_remainder_of_a_bad_print_where_ours_is_exact() {
    // Why the differences above are allowed: 20 bars after the last print theirs is still off.
    let column = TALIB
        .lines()
        .next()
        .unwrap()
        .split(',')
        .position(|name| name == "sma_5");
    let theirs: f64 = TALIB
        .lines()
        .find(|line| line.starts_with("bad_prints,180,"))
        .and_then(|line| line.split(',').nth(column.unwrap()))
        .unwrap()
        .parse()
        .unwrap();
    let exact: f64 = SUMS
        .lines()
        .find(|line| line.starts_with("bad_prints,180,"))
        .and_then(|line| line.split(',').nth(2))
        .unwrap()
        .parse()
        .unwrap();
    assert!((theirs - exact).abs() > 1e-8 * exact, "{theirs}, {exact}");
}
