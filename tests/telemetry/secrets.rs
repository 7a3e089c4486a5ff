//! Canaries: random secrets given to the daemon in every way it takes them are found nowhere.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;

use crate::process::daemon::{Daemon, Home};
use crate::process::watched::get;
use crate::support::random::Random;

/// An upstream that says back whatever it is told, the head of the request with its key included,
/// as an error and as an answer by turns.
fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut asked = [0, 0];
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut head = vec![0; 4_096];
            let length = stream.read(&mut head).unwrap_or_default();
            let head = String::from_utf8_lossy(&head[..length]).replace('"', " ");
            // Quotations of an upstream are short: the key comes first.
            let mut lines: Vec<&str> = head.lines().collect();
            lines.sort_by_key(|line| !line.starts_with("authorization"));
            let head = lines.join(" ");
            // Whoever sends a key is told no first, whatever others have asked.
            let number = &mut asked[usize::from(head.starts_with("authorization"))];
            *number += 1;
            let status = [
                "401 Unauthorized",
                "200 OK",
                "404 Not Found",
                "400 Bad Request",
            ];
            let body = format!("{{\"detail\":\"you said {head}\"}}");
            let _ = write!(
                stream,
                "HTTP/1.1 {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
                 connection: close\r\n\r\n{body}",
                status[(*number - 1) % 4],
                body.len()
            );
        }
    });
    address
}

struct Canaries {
    key: String,
    redis: String,
    heartbeat: String,
    database: String,
    token: String,
}

impl Canaries {
    fn draw() -> Self {
        let mut random = Random::named(u64::from(std::process::id()), "canaries");
        let mut draw = |name: &str| format!("canary{name}{:016x}", random.word());
        Self {
            key: draw("key"),
            redis: draw("redis"),
            heartbeat: draw("heartbeat"),
            database: draw("database"),
            token: draw("tokenofthirtytwobytes"),
        }
    }

    fn all(&self) -> [&str; 5] {
        [
            &self.key,
            &self.redis,
            &self.heartbeat,
            &self.database,
            &self.token,
        ]
    }

    /// A file that says them where they must not stand.
    fn misplaced(&self) -> String {
        format!(
            "[daemon]\nhttp = {{ listen = \"127.0.0.1:0\", token = \"{}\" }}\n\
             [upstream.tiingo]\napi_key = \"{}\"\n[cache]\nbackend = \"redis\"\n\
             url = \"redis://u:{}@h/\"\n[store]\nurl = \"postgres://u:{}@h/x\"\n\
             [schedules.x]\nheartbeat_url = \"ftp://h/{}\"\n",
            self.token, self.key, self.redis, self.database, self.heartbeat
        )
    }

    /// Fails when one of them is in `bytes`.
    #[track_caller]
    fn are_not_in(&self, bytes: &[u8], what: &str) {
        for canary in self.all() {
            let found = bytes
                .windows(canary.len())
                .any(|window| window == canary.as_bytes());
            assert!(
                !found,
                "{canary} is in {what}: {}",
                String::from_utf8_lossy(bytes)
            );
        }
    }
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect()
}

/// Two schedules over an upstream that quotes us, one over one that is down, and a cache that does
/// not answer.
fn home(canaries: &Canaries, upstream: &str) -> Home {
    let table = |name: &str, provider: &str| {
        let symbols = match provider {
            "binance" => "\"BTC-USD\"",
            _ => "\"AAPL\", \"MSFT\"",
        };
        format!(
            "[schedules.{name}]\njob = \"daily_bars\"\nevery = \"1s\"\nsymbols = [{symbols}]\n\
             providers = [\"{provider}\"]\ncancel_grace = \"0s\"\n\
             heartbeat_url = \"http://127.0.0.1:9/{}\"\n",
            canaries.heartbeat
        )
    };
    let provider = |name: &str, upstream: &str| {
        format!(
            "[upstream.{name}]\nbase_url = \"{upstream}\"\nmax_rps = 1000.0\nburst = 100\n\
             retry = {{ max_attempts = 1 }}\ncooldown = {{ initial = \"1s\", max = \"1s\" }}\n"
        )
    };
    Home::new(&format!(
        "[daemon]\ndrain = \"100ms\"\nlog = {{ level = \"debug\" }}\n\
         http = {{ listen = \"127.0.0.1:0\" }}\n[cache]\nbackend = \"redis\"\n\
         {}{}{}{}{}{}",
        provider("yahoo", upstream),
        provider("tiingo", upstream),
        provider("binance", "http://127.0.0.1:9"),
        table("t", "tiingo"),
        table("y", "yahoo"),
        table("b", "binance"),
    ))
}

