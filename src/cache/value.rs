//! What is kept, what comes back, and how an entry is written for other processes.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

/// The first byte of an entry in the shared backend. A changed layout gets another one, and a
/// reader takes what it does not know for nothing at all.
pub(super) const LAYOUT: u8 = 1;

/// Bytes before the content: layout, kind, `at`, `valid_until`, `fresh`, `kept`.
const HEADER_BYTES: usize = 2 + 4 * 8;

/// A kept answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// There is one.
    Hit(Arc<[u8]>),
    /// There is none, and that is known.
    Absent,
}

/// An answer as it was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The answer.
    pub value: Value,
    /// When it came. Who reads it later must judge it as of then: an answer fetched before a
    /// session's end knows nothing of the end.
    pub at: Timestamp,
    /// When it is overtaken whatever its age, for instance by a session that settles.
    pub valid_until: Option<Timestamp>,
}

/// An answer as it is handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The answer.
    pub value: Value,
    /// When it was loaded.
    pub at: Timestamp,
    /// Whether it is past its time and only stands in for one that could not be loaded. Never to
    /// be taken for news.
    pub is_stale: bool,
    /// Where it comes from.
    pub source: Source,
}

/// Where an answer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// This reader has loaded it.
    Load,
    /// Another reader was loading it when this one asked.
    Shared,
    /// This process's memory.
    Memory,
    /// The shared backend.
    Remote,
}

/// An entry on its way into a backend.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) loaded: Loaded,
    /// How long it is good from now on.
    pub(super) fresh: Duration,
    /// How long it is kept from now on; what lies beyond `fresh` is for outages.
    pub(super) kept: Duration,
}

impl Entry {
    /// The entry as bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let (kind, content): (u8, &[u8]) = match &self.loaded.value {
            Value::Absent => (0, &[]),
            Value::Hit(content) => (1, content),
        };
        let millis = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        let until = self.loaded.valid_until;
        let numbers = [
            self.loaded.at.as_millisecond(),
            until.map_or(i64::MAX, Timestamp::as_millisecond),
            millis(self.fresh),
            millis(self.kept),
        ];
        let mut bytes = Vec::with_capacity(HEADER_BYTES + content.len());
        bytes.extend([LAYOUT, kind]);
        for number in numbers {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(content);
        bytes
    }

    /// The entry of which `left` remains of the time it is kept; `None` for what this program has
    /// not written.
    pub(super) fn decode(bytes: &[u8], left: Duration) -> Option<Self> {
        let (header, content) = bytes.split_at_checked(HEADER_BYTES)?;
        let ([LAYOUT, kind], numbers) = header.split_first_chunk::<2>()? else {
            return None;
        };
        let (numbers, _) = numbers.as_chunks::<8>();
        let &[at, until, fresh, kept] = numbers.as_array::<4>()?;
        let millis = |bytes| u64::try_from(i64::from_le_bytes(bytes)).ok();
        let kept = Duration::from_millis(millis(kept)?);
        let age = kept.saturating_sub(left);
        let until = i64::from_le_bytes(until);
        let until = (until != i64::MAX).then(|| Timestamp::from_millisecond(until));
        Some(Self {
            loaded: Loaded {
                value: match kind {
                    0 => Value::Absent,
                    1 => Value::Hit(content.into()),
                    _ => return None,
                },
                at: Timestamp::from_millisecond(i64::from_le_bytes(at)).ok()?,
                valid_until: until.transpose().ok()?,
            },
            fresh: Duration::from_millis(millis(fresh)?).saturating_sub(age),
            kept: left.min(kept),
        })
    }

    pub(super) fn given(self, source: Source) -> Given {
        Given {
            value: self.loaded.value,
            at: self.loaded.at,
            is_stale: self.fresh.is_zero(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(value: Value, at: i64, until: Option<i64>) -> Entry {
        let instant = |ms| Timestamp::from_millisecond(ms).unwrap();
        Entry {
            loaded: Loaded {
                value,
                at: instant(at),
                valid_until: until.map(instant),
            },
            fresh: Duration::from_secs(10),
            kept: Duration::from_secs(40),
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again_and_only_older(
            content in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..300)),
            at in -5_000_000_000_000_i64..5_000_000_000_000,
            until in proptest::option::of(-5_000_000_000_000_i64..5_000_000_000_000),
            age in 0_u64..40_000,
        ) {
            let value = content.map_or(Value::Absent, |bytes| Value::Hit(bytes.into()));
            let written = entry(value, at, until);
            let left = Duration::from_millis(40_000 - age);
            let read = Entry::decode(&written.encode(), left).unwrap();
            prop_assert_eq!(&read.loaded, &written.loaded);
            prop_assert_eq!(read.fresh, Duration::from_millis(10_000_u64.saturating_sub(age)));
            prop_assert_eq!(read.kept, left);
        }

        #[test]
        fn foreign_bytes_are_nothing_and_no_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            let read = Entry::decode(&bytes, Duration::from_secs(1));
            if bytes.len() < HEADER_BYTES || bytes[0] != LAYOUT {
                prop_assert!(read.is_none());
            }
        }
    }

    #[test]
    fn a_backend_that_keeps_longer_than_it_was_told_makes_nothing_younger() {
        let written = entry(Value::Absent, 0, None);
        let read = Entry::decode(&written.encode(), Duration::from_hours(9)).unwrap();
        assert_eq!((read.fresh, read.kept), (written.fresh, written.kept));
    }
}
