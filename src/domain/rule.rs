//! The validation rules of the data contract, and what becomes of a row that breaks one.

use std::fmt;

use super::DailyBar;

/// A validation rule; docs/data.md says what each means and what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// V1: a price is absent, not finite, zero or negative.
    Price,
    /// V2: low or high does not enclose open and close.
    Range,
    /// V3: a date that has not come yet, or before the first trade.
    Date,
    /// V4: no session day of the market. The row is stored all the same.
    NoSession,
    /// V5: a price more than five times off the session before.
    Jump,
    /// V6: a jump by the ratio of a split near its date.
    Split,
    /// V7: negative volume.
    Volume,
    /// V8: the live close is far from the live price.
    Live,
    /// V9: the answer is about something else than the instrument on record.
    Identity,
}

impl Rule {
    /// Every rule, in order of number.
    pub const ALL: [Self; 9] = [
        Self::Price,
        Self::Range,
        Self::Date,
        Self::NoSession,
        Self::Jump,
        Self::Split,
        Self::Volume,
        Self::Live,
        Self::Identity,
    ];

    /// The rule's number: `V1` to `V9`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Price => "V1",
            Self::Range => "V2",
            Self::Date => "V3",
            Self::NoSession => "V4",
            Self::Jump => "V5",
            Self::Split => "V6",
            Self::Volume => "V7",
            Self::Live => "V8",
            Self::Identity => "V9",
        }
    }

    /// The rule of that number.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == name)
    }

    /// Whether a person should look: the row might be right, and is kept out all the same.
    pub fn is_doubt(self) -> bool {
        matches!(self, Self::Jump | Self::Split | Self::Live | Self::Identity)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What has become of a row in quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QuarantineState {
    /// Kept out of the prices.
    Held,
    /// In the prices all the same; only noted (rule V4).
    Noted,
    /// Taken into the prices: by an operator, or because later sessions have confirmed it.
    Released,
    /// Another row for that date was good.
    Superseded,
    /// An operator has said that it is bad.
    Dismissed,
}

impl QuarantineState {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::Held,
        Self::Noted,
        Self::Released,
        Self::Superseded,
        Self::Dismissed,
    ];

    /// The stable name used in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Noted => "noted",
            Self::Released => "released",
            Self::Superseded => "superseded",
            Self::Dismissed => "dismissed",
        }
    }

    /// The state of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// A row that broke a rule, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Flagged {
    /// The row; absent prices are NaN.
    pub bar: DailyBar,
    /// The rule.
    pub rule: Rule,
    /// What is wrong, in words with the numbers.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_named_by_their_number_and_states_by_their_name() {
        for (number, rule) in (1..).zip(Rule::ALL) {
            assert_eq!(rule.as_str(), format!("V{number}"));
            assert_eq!(Rule::from_name(rule.as_str()), Some(rule));
        }
        assert_eq!(Rule::from_name("V10"), None);
        for state in QuarantineState::ALL {
            assert_eq!(QuarantineState::from_name(state.as_str()), Some(state));
        }
    }
}
