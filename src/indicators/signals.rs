//! Signals: edges between a bar and the one before it.
//!
//! "Above" and "at" are decided on the exact sums behind the values (averages, bands, volume) or
//! on double-double quantities whose ties are recognised (RSI, MACD, stochastic), never on rounded
//! values. A quantity that lies on its line is at it, so a flat market raises nothing.

use super::relations::{Pair, Relations};

macro_rules! signals {
    ($($(#[doc = $meaning:literal])+ $name:ident = $text:literal;)+) => {
        /// A kind of signal.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Signal {
            $($(#[doc = $meaning])+ $name,)+
        }

        impl Signal {
            /// All of them, in their order.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its name in tables, logs and on the command line; never reused.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// What it means, in a line.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($meaning),+).trim_ascii(),)+ }
            }
        }
    };
}

signals! {
    /// The close rose above its 50-bar average.
    Ma50BreakoutUp = "ma50_breakout_up";
    /// The close fell below its 50-bar average.
    Ma50BreakoutDown = "ma50_breakout_down";
    /// The close rose above its 200-bar average.
    Ma200BreakoutUp = "ma200_breakout_up";
    /// The close fell below its 200-bar average.
    Ma200BreakoutDown = "ma200_breakout_down";
    /// The 50-bar average rose above the 200-bar average.
    GoldenCross = "golden_cross";
    /// The 50-bar average fell below the 200-bar average.
    DeadCross = "dead_cross";
    /// The RSI reached 70 from below.
    RsiOverbought = "rsi_overbought";
    /// The RSI reached 30 from above.
    RsiOversold = "rsi_oversold";
    /// The RSI rose above 50.
    RsiBullish = "rsi_bullish";
    /// The RSI fell below 50.
    RsiBearish = "rsi_bearish";
    /// The close rose above the upper Bollinger band.
    BollingerBreakUpper = "bollinger_break_upper";
    /// The close fell below the lower Bollinger band.
    BollingerBreakLower = "bollinger_break_lower";
    /// The MACD rose above its signal line.
    MacdBullish = "macd_bullish";
    /// The MACD fell below its signal line.
    MacdBearish = "macd_bearish";
    /// The MACD rose above zero.
    MacdAboveZero = "macd_above_zero";
    /// The MACD fell below zero.
    MacdBelowZero = "macd_below_zero";
    /// The stochastic %K rose above %D.
    StochasticBullish = "stochastic_bullish";
    /// The stochastic %K fell below %D.
    StochasticBearish = "stochastic_bearish";
    /// The close rose by 1 % or more on at least twice the average volume.
    VolumeBreakoutUp = "volume_breakout_up";
    /// The close fell by 1 % or more on at least twice the average volume.
    VolumeBreakoutDown = "volume_breakout_down";
}

impl Signal {
    /// Its bit in [`Signals`].
    const fn bit(self) -> u64 {
        match self {
            Self::Ma50BreakoutUp => rise(Pair::CloseSma50),
            Self::Ma50BreakoutDown => fall(Pair::CloseSma50),
            Self::Ma200BreakoutUp => rise(Pair::CloseSma200),
            Self::Ma200BreakoutDown => fall(Pair::CloseSma200),
            Self::GoldenCross => rise(Pair::Sma50Sma200),
            Self::DeadCross => fall(Pair::Sma50Sma200),
            Self::RsiOverbought => (Pair::Rsi70.bit() as u64) << 32,
            Self::RsiOversold => (Pair::Rsi30.bit() as u64) << 48,
            Self::RsiBullish => rise(Pair::Rsi50),
            Self::RsiBearish => fall(Pair::Rsi50),
            Self::BollingerBreakUpper => rise(Pair::UpperBand),
            Self::BollingerBreakLower => fall(Pair::LowerBand),
            Self::MacdBullish => rise(Pair::MacdSignal),
            Self::MacdBearish => fall(Pair::MacdSignal),
            Self::MacdAboveZero => rise(Pair::MacdZero),
            Self::MacdBelowZero => fall(Pair::MacdZero),
            Self::StochasticBullish => rise(Pair::StochasticKD),
            Self::StochasticBearish => fall(Pair::StochasticKD),
            // No pair's.
            Self::VolumeBreakoutUp => 1 << 15,
            Self::VolumeBreakoutDown => 1 << 31,
        }
    }
}

const fn rise(pair: Pair) -> u64 {
    pair.bit() as u64
}

const fn fall(pair: Pair) -> u64 {
    (pair.bit() as u64) << 16
}

impl std::fmt::Display for Signal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl std::str::FromStr for Signal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|signal| signal.name() == text);
        found.copied().ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|signal| signal.name()).collect();
            format!("`{text}` is no signal; there are {}", names.join(", "))
        })
    }
}

/// The signals of one bar: edges of pairs, in four sixteens (rises, falls, reached from below, from
/// above), of which those that mean something are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Signals(u64);

/// The bits of all signals.
const MEANT: u64 = {
    let (mut bits, mut left) = (0, Signal::ALL);
    while let [signal, rest @ ..] = left {
        bits |= signal.bit();
        left = rest;
    }
    bits
};

impl Signals {
    /// No signal.
    pub const NONE: Self = Self(0);

    /// In the order of [`Signal::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Signal> {
        Signal::ALL
            .iter()
            .copied()
            .filter(move |signal| self.contains(*signal))
    }

    /// Whether it was raised.
    pub fn contains(self, signal: Signal) -> bool {
        self.0 & signal.bit() != 0
    }

    /// Whether none was.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[inline]
    pub(super) fn raise(&mut self, signal: Signal) {
        self.0 |= signal.bit();
    }

    /// The edges between two bars.
    #[inline]
    pub(super) fn between(before: Relations, now: Relations) -> Self {
        let edges = now.edges(before);
        let bits = u64::from(edges.rises)
            | u64::from(edges.falls) << 16
            | u64::from(edges.reaches_up) << 32
            | u64::from(edges.reaches_down) << 48;
        Self(bits & MEANT)
    }
}
