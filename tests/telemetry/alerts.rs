//! What the real daemon logs, through mtail into the rules: exactly the right alerts fire.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use finstage::simulator::{Fault, Options, Simulator};
use finstage::telemetry::ALERTS;
use jiff::Timestamp;
use serde_json::Value;

use super::tools::{answer, tool};
use crate::process::daemon::{Daemon, Home, let_pass};
use crate::process::world::{config, every_second, idle, quick, sql, table};

/// The minute of Prometheus' time at which the log ends.
const END_MIN: i64 = 10;

/// The gauges as mtail gives them for the log of `home`: series and value, seconds counted from
/// ten minutes before the log's last line.
fn gauges(home: &Home) -> Vec<(String, i64)> {
    let log = std::fs::read_to_string(home.log()).unwrap();
    let last: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    let last: Timestamp = last["ts"].as_str().unwrap().parse().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let progs = root.join("alerting/finstage.mtail");
    let (progs, log) = (progs.to_str().unwrap(), home.log());
    let arguments = [
        "--one_shot",
        "--one_shot_format=prometheus",
        "--address=127.0.0.1",
        "--port=0",
        "--logtostderr",
        "--progs",
        progs,
        "--logs",
        log.to_str().unwrap(),
    ];
    let said = answer("mtail", &arguments);
    let gauge = |line: &str| {
        let (series, value) = line.rsplit_once(' ')?;
        let value: f64 = value.parse().ok()?;
        #[allow(clippy::cast_possible_truncation, reason = "unix seconds")]
        let value = value as i64;
        let since_end = if value == 0 {
            0
        } else {
            value - last.as_second() + END_MIN * 60
        };
        series
            .contains("_seconds")
            .then(|| (series.to_owned(), since_end))
    };
    let gauges: Vec<_> = said
        .lines()
        .filter(|line| line.starts_with("finstage_log_"))
        .filter_map(gauge)
        .collect();
    assert!(gauges.len() >= 2, "{said}");
    assert!(
        !said.contains("foreign_lines_total{prog=\"finstage.mtail\"} 1"),
        "{said}"
    );
    gauges
}

/// Has promtool hold the rules, over the log of `home`, against the alerts expected so many minutes
/// after the log's end: all that fire, as `name` or `name(subject)`.
#[track_caller]
fn fires(home: &Home, expected: &[(i64, &[&str])]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rules = root.join("alerting/prometheus.rules.yml");
    let mut test = format!(
        "rule_files: [{}]\nevaluation_interval: 30s\ntests:\n  - interval: 30s\n    input_series:\n",
        rules.display()
    );
    for (series, value) in gauges(home) {
        let labels = "job=\"finstage\",instance=\"here\"";
        let series = match series.split_once('{') {
            Some((name, rest)) => format!("{name}{{{labels},{rest}"),
            None => format!("{series}{{{labels}}}"),
        };
        let gone = END_MIN * 2;
        let _ = writeln!(
            test,
            "      - series: '{series}'\n        values: '_x{gone} {value}+0x300'"
        );
    }
    test.push_str("    promql_expr_test:\n");
    for (minutes, alerts) in expected {
        let _ = write!(
            test,
            "      - expr: count by (alertname, subject) (ALERTS{{alertstate=\"firing\"}})\n        \
             eval_time: {}m\n        exp_samples:\n",
            END_MIN + minutes
        );
        for alert in *alerts {
            let (name, subject) = alert.split_once('(').unwrap_or((alert, ""));
            let subject = subject.trim_end_matches(')');
            let labels = if subject.is_empty() {
                format!("{{alertname=\"{name}\"}}")
            } else {
                format!("{{alertname=\"{name}\",subject=\"{subject}\"}}")
            };
            let _ = writeln!(test, "          - labels: '{labels}'\n            value: 1");
        }
    }
    let file = home.path().join("rules.test.yml");
    std::fs::write(&file, test).unwrap();
    tool("promtool", &["test", "rules", file.to_str().unwrap()]);
}

fn started(home: &Home) -> Daemon {
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("daemon.ready");
    daemon
}

/// Settings of [upstream.yahoo] that leave nothing to chance or patience.
fn impatient(config: &str) -> String {
    let more = "max_rps = 1000.0\nretry = { max_attempts = 1 }\ncooldown = { initial = \"10m\" }\n";
    config.replace("max_rps = 1000.0\n", more)
}

fn simulator(options: Options) -> (tokio::runtime::Runtime, Simulator) {
    crate::process::simulator(options)
}

#[test]
fn nothing_fires_while_all_is_well_and_silence_fires_when_the_daemon_is_killed() {
    let (_runtime, upstream) = quick();
    let home = Home::new(&config(&upstream, &every_second("pulse", "")));
    let mut daemon = started(&home);
    daemon.wait_for_event("run.finished");
    daemon.kill();
    fires(&home, &[(1, &[]), (2, &[]), (8, &["FinstageDaemonDead"])]);
}

#[test]
fn an_upstream_that_refuses_us_fires_its_block_and_nothing_else() {
    let (_runtime, upstream) = simulator(Options {
        fault_rate: 1.0,
        faults: vec![Fault::TooMany],
        ..Options::default()
    });
    let home = Home::new(&impatient(&config(&upstream, &every_second("pulse", ""))));
    let mut daemon = started(&home);
    let event = daemon.wait_for_event("upstream.cooldown_opened");
    assert_eq!(event["provider"], "yahoo");
    daemon.kill();
    fires(&home, &[(2, &["FinstageUpstreamBlocked(yahoo)"])]);
}

