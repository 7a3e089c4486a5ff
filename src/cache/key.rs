//! What an entry is found by.

use std::fmt;
use std::sync::Arc;

/// The name of an entry: a kind, the version of its content's format, and what was asked. Cheap to
/// clone. A changed format gets a new version, so that nobody reads what he cannot understand.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key(Arc<str>);

impl Key {
    /// `kind/vVERSION/PART/PART…`; parts hold no `/`: one that does has it replaced, so that parts
    /// never run into each other.
    pub fn new(kind: &str, version: u32, parts: &[&str]) -> Self {
        let mut text = format!("{kind}/v{version}");
        for part in parts {
            text.push('/');
            text.extend(part.chars().map(|c| if c == '/' { '\u{2215}' } else { c }));
        }
        Self(text.into())
    }

    /// The name as the backends know it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_version_and_each_part_tell_keys_apart() {
        let key = Key::new("chart", 1, &["yahoo", "^GSPC", "1d"]);
        assert_eq!(key.as_str(), "chart/v1/yahoo/^GSPC/1d");
        for other in [
            Key::new("quote", 1, &["yahoo", "^GSPC", "1d"]),
            Key::new("chart", 2, &["yahoo", "^GSPC", "1d"]),
            Key::new("chart", 1, &["yahoo", "^GSPC/1d"]),
            Key::new("chart", 1, &["yahoo/^GSPC", "1d"]),
        ] {
            assert_ne!(key, other);
        }
    }
}
