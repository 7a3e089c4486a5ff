//! What the measurements share: stores, runners, answers, and the table of results.

use std::fmt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use finstage::clock::Clock;
use finstage::config::{self, Config, Environment};
use finstage::daemon::{self, Assembly, ManualRun};
use finstage::domain::{RunOrigin, Symbol};
use finstage::jobs::Assignment;
use finstage::simulator::{Options, Simulator};
use finstage::store::RunEnd;

/// One line of the results.
struct Figure {
    name: String,
    measured: String,
    goal: String,
    beside: String,
}

/// All results so far.
#[derive(Default)]
pub(crate) struct Figures(Vec<Figure>);

impl Figures {
    /// Adds a result: what, how much, what it should be, and what it is compared with.
    pub(crate) fn add(&mut self, name: &str, measured: String, goal: &str, beside: String) {
        eprintln!("{name}: {measured} (goal {goal}) {beside}");
        self.0.push(Figure {
            name: name.to_owned(),
            measured,
            goal: goal.to_owned(),
            beside,
        });
    }

    /// Prints them as a table in Markdown.
    pub(crate) fn print(&self) {
        println!("\n| figure | measured | goal | beside |\n|---|---|---|---|");
        for Figure {
            name,
            measured,
            goal,
            beside,
        } in &self.0
        {
            println!("| {name} | {measured} | {goal} | {beside} |");
        }
    }
}

/// How a number of measured values lie: median, 99th percentile, worst.
pub(crate) struct Spread(Vec<f64>);

impl Spread {
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place among the values"
    )]
    fn at(&self, share: f64) -> f64 {
        let place = (self.0.len() as f64 * share).ceil() as usize;
        self.0.get(place.max(1) - 1).copied().unwrap_or(f64::NAN)
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (median, most, worst) = (self.at(0.5), self.at(0.99), self.at(1.0));
        write!(f, "p50 {median:.1}, p99 {most:.1}, max {worst:.1}")
    }
}

/// What the command-line tool answers to a script.
pub(crate) fn sqlite(database: &Path, script: &str) -> String {
    let output = Command::new("sqlite3")
        .arg(database)
        .arg(script)
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    String::from_utf8(output.stdout).unwrap()
}

/// Workers of [`runtime`].
pub(crate) const WORKERS: usize = 2;

/// A runtime as the daemon has it.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .unwrap()
}

/// `count` symbols `B0000`, `B0001`, …
pub(crate) fn symbols(count: usize) -> Vec<Symbol> {
    (0..count)
        .map(|index| Symbol::try_new(&format!("B{index:04}")).unwrap())
        .collect()
}

/// A configuration with one schedule over `symbols`, its database in `directory`.
pub(crate) fn configuration(
    directory: &Path,
    base_url: &str,
    symbols: &[Symbol],
    max_rps: f64,
    concurrency: usize,
) -> Config {
    let list: Vec<String> = symbols
        .iter()
        .map(|symbol| format!("\"{symbol}\""))
        .collect();
    let text = format!(
        "[upstream.yahoo]\nbase_url = \"{base_url}\"\nmax_rps = {max_rps:.1}\n\
         concurrency = {concurrency}\n[schedules.bench]\njob = \"daily_bars\"\n\
         cron = \"0 0 1 1 *\"\nmisfire_policy = \"skip\"\ntimeout = \"1h\"\n\
         concurrency = {concurrency}\nsymbols = [{}]\n[store]\n\
         url = \"sqlite://finstage.db?mode=rwc\"\n",
        list.join(",")
    );
    let environment = Environment::in_directory(directory);
    config::parse(Path::new("bench.toml"), &text, &environment)
        .unwrap()
        .0
}

/// Runs the schedule's symbols through `assignment`, as `finstage once` does.
pub(crate) async fn run(assembly: &Assembly, config: &Config, assignment: Assignment) -> RunEnd {
    let schedule = &config.schedules[0];
    let run = ManualRun {
        schedule,
        origin: RunOrigin::Manual,
        assignment,
        symbols: Arc::clone(&schedule.symbols),
        timeout: schedule.timeout,
        on_news: None,
    };
    daemon::run_manually(assembly, run, &Clock::system())
        .await
        .unwrap()
        .end
}

/// Ten years, in days.
pub(crate) const TEN_YEARS: i64 = 3_652;

/// The bytes of the simulator's answer for the last `days` days of one symbol.
pub(crate) async fn answer(simulator: &Simulator, symbol: &Symbol, days: i64) -> Vec<u8> {
    let now = Clock::system().now().as_second();
    let from = now - days * 86_400;
    let url = format!(
        "{}/v8/finance/chart/{symbol}?interval=1d&events=div,splits&period1={from}&period2={now}",
        simulator.base_url()
    );
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .user_agent("bench")
        .no_proxy()
        .build()
        .unwrap();
    let mut response = client.get(url).send().await.unwrap();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.unwrap() {
        body.extend_from_slice(&chunk);
    }
    body
}

/// A simulator that answers after `latency`.
pub(crate) async fn simulator(latency: Duration, limit_rps: Option<f64>) -> Simulator {
    let options = Options {
        latency,
        limit_rps,
        limit_burst: 5,
        ..Options::default()
    };
    Simulator::start(options, Clock::system()).await.unwrap()
}

/// Thousands with a separator.
pub(crate) fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
