//! From a question to an answer: status, body and what kind of answer it was.

use super::hash::{Draw, Key};
use super::history::{Cache, History};
use super::json::{self, Event, Row};
use super::market::{DAY_S, Market, Moment};
use super::markets::Markets;
use super::query::{Question, Refusal, Window};
use super::reserved::Behaviour;
use super::walk::Day;

/// A row becomes null only when its day is older than this many days: recent bars stay.
const NULL_ROWS_AFTER_DAYS: i32 = 30;

/// What kind of answer was given; the classes of [`super::Stats`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Bars.
    Ok,
    /// Unknown symbol or path.
    NotFound,
    /// A known symbol without bars in the window.
    NoData,
    /// Over the rate.
    RateLimited,
    /// An injected fault.
    Fault,
    /// The client's mistake.
    BadRequest,
}

/// An answer before it becomes HTTP.
#[derive(Debug)]
pub(super) struct Answer {
    /// HTTP status.
    pub(super) status: u16,
    /// JSON.
    pub(super) body: Vec<u8>,
    /// What kind of answer it is.
    pub(super) kind: Kind,
}

/// A request for a symbol's chart, as it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    /// Symbol, decoded; known to be well-formed.
    pub(super) symbol: &'a str,
    /// The symbol the answer claims to be about; another one only as a fault.
    pub(super) spelled: &'a str,
    /// Decoded query pairs.
    pub(super) query: &'a [(String, String)],
    /// The time, in epoch seconds.
    pub(super) now_s: i64,
}

/// The generated world: markets, seed and remembered histories.
#[derive(Debug)]
pub(super) struct World {
    /// Every market.
    pub(super) markets: Markets,
    /// Histories already walked.
    pub(super) cache: Cache,
    /// What everything is drawn from.
    pub(super) seed: u64,
}

impl World {
    /// The world of a seed.
    pub(super) fn load(seed: u64) -> std::io::Result<Self> {
        Ok(Self {
            markets: Markets::load()?,
            cache: Cache::default(),
            seed,
        })
    }

    /// The numbers that decide about the `index`-th request of a symbol: whether it meets a fault,
    /// and which.
    pub(super) fn fault_draws(&self, symbol: &str, index: i64) -> (u64, u64) {
        let key = Key::new(self.seed, symbol);
        (
            key.draw(Draw::Fault, index),
            key.draw(Draw::FaultKind, index),
        )
    }

    /// Answers a request; the same request at the same second has the same answer.
    pub(super) fn answer(&self, request: Request<'_>) -> Answer {
        let Request { symbol, now_s, .. } = request;
        let behaviour = Behaviour::of(symbol);
        if behaviour == Behaviour::NotFound {
            return not_found();
        }
        let question = match Question::parse(request.query, now_s) {
            Ok(question) => question,
            Err(refusal) => return refused(&refusal),
        };
        let market = self.markets.of(symbol);
        let moment = market.at(now_s);
        if matches!(behaviour, Behaviour::Dead | Behaviour::Empty) {
            let us = self.markets.of("DEAD");
            return Answer {
                status: 200,
                body: if behaviour == Behaviour::Dead {
                    json::dead(request.spelled, us, &us.at(now_s))
                } else {
                    json::empty(request.spelled, market, &moment)
                },
                kind: Kind::NoData,
            };
        }
        let history = self.cache.history(self.seed, symbol, market, moment.newest);
        let first = history.walk.first;
        let (from, until) = match question.window.sessions(market, &moment, first) {
            Ok(sessions) => sessions,
            Err(refusal) => return refused(&refusal),
        };
        let view = View {
            history: &history,
            market,
            moment: &moment,
            behaviour,
        };
        let rows = view.rows(from, until, question.window);
        let events = view.events(question, from, until);
        let Some(newest) = view.newest() else {
            return not_found();
        };
        let chart = json::Chart {
            symbol: request.spelled,
            currency: market.currency(symbol),
            market,
            moment: &moment,
            window: question.window,
            first_trade_s: market.open_utc_s(first),
            newest,
            year_range: history.year_range.unwrap_or((newest.high, newest.low)),
            previous_close: view.close_before(from),
            events: &events,
            rows: &rows,
        };
        Answer {
            status: 200,
            body: chart.render(),
            kind: if rows.is_empty() {
                Kind::NoData
            } else {
                Kind::Ok
            },
        }
    }
}

/// The answer for an unknown symbol.
pub(super) fn not_found() -> Answer {
    Answer {
        status: 404,
        body: json::error("Not Found", "No data found, symbol may be delisted"),
        kind: Kind::NotFound,
    }
}

