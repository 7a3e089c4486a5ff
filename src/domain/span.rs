//! Spans of time as operators write them: `500ms`, `30s`, `5m`, `1h30m`, `2d`.

use std::time::Duration;

const UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// Parses a span: one or more `number unit` pairs, largest first; units ms, s, m, h, d.
///
/// The error says what is wrong and how it should look.
pub fn parse_span(text: &str) -> Result<Duration, String> {
    let remedy = "write it like \"30s\", \"5m\", \"1h30m\" (units: ms, s, m, h, d)";
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(format!("an empty span of time; {remedy}"));
    }
    let mut total_ms: u64 = 0;
    let mut last_unit_ms = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, after_unit) = after.split_at(letters);
        let number: u64 = number
            .parse()
            .map_err(|_| format!("`{text}` is not a span of time; {remedy}"))?;
        let unit_ms = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .map(|(_, ms)| *ms)
            .ok_or_else(|| format!("`{text}` has no known unit; {remedy}"))?;
        if unit_ms >= last_unit_ms {
            return Err(format!("`{text}` repeats or reorders units; {remedy}"));
        }
        last_unit_ms = unit_ms;
        total_ms = number
            .checked_mul(unit_ms)
            .and_then(|ms| total_ms.checked_add(ms))
            .ok_or_else(|| format!("`{text}` is longer than this program can count"))?;
        rest = after_unit.trim_start();
    }
    Ok(Duration::from_millis(total_ms))
}

/// Prints a span the way [`parse_span`] reads it, at most two units: `1h30m`, `1.5s`, `420ms`.
pub fn format_span(span: Duration) -> String {
    let ms = span.as_millis();
    let pair = |big: u128, big_unit: &str, small: u128, small_unit: &str| {
        if small == 0 {
            format!("{big}{big_unit}")
        } else {
            format!("{big}{big_unit}{small}{small_unit}")
        }
    };
    if ms < 1_000 {
        return format!("{ms}ms");
    }
    let seconds = ms / 1_000;
    if seconds < 60 {
        return match ms % 1_000 {
            0 => format!("{seconds}s"),
            _ => format!("{:.2}s", span.as_secs_f64()),
        };
    }
    if seconds < 3_600 {
        return pair(seconds / 60, "m", seconds % 60, "s");
    }
    if seconds < 86_400 {
        return pair(seconds / 3_600, "h", seconds % 3_600 / 60, "m");
    }
    pair(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_written() {
        for (text, ms) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("1h 30m", 5_400_000),
            ("2d", 172_800_000),
            ("0s", 0),
        ] {
            assert_eq!(parse_span(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn a_senseless_span_says_how_it_should_look() {
        for text in [
            "",
            "5",
            "m",
            "5 minutes",
            "-5m",
            "5m1h",
            "5m5m",
            "1.5h",
            "99999999999999999d",
        ] {
            assert!(parse_span(text).is_err(), "{text} was accepted");
        }
        assert!(parse_span("5 minutes").unwrap_err().contains("\"5m\""));
    }

    #[test]
    fn printing_and_parsing_agree_on_whole_units() {
        for text in ["420ms", "30s", "5m", "1h30m", "2d", "2d3h"] {
            assert_eq!(format_span(parse_span(text).unwrap()), text);
        }
    }
}
