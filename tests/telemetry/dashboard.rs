//! The dashboard shows what there is: its metrics and labels exist, and no expression is empty.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use finstage::domain::{FaultClass, RunState};
use finstage::telemetry::metric::{CATALOGUE, MetricKind};
use serde_json::Value;

use super::tools::tool;

/// Labels that Prometheus adds to whatever it reads.
const SCRAPED: [&str; 2] = ["instance", "job"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("alerting/grafana")
}

/// A query of a panel.
struct Query {
    panel: String,
    expr: String,
    legend: String,
}

fn queries() -> Vec<Query> {
    let text = std::fs::read_to_string(folder().join("dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut queries = Vec::new();
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{panel}");
        for target in targets {
            let text = |key: &str| target[key].as_str().unwrap().to_owned();
            queries.push(Query {
                panel: panel["title"].as_str().unwrap().to_owned(),
                expr: text("expr"),
                legend: text("legendFormat"),
            });
        }
    }
    assert!(queries.len() > 40, "{}", queries.len());
    queries
}

/// All series by name, with their labels as Prometheus has them: the daemon's from the catalogue,
/// mtail's from its program.
fn known() -> BTreeMap<String, Vec<String>> {
    let mut known = BTreeMap::new();
    for metric in CATALOGUE {
        let mut labels: Vec<String> = metric.labels.iter().map(ToString::to_string).collect();
        if metric.kind == MetricKind::Histogram {
            labels.push("le".to_owned());
            known.insert(format!("{}_bucket", metric.name), labels);
        } else {
            known.insert(metric.name.to_owned(), labels);
        }
    }
    let program = std::fs::read_to_string(folder().join("../finstage.mtail")).unwrap();
    for line in program.lines() {
        let Some(rest) = ["counter ", "gauge "]
            .iter()
            .find_map(|kind| line.strip_prefix(kind))
        else {
            continue;
        };
        let (name, labels) = rest.split_once(" by ").unwrap_or((rest, ""));
        let labels = labels.split(", ").filter(|label| !label.is_empty());
        known.insert(name.to_owned(), labels.map(str::to_owned).collect());
    }
    assert!(known.len() > CATALOGUE.len() + 4, "{known:?}");
    known
}

/// The metrics of an expression, each with what stands in its braces.
fn selectors(expr: &str) -> Vec<(&str, &str)> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = Vec::new();
    let mut rest = expr;
    while let Some((before, after)) = rest.split_once('{') {
        let start = before.rfind(|c| !is_name(c)).map_or(0, |at| at + 1);
        let (inside, after) = after.split_once('}').unwrap();
        found.push((&before[start..], inside));
        rest = after;
    }
    found
}

/// The labels that an expression goes by: in `by (…)` and `on (…)`.
fn groups(expr: &str) -> BTreeSet<&str> {
    let lists = ["by (", "on ("].into_iter().flat_map(|word| {
        expr.match_indices(word)
            .map(move |(at, _)| &expr[at + word.len()..])
    });
    lists
        .flat_map(|rest| rest.split_once(')').unwrap().0.split(", "))
        .collect()
}

/// What is wrong with a query, in words.
fn lint(query: &Query, known: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let mut faults = Vec::new();
    let selectors = selectors(&query.expr);
    let ours = ["finstage_", "process_"];
    let named: usize = ours.iter().map(|of| query.expr.matches(of).count()).sum();
    if selectors.is_empty() || named != selectors.len() {
        faults.push("a metric without a choice of its instance".to_owned());
    }
    for (metric, inside) in &selectors {
        let Some(labels) = known.get(*metric) else {
            faults.push(format!("there is no {metric}"));
            continue;
        };
        let mut chosen = inside.split(',').map(|matcher| {
            let end = matcher.find(['=', '!']).unwrap();
            &matcher[..end]
        });
        if !chosen.clone().any(|label| label == "instance") {
            faults.push(format!("{metric} of whatever instance"));
        }
        let wrong = chosen.find(|label| {
            !SCRAPED.contains(label) && !labels.iter().any(|declared| declared == label)
        });
        faults.extend(wrong.map(|label| format!("{metric} has no label {label}")));
    }
    let groups = groups(&query.expr);
    for label in &groups {
        let has = |(metric, _): &(&str, &str)| {
            let labels = known.get(*metric);
            labels.is_some_and(|labels| labels.iter().any(|declared| declared == label))
        };
        if !SCRAPED.contains(label) && !selectors.iter().any(has) {
            faults.push(format!("nothing has the label {label}"));
        }
    }
    for shown in query.legend.split("{{").skip(1) {
        let label = shown.split_once("}}").unwrap().0;
        if !groups.contains(label) {
            faults.push(format!("the legend's {label} is summed up"));
        }
    }
    faults
}

