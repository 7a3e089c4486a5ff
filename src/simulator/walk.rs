//! The price of a symbol as a walk: each session follows from the one before and from hashes.

use jiff::civil::Date;

use super::hash::{Draw, Key, almost_normal, four_units, unit};
use super::market::{Market, day_number};

/// Pull back to the mean, in units of the variance of a day: the logarithm of price over mean then
/// deviates by about 0.4, however lively the symbol is.
const PULL: f64 = 3.0;
/// Growth of the mean per session: about 2.5 % a year.
const DRIFT: f64 = 0.0001;
/// The mean grows to this multiple of the first price, within 150 years.
const GROWTH_LIMIT: f64 = 50.0;
/// First trading days lie in `FIRST_YEAR..=LAST_YEAR`: ten years of bars always exist.
const FIRST_YEAR: i16 = 1985;
const LAST_YEAR: i16 = 2012;
/// Sessions between two dividends.
const DIVIDEND_EVERY_SESSIONS: i32 = 63;
/// A split is held between so many sessions after the first trade and so many more.
const SPLIT_EARLIEST_SESSIONS: i32 = 500;
const SPLIT_SPAN_SESSIONS: u64 = 3_000;
const SPLIT_RATIOS: [u32; 3] = [2, 4, 10];
/// Ticks are so much finer before a split: those prices were divided by its ratio.
const FINER_BEFORE_SPLIT: f64 = 100.0;

/// Prices and volume of one session, before they are narrowed to float32.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Day {
    /// First price.
    pub(super) open: f64,
    /// Highest price.
    pub(super) high: f64,
    /// Lowest price.
    pub(super) low: f64,
    /// Last price.
    pub(super) close: f64,
    /// Units traded.
    pub(super) volume: u64,
}

/// Where the walk stands before a session.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    price: f64,
    mean: f64,
}

/// A share split: `ratio` new for one old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Split {
    /// First session at the new price.
    pub(super) session: i32,
    /// New shares for one old.
    pub(super) ratio: u32,
}

/// The rules of one symbol's walk.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    key: Key,
    /// The first session ever.
    pub(super) first: i32,
    /// Splits, in order of time; in the future, too.
    pub(super) splits: Vec<Split>,
    sigma: f64,
    start_price: f64,
    ticks_per_unit: f64,
    base_volume: u64,
    dividend: Option<Payer>,
}

#[derive(Clone, Copy, Debug)]
struct Payer {
    phase: i32,
    /// Dividend in parts of the price.
    rate: f64,
}

impl Walk {
    /// The walk of `symbol` on its market.
    pub(super) fn new(seed: u64, symbol: &str, market: &Market) -> Self {
        let key = Key::new(seed, symbol);
        let earliest = day_number(Date::constant(FIRST_YEAR, 1, 1));
        let latest = day_number(Date::constant(LAST_YEAR, 12, 28));
        let first_day = earliest + below(key.draw(Draw::FirstTrade, 0), latest - earliest);
        let first = market.session_from(first_day);
        let [lively, busy, cheap, _] = four_units(key.draw(Draw::Character, 0));
        let (lowest, highest) = market.start_prices;
        let pays = key.draw(Draw::Dividend, 0).is_multiple_of(2);
        Self {
            key,
            first,
            splits: if market.is_equity() {
                splits(key, first)
            } else {
                Vec::new()
            },
            sigma: market.sigma * (0.7 + 0.6 * lively),
            // The square favours small prices, which are the more common ones.
            start_price: lowest + cheap * cheap * (highest - lowest),
            ticks_per_unit: market.ticks_per_unit,
            base_volume: if market.has_volume {
                100_000 + u64::from(below_u32(busy, 4_000)) * u64::from(below_u32(busy, 9_000))
            } else {
                0
            },
            dividend: (pays && market.is_equity()).then(|| Payer {
                phase: below(key.draw(Draw::Dividend, 1), DIVIDEND_EVERY_SESSIONS),
                rate: 0.002 + 0.008 * unit(key.draw(Draw::Dividend, 2)),
            }),
        }
    }

    /// The state before the first session.
    pub(super) fn start(&self) -> State {
        State {
            price: self.start_price,
            mean: self.start_price,
        }
    }

