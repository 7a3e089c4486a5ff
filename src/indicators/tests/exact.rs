//! Signals against those decided in rational arithmetic (tests/data/indicators/make.py).

use super::*;

const EXACT: &str = include_str!("../../../tests/data/indicators/exact.csv");

#[test]
fn signals_are_those_of_exact_arithmetic_ties_included() {
    let set = IndicatorSet::default();
    let mut expected: BTreeMap<(&str, usize), Vec<&str>> = BTreeMap::new();
    let mut names = Vec::new();
    for line in EXACT.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let mut signals: Vec<&str> = cells[2].split(' ').collect();
        signals.sort_unstable();
        expected.insert((cells[0], cells[1].parse().unwrap()), signals);
        names.push(cells[0]);
    }
    names.push("all_flat_tenths");
    names.dedup();
    assert_eq!(names.len(), 14, "{names:?}");
    let series = series();
    let mut kinds = BTreeMap::new();
    for name in names {
        for (at, row) in rows(&set, &series[name]).iter().enumerate() {
            let mut signals: Vec<&str> = row.signals().iter().map(Signal::name).collect();
            signals.sort_unstable();
            let wanted = expected.remove(&(name, at)).unwrap_or_default();
            assert_eq!(signals, wanted, "{name}, bar {at}");
            for signal in signals {
                *kinds.entry(signal).or_insert(0) += 1;
            }
        }
    }
    assert!(expected.is_empty(), "{expected:?}");
    assert_eq!(
        kinds.len(),
        Signal::ALL.len(),
        "every kind occurs: {kinds:?}"
    );
}

#[test]
fn a_close_exactly_on_the_band_is_not_beyond_it() {
    // 16 closes at one price, 4 at another: (close − mean)² = 4 · variance, exactly.
    // Taken for above it, it would hide the break that follows.
    let mut prices = vec![10.1; 25];
    prices.extend([11.3, 11.3, 11.3, 11.3, 20.0]);
    let rows = rows(&IndicatorSet::default(), &closes(&prices));
    let breaks: Vec<usize> = (0..rows.len())
        .filter(|at| rows[*at].signals().contains(Signal::BollingerBreakUpper))
        .collect();
    assert_eq!(breaks, [25, 29]);
}

#[test]
fn a_flat_market_raises_nothing_however_it_got_there() {
    let set = IndicatorSet::default();
    for price in [0.1, 1.0 / 3.0, 1e-6, 1e12] {
        for row in rows(&set, &closes(&vec![price; 700])) {
            assert!(row.signals().is_empty(), "{price}: {:?}", row.signals());
        }
    }
    // After a wild time the averages go on meeting the price; once all windows are flat and the
    // recursions only shrink, nothing is raised any more.
    for seed in 0..4 {
        let mut bars = wild(seed, 400);
        let close = bars[399].close;
        bars.extend((400..2_400).map(|day| bar(day, close, close, close, 0)));
        for (at, row) in rows(&set, &bars).iter().enumerate().skip(400 + 300) {
            assert!(
                row.signals().is_empty(),
                "{seed}, bar {at}: {:?}",
                row.signals()
            );
        }
    }
}

#[test]
fn names_are_unique_and_read_back() {
    for signal in Signal::ALL {
        assert_eq!(signal.name().parse(), Ok(*signal));
        assert!(
            signal.meaning().ends_with('.'),
            "{signal}: {}",
            signal.meaning()
        );
    }
    let error = "golden".parse::<Signal>().unwrap_err();
    assert!(error.contains("golden_cross"), "{error}");
}
