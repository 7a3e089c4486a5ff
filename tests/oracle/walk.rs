//! The walk: instant by instant, what the clock on the wall shows, and what it skips and repeats.
//!
//! Nothing is searched for and nothing is computed ahead. A pattern fires at an instant because of
//! what the wall clock shows there, and the daylight-saving rule is said in `Tick::fires`.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use super::pattern::Pattern;

pub(super) const MINUTE: i64 = 60;
pub(super) const HOUR: i64 = 3_600;
pub(super) const DAY: i64 = 86_400;

/// No clock was ever turned by more than this.
const LARGEST_JUMP: i64 = 26 * HOUR;

/// What the clock on the wall shows.
#[derive(Clone, Copy)]
pub(super) struct Wall {
    /// Seconds since 1970-01-01T00:00 on the wall.
    pub(super) seconds: i64,
    pub(super) month: i8,
    pub(super) day: i8,
    /// From Sunday, 0.
    pub(super) weekday: i8,
    pub(super) hour: i8,
    pub(super) minute: i8,
    pub(super) second: i8,
}

impl Wall {
    pub(super) fn of(shown: DateTime) -> Self {
        Self {
            seconds: Offset::UTC.to_timestamp(shown).unwrap().as_second(),
            month: shown.month(),
            day: shown.day(),
            weekday: shown.weekday().to_sunday_zero_offset(),
            hour: shown.hour(),
            minute: shown.minute(),
            second: shown.second(),
        }
    }

    pub(super) fn at(instant: i64, zone: &TimeZone) -> Self {
        let instant = Timestamp::from_second(instant).unwrap();
        Self::of(zone.to_offset(instant).to_datetime(instant))
    }
}

/// One instant of the walk.
pub(super) struct Tick {
    pub(super) at: i64,
    wall: Wall,
    /// The wall clock has not shown or skipped this time before.
    first_pass: bool,
    /// The times between the instant before and this one that the wall clock jumped over.
    skipped: Vec<Wall>,
}

impl Tick {
    /// The rule under test: a fixed time fires once, at its first pass or, if the clock skips it,
    /// at the first instant after the gap; everything else fires whenever the wall clock matches.
    pub(super) fn fires(&self, pattern: &Pattern) -> bool {
        if pattern.fixed_time {
            (self.first_pass && pattern.matches(&self.wall))
                || self.skipped.iter().any(|wall| pattern.matches(wall))
        } else {
            pattern.matches(&self.wall)
        }
    }
}

/// Reads the wall clock at one instant after another.
pub(super) struct Walk<'z> {
    zone: &'z TimeZone,
    step: i64,
    latest_shown: i64,
    previous: Option<i64>,
}

impl<'z> Walk<'z> {
    /// The walk must begin at an instant before which the clock was not turned back for a day:
    /// see [`Zone::quiet_before`].
    pub(super) fn new(zone: &'z TimeZone, step: i64) -> Self {
        Self {
            zone,
            step,
            latest_shown: i64::MIN,
            previous: None,
        }
    }

    pub(super) fn read(&mut self, at: i64) -> Tick {
        let wall = Wall::at(at, self.zone);
        let shown = wall.seconds;
        let skipped = match self.previous {
            Some(previous) => (previous.max(self.latest_shown) + self.step..shown)
                .step_by(usize::try_from(self.step).unwrap())
                .map(|seconds| Wall::at(seconds, &TimeZone::UTC))
                .collect(),
            None => Vec::new(),
        };
        let first_pass = shown > self.latest_shown;
        self.latest_shown = self.latest_shown.max(shown);
        self.previous = Some(shown);
        Tick {
            at,
            wall,
            first_pass,
            skipped,
        }
    }

    /// Reads the clock, and leaves unseen what comes between now and the next reading.
    pub(super) fn leap_from(&mut self, at: i64) {
        self.read(at);
        self.previous = None;
    }
}