    /// The session that follows a state, and the state after it.
    pub(super) fn step(&self, state: State, session: i32) -> (Day, State) {
        let at = i64::from(session);
        let State { price, mean } = state;
        let shock = self.sigma * almost_normal(self.key.draw(Draw::Close, at));
        // Odd and bounded in log space: the same pull from half as from double the mean. The half
        // makes up for what ups and downs of the same size lose (Itô).
        let pull = self.sigma * self.sigma * (PULL * (mean - price) / mean.max(price) + 0.5);
        let close = price * (1.0 + shock + pull);
        let [gap, up, down, busy] = four_units(self.key.draw(Draw::Shape, at));
        let open = price * (1.0 + self.sigma * (gap - 0.5));
        let ticks = self.ticks_per_unit(session);
        let day = Day {
            open: to_tick(open, ticks),
            high: to_tick(open.max(close) * (1.0 + self.sigma * 0.8 * up), ticks),
            low: to_tick(open.min(close) * (1.0 - self.sigma * 0.8 * down), ticks),
            close: to_tick(close, ticks),
            volume: self.base_volume * u64::from(500 + below_u32(busy, 1_500)) / 1_000,
        };
        let next = State {
            price: close,
            mean: (mean * (1.0 + DRIFT)).min(self.start_price * GROWTH_LIMIT),
        };
        (day, next)
    }

    /// A session after a part of it has passed (0 to 1): the open stays, high and low only grow,
    /// and at 1 it is the whole session, to the last digit.
    pub(super) fn cut(&self, day: Day, session: i32, elapsed: f64) -> Day {
        if elapsed >= 1.0 {
            return day;
        }
        let draw = self.key.draw(Draw::Path, i64::from(session));
        let [early, late, ..] = four_units(draw);
        let (first, second) = if draw.is_multiple_of(2) {
            (day.low, day.high)
        } else {
            (day.high, day.low)
        };
        // Straight from open to one extreme, to the other, and to the close.
        let path = [
            (0.0, day.open),
            (0.1 + 0.35 * early, first),
            (0.5 + 0.4 * late, second),
            (1.0, day.close),
        ];
        let mut seen = Day {
            open: day.open,
            high: day.open,
            low: day.open,
            close: day.open,
            volume: u64::from(below_u32(elapsed.max(0.0), 1_000_000)) * day.volume / 1_000_000,
        };
        for (from, to) in path.iter().zip(path.iter().skip(1)) {
            if elapsed <= from.0 {
                break;
            }
            let part = ((elapsed - from.0) / (to.0 - from.0)).min(1.0);
            let price = from.1 + (to.1 - from.1) * part;
            seen.close = to_tick(price, self.ticks_per_unit(session));
            seen.high = seen.high.max(seen.close);
            seen.low = seen.low.min(seen.close);
        }
        seen
    }

    /// The dividend paid at a session's open, given the close before; in the symbol's currency.
    pub(super) fn dividend(&self, session: i32, previous_close: f64) -> Option<f64> {
        let payer = self.dividend?;
        let due = (session + payer.phase).rem_euclid(DIVIDEND_EVERY_SESSIONS) == 0;
        (due && session > self.first).then(|| to_tick(previous_close * payer.rate, 1_000.0))
    }

    /// Whether the row of an old enough day is all null (about one in 250).
    pub(super) fn is_null_row(&self, day: i32) -> bool {
        self.key
            .draw(Draw::NullRow, i64::from(day))
            .is_multiple_of(250)
    }

    /// Whether the row of a day is impossible, in a symbol that has such rows (one in 20).
    pub(super) fn is_bad_row(&self, day: i32) -> bool {
        self.key
            .draw(Draw::BadRow, i64::from(day))
            .is_multiple_of(20)
    }

    fn ticks_per_unit(&self, session: i32) -> f64 {
        match self.splits.last() {
            Some(split) if session < split.session => self.ticks_per_unit * FINER_BEFORE_SPLIT,
            _ => self.ticks_per_unit,
        }
    }
}

/// One or two splits for every third share.
fn splits(key: Key, first: i32) -> Vec<Split> {
    let draw = key.draw(Draw::Split, 0);
    let count = match draw % 6 {
        0 => 1,
        1 => 2,
        _ => 0,
    };
    let mut splits: Vec<Split> = (1..=count)
        .map(|index| {
            let draw = key.draw(Draw::Split, index);
            let later = i32::try_from(draw % SPLIT_SPAN_SESSIONS).unwrap_or(0);
            let pick = usize::try_from((draw >> 32) % 3).unwrap_or(0);
            Split {
                session: first + SPLIT_EARLIEST_SESSIONS + later,
                ratio: SPLIT_RATIOS.get(pick).copied().unwrap_or(2),
            }
        })
        .collect();
    splits.sort_by_key(|split| split.session);
    splits.dedup_by_key(|split| split.session);
    splits
}

