//! How long an upstream asks us to stay away: `Retry-After` in seconds or as a date (RFC 9110,
//! sections 5.6.7 and 10.2.3).

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::fmt::{rfc2822, strtime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// No wait is longer, whatever is asked: a day.
pub(super) const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);

/// Two-digit years more than this ahead are of the last century.
const CENTURY_SLACK_YEARS: i16 = 50;

/// The wait an answer asks for; `None` when it does not ask, or not in words we know. A date is
/// held against the answer's own `Date`, so that our clock does not matter; against `now` when
/// there is none.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let asked = text(RETRY_AFTER)?;
    if !asked.is_empty() && asked.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number too large to hold is a long wait, too.
        let seconds = asked.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER));
    }
    let until = http_date(asked, now)?;
    let sent = text(DATE).and_then(|sent| http_date(sent, now));
    let wait = until.duration_since(sent.unwrap_or(now));
    // A moment that is over is no wait.
    Some(
        Duration::try_from(wait.max(SignedDuration::ZERO))
            .map_or(MAX_RETRY_AFTER, |wait| wait.min(MAX_RETRY_AFTER)),
    )
}

/// The three forms of an HTTP date: `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37
/// GMT` and `Sun Nov  6 08:49:37 1994`.
fn http_date(text: &str, now: Timestamp) -> Option<Timestamp> {
    let preferred = rfc2822::DateTimeParser::new().relaxed_weekday(true);
    if let Ok(at) = preferred.parse_timestamp(text) {
        return Some(at);
    }
    let utc = |civil: DateTime| civil.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp());
    let (_, after_weekday) = text.split_once(' ')?;
    let of = |format: &str| {
        strtime::parse(format, after_weekday)
            .ok()?
            .to_datetime()
            .ok()
    };
    if let Some(civil) = of("%b %e %H:%M:%S %Y") {
        return utc(civil);
    }
    let civil = of("%d-%b-%y %H:%M:%S GMT")?;
    let this_year = now.to_zoned(TimeZone::UTC).year();
    let year = this_year - this_year.rem_euclid(100) + civil.year().rem_euclid(100);
    let year = if year > this_year + CENTURY_SLACK_YEARS {
        year - 100
    } else {
        year
    };
    utc(civil.with().year(year).build().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-22T12:00:00Z";

    fn asked(headers: &[(&'static str, &str)]) -> Option<Duration> {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            all.insert(*name, value.parse().unwrap());
        }
        retry_after(&all, NOW.parse().unwrap())
    }

    #[test]
    fn seconds_are_taken_up_to_a_day() {
        let cases = [
            ("0", Some(Duration::ZERO)),
            (" 120 ", Some(Duration::from_mins(2))),
            ("86401", Some(MAX_RETRY_AFTER)),
            ("99999999999999999999999", Some(MAX_RETRY_AFTER)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ];
        for (text, expected) in cases {
            assert_eq!(asked(&[("retry-after", text)]), expected, "`{text}`");
        }
        assert_eq!(asked(&[]), None);
    }

    #[test]
    fn a_date_in_each_of_its_three_forms_is_a_wait_from_now() {
        let minute_and_a_half = Some(Duration::from_secs(90));
        for date in [
            "Sun, 22 Nov 2026 12:01:30 GMT",
            "Sunday, 22-Nov-26 12:01:30 GMT",
            "Sun Nov 22 12:01:30 2026",
        ] {
            assert_eq!(asked(&[("retry-after", date)]), minute_and_a_half, "{date}");
        }
        let cases = [
            ("Sun Nov  1 12:01:30 2026", Some(Duration::ZERO)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(Duration::ZERO)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(Duration::ZERO)),
            ("Fri, 01 Jan 2100 00:00:00 GMT", Some(MAX_RETRY_AFTER)),
            ("Sun, 99 Nov 2026 12:01:30 GMT", None),
            ("Sunday", None),
        ];
        for (date, expected) in cases {
            assert_eq!(asked(&[("retry-after", date)]), expected, "{date}");
        }
    }

    #[test]
    fn the_upstreams_own_clock_counts_when_it_tells_it() {
        let headers = [
            ("date", "Thu, 01 Jan 2026 00:00:00 GMT"),
            ("retry-after", "Thu, 01 Jan 2026 00:00:07 GMT"),
        ];
        assert_eq!(asked(&headers), Some(Duration::from_secs(7)));
    }
}
