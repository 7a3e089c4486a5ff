//! What a restart needs besides the last bars: the sums and averages that reach back to the first
//! bar, as they stood at one bar.
//!
//! An average such as EMA 50 never quite forgets: after 1,024 bars its seed still weighs
//! (49/51)^1024 ≈ 2e-18, and a bad print of 1e12 weighs much more, which is enough to turn the last
//! bit of some values. So the restart does not count on forgetting; it carries these few numbers.

use jiff::Timestamp;

use super::adx::AdxState;
use super::bar::{Bar, Rejected};
use super::dd::Dd;
use super::lines::Lines;
use super::macd::MacdState;
use super::relations::Relations;
use super::set::IndicatorSet;
use super::state::{Indicators, Memory};
use super::vwap::VwapState;

/// Opens the text form; another layout gets another word.
const LAYOUT: &str = "anchors2";

/// The unbounded part of a state, at one bar. Store [`Self::to_text`], and resume with the bars
/// that led to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Anchors {
    set: u64,
    at: Timestamp,
    /// Of the closes and volumes in the windows.
    content: u64,
    /// Its `last` is not kept: the bars bring it.
    memory: Memory,
}

/// Why a state cannot be resumed; compute it from the first bar instead.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ResumeError {
    /// Anchors of another set, or of other formulas.
    #[error("the anchors belong to another set of indicators; compute from the first bar")]
    Set,
    /// The last bar given is not the anchors' bar.
    #[error("the bars end at {found:?}, the anchors at {anchors}; give the bars up to the anchors")]
    End {
        /// Where the bars end.
        found: Option<Timestamp>,
        /// The anchors' bar.
        anchors: Timestamp,
    },
    /// Not enough bars to fill the windows.
    #[error("{given} bars up to the anchors where {needed} are needed; give more, or all")]
    Few {
        /// Bars given.
        given: usize,
        /// Bars needed.
        needed: usize,
    },
    /// A bar was corrected since.
    #[error("the bars are not those the anchors were taken with; compute from the first bar")]
    Changed,
    /// A bar no indicator accepts.
    #[error("{0}")]
    Rejected(#[from] Rejected),
    /// Not a text [`Anchors::to_text`] made.
    #[error("the stored anchors cannot be read; compute from the first bar")]
    Text,
}

impl Indicators {
    /// What [`Self::resume`] needs of the state at its newest bar; `None` before the first.
    pub fn anchors(&self) -> Option<Anchors> {
        let at = self.last()?;
        Some(Anchors {
            set: self.set().identity_hash(),
            at,
            content: self.content(),
            memory: Memory {
                last: None,
                ..self.memory
            },
        })
    }

    /// The state at the anchors' bar, from the bars that end with it: at least
    /// [`IndicatorSet::window`] of them, or all there are. Push the later bars, and every value has
    /// the bits it would have had without the restart.
    pub fn resume(
        set: &IndicatorSet,
        anchors: &Anchors,
        bars: &[Bar],
    ) -> Result<Self, ResumeError> {
        Self::new(set).resumed(anchors, bars)
    }

    /// The same for many symbols: a sibling of this one, whatever it has seen.
    pub fn resumed(&self, anchors: &Anchors, bars: &[Bar]) -> Result<Self, ResumeError> {
        let set = self.set();
        if anchors.set != set.identity_hash() {
            return Err(ResumeError::Set);
        }
        let found = bars.last().map(|bar| bar.at);
        if found != Some(anchors.at) {
            return Err(ResumeError::End {
                found,
                anchors: anchors.at,
            });
        }
        let all = usize::try_from(anchors.memory.count).unwrap_or(usize::MAX);
        let needed = set.window().min(all);
        let given = bars.len();
        if given < needed {
            return Err(ResumeError::Few { given, needed });
        }
        let mut state = self.sibling();
        for bar in bars.get(given - needed..).unwrap_or_default() {
            state.push(bar)?;
        }
        state.memory = Memory {
            last: state.memory.last,
            ..anchors.memory
        };
        if state.content() != anchors.content {
            return Err(ResumeError::Changed);
        }
        Ok(state)
    }

    /// A hash of what the windows hold.
    fn content(&self) -> u64 {
        let depth = usize::try_from(self.memory.count).unwrap_or(usize::MAX);
        let last = self.memory.last;
        let edges = last.map_or([0; 2], |last| [last.high.to_bits(), last.low.to_bits()]);
        let closes = self.windows.closes.words(depth);
        let volumes = self.windows.volumes.words(depth);
        let words = edges.into_iter().chain(closes).chain(volumes);
        fnv(words.flat_map(u64::to_le_bytes))
    }
}

