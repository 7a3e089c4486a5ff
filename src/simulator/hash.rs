//! Reproducible pseudo-random numbers: the same on every machine, drawn in any order.

/// Weyl increment of splitmix64: 2^64 divided by the golden ratio, made odd.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// splitmix64's output function (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number
/// Generators", OOPSLA 2014; constants as in Vigna's public-domain `splitmix64.c`).
const fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// What a number is drawn for: draws of different purposes never share a number.
#[derive(Clone, Copy, Debug)]
pub(super) enum Draw {
    /// First trading day.
    FirstTrade,
    /// How dear and lively the symbol is, and how much of it trades.
    Character,
    /// The close of a session.
    Close,
    /// Gap, range and volume of a session.
    Shape,
    /// The way from open to close within a session.
    Path,
    /// Whether the row of a day is all null.
    NullRow,
    /// Whether the row of a day is impossible (reserved symbols only).
    BadRow,
    /// Whether and how much dividend is paid.
    Dividend,
    /// Whether and when the share is split.
    Split,
    /// Whether a request meets a fault.
    Fault,
    /// Which fault it meets.
    FaultKind,
}

/// The source of all numbers of one symbol under one seed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key(u64);

impl Key {
    /// The key of `symbol` under `seed`.
    pub(super) fn new(seed: u64, symbol: &str) -> Self {
        let folded = symbol.bytes().fold(mix(seed ^ GAMMA), |state, byte| {
            mix(state.wrapping_add(GAMMA) ^ u64::from(byte))
        });
        Self(folded)
    }

    /// The `index`-th number for a purpose.
    pub(super) fn draw(self, purpose: Draw, index: i64) -> u64 {
        let stream = mix(self.0.wrapping_add(GAMMA.wrapping_mul(purpose as u64 + 1)));
        mix(stream.wrapping_add(GAMMA.wrapping_mul(index.cast_unsigned())))
    }
}

/// The upper half of a draw as a number in `0.0..1.0`.
pub(super) fn unit(draw: u64) -> f64 {
    f64::from(u32::try_from(draw >> 32).unwrap_or(0)) / 4_294_967_296.0
}

/// A draw as four independent numbers in `0.0..1.0`, of 16 bits each.
pub(super) fn four_units(draw: u64) -> [f64; 4] {
    [0_u32, 16, 32, 48].map(|shift| {
        let part = (draw >> shift) & 0xffff;
        f64::from(u16::try_from(part).unwrap_or(0)) / 65_536.0
    })
}

/// A draw as an almost normal number: mean 0, deviation 1, never beyond ±3.47.
///
/// A sum of four uniform numbers (Irwin–Hall) needs no logarithm or cosine, whose last bit differs
/// between platforms.
pub(super) fn almost_normal(draw: u64) -> f64 {
    let sum: f64 = four_units(draw).iter().sum();
    (sum - 2.0) * 1.732_050_807_568_877_2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mixer_is_the_published_one() {
        // First output of splitmix64.c for the state 0.
        assert_eq!(mix(GAMMA), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn draws_depend_on_seed_symbol_purpose_and_index() {
        let base = Key::new(1, "AAPL").draw(Draw::Close, 7);
        assert_eq!(base, Key::new(1, "AAPL").draw(Draw::Close, 7));
        assert_ne!(base, Key::new(2, "AAPL").draw(Draw::Close, 7));
        assert_ne!(base, Key::new(1, "MSFT").draw(Draw::Close, 7));
        assert_ne!(base, Key::new(1, "AAPL").draw(Draw::Shape, 7));
        assert_ne!(base, Key::new(1, "AAPL").draw(Draw::Close, -7));
    }

    #[test]
    fn almost_normal_numbers_have_mean_zero_and_deviation_one() {
        let key = Key::new(1, "AAPL");
        let drawn: Vec<f64> = (0..20_000)
            .map(|index| almost_normal(key.draw(Draw::Close, index)))
            .collect();
        let mean = drawn.iter().sum::<f64>() / 20_000.0;
        let variance = drawn.iter().map(|x| x * x).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03, "{mean}");
        assert!((variance - 1.0).abs() < 0.05, "{variance}");
    }
}
