//! What a chart request asks for, and how Yahoo words its refusals.

use jiff::civil::Date;
use jiff::{Span, Timestamp};

use super::market::{Market, Moment, day_number};

/// Ranges answered, and their months (`None`: counted in another way).
const RANGES: [(&str, Option<i32>); 11] = [
    ("1d", None),
    ("5d", None),
    ("1mo", Some(1)),
    ("3mo", Some(3)),
    ("6mo", Some(6)),
    ("1y", Some(12)),
    ("2y", Some(24)),
    ("5y", Some(60)),
    ("10y", Some(120)),
    ("ytd", None),
    ("max", None),
];

/// A request that is refused: status, `chart.error.code` and description.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// HTTP status, 400 or 422.
    pub(super) status: u16,
    /// `chart.error.code`.
    pub(super) code: &'static str,
    /// `chart.error.description`.
    pub(super) description: String,
    /// Whether the request was fine and there just is no data (a window before the first trade).
    pub(super) is_no_data: bool,
}

impl Refusal {
    fn unprocessable(description: String) -> Self {
        Self {
            status: 422,
            code: "Unprocessable Entity",
            description,
            is_no_data: false,
        }
    }

    fn bad_request(description: String) -> Self {
        Self {
            status: 400,
            code: "Bad Request",
            description,
            is_no_data: false,
        }
    }
}

/// A request that can be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// The window asked for.
    pub(super) window: Window,
    /// Whether dividends are to be told.
    pub(super) dividends: bool,
    /// Whether splits are to be told.
    pub(super) splits: bool,
}

/// A window of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Window {
    /// Epoch seconds, both ends included.
    Period(i64, i64),
    /// One of [`RANGES`].
    Range(&'static str, Option<i32>),
}

impl Question {
    /// Reads the query; of a repeated key the first counts, unknown keys are ignored.
    pub(super) fn parse(query: &[(String, String)], now_s: i64) -> Result<Self, Refusal> {
        let value = |key: &str| {
            query
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value.as_str())
        };
        match value("interval") {
            Some("1d") => {}
            other => {
                return Err(Refusal::unprocessable(format!(
                    "Invalid input - interval={} is not supported. Valid intervals: [1d]",
                    shown(other.unwrap_or_default())
                )));
            }
        }
        let seconds = |key: &str| -> Result<Option<i64>, Refusal> {
            value(key)
                .map(|text| {
                    text.parse().map_err(|_| {
                        Refusal::bad_request(format!(
                            "Invalid input - {key}={} is not a number",
                            shown(text)
                        ))
                    })
                })
                .transpose()
        };
        let window = match (seconds("period1")?, seconds("period2")?, value("range")) {
            (Some(from), until, _) => {
                let until = until.unwrap_or(now_s);
                if from > until {
                    return Err(Refusal::bad_request(format!(
                        "Invalid input - start date cannot be after end date. \
                         startDate = {from}, endDate = {until}"
                    )));
                }
                Window::Period(from, until)
            }
            (None, _, asked) => {
                let asked = asked.unwrap_or("1d");
                let known = RANGES.iter().find(|(name, _)| *name == asked);
                let (name, months) = known.ok_or_else(|| {
                    Refusal::unprocessable(format!(
                        "Invalid input - range={} is not supported",
                        shown(asked)
                    ))
                })?;
                Window::Range(name, *months)
            }
        };
        let events = value("events").unwrap_or_default();
        let asks = |name: &str| {
            events
                .split([',', '|'])
                .any(|event| event.trim_end_matches('s') == name)
        };
        Ok(Self {
            window,
            dividends: asks("div"),
            splits: asks("split"),
        })
    }
}