fn refused(refusal: &Refusal) -> Answer {
    Answer {
        status: refusal.status,
        body: json::error(refusal.code, &refusal.description),
        kind: if refusal.is_no_data {
            Kind::NoData
        } else {
            Kind::BadRequest
        },
    }
}

/// A history as it is seen at one moment.
struct View<'a> {
    history: &'a History,
    market: &'a Market,
    moment: &'a Moment,
    behaviour: Behaviour,
}

impl View<'_> {
    /// The newest session as far as it has come.
    fn newest(&self) -> Option<Day> {
        let newest = self.moment.newest;
        let (session, day) = self.history.days(newest, newest).next()?;
        Some(self.history.walk.cut(day, session, self.moment.elapsed))
    }

    /// `chartPreviousClose`: the close before a session, or its open when it is the first.
    fn close_before(&self, session: i32) -> f64 {
        let first = self.history.walk.first;
        let before = self.history.days(session - 1, session - 1).next();
        let found = match before {
            Some((found, day)) if found < session => Some(day.close),
            _ => self
                .history
                .days(first, first)
                .next()
                .map(|(_, day)| day.open),
        };
        found.unwrap_or_default()
    }

    fn rows(&self, from: i32, until: i32, window: Window) -> Vec<Row> {
        let adjustments = self.history.adjustments();
        let mut rest = adjustments.as_slice();
        let daily = self.history.days(from, until).map(|(session, day)| {
            while let [(dividend, _), later @ ..] = rest
                && *dividend <= session
            {
                rest = later;
            }
            let factor = rest.first().map_or(1.0, |(_, factor)| *factor);
            self.row(session, day, factor)
        });
        if window.is_quarterly() {
            self.quarters(daily)
        } else {
            daily.collect()
        }
    }

    fn row(&self, session: i32, day: Day, factor: f64) -> Row {
        let Self {
            history,
            market,
            moment,
            behaviour,
        } = self;
        let is_newest = session == moment.newest;
        let date = market.day_of(session);
        let mut seen = day;
        if is_newest {
            seen = history.walk.cut(day, session, moment.elapsed);
        }
        if *behaviour == Behaviour::BadRows && history.walk.is_bad_row(date) {
            seen.low = seen.open * 1.01;
        }
        if *behaviour == Behaviour::ZeroNewest && is_newest {
            (seen.open, seen.high, seen.low) = (0.0, 0.0, 0.0);
        }
        let is_old = date < moment.today - NULL_ROWS_AFTER_DAYS;
        Row {
            stamp_s: if is_newest && moment.is_live {
                moment.market_time_s
            } else {
                market.open_utc_s(session)
            },
            date,
            day: seen,
            adjusted_close: seen.close * factor,
            is_null: is_old && history.walk.is_null_row(date),
        }
    }

    /// Daily rows as quarters, stamped at local midnight of the quarter's first day.
    fn quarters(&self, daily: impl Iterator<Item = Row>) -> Vec<Row> {
        let mut quarters: Vec<Row> = Vec::new();
        let mut next_quarter = i32::MIN;
        for row in daily {
            match quarters.last_mut() {
                Some(quarter) if row.date < next_quarter => {
                    quarter.day.high = quarter.day.high.max(row.day.high);
                    quarter.day.low = quarter.day.low.min(row.day.low);
                    quarter.day.close = row.day.close;
                    quarter.day.volume += row.day.volume;
                    quarter.adjusted_close = row.adjusted_close;
                }
                _ => {
                    let (start, end) = json::quarter(row.date);
                    next_quarter = end;
                    quarters.push(Row {
                        stamp_s: self.market.zone.to_utc_s(i64::from(start) * DAY_S),
                        is_null: false,
                        ..row
                    });
                }
            }
        }
        quarters
    }

    fn events(&self, question: Question, from: i32, until: i32) -> Vec<Event> {
        let stamp_s = |session: i32| self.market.open_utc_s(session);
        let dividends = self.history.dividends.iter().map(|dividend| {
            let event = Event::Dividend(stamp_s(dividend.session), dividend.amount);
            (dividend.session, question.dividends, event)
        });
        let splits = self.history.walk.splits.iter().map(|split| {
            let event = Event::Split(stamp_s(split.session), split.ratio);
            (split.session, question.splits, event)
        });
        dividends
            .chain(splits)
            .filter(|(session, asked, _)| *asked && (from..=until).contains(session))
            .map(|(_, _, event)| event)
            .collect()
    }
}