/// The nearest multiple of a tick, never less than one tick.
fn to_tick(price: f64, ticks_per_unit: f64) -> f64 {
    (price * ticks_per_unit).round().max(1.0) / ticks_per_unit
}

/// A draw as a number below `limit`.
fn below(draw: u64, limit: i32) -> i32 {
    let limit = u64::try_from(limit).unwrap_or(1).max(1);
    i32::try_from(draw % limit).unwrap_or(0)
}

/// A number in `0.0..1.0` as an integer below `limit`.
fn below_u32(part: f64, limit: u32) -> u32 {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates, and the product is within 0..limit"
    )]
    let scaled = (part * f64::from(limit)) as u32;
    scaled.min(limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::markets::Markets;

    fn walk(symbol: &str) -> Walk {
        let markets = Markets::load().unwrap();
        Walk::new(1, symbol, markets.of(symbol))
    }

    fn forty_years(walk: &Walk) -> Vec<(i32, Day)> {
        let mut state = walk.start();
        (walk.first..walk.first + 10_400)
            .map(|session| {
                let (day, next) = walk.step(state, session);
                state = next;
                (session, day)
            })
            .collect()
    }

    fn encloses(day: &Day) -> bool {
        day.low > 0.0 && day.low <= day.open.min(day.close) && day.high >= day.open.max(day.close)
    }

    #[test]
    fn forty_years_of_every_market_stay_valid_and_sane() {
        for symbol in [
            "AAPL", "^GSPC", "BTC-USD", "EURUSD=X", "GC=F", "A.L", "A.KS", "A.DE",
        ] {
            let walk = walk(symbol);
            let mut previous = walk.start_price;
            for (session, day) in forty_years(&walk) {
                assert!(encloses(&day), "{symbol} {session} {day:?}");
                let step = day.close / previous;
                assert!((0.8..1.25).contains(&step), "{symbol} {session} {step}");
                let range = walk.start_price / 20.0..walk.start_price * 40.0;
                assert!(range.contains(&day.close), "{symbol} {session} {day:?}");
                previous = day.close;
            }
        }
    }

    #[test]
    fn a_cut_session_only_grows_and_ends_as_the_whole() {
        let walk = walk("AAPL");
        for (session, day) in forty_years(&walk).into_iter().take(300) {
            let mut before = walk.cut(day, session, 0.0);
            assert_eq!(
                (before.open, before.close, before.volume),
                (day.open, day.open, 0)
            );
            for minute in 0_i32..=390 {
                let now = walk.cut(day, session, f64::from(minute) / 390.0);
                assert!(encloses(&now), "{session} {minute} {now:?}");
                assert_eq!(now.open, day.open);
                assert!(now.high >= before.high && now.high <= day.high);
                assert!(now.low <= before.low && now.low >= day.low);
                assert!(now.volume >= before.volume && now.volume <= day.volume);
                before = now;
            }
            assert_eq!(before, day);
        }
    }

    #[test]
    fn about_half_of_the_shares_pay_and_a_third_are_split() {
        let walks: Vec<Walk> = (0..600).map(|n| walk_of(&format!("S{n}"))).collect();
        let payers = walks.iter().filter(|w| w.dividend.is_some()).count();
        let split = walks.iter().filter(|w| !w.splits.is_empty()).count();
        assert!((250..350).contains(&payers), "{payers}");
        assert!((150..250).contains(&split), "{split}");
        let years = walks
            .iter()
            .map(|w| w.first)
            .fold((i32::MAX, 0), |(low, high), first| {
                (low.min(first), high.max(first))
            });
        assert!(years.0 >= 5 * 15 * 52 && years.1 < 5 * 43 * 53, "{years:?}");
    }

    fn walk_of(symbol: &str) -> Walk {
        thread_local! {
            static MARKETS: Markets = Markets::load().unwrap();
        }
        MARKETS.with(|markets| Walk::new(1, symbol, markets.of(symbol)))
    }
}
