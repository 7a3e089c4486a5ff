//! Indicators as texts: values as a JSON object every backend can look into, a base in one line.

use std::fmt::Write as _;

use super::{Base, SeriesVersion};

/// `{"sma_5":10.2,"rsi":null}`: the shortest decimals that read back as the same bits.
pub(super) fn text_of(values: &[(String, Option<f64>)]) -> String {
    let mut text = String::with_capacity(values.len() * 32);
    for (name, value) in values {
        text.push(if text.is_empty() { '{' } else { ',' });
        // Writing to a string cannot fail.
        let _ = match value {
            Some(value) => write!(text, "\"{name}\":{value:?}"),
            None => write!(text, "\"{name}\":null"),
        };
    }
    if text.is_empty() {
        text.push('{');
    }
    text.push('}');
    text
}

/// Reads [`text_of`]; serde's reader may be off by the last bit, this is not. Names have neither
/// quotes nor commas.
pub(super) fn values_of(text: &str) -> Vec<(String, Option<f64>)> {
    let inner = text.trim().trim_start_matches('{').trim_end_matches('}');
    let pairs = inner.split(',').filter_map(|pair| pair.split_once(':'));
    pairs
        .map(|(name, value)| {
            let name = name.trim().trim_matches('"').to_owned();
            (name, value.trim().parse().ok())
        })
        .collect()
}

/// The version's five numbers, then the anchors, parted by spaces.
pub(super) fn text_of_base(base: &Base) -> String {
    let SeriesVersion {
        first,
        last,
        bars,
        revisions,
        replaced,
    } = base.version;
    format!(
        "{first} {last} {bars} {revisions} {replaced} {}",
        base.anchors
    )
}

/// Reads [`text_of_base`]; without a base a correction costs a computation from the first bar.
pub(super) fn base_of(text: &str) -> Option<Base> {
    let mut parts = text.splitn(6, ' ');
    let mut next = || parts.next();
    Some(Base {
        version: SeriesVersion {
            first: next()?.parse().ok()?,
            last: next()?.parse().ok()?,
            bars: next()?.parse().ok()?,
            revisions: next()?.parse().ok()?,
            replaced: next()?.parse().ok()?,
        },
        anchors: next()?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_value_reads_back_as_the_same_bits(bits in any::<u64>()) {
            let value = Some(f64::from_bits(bits)).filter(|value| value.is_finite());
            let values = [("sma_5".to_owned(), value), ("rsi".to_owned(), None)];
            let text = text_of(&values);
            let read = values_of(&text);
            prop_assert_eq!(read[0].1.map(f64::to_bits), value.map(f64::to_bits));
            prop_assert_eq!(&read[1], &values[1]);
            let json: serde_json::Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(json["sma_5"].is_null(), value.is_none());
        }
    }

    #[test]
    fn a_base_survives_its_text_and_another_text_is_none() {
        let base = Base {
            version: SeriesVersion {
                first: date(2016, 1, 4),
                last: date(2026, 8, 21),
                bars: 2_675,
                revisions: 12,
                replaced: 3,
            },
            anchors: "anchors1 0 1 ff".to_owned(),
        };
        assert_eq!(base_of(&text_of_base(&base)), Some(base));
        assert_eq!(base_of("2016-01-04 x"), None);
        assert_eq!(values_of(&text_of(&[])), []);
    }
}
