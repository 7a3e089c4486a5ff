//! Fixed times that the change to summer time skips, with the dates on which it does.

use std::collections::HashMap;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::domain::CronExpr;

/// How far ahead gaps are looked for: one of every yearly change.
const HORIZON: SignedDuration = SignedDuration::from_hours(370 * 24);

/// A change of a zone's clock that leaves out some local times.
struct Gap {
    at: Timestamp,
    /// The zone as it was, for ever.
    before: TimeZone,
    /// First and last local time that is left out, the last excluded.
    from: DateTime,
    to: DateTime,
}

/// The gaps of zones, looked up once a zone; answers kept once an expression and zone.
pub(super) struct Gaps {
    now: Timestamp,
    zones: HashMap<String, Vec<Gap>>,
    told: HashMap<(String, String), Vec<String>>,
}

impl Gaps {
    pub(super) fn since(now: Timestamp) -> Self {
        Self {
            now,
            zones: HashMap::new(),
            told: HashMap::new(),
        }
    }

    /// Notes the dates on which a fixed time does not exist.
    pub(super) fn check(
        &mut self,
        cron: &CronExpr,
        zone: &TimeZone,
        lint: &mut impl FnMut(String, String),
    ) {
        if !cron.is_fixed_time() {
            return;
        }
        let name = zone.iana_name().unwrap_or_default();
        let key = (cron.as_str().to_owned(), name.to_owned());
        let now = self.now;
        let gaps = self
            .zones
            .entry(name.to_owned())
            .or_insert_with(|| gaps(zone, now));
        let skipped = self.told.entry(key).or_insert_with(|| {
            let skipped = gaps.iter().filter(|gap| falls_into(cron, gap));
            skipped.map(|gap| gap.from.date().to_string()).collect()
        });
        if !skipped.is_empty() {
            lint(
                format!(
                    "the time of cron `{cron}` does not exist in {name} on {}",
                    skipped.join(", ")
                ),
                "it fires at the first instant after the gap then; choose another time to be \
                 plain"
                    .to_owned(),
            );
        }
    }
}

fn gaps(zone: &TimeZone, now: Timestamp) -> Vec<Gap> {
    let end = now.saturating_add(HORIZON).unwrap_or(now);
    let changes = zone
        .following(now)
        .take_while(|change| change.timestamp() <= end);
    let gap = |at: Timestamp, after: jiff::tz::Offset| {
        let before = zone.to_offset(at.checked_sub(SignedDuration::from_nanos(1)).ok()?);
        (after > before).then(|| Gap {
            at,
            before: TimeZone::fixed(before),
            from: before.to_datetime(at),
            to: after.to_datetime(at),
        })
    };
    changes
        .filter_map(|change| gap(change.timestamp(), change.offset()))
        .collect()
}

/// Whether the expression, read as if the clock had not been changed, fires within the gap.
fn falls_into(cron: &CronExpr, gap: &Gap) -> bool {
    let just_before = gap.at.checked_sub(SignedDuration::from_nanos(1));
    let next = just_before
        .ok()
        .and_then(|at| cron.next_after(at, &gap.before));
    next.is_some_and(|at| gap.before.to_datetime(at) < gap.to)
}
