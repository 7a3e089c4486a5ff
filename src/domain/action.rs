//! What a company does to its shares and their holders: splits and distributions.

use std::fmt;

use jiff::civil::Date;

/// The kind of a corporate action, and so the unit of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ActionKind {
    /// New shares per old share.
    Split,
    /// Paid per share, in the quoted currency, split-adjusted as sent.
    Dividend,
    /// Capital gain distributed per share, likewise.
    CapitalGain,
}

impl ActionKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Split, Self::Dividend, Self::CapitalGain];

    /// The stable name used in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Split => "split",
            Self::Dividend => "dividend",
            Self::CapitalGain => "capital_gain",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for ActionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One split or distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CorporateAction {
    /// The first session at the new price: the exchange's local date.
    pub date: Date,
    /// What it is.
    pub kind: ActionKind,
    /// In the unit of its kind.
    pub value: f64,
}
