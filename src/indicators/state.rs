//! The whole state of one symbol: a bar in, its values out.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use super::adx::AdxState;
use super::bar::{Bar, Rejected};
use super::engine::Engine;
use super::lines::Lines;
use super::macd::MacdState;
use super::relations::Relations;
use super::row::Row;
use super::set::{IndicatorSet, MAX_EMA};
use super::step::Step;
use super::stochastic::{Next, Stochastic};
use super::sum::Sum;
use super::vwap::VwapState;
use super::window::{Totals, Window};

/// The indicators of one symbol.
///
/// Memory is fixed by the set (about 9 KiB for the default one); a bar allocates nothing and costs
/// the same however long the series is. The values of a bar are a function of the bars pushed, in
/// every bit.
#[derive(Debug, Clone, PartialEq)]
pub struct Indicators {
    engine: Arc<Engine>,
    pub(super) windows: Windows,
    pub(super) memory: Memory,
    row: Row,
}

/// What looks back over so many bars.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Windows {
    pub(super) closes: Totals,
    pub(super) volumes: Totals,
    /// The closes of the Bollinger bands, less one.
    pub(super) recent: Window<f64>,
    pub(super) stochastic: Option<Stochastic>,
}

/// What looks back to the first bar, and the bar before.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Memory {
    /// Bars pushed.
    pub(super) count: u64,
    pub(super) last: Option<Last>,
    /// Distances from the newest close.
    pub(super) ema: [f64; MAX_EMA],
    /// MACD's averages, gains and losses.
    pub(super) lines: Lines,
    pub(super) macd: MacdState,
    pub(super) atr: f64,
    pub(super) adx: AdxState,
    pub(super) obv: i128,
    pub(super) vwap: VwapState,
    pub(super) relations: Relations,
}

/// The bar before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Last {
    pub(super) at: Timestamp,
    pub(super) session: Date,
    pub(super) high: f64,
    pub(super) low: f64,
    pub(super) close: f64,
}

impl Indicators {
    /// Before the first bar. Share the set's [`Indicators::sibling`] for many symbols.
    pub fn new(set: &IndicatorSet) -> Self {
        Self::with(Arc::new(Engine::new(set.clone())))
    }

    /// Before the first bar of another symbol, with the same set.
    #[must_use]
    pub fn sibling(&self) -> Self {
        Self::with(Arc::clone(&self.engine))
    }

    /// How many there are of the same set at this moment, this one and its siblings.
    pub fn siblings(&self) -> usize {
        Arc::strong_count(&self.engine)
    }

    fn with(engine: Arc<Engine>) -> Self {
        let set = &engine.set;
        let recent = set
            .bollinger
            .map_or(1, |bands| usize::from(bands.period) - 1);
        let windows = Windows {
            closes: Totals::new(set.window()),
            volumes: Totals::new(set.volume_sma.map_or(1, usize::from)),
            recent: Window::new(recent, 0.0),
            stochastic: set.stochastic.map(Stochastic::new),
        };
        let row = Row::new(set);
        Self {
            engine,
            windows,
            memory: Memory::default(),
            row,
        }
    }

    /// The set it was made for.
    pub fn set(&self) -> &IndicatorSet {
        &self.engine.set
    }

    /// Bars pushed so far, those before the anchors of a resumption included.
    pub fn count(&self) -> u64 {
        self.memory.count
    }

    /// When the newest bar began.
    pub fn last(&self) -> Option<Timestamp> {
        self.memory.last.map(|last| last.at)
    }

    /// The values of the newest bar; all absent before the first.
    pub fn row(&self) -> &Row {
        &self.row
    }

    /// Appends a final bar. A refused bar leaves everything as it was.
    pub fn push(&mut self, bar: &Bar) -> Result<&Row, Rejected> {
        bar.check(self.last())?;
        let step = Step::new(bar, &self.memory);
        let range = step.run(&self.engine, &self.windows, &mut self.memory, &mut self.row);
        self.windows.push(&step, range.as_ref());
        Ok(&self.row)
    }

    /// The values as they would be with `bar`, which may still change. The state stays.
    pub fn peek(&self, bar: &Bar) -> Result<Row, Rejected> {
        bar.check(self.last())?;
        let (mut memory, mut row) = (self.memory, Row::new(self.set()));
        Step::new(bar, &memory).run(&self.engine, &self.windows, &mut memory, &mut row);
        Ok(row)
    }
}

impl Windows {
    #[inline]
    fn push(&mut self, step: &Step<'_>, range: Option<&Next>) {
        let Bar {
            high, low, close, ..
        } = *step.bar;
        self.closes.push(step.price);
        self.volumes.push(Sum::of_volume(step.traded));
        self.recent.push(close);
        if let (Some(stochastic), Some(next)) = (&mut self.stochastic, range) {
            stochastic.push(next, high, low);
        }
    }
}
