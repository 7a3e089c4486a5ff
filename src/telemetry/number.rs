//! How a number stands in a line.

/// To the second decimal, or to the fourth digit that says something: a coin may cost 0.00001234.
pub(super) fn number(value: f64) -> String {
    let zeros = -value.abs().log10().floor();
    if !(1.0..=20.0).contains(&zeros) {
        return format!("{value:.2}");
    }
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "1 to 20"
    )]
    let decimals = zeros as usize + 3;
    let text = format!("{value:.decimals$}");
    let trimmed = text.trim_end_matches('0');
    // Never fewer than two.
    let shortest = text.find('.').map_or(0, |point| point + 3);
    text.get(..trimmed.len().max(shortest))
        .unwrap_or(&text)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_keeps_two_decimals_or_four_digits() {
        let told = [
            (0.0, "0.00"),
            (-12.345, "-12.35"),
            (1.0, "1.00"),
            (0.5, "0.50"),
            (0.123_456, "0.1235"),
            (0.000_012_34, "0.00001234"),
            (-0.000_1, "-0.0001"),
            (1e12, "1000000000000.00"),
        ];
        for (value, text) in told {
            assert_eq!(number(value), text);
        }
    }
}
