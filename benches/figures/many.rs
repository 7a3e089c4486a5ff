//! Five thousand schedules of every kind in one file: how long it takes to validate them, to start
//! with them on a grown ledger, and to plan them anew while others are due.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command as Process, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use finstage::clock::Clock;
use finstage::config::{self, Environment};
use finstage::domain::{MisfirePolicy, Schedule};
use finstage::jobs::{Assignment, Done, Perform};
use finstage::runner::{Desk, Runner};
use finstage::scheduler::{Command, LONGEST_SLEEP, Planner, Pulse};
use finstage::store::Store;
use finstage::telemetry::Meter;
use finstage::upstream::{Budget, Fault};
use tokio::sync::oneshot;

use crate::lateness::fill;
use crate::process;
use crate::support::{self, Figures, Spread};
use crate::watch::Watch;

const SCHEDULES: usize = 5_000;

const ZONES: [&str; 10] = [
    "America/New_York",
    "America/Chicago",
    "Europe/London",
    "Europe/Berlin",
    "Asia/Tokyo",
    "Asia/Seoul",
    "Asia/Kolkata",
    "Australia/Sydney",
    "America/Sao_Paulo",
    "Africa/Cairo",
];

pub(crate) fn measure(figures: &mut Figures, wants: impl Fn(&str) -> bool) {
    if wants("validate") {
        validate(figures);
    }
    if wants("ready") {
        ready(figures);
    }
    if wants("reload") {
        reload(figures);
    }
}

/// A file of many schedules: half of them plain times of the day, the rest of all other kinds.
/// `shift` moves the minutes.
fn file(shift: usize) -> String {
    let mut text = String::from(
        "[store]\nurl = \"sqlite://finstage.db?mode=rwc\"\n[upstream.yahoo]\nmax_rps = 100.0\n\
         [symbols]\n",
    );
    for group in 0..20 {
        let names: Vec<String> = (0..25).map(|n| format!("\"G{group}X{n}\"")).collect();
        let _ = writeln!(text, "g{group} = [{}]", names.join(","));
    }
    text.push_str("[defaults]\nmisfire_policy = \"skip\"\n");
    for index in 0..SCHEDULES {
        let (minute, hour) = ((index * 7 + shift) % 60, index * 11 % 24);
        let (day, month) = (1 + index % 28, 1 + index % 12);
        let market = ["XNYS", "XLON", "XTKS", "XETR"][index % 4];
        let when = match index / 10 % 10 {
            0..5 => format!("cron = \"{minute} {hour} * * MON-FRI\""),
            5 => format!(
                "cron = \"*/{} {}-{} * * *\"",
                5 + index % 20,
                hour % 12,
                hour % 12 + 8
            ),
            6 => format!(
                "cron = [\"{minute} {hour} * * *\", \"{minute} {} 1 * *\"]",
                (hour + 3) % 24
            ),
            7 => format!("every = \"{}m\"", 5 + index % 55),
            8 if index % 2 == 0 => {
                format!("at = \"close+{}m\"\ncalendar = \"{market}\"", minute + 1)
            }
            8 => format!("at = \"open-{}m\"\ncalendar = \"{market}\"", minute + 1),
            _ if index % 4 == 0 => format!("cron = \"{minute} {hour} 29 2 *\""),
            _ => format!("cron = \"{minute} {hour} {day} {month} *\""),
        };
        let _ = writeln!(
            text,
            "[schedules.s{index:04}]\njob = \"quotes\"\n{when}\ntimezone = \"{}\"\n\
             symbols = [\"@g{}\", \"S{index:04}\"]",
            ZONES[index % 10],
            index % 20
        );
    }
    text
}

fn validate(figures: &mut Figures) {
    let directory = tempfile::tempdir().unwrap();
    let text = file(0);
    std::fs::write(directory.path().join("schedules.toml"), &text).unwrap();
    let once = || {
        let begun = Instant::now();
        let status = Process::new(env!("CARGO_BIN_EXE_finstage"))
            .arg("validate")
            .current_dir(directory.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
        begun.elapsed().as_secs_f64() * 1e3
    };
    let spread = Spread::of((0..15).map(|_| once()).collect());
    figures.add(
        "validate 5,000 schedules, whole process",
        format!("{spread} ms of 15"),
        "< 200 ms",
        format!("{} KB of TOML", text.len() / 1_000),
    );
}

fn ready(figures: &mut Figures) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("schedules.toml"), file(0)).unwrap();
    let start = || {
        let (mut child, seconds) = process::start(directory.path());
        process::stop(&mut child);
        seconds * 1e3
    };
    let first = start();
    fill(directory.path(), 500_000);
    let spread = Spread::of((0..7).map(|_| start()).collect());
    figures.add(
        "start to ready, 5,000 schedules, 500,000 runs there",
        format!("{spread} ms of 7"),
        "(none)",
        format!("first start with an empty database {first:.0} ms"),
    );
}

