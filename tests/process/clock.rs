//! Wrong clocks: stepped while the daemon runs, and started just before the change to summer time
//! and back. The wall clock is libfaketime's; timers go by the monotonic clock and are not touched.

use std::path::PathBuf;
use std::process::Output;

use finstage::clock::Clock;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::daemon::{Daemon, Home, fire_ms};
use super::world::{begun_once, planned, table};

/// The library, where Debian's package `faketime` has it.
pub(crate) fn library() -> Option<PathBuf> {
    let found = std::fs::read_dir("/usr/lib")
        .ok()?
        .filter_map(Result::ok)
        .map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"))
        .find(|path| path.exists());
    if found.is_none() {
        eprintln!("SKIPPED: the package faketime is not installed (scripts/check does it)");
    }
    found
}

/// A daemon whose wall clock is ours.
pub(super) struct Faked {
    pub(super) home: Home,
    library: PathBuf,
    /// How far its clock is ahead.
    ahead: SignedDuration,
}

impl Faked {
    /// `None` without the library. The clock shows `at` now.
    pub(super) fn new(schedules: &str, at: &str) -> Option<Self> {
        let library = library()?;
        let text = format!(
            "[daemon]\nlog = {{ level = \"debug\" }}\n[upstream.yahoo]\nmax_rps = 1000.0\nburst = 100\n{schedules}"
        );
        let mut faked = Self {
            home: Home::new(&text),
            library,
            ahead: SignedDuration::ZERO,
        };
        faked.set(at.parse().unwrap());
        Some(faked)
    }

    fn now(&self) -> Timestamp {
        Clock::system().now() + self.ahead
    }

    pub(super) fn set(&mut self, at: Timestamp) {
        self.step(at.duration_since(self.now()));
    }

    /// Steps the clock, at once for whoever looks at it.
    fn step(&mut self, by: SignedDuration) {
        self.ahead += by;
        let draft = self.home.path().join("draft");
        std::fs::write(&draft, format!("{:+.3}\n", self.ahead.as_secs_f64())).unwrap();
        std::fs::rename(draft, self.home.path().join("clock")).unwrap();
    }

