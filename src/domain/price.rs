//! Prices arrive as float32 widened to float64; here they get their short form back.

/// Largest scale tried by multiplication: 10^15 still divides exactly in f64 for prices below 9.
const SCALES: [f64; 16] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
];

/// Above this magnitude a float32 has no fraction and its shortest form may drop digits.
const FLOAT32_INTEGER_LIMIT: f64 = 16_777_216.0;

/// The shortest decimal that has the same float32, as the nearest f64; a value that is not a
/// widened float32 (an already short `164.32`) is returned as it is.
///
/// `94.90049743652344` becomes `94.9005`. Equality of the results is exact, so that a changed
/// price is a correction and never noise. Non-finite values are returned unchanged.
pub fn shortest_decimal(value: f64) -> f64 {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "narrowing to float32 is the point"
    )]
    let narrow = value as f32;
    let widened = f64::from(narrow);
    // The JSON parser may be one unit in the last place off for 17-digit numbers.
    let slack = value.abs() * (4.0 * f64::EPSILON);
    if !value.is_finite() || !narrow.is_finite() || (widened - value).abs() > slack {
        return value;
    }
    if widened.abs() < FLOAT32_INTEGER_LIMIT {
        for scale in SCALES {
            let scaled = widened * scale;
            if scaled.abs() >= 9.0e15 {
                break;
            }
            // Integer ÷ power of ten, both exact: the quotient is the decimal's nearest f64.
            let candidate = scaled.round() / scale;
            #[allow(clippy::cast_possible_truncation, reason = "comparing as float32")]
            if candidate as f32 == narrow {
                return candidate;
            }
        }
    }
    narrow.to_string().parse().unwrap_or(widened)
}

/// `value` with so many significant decimal digits (at least one), as the nearest f64. Rounds the
/// exact binary value, halves to even; non-finite values are returned unchanged.
pub fn significant(value: f64, digits: usize) -> f64 {
    if !value.is_finite() {
        return value;
    }
    let text = format!("{value:.*e}", digits.saturating_sub(1));
    text.parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_widened_float32_gets_its_short_form_back() {
        assert_eq!(shortest_decimal(94.900_497_436_523_44), 94.9005);
        assert_eq!(shortest_decimal(269.700_012_207_031_25), 269.7);
        assert_eq!(shortest_decimal(0.17), 0.17);
        assert_eq!(shortest_decimal(123_456_792.0), 123_456_790.0);
        assert!(shortest_decimal(f64::NAN).is_nan());
        assert_eq!(shortest_decimal(0.0), 0.0);
    }

    #[test]
    fn significant_digits_are_counted_from_the_first_that_is_not_zero() {
        assert_eq!(significant(1_000.0 / 7.0, 10), 142.857_142_9);
        assert_eq!(significant(0.000_123_456_789_012, 10), 0.000_123_456_789);
        assert_eq!(significant(-94.900_5, 10), -94.900_5);
        assert_eq!(significant(0.0, 10), 0.0);
        assert!(significant(f64::NAN, 10).is_nan());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200_000))]

        /// Oracle: the standard library's shortest float32 printing (Grisu/Dragon).
        #[test]
        fn it_equals_the_shortest_printing_of_the_float32(bits in any::<u32>()) {
            let narrow = f32::from_bits(bits);
            prop_assume!(narrow.is_finite());
            let expected: f64 = narrow.to_string().parse().unwrap();
            prop_assert_eq!(shortest_decimal(f64::from(narrow)), expected);
        }

        #[test]
        fn prices_of_the_usual_size_agree_too(cents in 1_u32..100_000_000, scale in 0_i32..7) {
            #[allow(clippy::cast_possible_truncation, reason = "making a float32 price")]
            let narrow = (f64::from(cents) / 10_f64.powi(scale)) as f32;
            let expected: f64 = narrow.to_string().parse().unwrap();
            prop_assert_eq!(shortest_decimal(f64::from(narrow)), expected);
        }
    }
}
