//! Which indicators are computed, and with which periods: data, checked once.

use std::fmt::Write as _;

use crate::domain::{IndicatorParameters as Parameters, VwapAnchor};

/// Longest period, in bars.
pub const MAX_PERIOD: u32 = 1_000;
/// Most simple averages in a set.
pub const MAX_SMA: usize = 16;
/// Most exponential averages in a set.
pub const MAX_EMA: usize = 8;
/// Most standard deviations between the middle and an outer Bollinger band.
pub const MAX_DEVIATIONS: f64 = 10.0;

/// Changes with any formula, so that nothing computed before passes for computed now.
const FORMULAS: &str = "2";

/// Why parameters are no set.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SetProblem {
    /// A period that cannot be.
    #[error("{field}: a period of {given} bars; allowed are 2 to {MAX_PERIOD}")]
    Period {
        /// Which.
        field: &'static str,
        /// As written.
        given: u32,
    },
    /// A period named twice.
    #[error("{field}: {period} is named twice; name it once")]
    Duplicate {
        /// Which list.
        field: &'static str,
        /// The period.
        period: u32,
    },
    /// A list that is too long.
    #[error("{field}: {given} periods; at most {most}")]
    TooMany {
        /// Which list.
        field: &'static str,
        /// Its length.
        given: usize,
        /// Its greatest length.
        most: usize,
    },
    /// A fast average that is not faster than the slow one.
    #[error("macd: slow ({slow}) must be longer than fast ({fast})")]
    SlowNotSlower {
        /// The fast period.
        fast: u32,
        /// The slow period.
        slow: u32,
    },
    /// A width of bands that cannot be.
    #[error(
        "bollinger.deviations: {given}; allowed are 0.001 to {MAX_DEVIATIONS}, to three decimals"
    )]
    Deviations {
        /// As written.
        given: f64,
    },
    /// Nothing to compute.
    #[error("no indicator is chosen; name at least one, or leave the parameters out")]
    Empty,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct BollingerPeriods {
    pub(super) period: u16,
    /// Thousandths, so that 2.1 means 2.1.
    pub(super) milli_deviations: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct MacdPeriods {
    pub(super) fast: u16,
    pub(super) slow: u16,
    pub(super) signal: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct StochasticPeriods {
    pub(super) k: u16,
    pub(super) d: u16,
}

/// A checked choice of indicators. Lists are in ascending order, whatever order they came in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IndicatorSet {
    pub(super) sma: Vec<u16>,
    pub(super) ema: Vec<u16>,
    pub(super) rsi: Option<u16>,
    pub(super) bollinger: Option<BollingerPeriods>,
    pub(super) macd: Option<MacdPeriods>,
    pub(super) stochastic: Option<StochasticPeriods>,
    pub(super) atr: Option<u16>,
    pub(super) adx: Option<u16>,
    pub(super) obv: bool,
    pub(super) volume_sma: Option<u16>,
    pub(super) vwap: Option<VwapAnchor>,
    columns: Vec<String>,
}

impl Default for IndicatorSet {
    /// The set [`Parameters::default`] names.
    fn default() -> Self {
        Checker::default().set(&Parameters::default())
    }
}

impl IndicatorSet {
    /// Checks the parameters; every problem at once.
    pub fn try_new(parameters: &Parameters) -> Result<Self, Vec<SetProblem>> {
        let mut checker = Checker::default();
        let set = checker.set(parameters);
        if set.columns.is_empty() && checker.problems.is_empty() {
            checker.problems.push(SetProblem::Empty);
        }
        if checker.problems.is_empty() {
            Ok(set)
        } else {
            Err(checker.problems)
        }
    }

    /// The names of the values of a row, in their order.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The place of a value by its name.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// How many bars the windows reach back, the newest included: what a resumption needs.
    pub fn window(&self) -> usize {
        let averages = self.sma.iter().chain(&self.ema).copied();
        let single = [
            self.rsi,
            self.atr,
            self.adx,
            self.volume_sma,
            self.bollinger.map(|bands| bands.period),
            self.macd.map(|macd| macd.slow),
            self.stochastic.map(|range| range.k + range.d),
        ];
        let longest = averages.chain(single.into_iter().flatten()).max();
        usize::from(longest.unwrap_or(1)) + 1
    }

    /// A text that is the same for the same set, and differs for any other and after any change
    /// of a formula.
    pub fn identity(&self) -> String {
        let mut text = format!("formulas={FORMULAS}");
        let list = |periods: &[u16]| {
            let texts: Vec<String> = periods.iter().map(u16::to_string).collect();
            texts.join(",")
        };
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                // Writing to a string cannot fail.
                let _ = write!(text, ";{name}={value}");
            }
        };
        add("sma", Some(list(&self.sma)));
        add("ema", Some(list(&self.ema)));
        add("rsi", self.rsi.map(|period| period.to_string()));
        add(
            "bollinger",
            self.bollinger
                .map(|b| format!("{}x{}m", b.period, b.milli_deviations)),
        );
        add(
            "macd",
            self.macd
                .map(|m| format!("{}/{}/{}", m.fast, m.slow, m.signal)),
        );
        add(
            "stochastic",
            self.stochastic.map(|s| format!("{}/{}", s.k, s.d)),
        );
        add("atr", self.atr.map(|period| period.to_string()));
        add("adx", self.adx.map(|period| period.to_string()));
        add("obv", self.obv.then(|| "yes".to_owned()));
        add(
            "volume_sma",
            self.volume_sma.map(|period| period.to_string()),
        );
        add("vwap", self.vwap.map(|anchor| anchor.name().to_owned()));
        text
    }

    /// [`Self::identity`] in 64 bits (FNV-1a): for keys.
    pub fn identity_hash(&self) -> u64 {
        super::anchors::fnv(self.identity().bytes())
    }
}