impl Window {
    /// The range's name, empty for a period: `meta.range`.
    pub(super) fn range_name(self) -> &'static str {
        match self {
            Self::Period(..) => "",
            Self::Range(name, _) => name,
        }
    }

    /// Yahoo's silent trap: a request for daily bars of `max` is answered with quarters.
    pub(super) fn is_quarterly(self) -> bool {
        self.range_name() == "max"
    }

    /// First and last session of the window among those from `first` to the newest; the first is
    /// above the last when there is none.
    pub(super) fn sessions(
        self,
        market: &Market,
        moment: &Moment,
        first: i32,
    ) -> Result<(i32, i32), Refusal> {
        let newest = moment.newest;
        match self {
            Self::Period(from_s, until_s) => {
                let first_open_s = market.open_utc_s(first);
                if until_s < first_open_s || newest < first {
                    return Err(Refusal {
                        is_no_data: true,
                        ..Refusal::bad_request(format!(
                            "Data doesn't exist for startDate = {from_s}, endDate = {until_s}"
                        ))
                    });
                }
                let latest_s = market.open_utc_s(newest + 1);
                let mut from = market.session_opening_from(from_s.clamp(first_open_s, latest_s));
                let until = market.session_opening_until(until_s.clamp(first_open_s, latest_s));
                // The newest bar lasts from its open to its stamp: either may lie in the window.
                if moment.is_live && from == newest + 1 && moment.market_time_s >= from_s {
                    from = newest;
                }
                Ok((from.max(first), until.min(newest)))
            }
            Self::Range("1d", _) => Ok((newest.max(first), newest)),
            Self::Range("5d", _) => Ok(((newest - 4).max(first), newest)),
            Self::Range("max", _) => Ok((first, newest)),
            Self::Range(_, months) => {
                let from_day = day_number(range_start(market, moment.now_s, months));
                Ok((market.session_from(from_day).max(first), newest))
            }
        }
    }
}

/// The local date so many months ago, or new year's day.
fn range_start(market: &Market, now_s: i64, months: Option<i32>) -> Date {
    let now = Timestamp::from_second(now_s).unwrap_or_default();
    let today = market.zone.tz.to_datetime(now).date();
    match months {
        Some(months) => Span::new()
            .try_months(months)
            .and_then(|span| today.checked_sub(span))
            .unwrap_or(today),
        None => today.first_of_year(),
    }
}

/// A text from outside, fit for a JSON string and an error line.
fn shown(text: &str) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || "+-._ :".contains(*c);
    text.chars().filter(plain).take(32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &[(&str, &str)]) -> Result<Question, Refusal> {
        let owned: Vec<(String, String)> = query
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        Question::parse(&owned, 1_000)
    }

    #[test]
    fn periods_may_be_negative_and_ranges_are_a_closed_list() {
        let asked = parse(&[
            ("interval", "1d"),
            ("period1", "-252322200"),
            ("period2", "5"),
        ]);
        assert_eq!(asked.unwrap().window, Window::Period(-252_322_200, 5));
        let open_end = parse(&[("interval", "1d"), ("period1", "0")]);
        assert_eq!(open_end.unwrap().window, Window::Period(0, 1_000));
        let none = parse(&[("interval", "1d")]).unwrap();
        assert_eq!(none.window.range_name(), "1d");
        let odd = parse(&[("interval", "1d"), ("range", "7w\"")]).unwrap_err();
        assert_eq!(odd.status, 422);
        assert!(odd.description.contains("range=7w "), "{}", odd.description);
    }

    #[test]
    fn other_intervals_and_impossible_periods_are_refused() {
        assert_eq!(parse(&[("interval", "1wk")]).unwrap_err().status, 422);
        assert_eq!(parse(&[]).unwrap_err().status, 422);
        let swapped = parse(&[("interval", "1d"), ("period1", "9"), ("period2", "8")]);
        assert_eq!(swapped.unwrap_err().status, 400);
        let text = parse(&[("interval", "1d"), ("period1", "yesterday")]);
        assert_eq!(text.unwrap_err().status, 400);
    }

    #[test]
    fn events_are_read_in_both_spellings() {
        for text in ["div,splits", "div|split", "split,div,earn"] {
            let asked = parse(&[("interval", "1d"), ("events", text)]).unwrap();
            assert!(asked.dividends && asked.splits, "{text}");
        }
        let none = parse(&[("interval", "1d"), ("events", "earn")]).unwrap();
        assert!(!none.dividends && !none.splits);
    }
}
