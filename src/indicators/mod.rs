//! Indicators and signals of one symbol, bar by bar: pure, incremental, the same bits however one
//! got there. Formulas, sources and deliberate differences from TA-Lib: `docs/indicators.md`.

mod adx;
mod anchors;
mod atr;
mod bar;
mod bollinger;
mod dd;
mod ema;
mod engine;
mod lines;
mod macd;
mod obv;
mod relations;
mod row;
mod rsi;
mod set;
mod signals;
mod state;
mod step;
mod stochastic;
mod sum;
#[cfg(test)]
mod tests;
mod vwap;
mod window;

pub use crate::domain::{IndicatorParameters as Parameters, VwapAnchor};
pub use anchors::{Anchors, ResumeError};
pub use bar::{Bar, Rejected};
pub use row::Row;
pub use set::{IndicatorSet, MAX_DEVIATIONS, MAX_EMA, MAX_PERIOD, MAX_SMA, SetProblem};
pub use signals::{Signal, Signals};
pub use state::Indicators;
