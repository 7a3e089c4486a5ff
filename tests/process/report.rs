//! What `report` tells, and the page it writes.

use serde_json::Value;

use super::daemon::Home;
use super::schedules;
use super::world::sql;

/// Largest page of 30 days.
const MOST_BYTES: u64 = 500_000;

fn home() -> Home {
    Home::new(&schedules("", "\"AAPL\", \"MSFT\"", ""))
}

fn page(home: &Home, since: &str) -> String {
    let said = home.say(&["report", "--since", since, "--html", "report.html"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stderr.contains("report.html written"), "{said:?}");
    assert!(said.stdout.is_empty(), "{said:?}");
    std::fs::read_to_string(home.path().join("report.html")).unwrap()
}

/// The page is whole: every element that is opened is closed, in order, and nothing comes from
/// elsewhere.
#[track_caller]
fn is_sound(page: &str) {
    assert!(page.starts_with("<!DOCTYPE html>"));
    let mut open: Vec<&str> = Vec::new();
    for piece in page.split('<').skip(2) {
        let (tag, text) = piece.split_once('>').expect(piece);
        let name = tag.split([' ', '\n', '/']).next().unwrap();
        assert!(name == "style" || !text.contains('>'), "{piece}");
        assert!(!tag.contains(" on"), "an attribute that acts: {piece}");
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed), "{piece}");
        } else if name != "meta" && !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
    let own = page.replace("http://www.w3.org/2000/svg", "");
    let own = own.to_lowercase();
    for foreign in [
        "<script", "http:", "https:", " src=", "href=", "url(", "@import",
    ] {
        assert!(!own.contains(foreign), "{foreign}");
    }
    assert!(!page.contains("NaN"), "a number that is none");
}

#[test]
fn an_empty_database_is_told_as_such() {
    let home = home();
    assert_eq!(home.say(&["report"]).code, Some(69), "there is none");
    assert!(home.verb(&["migrate"]).status.success());
    let said = home.say(&["report"]);
    assert!(said.stdout.contains("no runs in this time"), "{said:?}");
    assert!(said.stdout.contains("no resource samples"), "{said:?}");
    let report = home.json(&["report", "--json"]);
    for list in [
        "schedules",
        "slowest_symbols",
        "faults",
        "upstreams",
        "durations",
    ] {
        assert_eq!(report[list], Value::Array(Vec::new()), "{list}");
    }
    let page = page(&home, "30d");
    is_sound(&page);
    assert!(page.contains("No runs in this time.") && page.contains("No requests in this time."));
}

