//! A ticker symbol as the upstream spells it.

use std::fmt;
use std::sync::Arc;

/// Longest symbol accepted, in bytes.
const MAX_SYMBOL_BYTES: usize = 32;

/// A symbol of 1 to 32 characters from `[A-Za-z0-9.\-_=^]`: safe as one URL path segment once
/// percent-encoded. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(Arc<str>);

/// Why a text is not a symbol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SymbolError {
    /// Nothing was given.
    #[error("a symbol is empty")]
    Empty,
    /// More than 32 bytes.
    #[error("symbol `{0}` is longer than 32 characters")]
    TooLong(String),
    /// A character outside the allow-list.
    #[error("symbol `{text}` contains {found:?}; allowed are letters, digits and . - _ = ^")]
    BadCharacter {
        /// The text as written.
        text: String,
        /// The first character that is not allowed.
        found: char,
    },
}

impl Symbol {
    /// Parses a symbol; surrounding blanks are not trimmed, they are an error.
    pub fn try_new(text: &str) -> Result<Self, SymbolError> {
        if text.is_empty() {
            return Err(SymbolError::Empty);
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_=^".contains(c);
        if let Some(found) = text.chars().find(|c| !allowed(*c)) {
            return Err(SymbolError::BadCharacter {
                text: text.to_owned(),
                found,
            });
        }
        // `.` and `..` are path navigation to every URL parser, encoded or not.
        if text.chars().all(|c| c == '.') {
            return Err(SymbolError::BadCharacter {
                text: text.to_owned(),
                found: '.',
            });
        }
        if text.len() > MAX_SYMBOL_BYTES {
            return Err(SymbolError::TooLong(text.to_owned()));
        }
        Ok(Self(text.into()))
    }

    /// The symbol's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Symbol {
    type Err = SymbolError;

    fn from_str(text: &str) -> Result<Self, SymbolError> {
        Self::try_new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_of_every_market_are_accepted() {
        for text in [
            "AAPL", "^GSPC", "EURUSD=X", "GC=F", "BRK-B", "WSU.DE", "BTC-USD", "A_B",
        ] {
            assert_eq!(Symbol::try_new(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn a_slash_or_a_dot_segment_never_becomes_a_symbol() {
        for text in [
            "A/B",
            "../etc",
            "..",
            ".",
            "A B",
            "",
            "A?b",
            "A%2f",
            "Ä",
            &"A".repeat(33),
        ] {
            assert!(Symbol::try_new(text).is_err(), "{text:?} was accepted");
        }
    }
}