/// Everything the daemon says over HTTP, to those it knows and to others.
fn pages(canaries: &Canaries, address: &str) {
    let known = format!("Authorization: Bearer {}\r\n", canaries.token);
    let basic = format!("Authorization: Basic {}\r\n", canaries.token);
    let none = String::new();
    for (path, status) in [
        ("/metrics", 200),
        ("/healthz", 200),
        ("/readyz", 200),
        ("/", 200),
        ("/elsewhere", 404),
        ("/metrics/%00?token=x", 404),
    ] {
        for who in [&known, &basic, &none] {
            let (said, answer) = get(address, path, &format!("Host: {address}\r\n{who}"));
            let expected = if *who == known { status } else { 401 };
            assert_eq!(said, expected, "{path} {who}");
            canaries.are_not_in(answer.as_bytes(), &format!("{path}: {said}"));
        }
    }
}

/// What the list of processes shows of the daemon, its threads and whatever it has started.
fn processes(canaries: &Canaries, daemon: &Daemon) {
    let mut waiting = vec![daemon.pid()];
    while let Some(pid) = waiting.pop() {
        let place = format!("/proc/{pid}");
        // A child may be gone by now.
        let Ok(line) = std::fs::read(format!("{place}/cmdline")) else {
            continue;
        };
        canaries.are_not_in(&line, "a command line");
        for thread in std::fs::read_dir(format!("{place}/task"))
            .unwrap()
            .flatten()
        {
            let read = |name| std::fs::read_to_string(thread.path().join(name));
            canaries.are_not_in(read("comm").unwrap_or_default().as_bytes(), "a thread");
            let children = read("children").unwrap_or_default();
            waiting.extend(
                children
                    .split_whitespace()
                    .map(|pid| pid.parse::<u32>().unwrap()),
            );
        }
    }
}

/// Where the home's daemon can be watched, as its log says.
fn address(home: &Home) -> String {
    let log = std::fs::read_to_string(home.log()).unwrap();
    let mut events = log.lines().map(|line| serde_json::from_str(line).unwrap());
    let is_watchable = |event: &serde_json::Value| event["event"] == "daemon.watchable";
    let event = events.find(is_watchable).expect("a log with the address");
    event["listen"].as_str().unwrap().to_owned()
}

#[test]
fn secrets_are_in_no_log_no_answer_of_a_verb_no_table_and_no_command_line() {
    let canaries = Canaries::draw();
    let home = home(&canaries, &echo());
    let redis = format!("redis://user:{}@127.0.0.1:9/", canaries.redis);
    let environment = [
        ("TIINGO_API_KEY", canaries.key.as_str()),
        ("REDIS_URL", redis.as_str()),
        ("FINSTAGE_HTTP_TOKEN", canaries.token.as_str()),
    ];
    let mut daemon = home.start_in(&["run"], &environment);
    let is_quoted = |event: &serde_json::Value| {
        let reason = event["reason"].as_str().unwrap_or_default();
        event["event"] == "task.failed" && reason.contains("authorization: Token ****")
    };
    daemon.wait_for(is_quoted);
    daemon.wait_for_event("heartbeat.failed");
    daemon.wait_for(|event| event["event"] == "task.failed" && event["schedule.name"] == "b");
    processes(&canaries, &daemon);
    pages(&canaries, &address(&home));
    let good = std::fs::read_to_string(home.path().join("schedules.toml")).unwrap();
    let verbs: [&[&str]; 19] = [
        &["status", "--json"],
        &["status"],
        &["list"],
        &["describe", "t"],
        &["describe", "y", "--json"],
        &["validate"],
        &["runs", "--json"],
        &["runs", "--tasks", "1"],
        &["why", "t"],
        &["doctor"],
        &["report"],
        &["report", "--json"],
        &["report", "--html", "report.html"],
        &["reload"],
        &["load"],
        &["symbols", "--problems"],
        &["gaps"],
        &["alerts"],
        &["once", "t"],
    ];
    for verb in verbs {
        let output = home.verb_in(verb, &environment);
        canaries.are_not_in(&output.stdout, &format!("stdout of {verb:?}"));
        canaries.are_not_in(&output.stderr, &format!("stderr of {verb:?}"));
    }
    let report = std::fs::read(home.path().join("report.html")).unwrap();
    canaries.are_not_in(&report, "the report");
    // A file that says them is refused, and shown to nobody, while the one before stays in force.
    home.write(&canaries.misplaced());
    for verb in [
        &["reload"][..],
        &["reload", "--dry-run"],
        &["status"],
        &["validate", "--json"],
    ] {
        let output = home.verb_in(verb, &environment);
        canaries.are_not_in(&output.stdout, &format!("stdout of {verb:?}, misplaced"));
        canaries.are_not_in(&output.stderr, &format!("stderr of {verb:?}, misplaced"));
    }
    home.write(&good);
    daemon.stop();
    canaries.are_not_in(&std::fs::read(home.log()).unwrap(), "the log");
    let files = files(&home.path().join("data"));
    assert!(!files.is_empty());
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        canaries.are_not_in(&bytes, &file.display().to_string());
    }
}

