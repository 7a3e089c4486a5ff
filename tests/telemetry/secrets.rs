//! Canaries: random secrets given to the daemon in every way it takes them are found nowhere.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;

use crate::process::daemon::Home;
use crate::support::random::Random;

/// An upstream that says back whatever it is told, the head of the request with its key included,
/// as an error and as an answer by turns.
fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let Ok(mut stream) = stream else { return };
            let mut head = vec![0; 4_096];
            let length = stream.read(&mut head).unwrap_or_default();
            let head = String::from_utf8_lossy(&head[..length]).replace('"', " ");
            // Quotations of an upstream are short: the key comes first.
            let mut lines: Vec<&str> = head.lines().collect();
            lines.sort_by_key(|line| !line.starts_with("authorization"));
            let head = lines.join(" ");
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
                status[number % 4],
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
        }
    }

    fn all(&self) -> [&str; 4] {
        [&self.key, &self.redis, &self.heartbeat, &self.database]
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

/// Two schedules over an upstream that quotes us, and a cache that does not answer.
fn home(canaries: &Canaries, upstream: &str) -> Home {
    let table = |name: &str, provider: &str| {
        format!(
            "[schedules.{name}]\njob = \"daily_bars\"\nevery = \"1s\"\nsymbols = [\"AAPL\", \"MSFT\"]\n\
             providers = [\"{provider}\"]\ncancel_grace = \"0s\"\n\
             heartbeat_url = \"http://127.0.0.1:9/{}\"\n",
            canaries.heartbeat
        )
    };
    let provider = |name: &str| {
        format!(
            "[upstream.{name}]\nbase_url = \"{upstream}\"\nmax_rps = 1000.0\nburst = 100\n\
             retry = {{ max_attempts = 1 }}\ncooldown = {{ initial = \"1s\", max = \"1s\" }}\n"
        )
    };
    Home::new(&format!(
        "[daemon]\ndrain = \"100ms\"\nlog = {{ level = \"debug\" }}\n[cache]\nbackend = \"redis\"\n\
         {}{}{}{}",
        provider("yahoo"),
        provider("tiingo"),
        table("t", "tiingo"),
        table("y", "yahoo"),
    ))
}

#[test]
fn secrets_are_in_no_log_no_answer_of_a_verb_no_table_and_no_command_line() {
    let canaries = Canaries::draw();
    let home = home(&canaries, &echo());
    let redis = format!("redis://user:{}@127.0.0.1:9/", canaries.redis);
    let environment = [
        ("TIINGO_API_KEY", canaries.key.as_str()),
        ("REDIS_URL", redis.as_str()),
    ];
    let mut daemon = home.start_in(&["run"], &environment);
    let is_quoted = |event: &serde_json::Value| {
        let reason = event["reason"].as_str().unwrap_or_default();
        event["event"] == "task.failed" && reason.contains("authorization: Token ****")
    };
    daemon.wait_for(is_quoted);
    daemon.wait_for_event("heartbeat.failed");
    let command_line = std::fs::read(format!("/proc/{}/cmdline", daemon.pid())).unwrap();
    canaries.are_not_in(&command_line, "the command line");
    let verbs: [&[&str]; 14] = [
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
        &["report", "--json"],
        &["reload"],
        &["load"],
        &["once", "t"],
    ];
    for verb in verbs {
        let output = home.verb_in(verb, &environment);
        canaries.are_not_in(&output.stdout, &format!("stdout of {verb:?}"));
        canaries.are_not_in(&output.stderr, &format!("stderr of {verb:?}"));
    }
    daemon.stop();
    canaries.are_not_in(&std::fs::read(home.log()).unwrap(), "the log");
    let files = files(&home.path().join("data"));
    assert!(!files.is_empty());
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        canaries.are_not_in(&bytes, &file.display().to_string());
    }
}

#[test]
fn a_secret_that_is_refused_is_refused_without_being_shown() {
    let canaries = Canaries::draw();
    let home = home(&canaries, "http://127.0.0.1:9");
    for (name, value) in [
        (
            "DATABASE_URL",
            format!("postgres://user:{}@127.0.0.1:9/x", canaries.database),
        ),
        (
            "REDIS_URL",
            format!("http://user:{}@127.0.0.1:9/", canaries.redis),
        ),
    ] {
        let output = home.verb_in(&["once", "t"], &[(name, &value)]);
        assert!(!output.status.success(), "{name}={value}");
        canaries.are_not_in(&output.stdout, "stdout of a refusal");
        canaries.are_not_in(&output.stderr, "stderr of a refusal");
    }
    // Neither is one that stands where it should not.
    home.write(&format!(
        "[upstream.tiingo]\napi_key = \"{}\"\n[cache]\nbackend = \"redis\"\nurl = \"redis://u:{}@h/\"\n\
         [store]\nurl = \"postgres://u:{}@h/x\"\n[schedules.x]\nheartbeat_url = \"ftp://h/{}\"\n",
        canaries.key, canaries.redis, canaries.database, canaries.heartbeat
    ));
    for verb in ["validate", "list", "run"] {
        let output = home.verb(&[verb]);
        assert_eq!(output.status.code(), Some(78), "{verb}");
        canaries.are_not_in(&output.stdout, &format!("stdout of {verb}"));
        canaries.are_not_in(&output.stderr, &format!("stderr of {verb}"));
    }
}
