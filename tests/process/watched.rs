//! The daemon watched over HTTP.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use finstage::simulator::Options;
use finstage::telemetry::metric::{self, MetricKind};

use super::daemon::{Daemon, Home};
use super::{schedules, simulator};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn watched(upstream: &str, listen: &str) -> Home {
    let http = format!("[daemon]\nhttp = {{ listen = \"{listen}\" }}\n");
    let upstream = format!("base_url = \"{upstream}\"");
    let text = schedules(&upstream, "\"A\", \"B\", \"NOTFOUND1\"", "");
    Home::new(&text.replacen("[daemon]\n", &http, 1))
}

fn address(daemon: &mut Daemon) -> String {
    let event = daemon.wait_for_event("daemon.watchable");
    event["listen"].as_str().unwrap().to_owned()
}

/// The answer's status and all of it.
pub(crate) fn get(address: &str, path: &str, headers: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_mins(1)))
        .unwrap();
    let request = format!("GET {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer)
}

#[test]
fn a_run_shows_in_the_metrics_and_every_metric_has_the_declared_kind() {
    let (_runtime, simulator) = simulator(Options::default());
    let home = watched(&simulator.base_url(), "127.0.0.1:0");
    let mut daemon = home.start(&["run"]);
    let address = address(&mut daemon);
    daemon.wait_for_event("run.failed");
    let host = format!("Host: {address}\r\n");
    let (status, text) = get(&address, "/metrics", &host);
    assert_eq!(status, 200);
    assert!(text.contains("content-type: text/plain; version=0.0.4"));
    for line in [
        "finstage_runs_total{schedule=\"bars\",state=\"partly_failed\"} 1",
        "finstage_tasks_total{job_kind=\"daily_bars\",outcome=\"succeeded\"} 2",
        "finstage_tasks_total{job_kind=\"daily_bars\",outcome=\"not_found\"} 1",
        "finstage_upstream_requests_total{provider=\"yahoo\",class=\"ok\"} 2",
        "finstage_run_duration_seconds_count{job_kind=\"daily_bars\"} 1",
        "finstage_work_duration_seconds_bucket{work=\"request\",name=\"yahoo.chart\",le=\"+Inf\"} 3",
        "finstage_schedules{state=\"late\"} 0",
        "finstage_config_last_reload_successful 1",
        "finstage_store_down_seconds 0",
        "finstage_upstream_refusing 0",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    let shown: Vec<(&str, &str)> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .collect();
    assert!(shown.len() > 20, "{shown:?}");
    for (name, kind) in shown {
        let mut all = metric::CATALOGUE.iter();
        let declared = all.find(|metric| metric.name == name).expect(name).kind;
        let expected = match declared {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        assert_eq!(kind, expected, "{name}");
    }
    for path in ["/healthz", "/readyz", "/"] {
        assert_eq!(get(&address, path, &host).0, 200, "{path}");
    }
    assert_eq!(get(&address, "/elsewhere", &host).0, 404);
    assert_eq!(get(&address, "/metrics", "Host: evil.example\r\n").0, 421);
    daemon.stop();
}

#[test]
fn a_crowd_that_says_nothing_costs_the_daemon_nothing() {
    let (_runtime, simulator) = simulator(Options::default());
    let home = watched(&simulator.base_url(), "127.0.0.1:0");
    let mut daemon = home.start(&["run"]);
    let address = address(&mut daemon);
    let crowd: Vec<TcpStream> = (0..200)
        .map(|_| TcpStream::connect(&address).unwrap())
        .collect();
    let ended = home.json(&["trigger", "bars", "--symbols", "C", "--wait", "--json"]);
    assert_eq!(ended["state"], "succeeded");
    drop(crowd);
    let host = format!("Host: {address}\r\n");
    assert_eq!(get(&address, "/healthz", &host).0, 200);
    daemon.stop();
}

#[test]
fn other_machines_get_in_with_the_token_only_and_nobody_listens_without_one() {
    let (_runtime, simulator) = simulator(Options::default());
    let home = watched(&simulator.base_url(), "0.0.0.0:0");
    let said = home.say(&["validate"]);
    assert_eq!(said.code, Some(78), "{said:?}");
    assert!(said.stderr.contains("schedules.toml:2:19"), "{said:?}");
    assert!(said.stderr.contains("FINSTAGE_HTTP_TOKEN"), "{said:?}");
    let mut daemon = home.start_in(&["run"], &[("FINSTAGE_HTTP_TOKEN", TOKEN)]);
    let address = address(&mut daemon).replace("0.0.0.0", "127.0.0.1");
    let host = "Host: prices.example\r\n";
    assert_eq!(get(&address, "/metrics", host).0, 401);
    let token = format!("{host}Authorization: Bearer {TOKEN}\r\n");
    let (status, text) = get(&address, "/metrics", &token);
    assert_eq!((status, text.contains(TOKEN)), (200, false));
    let log = daemon.stop();
    assert!(log.iter().all(|line| !line.to_string().contains(TOKEN)));
}

#[test]
fn an_address_that_is_taken_is_told_and_the_daemon_serves_all_the_same() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let (_runtime, simulator) = simulator(Options::default());
    let home = watched(&simulator.base_url(), &listen);
    let mut daemon = home.start(&["run"]);
    let event = daemon.wait_for_event("daemon.no_http");
    assert_eq!(event["listen"], listen.as_str());
    daemon.wait_for_event("daemon.ready");
    daemon.stop();
}