#[test]
fn a_schedule_without_success_for_too_long_fires_once_it_is_stale_and_until_it_is_fresh() {
    // A port where nobody listens, and later somebody does.
    let (runtime, upstream) = quick();
    let listen = upstream.base_url().replace("http://", "").parse().unwrap();
    let promise = "sla = { max_time_since_success = \"1s\" }\n";
    let text = impatient(&config(&upstream, &every_second("pulse", promise)));
    runtime.block_on(upstream.stop());
    let home = Home::new(&text);
    let mut daemon = started(&home);
    daemon.wait_for_schedule("schedule.stale", "pulse");
    fires(&home, &[(2, &["FinstageScheduleStale(pulse)"])]);
    let options = Options {
        listen,
        ..Options::default()
    };
    let (_runtime, upstream) = simulator(options);
    assert!(text.contains(&upstream.base_url()));
    daemon.wait_for_schedule("schedule.fresh", "pulse");
    fires(&home, &[(2, &[])]);
    daemon.kill();
}

#[test]
fn a_rejected_reload_fires_until_the_file_is_mended() {
    let (_runtime, upstream) = quick();
    let text = config(&upstream, &idle("year", "\"A\""));
    let home = Home::new(&text);
    let mut daemon = started(&home);
    home.write(&format!("{text}\nsurprise = 1\n"));
    daemon.wait_for_event("config.reload_rejected");
    fires(&home, &[(2, &["FinstageReloadRejected"])]);
    home.write(&text.replace("\"A\"", "\"B\""));
    daemon.wait_for_event("config.reloaded");
    fires(&home, &[(2, &[])]);
    daemon.stop();
}

#[test]
fn a_condition_of_a_process_that_died_is_void() {
    let (_runtime, upstream) = quick();
    let text = config(&upstream, &idle("year", "\"A\""));
    let home = Home::new(&text);
    let mut daemon = started(&home);
    home.write(&format!("{text}\nsurprise = 1\n"));
    daemon.wait_for_event("config.reload_rejected");
    daemon.kill();
    fires(&home, &[(2, &["FinstageReloadRejected"])]);
    home.write(&text);
    // mtail counts in whole seconds.
    let_pass(Duration::from_secs(1));
    started(&home).kill();
    fires(&home, &[(2, &[])]);
}

#[test]
fn a_lost_database_fires_until_it_is_back() {
    let (_runtime, upstream) = quick();
    let policy = "misfire_policy = \"skip\"\n";
    let home = Home::new(&config(&upstream, &every_second("pulse", policy)));
    // Neither the claim of a fire nor the question whether all is well again finds its table.
    let rename = |from: [&str; 2], to: [&str; 2]| {
        let one = |(from, to)| format!("ALTER TABLE {from} RENAME TO {to};");
        from.into_iter().zip(to).map(one).collect::<String>()
    };
    let (here, away) = (["runs", "schedule_state"], ["away_1", "away_2"]);
    let mut daemon = started(&home);
    daemon.wait_for_event("run.finished");
    sql(&home, &rename(here, away));
    daemon.wait_for_event("store.unavailable");
    fires(&home, &[(2, &["FinstageStoreUnavailable"])]);
    sql(&home, &rename(away, here));
    daemon.wait_for_event("store.recovered");
    daemon.wait_for_event("run.missed");
    fires(
        &home,
        &[
            (2, &["FinstageRunsMissed(pulse)"]),
            (11, &["FinstageDaemonDead"]),
        ],
    );
    daemon.kill();
}

#[test]
fn a_price_alert_fires_with_its_symbol() {
    let (_runtime, upstream) = quick();
    let due = "cron = \"0 0 1 1 *\"\ncatchup_window = \"366d\"";
    let bars = table("bars", "\"AAPL\"", due).replace("\"quotes\"", "\"daily_bars\"");
    let alerts = "[alerts.all]\nsymbols = [\"AAPL\"]\nrise = \"0.0001%\"\ndrop = \"0.0001%\"\nmax_age = \"7d\"\n";
    let home = Home::new(&config(&upstream, &format!("{alerts}{bars}")));
    let mut daemon = started(&home);
    daemon.wait_for(|event| event["code"].as_str().unwrap().starts_with("FS51"));
    daemon.kill();
    fires(
        &home,
        &[
            (2, &["FinstagePriceAlert(AAPL)"]),
            (11, &["FinstageDaemonDead"]),
        ],
    );
}

#[test]
fn every_alert_reaches_the_receiver_of_its_severity() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("alerting");
    let config = root.join("alertmanager.example.yml");
    let config = format!("--config.file={}", config.display());
    let rules = std::fs::read_to_string(root.join("prometheus.rules.yml")).unwrap();
    let mut receivers = BTreeSet::new();
    let mut lines = rules.lines();
    let mut routed = 0;
    while let Some(line) = lines.next() {
        let Some((_, name)) = line.split_once("- alert: ") else {
            continue;
        };
        let labels = lines.find(|line| line.contains("severity:")).unwrap();
        let severity = labels.split_ascii_whitespace().rev().nth(1).unwrap();
        let expected = match severity {
            "critical" => "on-call",
            "warning" => "operators",
            "notice" => "readers-of-prices",
            other => panic!("{other}"),
        };
        let (name, severity) = (format!("alertname={name}"), format!("severity={severity}"));
        let said = answer(
            "amtool",
            &["config", "routes", "test", &config, &name, &severity],
        );
        assert_eq!(said.trim(), expected, "{name}");
        receivers.insert(expected);
        routed += 1;
    }
    assert_eq!(
        routed,
        ALERTS.len() + 2,
        "those of events, other errors, an unread log"
    );
    assert_eq!(receivers.len(), 3);
}
