//! Which indicators a schedule wants, as its file says it.

/// The wish: as read from a configuration, not yet checked. `None`, `false` and an empty list leave
/// an indicator out. Periods are in bars.
#[derive(Debug, Clone, PartialEq)]
pub struct IndicatorParameters {
    /// Simple averages of the close.
    pub sma: Vec<u32>,
    /// Exponential averages of the close.
    pub ema: Vec<u32>,
    /// Relative strength index.
    pub rsi: Option<u32>,
    /// Bollinger bands: period, standard deviations (to three decimals).
    pub bollinger: Option<(u32, f64)>,
    /// MACD: fast, slow, signal.
    pub macd: Option<(u32, u32, u32)>,
    /// Stochastic: the range's period, the bars %D averages.
    pub stochastic: Option<(u32, u32)>,
    /// Average true range.
    pub atr: Option<u32>,
    /// Directional movement.
    pub adx: Option<u32>,
    /// On-balance volume.
    pub obv: bool,
    /// Simple average of the volume.
    pub volume_sma: Option<u32>,
    /// Volume-weighted average price.
    pub vwap: Option<VwapAnchor>,
}

impl Default for IndicatorParameters {
    fn default() -> Self {
        Self {
            sma: vec![5, 20, 50, 60, 200, 300],
            ema: vec![9, 21, 50],
            rsi: Some(14),
            bollinger: Some((20, 2.0)),
            macd: Some((12, 26, 9)),
            stochastic: Some((14, 3)),
            atr: Some(14),
            adx: Some(14),
            obv: true,
            volume_sma: Some(20),
            vwap: Some(VwapAnchor::Month),
        }
    }
}

impl IndicatorParameters {
    /// Nothing at all: the ground to choose single indicators on.
    pub fn none() -> Self {
        Self {
            sma: Vec::new(),
            ema: Vec::new(),
            rsi: None,
            bollinger: None,
            macd: None,
            stochastic: None,
            atr: None,
            adx: None,
            obv: false,
            volume_sma: None,
            vwap: None,
        }
    }
}

/// Where the sums begin anew, by the sessions' dates.
///
/// "Session" is the definition for bars of minutes. One daily bar is a whole session, so that its
/// session's VWAP would be its typical price and say nothing: the default set, meant for daily
/// bars, is anchored at the month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VwapAnchor {
    /// Each trading date.
    Session,
    /// The first bar of each week (Monday).
    Week,
    /// The first bar of each month.
    Month,
    /// The first bar of each year.
    Year,
}

impl VwapAnchor {
    /// Every anchor.
    pub const ALL: [Self; 4] = [Self::Session, Self::Week, Self::Month, Self::Year];

    /// Its name in a configuration and in the set's identity.
    pub fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }
}

impl std::str::FromStr for VwapAnchor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|anchor| anchor.name() == text)
            .ok_or_else(|| {
                format!("`{text}` is no anchor; allowed are session, week, month and year")
            })
    }
}

/// What a schedule of the job `indicators` wants.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct IndicatorChoice {
    /// Which indicators, and their periods; checked when the file was read.
    pub parameters: IndicatorParameters,
    /// Whether the values of every bar are kept, and not of the newest alone.
    pub history: bool,
    /// Names of the signals that are told in the log.
    pub tell: Vec<&'static str>,
}
