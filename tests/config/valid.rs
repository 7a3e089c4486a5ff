//! A good file means exactly what it says.

use std::time::Duration;

use finstage::config::{Config, Severity};
use finstage::domain::{JobKind, MisfirePolicy, OverlapPolicy, Schedule, Symbol};

use super::{GOOD, Place, good_with};

const FULL: &str = r#"[daemon]
drain = "45s"
log = { format = "json", level = "debug" }
[store]
url = "sqlite://data/full.db?mode=rwc"
pool = { max = 5, overflow = 6, acquire_timeout = "7s", max_lifetime = "8m", check_before_use = false }
[upstream.yahoo]
base_url = "http://127.0.0.1:8080/"
user_agent = "finstage tests"
max_rps = 0x10
burst = 3
concurrency = 4
connect_timeout = "1s"
request_timeout = "2s"
cooldown = { initial = "3s", max = "4s" }
retry = { max_attempts = 5, initial_interval = "6ms", multiplier = 7, max_interval = "8s", randomization_factor = 1.0 }
[history]
runs = "100d"
tasks = "20d"
samples = "36h"
durations = "1d"
alerts = "30d"
gaps = "2d"
revisions = "36500d"
[symbols]
tech = ["AAPL", "MSFT"]
one = "^GSPC"
[defaults]
timezone = "America/New_York"
timeout = "10m"
task_timeout = "11s"
jitter = "12s"
overlap_policy = "allow_all"
misfire_policy = "skip"
misfire_threshold = "13s"
catchup_window = "14h"
[schedules.b-overlaid]
job = "daily_bars"
every = "1h"
offset = "5m"
symbols = ["MSFT", "@one", "@tech", "GC=F"]
timezone = "Asia/Seoul"
timeout = "20m"
task_timeout = "21s"
concurrency = 22
jitter = "23s"
overlap_policy = "forbid"
misfire_policy = "run_all"
misfire_threshold = "24s"
max_catchup = 26
cancel_grace = "27s"
retry = { max_attempts = 2 }
pause_after_failures = 28
sla = { late_after = "29s", max_time_since_success = "30h", max_runtime = "31s" }
heartbeat_url = "https://hc-ping.com/uuid"
catchup_window = "25h"
enabled = false
tags = ["a", "b"]
description = "What it is for"
owner = "ops"
[schedules.a_default]
job = "all_time_high"
cron = ["30 9 * * MON-FRI", "@daily"]
symbols = "@tech"
"#;