impl Anchors {
    /// When the bar they were taken at began.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Bars of the series up to and with that one.
    pub fn count(&self) -> u64 {
        self.memory.count
    }

    /// A text of less than a kilobyte that keeps every bit.
    pub fn to_text(&self) -> String {
        let mut words = Words(Vec::new());
        words.put(self.set);
        words.wide(self.at.as_nanosecond());
        words.put(self.content);
        let memory = &self.memory;
        words.put(memory.count);
        for ema in memory.ema {
            words.put(ema.to_bits());
        }
        for line in memory.lines.each() {
            words.dd(line);
        }
        words.dd(memory.macd.macd);
        words.dd(memory.macd.signal);
        words.put(memory.atr.to_bits());
        let adx = memory.adx;
        for part in [adx.plus, adx.minus, adx.range, adx.adx] {
            words.put(part.to_bits());
        }
        words.wide(memory.obv);
        words.dd(memory.vwap.turnover);
        words.wide(memory.vwap.volume.cast_signed());
        words.put(memory.relations.to_word());
        let texts: Vec<String> = words.0.iter().map(|word| format!("{word:x}")).collect();
        format!("{LAYOUT} {}", texts.join(" "))
    }

    /// Reads [`Self::to_text`].
    pub fn of_text(text: &str) -> Result<Self, ResumeError> {
        let mut parts = text.split(' ');
        if parts.next() != Some(LAYOUT) {
            return Err(ResumeError::Text);
        }
        let words: Option<Vec<u64>> = parts
            .map(|part| u64::from_str_radix(part, 16).ok())
            .collect();
        let mut words = words.ok_or(ResumeError::Text)?.into_iter();
        let read = read(&mut words).ok_or(ResumeError::Text)?;
        if words.next().is_some() {
            return Err(ResumeError::Text);
        }
        Ok(read)
    }
}

/// In the order of [`Anchors::to_text`].
fn read(words: &mut impl Iterator<Item = u64>) -> Option<Anchors> {
    let set = words.next()?;
    let at = Timestamp::from_nanosecond(wide(words)?).ok()?;
    let content = words.next()?;
    let mut memory = Memory {
        count: words.next()?,
        ..Memory::default()
    };
    for ema in &mut memory.ema {
        *ema = f64::from_bits(words.next()?);
    }
    memory.lines = Lines::new([dd(words)?, dd(words)?, dd(words)?, dd(words)?]);
    memory.macd = MacdState {
        macd: dd(words)?,
        signal: dd(words)?,
    };
    memory.atr = f64::from_bits(words.next()?);
    memory.adx = AdxState {
        plus: f64::from_bits(words.next()?),
        minus: f64::from_bits(words.next()?),
        range: f64::from_bits(words.next()?),
        adx: f64::from_bits(words.next()?),
    };
    memory.obv = wide(words)?;
    memory.vwap = VwapState {
        turnover: dd(words)?,
        volume: wide(words)?.cast_unsigned(),
    };
    memory.relations = Relations::of_word(words.next()?);
    Some(Anchors {
        set,
        at,
        content,
        memory,
    })
}

fn wide(words: &mut impl Iterator<Item = u64>) -> Option<i128> {
    let (upper, lower) = (words.next()?, words.next()?);
    Some((u128::from(upper) << 64 | u128::from(lower)).cast_signed())
}

fn dd(words: &mut impl Iterator<Item = u64>) -> Option<Dd> {
    Some(Dd {
        high: f64::from_bits(words.next()?),
        low: f64::from_bits(words.next()?),
    })
}

struct Words(Vec<u64>);

impl Words {
    fn put(&mut self, word: u64) {
        self.0.push(word);
    }

    fn dd(&mut self, value: Dd) {
        self.put(value.high.to_bits());
        self.put(value.low.to_bits());
    }

    #[allow(clippy::cast_possible_truncation, reason = "cut into halves")]
    fn wide(&mut self, value: i128) {
        let value = value.cast_unsigned();
        self.put((value >> 64) as u64);
        self.put(value as u64);
    }
}

/// FNV-1a in 64 bits: the same on every machine and in every version.
pub(super) fn fnv(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    })
}
