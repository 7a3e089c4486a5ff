//! Symbols with a fixed bad behaviour, told by how they begin.

/// Reserved beginnings of symbols and what such a symbol does, for `--help`.
pub const RESERVED: &[(&str, &str)] = &[
    ("NOTFOUND", "is answered 404, symbol may be delisted"),
    ("DEAD", "is answered 200 without bars, price and currency"),
    ("EMPTY", "is answered 200 without bars, but with a price"),
    ("ZERO", "has open, high and low of 0 in its newest bar"),
    ("BADROW", "has rows whose low is above their open"),
];

/// How a symbol behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behaviour {
    /// As a traded symbol does.
    Live,
    /// Unknown upstream.
    NotFound,
    /// Known, but nothing is left of it.
    Dead,
    /// Known and priced, but without bars.
    Empty,
    /// The newest bar has no open, high and low.
    ZeroNewest,
    /// Some rows are impossible.
    BadRows,
}

impl Behaviour {
    /// The behaviour of a symbol.
    pub(super) fn of(symbol: &str) -> Self {
        let prefix = RESERVED
            .iter()
            .map(|(prefix, _)| *prefix)
            .find(|prefix| symbol.starts_with(prefix));
        match prefix {
            None => Self::Live,
            Some("NOTFOUND") => Self::NotFound,
            Some("DEAD") => Self::Dead,
            Some("EMPTY") => Self::Empty,
            Some("ZERO") => Self::ZeroNewest,
            Some(_) => Self::BadRows,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reserved_beginning_has_a_behaviour_of_its_own() {
        let mut seen = vec![Behaviour::of("AAPL")];
        assert_eq!(seen, [Behaviour::Live]);
        for (prefix, _) in RESERVED {
            let behaviour = Behaviour::of(&format!("{prefix}1.L"));
            assert!(!seen.contains(&behaviour), "{prefix}");
            seen.push(behaviour);
        }
        assert_eq!(Behaviour::of("BADROW9"), Behaviour::BadRows);
    }
}