#[test]
fn every_metric_and_label_of_the_dashboard_exists() {
    let known = known();
    let faults: Vec<String> = queries()
        .iter()
        .flat_map(|query| {
            let said = lint(query, &known);
            said.into_iter()
                .map(|fault| format!("{}: {fault}: {}", query.panel, query.expr))
        })
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_metric_of_the_daemon_is_on_the_dashboard() {
    let queries = queries();
    let shown = queries.iter().flat_map(|query| selectors(&query.expr));
    let shown: BTreeSet<&str> = shown
        .map(|(metric, _)| metric.trim_end_matches("_bucket"))
        .collect();
    let all = CATALOGUE.iter().map(|metric| metric.name);
    let missing: Vec<&str> = all.filter(|name| !shown.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn what_does_not_exist_is_found() {
    let known = known();
    let lint = |expr: &str, legend: &str| {
        let query = Query {
            panel: String::new(),
            expr: expr.to_owned(),
            legend: legend.to_owned(),
        };
        lint(&query, &known)
    };
    let of = "instance=~\"$instance\"";
    let good = format!("sum by (state) (rate(finstage_runs_total{{{of},schedule=\"a\"}}[5m]))");
    assert!(lint(&good, "{{state}}").is_empty());
    for (expr, legend, fault) in [
        (
            format!("finstage_run_total{{{of}}}"),
            "",
            "there is no finstage_run_total",
        ),
        (
            format!("sum by (job) (finstage_runs_total{{{of},symbol=\"A\"}})"),
            "",
            "finstage_runs_total has no label symbol",
        ),
        (
            format!("sum by (symbol) (finstage_runs_total{{{of}}})"),
            "",
            "nothing has the label symbol",
        ),
        (good, "{{schedule}}", "the legend's schedule is summed up"),
        (
            "finstage_runs_total{state=\"failed\"}".to_owned(),
            "",
            "finstage_runs_total of whatever instance",
        ),
        (
            "sum(finstage_runs_active)".to_owned(),
            "",
            "a metric without a choice of its instance",
        ),
    ] {
        assert_eq!(lint(&expr, legend), [fault]);
    }
}

/// An expression as Prometheus gets it from Grafana.
fn filled(expr: &str) -> String {
    let expr = expr.replace("$__rate_interval", "5m");
    let expr = expr.replace("$instance", ".*").replace("$log", ".*");
    assert!(!expr.contains('$'), "{expr}");
    expr
}

/// Values that a label has in truth; of any other there is one.
fn values(metric: &str, label: &str) -> Vec<&'static str> {
    let classes = || FaultClass::ALL.map(FaultClass::as_str).to_vec();
    match (metric, label) {
        ("finstage_runs_total", "state") => RunState::ALL.map(RunState::as_str).to_vec(),
        ("finstage_schedules", "state") => {
            vec!["ok", "running", "paused", "disabled", "late", "stale"]
        }
        ("finstage_tasks_total", "outcome") => [vec!["succeeded"], classes()].concat(),
        ("finstage_upstream_requests_total", "class") => [vec!["ok"], classes()].concat(),
        ("finstage_work_duration_seconds_bucket", "work") => {
            vec!["run", "task", "request", "wait", "parse", "query"]
        }
        ("finstage_cache_requests_total", "result") => {
            vec!["hit", "negative", "shared", "stale", "miss"]
        }
        (_, "level") => vec!["debug", "info", "warn", "error"],
        (_, "le") => vec!["0.01", "0.1", "1", "+Inf"],
        _ => vec!["x"],
    }
}

/// Every series there is, growing, as promtool's tests have them.
fn series(known: &BTreeMap<String, Vec<String>>) -> String {
    let mut text = String::new();
    for (metric, labels) in known {
        let mut all = vec!["instance=\"here\",job=\"finstage\"".to_owned()];
        for label in labels {
            let with = |so_far: &String| {
                let values = values(metric, label);
                let one = |value| format!("{so_far},{label}=\"{value}\"");
                values.into_iter().map(one).collect::<Vec<_>>()
            };
            all = all.iter().flat_map(with).collect();
        }
        // A condition holds that began after the process.
        let first = u8::from(metric == "finstage_log_opened_seconds");
        for labels in all {
            let _ = writeln!(
                text,
                "      - series: '{metric}{{{labels}}}'\n        values: '{first}+1x60'"
            );
        }
    }
    text
}

#[test]
fn prometheus_accepts_every_expression_and_has_something_to_show_for_it() {
    let queries = queries();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let mut rules = "groups:\n  - name: dashboard\n    rules:\n".to_owned();
    let mut tests = String::new();
    for (number, query) in queries.iter().enumerate() {
        let expr = filled(&query.expr);
        assert!(!expr.contains('\''), "{expr}");
        let _ = writeln!(
            rules,
            "      - record: dashboard:query:{number}\n        expr: '{expr}'"
        );
        let _ = writeln!(
            tests,
            "      - expr: 'absent({expr})'\n        eval_time: 15m\n        exp_samples: []"
        );
    }
    let said = tool(
        "promtool",
        &["check", "rules", "--lint-fatal", &file("rules.yml", &rules)],
    );
    let found = format!("{} rules found", queries.len());
    assert!(said.contains(&found), "{said}");
    let series = series(&known());
    let test = format!(
        "evaluation_interval: 30s\ntests:\n  - interval: 30s\n    input_series:\n{series}    \
         promql_expr_test:\n{tests}"
    );
    tool(
        "promtool",
        &["test", "rules", &file("dashboard.test.yml", &test)],
    );
}

#[test]
fn the_dashboard_is_the_one_its_source_makes() {
    let text = std::fs::read_to_string(folder().join("dashboard.sums")).unwrap();
    let mut files = Vec::new();
    for line in text.lines() {
        let (sum, name) = line.split_once(' ').unwrap();
        let bytes = std::fs::read(folder().join(name)).unwrap();
        assert_eq!(
            format!("{:016x}", sum64(&bytes)),
            sum,
            "{name} was changed by itself; `just dashboard` makes dashboard.json of its source"
        );
        files.push(name);
    }
    let expected = [
        "dashboard.ts",
        "panels.ts",
        "package-lock.json",
        "dashboard.json",
    ];
    assert_eq!(files, expected);
}

/// FNV-1a.
fn sum64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    })
}
