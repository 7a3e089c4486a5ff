//! When a schedule is due, be it by times of its own or after other schedules.

use jiff::{SignedDuration, Timestamp};

use crate::config::Config;
use crate::domain::{HOLIDAY_FIRES, Schedule, ScheduleId};

/// A schedule and those it runs after, up to the one that has times of its own: the instants of
/// that one are the instants of all.
pub(super) struct Course<'c> {
    own: &'c Schedule,
    /// Whom it runs after, the nearest first.
    leaders: Vec<&'c Schedule>,
}

impl<'c> Course<'c> {
    /// That of `schedule`.
    pub(super) fn of(config: &'c Config, schedule: &'c Schedule) -> Self {
        let mut leaders: Vec<&Schedule> = Vec::new();
        let mut at = schedule;
        while let Some(leader) = at.trigger.leader().filter(|_| leaders.len() < MOST_LEADERS) {
            let Some(found) = config.schedule(leader.as_str()) else {
                break;
            };
            leaders.push(found);
            at = found;
        }
        let own = schedule;
        Self { own, leaders }
    }

    /// The schedule itself.
    pub(super) fn own(&self) -> &'c Schedule {
        self.own
    }

    /// The schedule it runs after, when it does.
    pub(super) fn leader(&self) -> Option<&'c ScheduleId> {
        self.own.trigger.leader()
    }

    fn all(&self) -> impl Iterator<Item = &'c Schedule> {
        std::iter::once(self.own).chain(self.leaders.iter().copied())
    }

    /// The one that has times of its own.
    fn timed(&self) -> &'c Schedule {
        self.leaders.last().copied().unwrap_or(self.own)
    }

    /// The first of those it runs after that is disabled: without it there is nothing to follow.
    pub(super) fn disabled_leader(&self) -> Option<&'c ScheduleId> {
        let mut leaders = self.leaders.iter();
        let disabled = leaders.find(|leader| !leader.enabled)?;
        Some(&disabled.id)
    }

    /// Whether the file wants it and all it runs after to run.
    pub(super) fn is_served(&self) -> bool {
        self.own.enabled && self.disabled_leader().is_none()
    }

    /// The first fire strictly after `after`.
    pub(super) fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let instant = SignedDuration::from_nanos(1);
        let starts = self.all().filter_map(|one| one.starts_at);
        let not_before = starts.filter_map(|start| start.checked_sub(instant).ok());
        let after = not_before.fold(after, Timestamp::max);
        let next = self.timed().next_after(after)?;
        let is_over = |end: Timestamp| next >= end;
        let mut ends = self.all().filter_map(|one| one.expires_at);
        (!ends.any(is_over)).then_some(next)
    }

    /// The first fire strictly after `after` that is on nobody's holiday.
    pub(super) fn next_run_after(&self, after: Timestamp) -> Option<Timestamp> {
        let mut at = after;
        for _ in 0..HOLIDAY_FIRES {
            at = self.next_after(at)?;
            if self.holiday(at).is_none() {
                return Some(at);
            }
        }
        None
    }

    /// The latest fire in `(from, until]`.
    pub(super) fn latest_between(&self, from: Timestamp, until: Timestamp) -> Option<Timestamp> {
        let starts = self.all().filter_map(|one| one.starts_at);
        let instant = SignedDuration::from_nanos(1);
        let before = |at: Timestamp| at.checked_sub(instant).ok();
        let from = starts.filter_map(before).fold(from, Timestamp::max);
        let ends = self.all().filter_map(|one| one.expires_at);
        let until = ends.filter_map(before).fold(until, Timestamp::min);
        self.timed().latest_between(from, until)
    }

    /// Why nothing is done on the day of this fire: the schedule rests, or one it runs after.
    pub(super) fn holiday(&self, fire: Timestamp) -> Option<String> {
        let mut all = self.all();
        all.find_map(|one| one.holiday(fire))
    }
}

/// A chain of followers is no longer; the configuration has no circles.
const MOST_LEADERS: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    const FILE: &str = "[schedules.leader]\njob = \"quotes\"\nevery = \"1h\"\nsymbols = [\"A\"]\n\
        expires_at = \"2026-01-02T00:30:00Z\"\n\
        [schedules.second]\njob = \"quotes\"\nafter = \"leader\"\nstarts_at = \"2026-01-01T10:30:00Z\"\n\
        [schedules.third]\njob = \"quotes\"\nafter = \"second\"\ncalendar = \"XNYS\"\n";

    fn config(text: &str) -> Config {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir(place.path().join("data")).unwrap();
        let file = place.path().join("schedules.toml");
        std::fs::write(&file, text).unwrap();
        let read = crate::config::load(&file, &Environment::in_directory(place.path()));
        read.unwrap_or_else(|problems| panic!("{problems}")).0
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_follower_has_the_instants_of_its_leader_within_the_life_and_the_days_of_all() {
        let config = config(FILE);
        let third = config.schedule("third").unwrap();
        let course = Course::of(&config, third);
        let new_year = at("2026-01-01T00:00:00Z");
        assert_eq!(course.leader().unwrap().as_str(), "second");
        assert_eq!(
            course.next_after(new_year),
            Some(at("2026-01-01T11:00:00Z"))
        );
        // New York rests on that day, which has begun there five hours later.
        let run = course.next_run_after(new_year);
        assert_eq!(run, None, "the leader has expired by the next session");
        assert!(course.holiday(at("2026-01-01T11:00:00Z")).is_some());
        let latest = course.latest_between(new_year, at("2026-01-05T00:00:00Z"));
        assert_eq!(latest, Some(at("2026-01-02T00:00:00Z")));
        assert_eq!(course.next_after(at("2026-01-02T00:00:00Z")), None);
        assert!(course.is_served());
    }

    #[test]
    fn a_chain_with_a_disabled_link_is_not_served() {
        let disabled = FILE.replace("after = \"leader\"", "after = \"leader\"\nenabled = false");
        let config = config(&disabled);
        let course = |name: &str| Course::of(&config, config.schedule(name).unwrap());
        assert!(course("leader").is_served());
        assert!(!course("second").is_served() && course("second").disabled_leader().is_none());
        assert_eq!(
            course("third").disabled_leader().unwrap().as_str(),
            "second"
        );
        assert!(!course("third").is_served());
    }
}