/// A moment at which a zone's clock was turned.
#[derive(Clone, Copy)]
pub(super) struct Change {
    pub(super) at: i64,
    /// Forward (a gap) is positive, back (a fold) negative; 0 when only the zone's name changed.
    pub(super) jump: i64,
    /// Whether the moment and the offsets on both sides are whole minutes.
    pub(super) whole_minutes: bool,
}

pub(super) struct Zone {
    pub(super) name: String,
    pub(super) tz: TimeZone,
    /// From the first known one to the year 2100.
    pub(super) changes: Vec<Change>,
}

impl Zone {
    /// Every zone the operating system knows.
    pub(super) fn all() -> Vec<Self> {
        let names = jiff::tz::db().available().map(|name| name.to_string());
        names.map(|name| Self::named(&name)).collect()
    }

    pub(super) fn named(name: &str) -> Self {
        let tz = TimeZone::get(name).unwrap();
        let end: Timestamp = "2101-01-01T00:00:00Z".parse().unwrap();
        let mut offset = i64::from(tz.to_offset(Timestamp::MIN).seconds());
        let changes = tz
            .following(Timestamp::MIN)
            .take_while(|change| change.timestamp() < end)
            .map(|change| {
                let (before, after) = (offset, i64::from(change.offset().seconds()));
                offset = after;
                let at = change.timestamp().as_second();
                Change {
                    at,
                    jump: after - before,
                    whole_minutes: [at, before, after].iter().all(|n| n % MINUTE == 0),
                }
            })
            .collect();
        Self {
            name: name.to_owned(),
            tz,
            changes,
        }
    }

    /// An instant at or before `at` that no turn of the clock precedes by less than a day, so that
    /// a walk from there knows what was shown before.
    pub(super) fn quiet_before(&self, at: i64) -> i64 {
        let mut quiet = at;
        for change in self.changes.iter().rev() {
            if change.at <= quiet && quiet - change.at <= LARGEST_JUMP {
                quiet = change.at - HOUR;
            }
        }
        quiet.div_euclid(MINUTE) * MINUTE
    }

    /// Whether the wall clock's minutes begin at whole minutes of UTC all through this time.
    pub(super) fn keeps_whole_minutes(&self, from: i64, until: i64) -> bool {
        let offset = self.tz.to_offset(Timestamp::from_second(from).unwrap());
        i64::from(offset.seconds()) % MINUTE == 0
            && self
                .changes
                .iter()
                .filter(|change| change.jump != 0 && (from..=until).contains(&change.at))
                .all(|change| change.whole_minutes)
    }
}

/// A finished walk, to try many patterns on.
pub(super) struct Window {
    pub(super) ticks: Vec<Tick>,
    /// Where it is interesting.
    pub(super) focus: i64,
}

impl Window {
    /// From a quiet instant at or before `from`, in steps of `step` seconds.
    pub(super) fn new(zone: &Zone, from: i64, focus: i64, until: i64, step: i64) -> Self {
        let from = zone.quiet_before(from);
        let mut walk = Walk::new(&zone.tz, step);
        let ticks = (from..=until)
            .step_by(usize::try_from(step).unwrap())
            .map(|at| walk.read(at))
            .collect();
        Self { ticks, focus }
    }

    pub(super) fn from(&self) -> i64 {
        self.ticks[0].at
    }

    pub(super) fn until(&self) -> i64 {
        self.ticks[self.ticks.len() - 1].at
    }

    pub(super) fn fires(&self, pattern: &Pattern) -> Vec<i64> {
        let firing = self.ticks.iter().filter(|tick| tick.fires(pattern));
        firing.map(|tick| tick.at).collect()
    }

    /// Times on the wall that are skipped or repeated here, then all others.
    pub(super) fn walls(&self) -> (Vec<Wall>, Vec<Wall>) {
        let skipped = self.ticks.iter().flat_map(|tick| tick.skipped.clone());
        let repeated = self.ticks.iter().filter(|tick| !tick.first_pass);
        (
            skipped.chain(repeated.map(|tick| tick.wall)).collect(),
            self.ticks.iter().map(|tick| tick.wall).collect(),
        )
    }
}
