//! One bar through all indicators of a set.

use std::cmp::Ordering;

use super::adx::Movement;
use super::atr::true_range;
use super::bar::Bar;
use super::dd::{Dd, Factor};
use super::engine::Engine;
use super::relations::Pair;
use super::row::Row;
use super::signals::{Signal, Signals};
use super::state::{Last, Memory, Windows};
use super::stochastic::Next;
use super::sum::{Sum, Unit};
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

    /// Fills the row in the order of the set's columns, and moves the memory on.
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
        row.begin();
        self.averages(engine, windows, memory, row);
        self.momentum(engine, windows, memory, row);
        let range = self.ranges(windows, memory, row);
        self.movement(engine, memory, row);
        row.signals = Signals::between(before, memory.relations);
        self.volume(engine, windows, memory, row);
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

    #[inline]
    fn averages(&self, engine: &Engine, windows: &Windows, next: &mut Memory, row: &mut Row) {
        let (mut quarter, mut year) = (None, None);
        for count in &engine.sma {
            if !self.full(count.get()) {
                row.put(None);
                continue;
            }
            let sum = windows.closes.with(self.price, usize::from(count.get()));
            let mean = sum.mean(*count, Unit::Price);
            row.put(Some(mean));
            match count.get() {
                50 => quarter = Some((mean, sum)),
                200 => year = Some((mean, sum)),
                _ => {}
            }
        }
        // Rounding keeps the order, so equal means are all that is left to doubt.
        let close = (self.bar.close, self.price);
        if let Some(average) = quarter {
            let order = exact(close, 1, average, 50);
            next.relations.set(Pair::CloseSma50, order);
        }
        if let Some(average) = year {
            let order = exact(close, 1, average, 200);
            next.relations.set(Pair::CloseSma200, order);
        }
        if let (Some(fast), Some(slow)) = (quarter, year) {
            let order = exact(fast, 50, slow, 200);
            next.relations.set(Pair::Sma50Sma200, order);
        }
        for (ema, above) in engine.ema.iter().zip(&mut next.ema) {
            let seeded = u64::from(ema.period) - 1;
            match self.index.cmp(&seeded) {
                Ordering::Less => {
                    row.put(None);
                    continue;
                }
                Ordering::Equal => {
                    let sum = windows.closes.with(self.price, usize::from(ema.period));
                    *above = sum.mean_above(self.price, ema.period).high;
                }
                Ordering::Greater => *above = ema.step(*above, self.change.high),
            }
            row.put(Some(self.bar.close + *above));
        }
    }

    #[inline]
    fn momentum(&self, engine: &Engine, windows: &Windows, next: &mut Memory, row: &mut Row) {
        if let Some(rsi) = &engine.rsi {
            let (state, value) = rsi.step(&next.rsi, self.index, self.change);
            next.rsi = state;
            if let Some(value) = value {
                for (pair, line) in [(Pair::Rsi70, 70), (Pair::Rsi30, 30), (Pair::Rsi50, 50)] {
                    next.relations.set(pair, state.against(value, line));
                }
            }
            row.put(value);
        }
        if let Some(bollinger) = &engine.bollinger {
            let (close, price) = (self.bar.close, self.price);
            let bands = bollinger.step(self.index, close, price, &windows.closes, &windows.recent);
            row.put(bands.map(|bands| bands.upper));
            row.put(bands.map(|bands| bands.middle));
            row.put(bands.map(|bands| bands.lower));
            if let Some(bands) = bands {
                next.relations.set(Pair::UpperBand, bands.against_upper);
                next.relations.set(Pair::LowerBand, bands.against_lower);
            }
        }
        if let Some(macd) = &engine.macd {
            let (state, values) = macd.step(
                &next.macd,
                self.index,
                self.change,
                self.price,
                &windows.closes,
            );
            next.macd = state;
            row.put(values.map(|values| values.macd));
            row.put(values.map(|values| values.signal));
            row.put(values.map(|values| values.histogram));
            if let Some(values) = values {
                next.relations.set(Pair::MacdSignal, values.against_signal);
                next.relations.set(Pair::MacdZero, values.against_zero);
            }
        }
    }

    #[inline]
    fn ranges(&self, windows: &Windows, next: &mut Memory, row: &mut Row) -> Option<Next> {
        let stochastic = windows.stochastic.as_ref()?;
        let Bar {
            high, low, close, ..
        } = *self.bar;
        let range = stochastic.step(self.index, high, low, close);
        row.put(range.k);
        row.put(range.d);
        if let Some(order) = range.k_against_d {
            next.relations.set(Pair::StochasticKD, order);
        }
        Some(range)
    }

    #[inline]
    fn movement(&self, engine: &Engine, next: &mut Memory, row: &mut Row) {
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
            row.put(value);
        }
        if let Some(adx) = engine.adx {
            let (state, directions) = adx.step(&next.adx, self.index, movement);
            next.adx = state;
            row.put(directions.map(|directions| directions.plus));
            row.put(directions.map(|directions| directions.minus));
            row.put(directions.and_then(|directions| directions.adx));
        }
    }

    #[inline]
    fn volume(&self, engine: &Engine, windows: &Windows, next: &mut Memory, row: &mut Row) {
        let last = next.last;
        let Bar {
            session,
            high,
            low,
            close,
            ..
        } = *self.bar;
        if engine.set.obv {
            let order = last.map(|last| close.total_cmp(&last.close));
            next.obv = obv::step(next.obv, self.traded, order);
            row.put(Some(obv::value(next.obv)));
        }
        if let Some(count) = engine.volume_sma {
            let period = count.get();
            let traded = Sum::of_volume(self.traded);
            let full = self.full(period);
            let sum = windows.volumes.with(traded, usize::from(period));
            row.put(full.then(|| sum.mean(count, Unit::Volume)));
            // Volume ≥ 2 × sum ÷ period, and something was traded.
            let doubled = full && self.traded > 0 && traded.times(period) >= sum.times(2);
            if let Some(last) = last.filter(|_| doubled) {
                let hundredfold = self.change.times(Factor::ratio(100, 1));
                let before = Dd::of(last.close);
                if hundredfold.compare(before).is_ge() {
                    row.signals.raise(Signal::VolumeBreakoutUp);
                } else if hundredfold.negated().compare(before).is_ge() {
                    row.signals.raise(Signal::VolumeBreakoutDown);
                }
            }
        }
        if let Some(anchor) = engine.set.vwap {
            let typical = (high + low + close) / 3.0;
            let sessions = (last.map(|last| last.session), session);
            let (state, value) = vwap::step(anchor, &next.vwap, sessions, typical, self.traded);
            next.vwap = state;
            row.put(value);
        }
    }
}

/// The order of two means, given rounded and as sums of so many.
#[inline]
fn exact(a: (f64, Sum), count_a: u16, b: (f64, Sum), count_b: u16) -> Ordering {
    if a.0 == b.0 {
        return a.1.times(count_b).cmp(&b.1.times(count_a));
    }
    a.0.total_cmp(&b.0)
}
