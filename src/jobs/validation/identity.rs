//! V9: is the answer about the instrument on record?

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::domain::Symbol;
use crate::store::Instrument;
use crate::upstream::Chart;

/// The interval of every series.
const GRANULARITY: &str = "1d";

/// Two zones are held against each other once a month for this many years back.
const YEARS_COMPARED: i16 = 10;

/// What of the answer belongs to something else than the instrument on record; the whole answer is
/// then refused. What either side does not say is no difference.
pub(in crate::jobs) fn other_instrument(
    chart: &Chart,
    symbol: &Symbol,
    recorded: Option<&Instrument>,
    now: Timestamp,
) -> Option<String> {
    if !chart.symbol.eq_ignore_ascii_case(symbol.as_str()) {
        return Some(format!(
            "symbol `{:.32}` instead of `{symbol}`",
            chart.symbol
        ));
    }
    if chart.granularity != GRANULARITY {
        return Some(format!(
            "rows of `{:.16}` instead of `{GRANULARITY}`",
            chart.granularity
        ));
    }
    let recorded = recorded?;
    if let (Some(sent), Some(known)) = (&chart.currency, &recorded.currency)
        && sent != known
    {
        return Some(format!("currency `{sent:.8}` instead of `{known}`"));
    }
    let sent = chart.zone.iana_name().unwrap_or("UTC");
    let known = recorded.timezone.as_str();
    if known.is_empty() || sent == known {
        return None;
    }
    let is_same = TimeZone::get(known).is_ok_and(|known| is_same_zone(&chart.zone, &known, now));
    (!is_same).then(|| format!("time zone `{sent}` instead of `{known}`"))
}

/// Zones are renamed now and then (Asia/Calcutta, Asia/Kolkata): what counts is that every bar keeps
/// its date.
fn is_same_zone(a: &TimeZone, b: &TimeZone, now: Timestamp) -> bool {
    let year = now.to_zoned(TimeZone::UTC).year();
    let months = (year - YEARS_COMPARED..=year).flat_map(|year| (1..=12).map(move |m| (year, m)));
    let mut middles = months.filter_map(|(year, month)| {
        let noon = jiff::civil::date(year, month, 15).at(12, 0, 0, 0);
        noon.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp())
    });
    middles.all(|at| a.to_offset(at) == b.to_offset(at))
}
