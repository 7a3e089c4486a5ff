//! One bar through all indicators of a set.

use std::cmp::Ordering;

use super::adx::{Directions, Movement};
use super::atr::true_range;
use super::bar::Bar;
use super::dd::{Dd, Factor};
use super::engine::Engine;
use super::lines::{LANES, Lines};
use super::relations::{Pair, order};
use super::row::{Row, Values, or_nan};
use super::rsi::{self, Moves};
use super::signals::{Signal, Signals};
use super::state::{Last, Memory, Windows};
use super::stochastic::Next;
use super::sum::{Count, Sum, Unit};
use super::{obv, vwap};

/// A bar and what several indicators ask about it.
pub(super) struct Step<'a> {
    pub(super) bar: &'a Bar,
    /// Its number, from 0.
    index: u64,
    pub(super) price: Sum,
    pub(super) traded: u64,
    change: Dd,
}

impl<'a> Step<'a> {
    #[inline]
    pub(super) fn new(bar: &'a Bar, memory: &Memory) -> Self {
        let change = memory
            .last
            .map_or(Dd::ZERO, |last| Dd::difference(bar.close, last.close));
        Self {
            bar,
            index: memory.count,
            price: Sum::of_price(bar.close),
            traded: bar.traded(),
            change,
        }
    }

    /// Fills the row, and moves the memory on.
    #[inline]
    pub(super) fn run(
        &self,
        engine: &Engine,
        windows: &Windows,
        memory: &mut Memory,
        row: &mut Row,
    ) -> Option<Next> {
        let Bar {
            at,
            session,
            high,
            low,
            close,
            ..
        } = *self.bar;
        let before = std::mem::take(&mut memory.relations);
        let values = &mut row.values;
        self.averages(engine, windows, memory, values);
        self.crosses(engine, windows, memory, values);
        self.momentum(engine, windows, memory, values);
        let range = self.ranges(windows, memory, values);
        self.movement(engine, memory, values);
        let breakout = self.volume(engine, windows, memory, values);
        row.signals = Signals::between(before, memory.relations);
        if let Some(signal) = breakout {
            row.signals.raise(signal);
        }
        memory.count += 1;
        memory.last = Some(Last {
            at,
            session,
            high,
            low,
            close,
        });
        range
    }

    fn full(&self, period: u16) -> bool {
        self.index + 1 >= u64::from(period)
    }

    /// The mean of so many closes.
    #[inline]
    fn average(&self, count: Count, windows: &Windows) -> f64 {
        let sum = windows.closes.with(self.price, usize::from(count.get()));
        sum.mean(count, Unit::Price)
    }

    #[inline]
    fn averages(&self, engine: &Engine, windows: &Windows, next: &mut Memory, values: &mut Values) {
        for (count, value) in engine.sma.iter().zip(&mut values.sma) {
            if self.full(count.get()) {
                *value = self.average(*count, windows);
            }
        }
        let averages = engine.ema.iter().zip(&mut next.ema).zip(&mut values.ema);
        for ((ema, above), value) in averages {
            let seeded = u64::from(ema.period) - 1;
            match self.index.cmp(&seeded) {
                Ordering::Less => continue,
                Ordering::Equal => {
                    let sum = windows.closes.with(self.price, usize::from(ema.period));
                    *above = sum.mean_above(self.price, ema.period).high;
                }
                Ordering::Greater => *above = ema.step(*above, self.change.high),
            }
            *value = self.bar.close + *above;
        }
    }

    /// Where the close and the averages of 50 and 200 bars lie against each other.
    #[inline]
    fn crosses(&self, engine: &Engine, windows: &Windows, next: &mut Memory, values: &Values) {
        let average = |place: Option<usize>| {
            let value = place.and_then(|place| values.sma.get(place));
            value.copied().unwrap_or(f64::NAN)
        };
        let close = (self.bar.close, 1);
        let quarter = (average(engine.sma_50), 50);
        let year = (average(engine.sma_200), 200);
        let pairs = [
            (Pair::CloseSma50, close, quarter),
            (Pair::CloseSma200, close, year),
            (Pair::Sma50Sma200, quarter, year),
        ];
        for (pair, (a, count_a), (b, count_b)) in pairs {
            let mut order = order(a, b);
            if order.is_eq() {
                if a.is_nan() || b.is_nan() {
                    continue;
                }
                // Rounding keeps the order, so equal means are all that is left to doubt.
                let sum = |count: u16| windows.closes.with(self.price, usize::from(count));
                order = (sum(count_a).times(count_b)).cmp(&sum(count_b).times(count_a));
            }
            next.relations.set(pair, order);
        }
    }