fn schedules(directory: &Path, text: &str) -> Vec<Arc<Schedule>> {
    let environment = Environment::in_directory(directory);
    let config = config::parse(Path::new("bench.toml"), text, &environment);
    config.unwrap().0.schedules
}

/// Plans all of them anew shortly before a fire is due, again and again.
fn reload(figures: &mut Figures) {
    let directory = tempfile::tempdir().unwrap();
    let tick = "[schedules.tick]\njob = \"quotes\"\nevery = \"1s\"\nsymbols = [\"TICK\"]\n";
    let of = |shift: usize| schedules(directory.path(), &(file(shift) + tick));
    let renamed = |schedules: &[Arc<Schedule>], round: usize| {
        let named = schedules.iter().map(|schedule| {
            let mut schedule = Schedule::clone(schedule);
            let id = format!("{}-{round}", schedule.id);
            schedule.misfire_policy = MisfirePolicy::RunOnce;
            if schedule.id.as_str() != "tick" {
                schedule.id = finstage::domain::ScheduleId::try_new(&id).unwrap();
            }
            Arc::new(schedule)
        });
        named.collect::<Vec<_>>()
    };
    let (one, other) = (of(0), of(1));
    let kinds: [(&str, Vec<Vec<Arc<Schedule>>>); 3] = [
        ("none of them changed", vec![one.clone(); 6]),
        (
            "each at another minute",
            (0..6)
                .map(|round| if round % 2 == 0 { &other } else { &one })
                .cloned()
                .collect(),
        ),
        (
            "all of them new",
            (0..6).map(|round| renamed(&one, round)).collect(),
        ),
    ];
    for (words, replacements) in kinds {
        let runtime = support::runtime();
        let directory = tempfile::tempdir().unwrap();
        let text = file(0) + tick;
        let environment = Environment::in_directory(directory.path());
        let config = config::parse(Path::new("bench.toml"), &text, &environment);
        let store = config.unwrap().0.store;
        let (ticks, replies) = runtime.block_on(async {
            let store = Store::open(&store, Meter::default()).await.unwrap();
            store.migrate().await.unwrap();
            replace(store, &one, replacements).await
        });
        runtime.shutdown_background();
        figures.add(
            &format!("a fire every second while 5,000 schedules are planned anew, {words}"),
            format!("{ticks} ms late"),
            "max ≤ 50 ms",
            format!("answered after {replies} ms"),
        );
    }
}

async fn replace(
    store: Store,
    first: &[Arc<Schedule>],
    replacements: Vec<Vec<Arc<Schedule>>>,
) -> (Spread, Spread) {
    let clock = Clock::system();
    let epoch = store.begin_epoch(clock.now()).await.unwrap();
    let runner = Runner::new(Desk {
        ledger: Arc::new(store.clone()),
        work: Arc::new(Nothing),
        clock: clock.clone(),
        meter: Meter::default(),
        pings: None,
    });
    let watch = Watch::over(store);
    let looks = watch.clone();
    let planner = Planner {
        schedules: first.to_vec(),
        ledger: Arc::new(watch.clone()),
        runner: runner.clone(),
        epoch,
        clock: clock.clone(),
        longest_sleep: LONGEST_SLEEP,
        on_look: Box::new(move || looks.look()),
    };
    let mut planner = planner.start(Pulse::default()).unwrap();
    planner.opened().await.unwrap();
    let mut replies = Vec::new();
    tokio::time::sleep(Duration::from_secs(2)).await;
    drop(watch.take());
    for schedules in replacements {
        // A few milliseconds before the full second.
        let past_ms = u64::try_from(clock.now().as_millisecond() % 1_000).unwrap();
        tokio::time::sleep(Duration::from_millis(1_992 - past_ms)).await;
        let (reply, answer) = oneshot::channel();
        let begun = Instant::now();
        let _ = planner.commands().send(Command::Replace(schedules, reply));
        answer.await.unwrap();
        replies.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    tokio::task::spawn_blocking(move || planner.stop())
        .await
        .unwrap();
    let watched = watch.take();
    let ticks = watched
        .iter()
        .filter(|seen| seen.fire.schedule.as_str() == "tick");
    let late = ticks.map(|seen| {
        let lateness = seen.admitted.duration_since(seen.fire.scheduled_for);
        lateness.as_secs_f64() * 1e3
    });
    (Spread::of(late.collect()), Spread::of(replies))
}

/// A job that does nothing.
struct Nothing;

#[async_trait::async_trait]
impl Perform for Nothing {
    async fn perform(
        &self,
        _: Assignment,
        _: &finstage::domain::Symbol,
        _: &Budget,
    ) -> Result<Done, Fault> {
        Ok(Done {
            rows_written: 0,
            rows_rejected: 0,
        })
    }

    fn is_refused(&self) -> bool {
        false
    }
}
