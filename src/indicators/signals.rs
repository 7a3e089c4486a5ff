//! Signals: edges between a bar and the one before it.
//!
//! "Above" and "at" are decided on the exact sums behind the values (averages, bands, volume) or
//! on double-double quantities whose ties are recognised (RSI, MACD, stochastic), never on rounded
//! values. A quantity that lies on its line is at it, so a flat market raises nothing.

use super::relations::{Edges, Pair, Relations};

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
    #[inline]
    fn bit(self) -> u32 {
        1 << self as u8
    }
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

/// The signals of one bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Signals(u32);

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
        if edges.is_empty() {
            return Self::NONE;
        }
        Self::of(edges)
    }

    fn of(edges: Edges) -> Self {
        let mut raised = Self::NONE;
        for (up, down, pair) in CROSSES {
            if edges.rises(*pair) {
                raised.raise(*up);
            }
            if edges.falls(*pair) {
                raised.raise(*down);
            }
        }
        let others = [
            (edges.rises(Pair::UpperBand), Signal::BollingerBreakUpper),
            (edges.falls(Pair::LowerBand), Signal::BollingerBreakLower),
            (edges.reaches_up(Pair::Rsi70), Signal::RsiOverbought),
            (edges.reaches_down(Pair::Rsi30), Signal::RsiOversold),
        ];
        for (_, signal) in others.iter().filter(|(edge, _)| *edge) {
            raised.raise(*signal);
        }
        raised
    }
}

/// Signals that come in pairs: above, below, what is compared.
const CROSSES: &[(Signal, Signal, Pair)] = &[
    (
        Signal::Ma50BreakoutUp,
        Signal::Ma50BreakoutDown,
        Pair::CloseSma50,
    ),
    (
        Signal::Ma200BreakoutUp,
        Signal::Ma200BreakoutDown,
        Pair::CloseSma200,
    ),
    (Signal::GoldenCross, Signal::DeadCross, Pair::Sma50Sma200),
    (Signal::RsiBullish, Signal::RsiBearish, Pair::Rsi50),
    (Signal::MacdBullish, Signal::MacdBearish, Pair::MacdSignal),
    (Signal::MacdAboveZero, Signal::MacdBelowZero, Pair::MacdZero),
    (
        Signal::StochasticBullish,
        Signal::StochasticBearish,
        Pair::StochasticKD,
    ),
];