    #[inline]
    fn momentum(&self, engine: &Engine, windows: &Windows, next: &mut Memory, values: &mut Values) {
        let [fast, slow, gain, loss] = self.lines(engine, windows, next);
        if let Some(period) = engine.set.rsi {
            let moves = Moves { gain, loss };
            let value = (self.index >= u64::from(period)).then(|| moves.value());
            if let Some(value) = value {
                for (pair, line) in [(Pair::Rsi70, 70), (Pair::Rsi30, 30), (Pair::Rsi50, 50)] {
                    next.relations.set(pair, moves.against(value, line));
                }
            }
            values.rsi = or_nan(value);
        }
        let bollinger = engine.bollinger.as_ref();
        if let Some(bollinger) = bollinger.filter(|bands| self.full(bands.count.get())) {
            let average = engine.middle.and_then(|place| values.sma.get(place));
            let middle = match average {
                Some(average) => *average,
                None => self.average(bollinger.count, windows),
            };
            let close = (self.bar.close, self.price);
            let bands = bollinger.step(close, middle, &windows.closes, &windows.recent);
            values.bollinger = [bands.upper, bands.middle, bands.lower];
            next.relations.set(Pair::UpperBand, bands.against_upper);
            next.relations.set(Pair::LowerBand, bands.against_lower);
        }
        if let Some(macd) = &engine.macd {
            let (state, lines) = macd.step(&next.macd, self.index, [fast, slow]);
            next.macd = state;
            if let Some(lines) = lines {
                values.macd = [lines.macd, lines.signal, lines.histogram];
                next.relations.set(Pair::MacdSignal, lines.against_signal);
                next.relations.set(Pair::MacdZero, lines.against_zero);
            }
        }
    }

    /// MACD's averages, gains and losses, one bar on.
    #[inline]
    fn lines(&self, engine: &Engine, windows: &Windows, next: &mut Memory) -> [Dd; LANES] {
        let [gain, loss] = rsi::moved(self.change);
        let [summing, smoothing] = &engine.kept;
        let seeding = engine.set.rsi.map_or(0, u64::from);
        let kept = if self.index < seeding {
            summing
        } else {
            smoothing
        };
        let changes = Lines::new([self.change, self.change, gain, loss]);
        next.lines = next.lines.step(&changes, kept);
        let macd = engine.macd.as_ref();
        if let Some(macd) = macd.filter(|macd| macd.first() == self.index) {
            let [fast, slow] = macd.seeds(self.price, &windows.closes);
            let [_, _, gain, loss] = next.lines.each();
            next.lines = Lines::new([fast, slow, gain, loss]);
        }
        next.lines.each()
    }

    #[inline]
    fn ranges(&self, windows: &Windows, next: &mut Memory, values: &mut Values) -> Option<Next> {
        let stochastic = windows.stochastic.as_ref()?;
        let Bar {
            high, low, close, ..
        } = *self.bar;
        let range = stochastic.step(self.index, high, low, close);
        values.stochastic = [or_nan(range.k), or_nan(range.d)];
        if let Some(order) = range.k_against_d {
            next.relations.set(Pair::StochasticKD, order);
        }
        Some(range)
    }

    #[inline]
    fn movement(&self, engine: &Engine, next: &mut Memory, values: &mut Values) {
        let Bar { high, low, .. } = *self.bar;
        let movement = next.last.map_or(
            Movement {
                up: 0.0,
                down: 0.0,
                range: 0.0,
            },
            |last| Movement {
                up: high - last.high,
                down: last.low - low,
                range: true_range(high, low, last.close),
            },
        );
        if let Some(atr) = engine.atr {
            let (state, value) = atr.step(next.atr, self.index, movement.range);
            next.atr = state;
            values.atr = or_nan(value);
        }
        if let Some(adx) = engine.adx {
            let (state, directions) = adx.step(&next.adx, self.index, movement);
            next.adx = state;
            if let Some(Directions { plus, minus, adx }) = directions {
                values.adx = [plus, minus, or_nan(adx)];
            }
        }
    }

    /// A breakout on much volume, if there is one.
    #[inline]
    fn volume(
        &self,
        engine: &Engine,
        windows: &Windows,
        next: &mut Memory,
        values: &mut Values,
    ) -> Option<Signal> {
        let last = next.last;
        let Bar {
            session,
            high,
            low,
            close,
            ..
        } = *self.bar;
        if engine.set.obv {
            let order = last.map_or(Ordering::Greater, |last| order(close, last.close));
            next.obv = obv::step(next.obv, self.traded, order);
            values.obv = obv::value(next.obv);
        }
        let mut breakout = None;
        if let Some(count) = engine.volume_sma {
            let period = count.get();
            let traded = Sum::of_volume(self.traded);
            let full = self.full(period);
            let sum = windows.volumes.with(traded, usize::from(period));
            if full {
                values.volume_sma = sum.mean(count, Unit::Volume);
            }
            // Volume ≥ 2 × sum ÷ period, and something was traded.
            let doubled = full && self.traded > 0 && traded.times(period) >= sum.times(2);
            if let Some(last) = last.filter(|_| doubled) {
                let hundredfold = self.change.times(Factor::ratio(100, 1));
                let before = Dd::of(last.close);
                if hundredfold.compare(before).is_ge() {
                    breakout = Some(Signal::VolumeBreakoutUp);
                } else if hundredfold.negated().compare(before).is_ge() {
                    breakout = Some(Signal::VolumeBreakoutDown);
                }
            }
        }
        if let Some(anchor) = engine.set.vwap {
            let typical = (high + low + close) / 3.0;
            let sessions = (last.map(|last| last.session), session);
            let (state, value) = vwap::step(anchor, &next.vwap, sessions, typical, self.traded);
            next.vwap = state;
            values.vwap = or_nan(value);
        }
        breakout
    }
}