/// Narrows periods and collects what is wrong with them.
#[derive(Default)]
struct Checker {
    problems: Vec<SetProblem>,
}

impl Checker {
    fn set(&mut self, from: &Parameters) -> IndicatorSet {
        let mut set = IndicatorSet {
            sma: self.list("sma", &from.sma, MAX_SMA),
            ema: self.list("ema", &from.ema, MAX_EMA),
            rsi: self.optional("rsi", from.rsi),
            bollinger: from.bollinger.map(|wish| self.bollinger(wish)),
            macd: from.macd.map(|wish| self.macd(wish)),
            stochastic: from.stochastic.map(|(k, d)| StochasticPeriods {
                k: self.period("stochastic.k", k),
                d: self.period("stochastic.d", d),
            }),
            atr: self.optional("atr", from.atr),
            adx: self.optional("adx", from.adx),
            obv: from.obv,
            volume_sma: self.optional("volume_sma", from.volume_sma),
            vwap: from.vwap,
            columns: Vec::new(),
        };
        set.columns = columns(&set);
        set
    }

    fn period(&mut self, field: &'static str, given: u32) -> u16 {
        match u16::try_from(given) {
            Ok(period) if (2..=MAX_PERIOD).contains(&given) => period,
            _ => {
                self.problems.push(SetProblem::Period { field, given });
                2
            }
        }
    }

    fn optional(&mut self, field: &'static str, given: Option<u32>) -> Option<u16> {
        given.map(|given| self.period(field, given))
    }

    fn list(&mut self, field: &'static str, given: &[u32], most: usize) -> Vec<u16> {
        if given.len() > most {
            self.problems.push(SetProblem::TooMany {
                field,
                given: given.len(),
                most,
            });
        }
        let mut wished = given.to_vec();
        wished.sort_unstable();
        for twice in wished.array_windows::<2>().filter(|[a, b]| a == b) {
            let problem = SetProblem::Duplicate {
                field,
                period: twice[0],
            };
            if !self.problems.contains(&problem) {
                self.problems.push(problem);
            }
        }
        wished
            .into_iter()
            .map(|period| self.period(field, period))
            .collect()
    }

    fn bollinger(&mut self, (period, deviations): (u32, f64)) -> BollingerPeriods {
        let milli = (deviations * 1000.0).round();
        let sound = deviations.is_finite()
            && (0.001..=MAX_DEVIATIONS).contains(&deviations)
            && milli / 1000.0 == deviations;
        if !sound {
            self.problems
                .push(SetProblem::Deviations { given: deviations });
        }
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "1 to 10,000 where it is used; saturating elsewhere"
        )]
        let milli_deviations = milli as u16;
        BollingerPeriods {
            period: self.period("bollinger.period", period),
            milli_deviations,
        }
    }

    fn macd(&mut self, (fast, slow, signal): (u32, u32, u32)) -> MacdPeriods {
        if slow <= fast {
            self.problems.push(SetProblem::SlowNotSlower { fast, slow });
        }
        MacdPeriods {
            fast: self.period("macd.fast", fast),
            slow: self.period("macd.slow", slow),
            signal: self.period("macd.signal", signal),
        }
    }
}

/// The names of a row's values; `step` fills them in the same order.
fn columns(set: &IndicatorSet) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    names.extend(set.sma.iter().map(|period| format!("sma_{period}")));
    names.extend(set.ema.iter().map(|period| format!("ema_{period}")));
    let groups: [(bool, &[&str]); 9] = [
        (set.rsi.is_some(), &["rsi"]),
        (
            set.bollinger.is_some(),
            &["bollinger_upper", "bollinger_middle", "bollinger_lower"],
        ),
        (
            set.macd.is_some(),
            &["macd", "macd_signal", "macd_histogram"],
        ),
        (set.stochastic.is_some(), &["stochastic_k", "stochastic_d"]),
        (set.atr.is_some(), &["atr"]),
        (set.adx.is_some(), &["plus_di", "minus_di", "adx"]),
        (set.obv, &["obv"]),
        (set.volume_sma.is_some(), &["volume_sma"]),
        (set.vwap.is_some(), &["vwap"]),
    ];
    for (_, group) in groups.iter().filter(|(chosen, _)| *chosen) {
        names.extend(group.iter().map(|name| (*name).to_owned()));
    }
    names
}
