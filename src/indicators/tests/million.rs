//! A million updates with bad prints on the way.

use super::*;

/// Prices are whole multiples of this; 1e12 of them is too.
const UNIT: f64 = 1.0 / 1_048_576.0;
const UPDATES: usize = 1_000_000;
const PERIODS: [u32; 6] = [5, 20, 50, 60, 200, 300];

/// Whether `mean` is the f64 nearest to `sum` · UNIT ÷ `count`, in whole numbers.
fn is_nearest(mean: f64, sum: i128, count: i128) -> bool {
    // Twice the distance to the mean, and the gap to its neighbours, in units of the last place.
    let bits = mean.to_bits();
    let exponent = i32::try_from(bits >> 52).unwrap() - 1075;
    let mantissa = i128::from((bits & ((1 << 52) - 1)) | (1 << 52));
    // mean = mantissa · 2^exponent; sum · UNIT ÷ count = sum · 2^-20 ÷ count.
    let shift = -20 - exponent;
    let distance = if shift >= 0 {
        (sum << shift) - mantissa * count
    } else {
        sum - ((mantissa * count) << -shift)
    };
    2 * distance.abs() <= if shift >= 0 { count } else { count << -shift }
}

#[test]
#[allow(clippy::cast_precision_loss, reason = "fewer than 53 bits")]
fn after_a_million_updates_means_are_exact_and_bands_within_1e_12() {
    let parameters = Parameters {
        sma: PERIODS.to_vec(),
        bollinger: Some((20, 2.0)),
        ..Parameters::none()
    };
    let set = IndicatorSet::try_new(&parameters).unwrap();
    let upper = set.column("bollinger_upper").unwrap();
    let mut state = Indicators::new(&set);
    let mut random = Random(42);
    let mut prices: Vec<i64> = Vec::with_capacity(UPDATES);
    let mut sums = [0_i128; 6];
    let mut level = 100_i64 << 20;
    let mut next = bar(0, 1.0, 1.0, 1.0, 0);
    let (mut checked, mut worst) = (0, 0.0_f64);
    for day in 0..UPDATES {
        level = (level + i64::try_from(random.below(4_000_001)).unwrap() - 2_000_000).max(1 << 20);
        let price = if random.below(5_000) == 0 {
            1_000_000_000_000 << 20
        } else {
            level
        };
        prices.push(price);
        let close = price as f64 * UNIT;
        next.at = Timestamp::from_second(i64::try_from(day).unwrap()).unwrap();
        (next.high, next.low, next.close) = (close, close, close);
        let row = state.push(&next).unwrap();
        for (column, (sum, period)) in sums.iter_mut().zip(PERIODS).enumerate() {
            let count = usize::try_from(period).unwrap();
            *sum += i128::from(price);
            if day >= count {
                *sum -= i128::from(prices[day - count]);
            }
            // All near the end, some everywhere: an error that stays would be there.
            if day + 1 >= count && (day % 7 == column || day > UPDATES - 20_000) {
                let mean = row.get(column).unwrap();
                assert!(
                    is_nearest(mean, *sum, i128::from(period)),
                    "bar {day}, {period}: {mean}"
                );
                checked += 1;
            }
        }
        if day % 50 == 49 {
            let exact = upper_band(&prices[day - 19..=day]);
            worst = worst.max((row.get(upper).unwrap() - exact).abs() / exact);
        }
    }
    assert!(checked > 800_000, "{checked}");
    assert!(worst <= 1e-12, "{worst:e}");
}

/// Mean and two deviations in whole numbers up to the root; good to 1e-15.
#[allow(clippy::cast_precision_loss, reason = "rounded once each")]
fn upper_band(window: &[i64]) -> f64 {
    let sum: i128 = window.iter().map(|price| i128::from(*price)).sum();
    let distances = window
        .iter()
        .map(|price| (20 * i128::from(*price) - sum).unsigned_abs());
    // A bad print's square would not fit; its last places do not matter.
    let cut = if distances.clone().max() < Some(1 << 60) {
        0
    } else {
        6
    };
    let squares: u128 = distances.map(|distance| (distance >> cut).pow(2)).sum();
    let deviation = (squares as f64 / 20.0).sqrt() / 20.0 * f64::from(1_u32 << cut);
    (sum as f64 / 20.0 + 2.0 * deviation) * UNIT
}