#[test]
fn one_run_is_told_with_what_it_cost() {
    let home = home();
    let once = home.verb(&["once", "bars", "--simulate", "--symbols", "AAPL,NOTFOUND1"]);
    assert_eq!(once.status.code(), Some(1), "{once:?}");
    let runs = home.json(&["runs", "--json"]);
    let (peak, cpu) = (&runs[0]["memory_peak_bytes"], &runs[0]["cpu_ms"]);
    assert!(peak.as_i64().unwrap() > 1 << 20, "{runs}");
    assert!(cpu.as_i64().unwrap() >= 0, "{runs}");
    let report = home.json(&["report", "--json"]);
    let bars = &report["schedules"][0];
    assert_eq!(
        (
            &bars["runs"],
            &bars["succeeded"],
            &bars["memory_peak_bytes"]
        ),
        (&1.into(), &0.into(), peak)
    );
    assert_eq!(&bars["cpu_mean_ms"], cpu);
    let symbols = report["slowest_symbols"].as_array().unwrap();
    assert_eq!(symbols.len(), 2);
    let fault = &report["faults"][0];
    assert_eq!(
        (&fault["class"], &fault["last_symbol"]),
        (&"not_found".into(), &"NOTFOUND1".into())
    );
    let yahoo = &report["upstreams"][0];
    assert_eq!(
        (&yahoo["provider"], &yahoo["requests"]),
        (&"yahoo".into(), &bars["calls"])
    );
    assert_eq!(yahoo["allowed_per_minute"].as_f64(), Some(60_000.0));
    let shown = home.say(&["report"]).stdout;
    for part in ["SCHEDULE", "SLOWEST SYMBOLS", "FAILED", "UPSTREAM", "WORK"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    let page = page(&home, "24h");
    is_sound(&page);
    assert!(
        page.contains("NOTFOUND1") && page.contains("not_found"),
        "{page}"
    );
}

#[test]
fn thirty_days_are_told_exactly_and_on_a_small_page() {
    let home = home();
    assert!(home.verb(&["migrate"]).status.success());
    thirty_days(&home);
    let report = home.json(&["report", "--since", "30d", "--json"]);
    let names: Vec<&str> = report["schedules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["schedule"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), 21);
    let number = |query: &str| sql(&home, query);
    for row in report["schedules"].as_array().unwrap() {
        let name = row["schedule"].as_str().unwrap();
        let count = number(&format!(
            "SELECT count(*) FROM runs WHERE schedule = '{name}'"
        ));
        assert_eq!(row["runs"].to_string(), count, "{name}");
        // The nearest rank, found by the database.
        let p95 = number(&format!(
            "SELECT duration_ms FROM runs WHERE schedule = '{name}' ORDER BY duration_ms \
             LIMIT 1 OFFSET ({count} * 95 + 99) / 100 - 1"
        ));
        assert_eq!(row["duration_p95_ms"].to_string(), p95, "{name}");
        let cpu = number(&format!(
            "SELECT sum(cpu_ms) / {count} FROM runs WHERE schedule = '{name}'"
        ));
        assert_eq!(row["cpu_mean_ms"].to_string(), cpu, "{name}");
    }
    let outcomes = report["curves"]["outcomes"].as_array().unwrap();
    assert_eq!(outcomes.len(), 180);
    let sum: u64 = outcomes
        .iter()
        .map(|part| part["succeeded"].as_u64().unwrap())
        .sum();
    let succeeded = number("SELECT count(*) FROM runs WHERE state = 'succeeded'");
    assert_eq!(sum.to_string(), succeeded, "every run is in one part");
    let process = &report["process"];
    for (field, query) in [
        ("samples", "SELECT count(*) FROM resource_samples"),
        (
            "memory_max_bytes",
            "SELECT max(process_memory_bytes) FROM resource_samples",
        ),
        (
            "memory_mean_bytes",
            "SELECT sum(process_memory_bytes) / count(*) FROM resource_samples",
        ),
        (
            "disk_available_min_bytes",
            "SELECT min(disk_available_bytes) FROM resource_samples",
        ),
    ] {
        assert_eq!(process[field].to_string(), number(query), "{field}");
    }
    let page = page(&home, "30d");
    is_sound(&page);
    let size = std::fs::metadata(home.path().join("report.html"))
        .unwrap()
        .len();
    assert!((20_000..MOST_BYTES).contains(&size), "{size} bytes");
    assert_eq!(
        page.matches("<svg").count(),
        2 + 12 + 4,
        "two of runs, the twelve slowest, four"
    );
    eprintln!("30 days: {size} bytes");
}

/// Rows of 30 days up to now: 20 schedules of a fire in three hours and one of ten minutes, a
/// sample every five minutes.
fn thirty_days(home: &Home) {
    let numbers = |most: u32| {
        format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {most})")
    };
    let ago = |seconds: &str| {
        format!("strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now', '-' || ({seconds}) || ' seconds')")
    };
    let columns = "schedule, job, trigger, scheduled_for, state, claimed_at, finished_at, \
                   duration_ms, lateness_ms, epoch, memory_peak_bytes, cpu_ms";
    let run = |name: &str, seconds: &str| {
        let at = ago(seconds);
        format!(
            "{name}, 'quotes', 'schedule', {at}, CASE WHEN i % 17 = 0 THEN 'failed' ELSE \
             'succeeded' END, {at}, {at}, 200 + (i * 7919) % 5000, (i * 31) % 900, 1, \
             30000000 + (i * 97) % 5000000, (i * 13) % 700"
        )
    };
    let several = run("'every-' || (i % 20)", "i * 540 + 60");
    let frequent = run("'often'", "i * 600 + 90");
    let at = ago("i * 300 + 30");
    let samples = "at, epoch, process_cpu_percent, process_cpu_ms, process_memory_bytes, \
                   process_open_fds, process_disk_read_bytes, process_disk_written_bytes, \
                   host_cpu_percent, host_memory_used_bytes, host_memory_total_bytes, \
                   disk_available_bytes, disk_total_bytes, network_received_bytes, \
                   network_sent_bytes";
    sql(
        home,
        &format!(
            "{} INSERT INTO runs ({columns}) SELECT {several} FROM n;
             {} INSERT INTO runs ({columns}) SELECT {frequent} FROM n;
             {} INSERT INTO resource_samples ({samples}) SELECT {at}, 1, (i * 37) % 100, i, \
             30000000 + (i * 7919) % 9000000, 20 + i % 9, 0, 0, (i * 11) % 100, 4000000000, \
             16000000000, 50000000000 - i * 1000000, 100000000000, 0, 0 FROM n;",
            numbers(4_700),
            numbers(4_300),
            numbers(8_600),
        ),
    );
}

#[test]
fn names_and_messages_from_anywhere_are_shown_and_never_obeyed() {
    let home = home();
    assert!(home.verb(&["migrate"]).status.success());
    let evil = "<script>alert(1)</script>\"><img src=x onerror=alert(2)>&lt;";
    let now = "strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now', '-60 seconds')";
    sql(
        &home,
        &format!(
            "INSERT INTO runs (schedule, job, trigger, scheduled_for, state, claimed_at, \
             finished_at, duration_ms, lateness_ms, epoch) VALUES ('{evil}', '{evil}', 'schedule', \
             {now}, 'failed', {now}, {now}, 5, 5, 1);
             INSERT INTO run_tasks (run_id, symbol, outcome, class, message, calls, retries, \
             rate_limited, rows_written, rows_rejected, started_at, duration_ms) VALUES (1, \
             '{evil}', 'failed', '{evil}', '{evil}', 1, 0, 0, 0, 0, {now}, 5);
             INSERT INTO duration_rollups (at, epoch, work, name, count, sum_us, max_us, buckets) \
             VALUES ({now}, 1, 'request', '{evil}', 1, 5, 5, '5:1');"
        ),
    );
    let page = page(&home, "24h");
    assert!(
        !page.contains("<script") && !page.contains("<img"),
        "{page}"
    );
    let shown = "&lt;script&gt;alert(1)&lt;/script&gt;";
    // The schedule and its plot, the symbol, the class with symbol and message, the provider with
    // its plot, the work.
    assert!(
        page.matches(shown).count() >= 8,
        "{}",
        page.matches(shown).count()
    );
    assert!(
        page.contains("&amp;lt;"),
        "an escape that was there stays one"
    );
    assert!(home.verb(&["report"]).status.success());
}

#[test]
fn a_page_that_cannot_be_written_is_told_with_what_to_do() {
    let home = home();
    assert!(home.verb(&["migrate"]).status.success());
    let said = home.say(&["report", "--html", "reports/today.html"]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(
        said.stderr
            .contains("there is no directory reports; make it (mkdir -p reports)"),
        "{said:?}"
    );
    let said = home.say(&["report", "--html", "data"]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.stderr.contains("data/report.html"), "{said:?}");
    // Beside the page, JSON goes to stdout as ever.
    let both = home.verb(&["report", "--json", "--html", "r.html"]);
    assert!(serde_json::from_slice::<Value>(&both.stdout).unwrap()["since"].is_string());
    assert!(home.path().join("r.html").exists());
    let left: Vec<_> = std::fs::read_dir(home.path()).unwrap().collect();
    assert!(left.iter().all(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        !name.to_string_lossy().ends_with(".tmp")
    }));
}