    /// What makes a process see this clock.
    fn with_environment<T>(&self, run: impl FnOnce(&[(&str, &str)]) -> T) -> T {
        let clock = self.home.path().join("clock");
        run(&[
            ("LD_PRELOAD", self.library.to_str().unwrap()),
            ("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap()),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ("NO_FAKE_STAT", "1"),
        ])
    }

    pub(super) fn start(&self) -> Daemon {
        self.with_environment(|it| self.home.start_in(&["run", "--simulate"], it))
    }

    /// Runs a verb to its end.
    pub(super) fn verb(&self, arguments: &[&str]) -> Output {
        self.with_environment(|it| self.home.verb_in(arguments, it))
    }
}

/// Waits for the schedule's next run of a fire in `[from, from + a minute)`.
fn begins_after(daemon: &mut Daemon, schedule: &str, from: Timestamp) -> Value {
    daemon.wait_for(|event| {
        event["event"] == "run.started"
            && event["schedule.name"] == schedule
            && (0..60_000).contains(&(fire_ms(event) - from.as_millisecond()))
    })
}

fn every_second_and_hour() -> String {
    let hourly = "cron = \"0 * * * *\"\ncatchup_window = \"0s\"";
    table("second", "\"A\"", "every = \"1s\"") + &table("hour", "\"A\"", hourly)
}

#[test]
fn a_clock_that_is_stepped_by_a_second_loses_and_repeats_nothing() {
    let Some(mut faked) = Faked::new(&every_second_and_hour(), "2027-06-15T10:20:30Z") else {
        return;
    };
    let mut daemon = faked.start();
    daemon.wait_for_schedule("run.finished", "second");
    for seconds in [1, -1, 1, 1, -1, -1] {
        faked.step(SignedDuration::from_secs(seconds));
        let stepped = daemon.wait_for_event("daemon.clock_stepped");
        let step_ms = stepped["step_ms"].as_i64().unwrap();
        assert!((step_ms - seconds * 1_000).abs() < 400, "{stepped}");
        let now = faked.now();
        begins_after(&mut daemon, "second", now);
    }
    begun_once(&daemon.stop());
    super::world::is_gapless(&faked.home.ledger(), "second");
}

#[test]
fn a_clock_that_is_stepped_by_hours_and_days_goes_on_firing_without_a_burst() {
    let Some(mut faked) = Faked::new(&every_second_and_hour(), "2027-06-15T10:20:30Z") else {
        return;
    };
    let mut daemon = faked.start();
    daemon.wait_for_schedule("run.finished", "second");
    let mut places = Vec::new();
    // Back first: the way forward then leads over what is decided already.
    for hours in [-1, 1, -24, 24, 24, 1] {
        faked.step(SignedDuration::from_hours(hours));
        daemon.wait_for_event("daemon.clock_stepped");
        let now = faked.now();
        begins_after(&mut daemon, "second", now);
        places.push(now);
    }
    let log = daemon.stop();
    begun_once(&log);
    let begun = |schedule: &str| {
        log.iter()
            .filter(|event| event["event"] == "run.started" && event["schedule.name"] == schedule)
            .count()
    };
    let stepped = log
        .iter()
        .filter(|event| event["event"] == "daemon.clock_stepped");
    assert_eq!(stepped.count(), 6, "and no step that was none");
    let seconds = begun("second");
    assert!(seconds < 60, "a burst: {seconds} runs");
    assert!(begun("hour") <= 6, "a burst: {} runs", begun("hour"));
    let rows = faked.home.ledger();
    let ran = |row: &&&Value| row["state"] != "missed" && row["state"] != "skipped_overlap";
    let caught_up = planned(&rows, "second").iter().filter(ran).count();
    assert!(caught_up <= seconds, "{caught_up}");
    // Of what was jumped over, every second has its row and its reason.
    let first_jump = places[0]..places[1];
    let rows: Vec<&Value> = planned(&rows, "second")
        .into_iter()
        .filter(|row| {
            let at = Timestamp::from_millisecond(fire_ms(row)).unwrap();
            first_jump.contains(&at)
        })
        .collect();
    for pair in rows.windows(2) {
        assert_eq!(fire_ms(pair[1]) - fire_ms(pair[0]), 1_000, "{pair:#?}");
    }
    assert!(rows.len() > 3_500, "{}", rows.len());
    assert!(
        rows.iter()
            .all(|row| row["state"] == "succeeded" || row["reason"].is_string())
    );
}

#[test]
fn what_a_clock_that_was_ahead_has_passed_over_is_run_when_its_time_comes() {
    let Some(mut faked) = Faked::new(&every_second_and_hour(), "2027-06-15T10:20:30Z") else {
        return;
    };
    let mut daemon = faked.start();
    daemon.wait_for_schedule("run.finished", "second");
    for days in [0, 1, 2] {
        let ahead = SignedDuration::from_hours(1 + 24 * days);
        faked.step(ahead);
        let now = faked.now();
        begins_after(&mut daemon, "second", now);
        faked.step(-ahead);
        let now = faked.now();
        begins_after(&mut daemon, "second", now);
    }
    let log = daemon.stop();
    begun_once(&log);
    let now = faked.now().to_string();
    let ahead = faked
        .home
        .json(&["runs", "--json", "--state", "missed", "--since", &now]);
    assert_eq!(ahead, Value::Array(Vec::new()), "of a time still to come");
}

/// The fires of a schedule that began, as texts.
fn begun(log: &[Value], schedule: &str) -> Vec<String> {
    log.iter()
        .filter(|event| event["event"] == "run.started" && event["schedule.name"] == schedule)
        .map(|event| event["scheduled_for"].as_str().unwrap().to_owned())
        .collect()
}

const NEW_YORK: &str = "[defaults]\ntimezone = \"America/New_York\"\ncatchup_window = \"0s\"\n";

#[test]
fn a_fixed_time_in_the_gap_of_spring_fires_once_at_its_end() {
    let schedules = [
        NEW_YORK.to_owned(),
        table("gap", "\"A\"", "cron = \"30 2 * * *\""),
        table("end", "\"A\"", "cron = \"0 3 * * *\""),
        table("half", "\"A\"", "cron = \"*/30 * * * *\""),
        table("second", "\"A\"", "every = \"1s\""),
    ];
    // 02:00 EST is 03:00 EDT.
    let Some(mut faked) = Faked::new(&schedules.concat(), "2027-03-14T06:59:57Z") else {
        return;
    };
    let mut daemon = faked.start();
    begins_after(
        &mut daemon,
        "second",
        "2027-03-14T07:00:01Z".parse().unwrap(),
    );
    faked.set("2027-03-14T07:29:58Z".parse().unwrap());
    begins_after(&mut daemon, "half", "2027-03-14T07:30:00Z".parse().unwrap());
    begins_after(
        &mut daemon,
        "second",
        "2027-03-14T07:30:01Z".parse().unwrap(),
    );
    // And once more over the same hour.
    faked.set("2027-03-14T06:59:58Z".parse().unwrap());
    daemon.wait_for_event("daemon.clock_stepped");
    faked.set("2027-03-14T07:31:00Z".parse().unwrap());
    begins_after(
        &mut daemon,
        "second",
        "2027-03-14T07:31:00Z".parse().unwrap(),
    );
    let log = daemon.stop();
    begun_once(&log);
    assert_eq!(begun(&log, "gap"), ["2027-03-14T07:00:00Z"]);
    assert_eq!(begun(&log, "end"), ["2027-03-14T07:00:00Z"]);
    assert_eq!(
        begun(&log, "half"),
        ["2027-03-14T07:00:00Z", "2027-03-14T07:30:00Z"]
    );
}

#[test]
fn a_fixed_time_in_the_repeated_hour_of_autumn_fires_in_its_first_pass_only() {
    let schedules = [
        NEW_YORK.to_owned(),
        table("fixed", "\"A\"", "cron = \"30 1 * * *\""),
        table("list", "\"A\"", "cron = \"0,30 1 * * *\""),
        table("half", "\"A\"", "cron = \"*/30 * * * *\""),
        table("second", "\"A\"", "every = \"1s\""),
    ];
    // 01:30 EDT; an hour later it is 01:30 EST.
    let Some(mut faked) = Faked::new(&schedules.concat(), "2026-11-01T05:29:57Z") else {
        return;
    };
    let mut daemon = faked.start();
    begins_after(
        &mut daemon,
        "fixed",
        "2026-11-01T05:30:00Z".parse().unwrap(),
    );
    begins_after(
        &mut daemon,
        "second",
        "2026-11-01T05:30:01Z".parse().unwrap(),
    );
    for (set, due) in [
        ("2026-11-01T05:59:58Z", "2026-11-01T06:00:00Z"),
        ("2026-11-01T06:29:58Z", "2026-11-01T06:30:00Z"),
    ] {
        faked.set(set.parse().unwrap());
        let due: Timestamp = due.parse().unwrap();
        begins_after(&mut daemon, "half", due);
        begins_after(&mut daemon, "second", due + SignedDuration::from_secs(1));
    }
    // A restart in the second pass catches up nothing of the first.
    daemon.kill();
    let mut daemon = faked.start();
    let from = faked.now() + SignedDuration::from_secs(1);
    begins_after(&mut daemon, "second", from);
    begun_once(&daemon.stop());
    let rows = faked.home.ledger();
    let fires = |schedule: &str| -> Vec<String> {
        let rows = planned(&rows, schedule);
        rows.iter()
            .map(|row| row["scheduled_for"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(fires("fixed"), ["2026-11-01T05:30:00Z"]);
    assert_eq!(fires("list"), ["2026-11-01T05:30:00Z"]);
    assert_eq!(
        fires("half"),
        [
            "2026-11-01T05:30:00Z",
            "2026-11-01T06:00:00Z",
            "2026-11-01T06:30:00Z"
        ]
    );
}