fn read(text: &str) -> Config {
    let (config, lints) = Place::new().read(text).unwrap_or_else(|p| panic!("{p}"));
    assert!(lints.iter().all(|lint| lint.severity == Severity::Lint));
    config
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn symbols(schedule: &Schedule) -> Vec<&str> {
    schedule.symbols.iter().map(Symbol::as_str).collect()
}

#[test]
fn the_settings_of_a_full_file_are_what_it_says() {
    let config = read(FULL);
    let (daemon, store, yahoo) = (&config.daemon, &config.store, &config.yahoo);
    assert_eq!(daemon.drain, secs(45));
    assert_eq!(
        format!("{:?} {:?}", daemon.log_format, daemon.log_level),
        "Json Debug"
    );
    assert!(
        store.url.expose().ends_with("/data/full.db?mode=rwc"),
        "{:?}",
        store.url
    );
    assert_eq!((store.pool.max, store.pool.overflow), (5, 6));
    assert_eq!(
        (store.pool.acquire_timeout, store.pool.max_lifetime),
        (secs(7), secs(480))
    );
    assert!(!store.pool.check_before_use);
    assert_eq!(yahoo.base_url, "http://127.0.0.1:8080");
    assert_eq!(yahoo.user_agent, "finstage tests");
    assert_eq!(
        (yahoo.max_rps, yahoo.burst, yahoo.concurrency),
        (16.0, 3, 4)
    );
    assert_eq!(
        (yahoo.connect_timeout, yahoo.request_timeout),
        (secs(1), secs(2))
    );
    assert_eq!(
        (yahoo.cooldown.initial, yahoo.cooldown.max),
        (secs(3), secs(4))
    );
    let retry = &yahoo.retry;
    assert_eq!(
        (
            retry.max_attempts,
            retry.multiplier,
            retry.randomization_factor
        ),
        (5, 7.0, 1.0)
    );
    assert_eq!(
        (retry.initial_interval, retry.max_interval),
        (Duration::from_millis(6), secs(8))
    );
    let history = &config.history;
    let hours = [
        history.runs,
        history.tasks,
        history.samples,
        history.durations,
        history.alerts,
        history.gaps,
        history.revisions,
    ]
    .map(|keep| keep.as_secs() / 3_600);
    assert_eq!(hours, [2_400, 480, 36, 24, 720, 48, 876_000]);
}

#[test]
fn a_schedule_without_a_word_of_its_own_takes_the_defaults_of_the_file() {
    let config = read(FULL);
    let names: Vec<&str> = config.schedules.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(names, ["a_default", "b-overlaid"], "in order of name");
    let schedule = config.schedule("a_default").unwrap();
    assert_eq!(schedule.job, JobKind::AllTimeHigh);
    assert_eq!(schedule.trigger.to_string(), "30 9 * * MON-FRI | @daily");
    assert_eq!(schedule.timezone_name(), "America/New_York");
    assert_eq!(symbols(schedule), ["AAPL", "MSFT"]);
    assert_eq!(
        (schedule.timeout, schedule.task_timeout),
        (secs(600), secs(11))
    );
    assert_eq!(schedule.concurrency, 4, "the upstream's");
    assert_eq!(schedule.jitter, secs(12));
    assert_eq!(schedule.overlap_policy, OverlapPolicy::AllowAll);
    assert_eq!(schedule.misfire_policy, MisfirePolicy::Skip);
    assert_eq!(
        (schedule.misfire_threshold, schedule.catchup_window),
        (secs(13), secs(14 * 3_600))
    );
    assert!(schedule.enabled && schedule.tags.is_empty());
    assert_eq!((&schedule.description, &schedule.owner), (&None, &None));
}

#[test]
fn what_a_schedule_says_is_laid_over_the_defaults() {
    let config = read(FULL);
    let schedule = config.schedule("b-overlaid").unwrap();
    assert_eq!(schedule.job, JobKind::DailyBars);
    assert_eq!(schedule.trigger.to_string(), "every 1h + 5m");
    assert_eq!(schedule.timezone_name(), "Asia/Seoul");
    assert_eq!(
        symbols(schedule),
        ["MSFT", "^GSPC", "AAPL", "GC=F"],
        "once each, in order"
    );
    assert_eq!(
        (schedule.timeout, schedule.task_timeout),
        (secs(1_200), secs(21))
    );
    assert_eq!(schedule.concurrency, 22);
    assert_eq!(schedule.jitter, secs(23));
    assert_eq!(schedule.overlap_policy, OverlapPolicy::Skip);
    assert_eq!(schedule.misfire_policy, MisfirePolicy::RunAll);
    assert_eq!(
        (schedule.max_catchup, schedule.cancel_grace),
        (26, secs(27))
    );
    let retry = schedule.retry.unwrap();
    assert_eq!((retry.max_attempts, retry.initial_interval), (2, secs(30)));
    assert_eq!(schedule.pause_after_failures, Some(28));
    assert_eq!(schedule.sla.late_after, Some(secs(29)));
    assert_eq!(schedule.sla.max_time_since_success, Some(secs(30 * 3_600)));
    assert_eq!(schedule.sla.max_runtime, Some(secs(31)));
    let heartbeat = schedule.heartbeat_url.as_ref().unwrap();
    assert_eq!(heartbeat.expose(), "https://hc-ping.com/uuid");
    assert_eq!(format!("{heartbeat:?}"), "[redacted]");
    assert_eq!(
        (schedule.misfire_threshold, schedule.catchup_window),
        (secs(24), secs(25 * 3_600))
    );
    assert!(!schedule.enabled);
    assert_eq!(schedule.tags, ["a", "b"]);
    assert_eq!(schedule.description.as_deref(), Some("What it is for"));
    assert_eq!(schedule.owner.as_deref(), Some("ops"));
}

#[test]
fn a_file_that_says_little_gets_the_documented_defaults() {
    let config = read("[schedules.us]\njob = \"quotes\"\nevery = \"1m\"\nsymbols = [\"AAPL\"]\n");
    let (yahoo, schedule) = (&config.yahoo, &config.schedules[0]);
    assert_eq!(yahoo.base_url, "https://query1.finance.yahoo.com");
    assert!(
        yahoo
            .user_agent
            .starts_with("Mozilla/5.0 (compatible; finstage/")
    );
    assert_eq!((yahoo.max_rps, yahoo.burst, yahoo.concurrency), (1.0, 2, 2));
    assert_eq!(
        (yahoo.cooldown.initial, yahoo.cooldown.max),
        (secs(60), secs(1_800))
    );
    assert_eq!(yahoo.retry.max_attempts, 4);
    let history = config.history;
    assert_eq!(history, finstage::config::HistorySettings::default());
    assert_eq!(
        [
            history.runs,
            history.tasks,
            history.samples,
            history.durations,
            history.alerts,
            history.gaps,
            history.revisions
        ],
        [365, 30, 30, 30, 365, 365, 1_825].map(|days| secs(days * 86_400))
    );
    assert!(
        config
            .store
            .url
            .expose()
            .ends_with("/data/finstage.db?mode=rwc")
    );
    assert_eq!(config.daemon.drain, secs(30));
    assert_eq!(schedule.timezone_name(), "UTC");
    assert_eq!(
        (schedule.timeout, schedule.task_timeout),
        (secs(300), secs(60))
    );
    assert_eq!((schedule.concurrency, schedule.jitter), (2, Duration::ZERO));
    assert_eq!(schedule.overlap_policy, OverlapPolicy::Skip);
    assert_eq!(schedule.misfire_policy, MisfirePolicy::RunOnce);
    assert_eq!(
        (schedule.misfire_threshold, schedule.catchup_window),
        (secs(60), secs(3_600))
    );
    assert!(schedule.enabled);
}

#[test]
fn the_ends_of_a_range_are_within_it() {
    for line in [
        "max_rps = 10000",
        "max_rps = 0.01",
        "retry = { multiplier = 1, randomization_factor = 0 }",
        "retry = { multiplier = 100, randomization_factor = 1 }",
        "concurrency = 1_000",
    ] {
        read(&good_with(6, line));
    }
    read(GOOD);
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the time is told, not judged")]
fn a_file_of_five_thousand_schedules_is_read_whole() {
    use std::fmt::Write as _;
    let mut text = String::from("[upstream.yahoo]\nmax_rps = 100\n");
    for n in 0..5_000 {
        let (minute, hour) = (n % 60, n / 60 % 24);
        write!(
            text,
            "[schedules.s{n:04}]\njob = \"quotes\"\ncron = \"{minute} {hour} * * MON-FRI\"\n\
             timezone = \"America/New_York\"\nsymbols = [\"S{n}\", \"AAPL\"]\n"
        )
        .unwrap();
    }
    let place = Place::new();
    let start = std::time::Instant::now();
    let (config, lints) = place.read(&text).unwrap();
    eprintln!("5,000 schedules read and checked in {:?}", start.elapsed());
    assert_eq!(config.schedules.len(), 5_000);
    assert!(lints.is_empty(), "{lints}");
    for (n, schedule) in config.schedules.iter().enumerate() {
        assert_eq!(schedule.id.as_str(), format!("s{n:04}"));
        assert_eq!(symbols(schedule), [format!("S{n}").as_str(), "AAPL"]);
    }
}