/// What is not taken: the variable, its value, and the verbs that say so.
type Refusal = (&'static str, String, &'static [&'static str]);

fn refusals(canaries: &Canaries) -> Vec<Refusal> {
    let database = |before: &str, after: &str| format!("{before}{}{after}", canaries.database);
    let redis = |before: &str, after: &str| format!("{before}{}{after}", canaries.redis);
    let (url, cache) = ("DATABASE_URL", "REDIS_URL");
    vec![
        (
            url,
            database("postgres://u:", "@127.0.0.1:9/x"),
            &["once t"],
        ),
        (
            url,
            database("mysql://u:", "@127.0.0.1:9/x"),
            &["status", "doctor"],
        ),
        (
            url,
            database("oracle://u:", "@h/x"),
            &["run", "doctor", "migrate"],
        ),
        (
            url,
            database("postgres//u:", "@h/x"),
            &["run", "report", "runs"],
        ),
        (
            url,
            database("postgres://u:", "@h:port/x"),
            &["run", "doctor"],
        ),
        (
            cache,
            redis("http://u:", "@127.0.0.1:9/"),
            &["once t", "doctor"],
        ),
        (
            cache,
            redis("redis://u:", "@127.0.0.1:port/"),
            &["validate", "run"],
        ),
        (cache, redis("redis://u:", "@[::1/"), &["validate", "run"]),
        (cache, redis("u:", "@host"), &["validate", "doctor"]),
        // Too short.
        (
            "FINSTAGE_HTTP_TOKEN",
            canaries.key.clone(),
            &["validate", "run"],
        ),
        (
            "TIINGO_API_KEY",
            format!("two\nlines {}", canaries.key),
            &["once t", "doctor"],
        ),
    ]
}

#[test]
fn a_secret_that_is_refused_is_refused_without_being_shown() {
    let canaries = Canaries::draw();
    let home = home(&canaries, "http://127.0.0.1:9");
    for (name, value, verbs) in refusals(&canaries) {
        for verb in verbs {
            let words: Vec<&str> = verb.split(' ').collect();
            let output = home.verb_in(&words, &[(name, &value)]);
            assert!(
                !output.status.success() || *verb == "doctor",
                "{name}={value} {verb}"
            );
            canaries.are_not_in(&output.stdout, &format!("stdout of {verb}, {name}"));
            canaries.are_not_in(&output.stderr, &format!("stderr of {verb}, {name}"));
        }
    }
    // Neither is one that stands where it should not.
    home.write(&canaries.misplaced());
    for verb in ["validate", "list", "run"] {
        let output = home.verb(&[verb]);
        assert_eq!(output.status.code(), Some(78), "{verb}");
        canaries.are_not_in(&output.stdout, &format!("stdout of {verb}"));
        canaries.are_not_in(&output.stderr, &format!("stderr of {verb}"));
    }
}
