//! `[upstream.NAME]`: how each provider is asked.

use std::time::Duration;

use super::problem::Problem;
use super::reader::Table;
use super::secrets::{Environment, Secret};
use super::sections::{is_loopback, read_retry};
use super::settings::{Cooldown, QuoteBatch, UpstreamSettings};
use crate::domain::{Provider, Retry};

const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// Ways to ask for many quotes at once.
const BATCHES: [(&str, QuoteBatch); 2] = [("none", QuoteBatch::None), ("spark", QuoteBatch::Spark)];

/// Symbols of one batch of quotes.
const BATCH_SYMBOLS: u32 = 20;

/// All of `[upstream]`.
pub(super) struct Upstreams {
    pub(super) yahoo: UpstreamSettings,
    pub(super) tiingo: UpstreamSettings,
    pub(super) binance: UpstreamSettings,
    pub(super) tiingo_key: Option<Secret>,
    pub(super) quote_batch: QuoteBatch,
}

impl Upstreams {
    /// Tasks of a run in flight where the file does not say: as many as requests, or, where one
    /// request answers many, as many as fill it.
    pub(super) fn tasks_at_once(&self) -> u32 {
        tasks_at_once(&self.yahoo, self.quote_batch)
    }
}

/// See [`Upstreams::tasks_at_once`].
pub(super) fn tasks_at_once(yahoo: &UpstreamSettings, batch: QuoteBatch) -> u32 {
    match batch {
        QuoteBatch::None => yahoo.concurrency,
        QuoteBatch::Spark => yahoo.concurrency.saturating_mul(BATCH_SYMBOLS),
    }
}

/// Where a provider is when the file does not say.
fn default_base_url(provider: Provider) -> &'static str {
    match provider {
        Provider::Yahoo => "https://query1.finance.yahoo.com",
        Provider::Tiingo => "https://api.tiingo.com",
        Provider::Binance => "https://api.binance.com",
    }
}

/// The settings of a provider when the file says nothing.
fn defaults(provider: Provider) -> UpstreamSettings {
    let (max_rps, burst, concurrency) = match provider {
        Provider::Yahoo => (1.0, 2, 2),
        // Forty and ten: within the 50 requests an hour of an account that costs nothing.
        Provider::Tiingo => (0.011, 10, 2),
        // A question weighs 2 of the 6,000 a minute an address has.
        Provider::Binance => (5.0, 5, 4),
    };
    UpstreamSettings {
        base_url: default_base_url(provider).to_owned(),
        max_rps,
        burst,
        concurrency,
        user_agent: concat!(
            "Mozilla/5.0 (compatible; finstage/",
            env!("CARGO_PKG_VERSION"),
            ")"
        )
        .to_owned(),
        connect_timeout: Duration::from_secs(5),
        request_timeout: Duration::from_secs(20),
        cooldown: Cooldown {
            initial: Duration::from_mins(1),
            max: Duration::from_mins(30),
        },
        retry: Retry {
            max_attempts: 4,
            initial_interval: Duration::from_millis(500),
            multiplier: 2.0,
            max_interval: Duration::from_secs(30),
            randomization_factor: 0.5,
        },
    }
}

/// Reads `[upstream]`, and the keys that stand outside the file.
pub(super) fn read(root: &Table<'_>, environment: &Environment) -> Upstreams {
    let tiingo_key = match environment.tiingo_api_key() {
        None => None,
        Some(Ok((key, place))) => checked_key(key, place, root),
        Some(Err((place, reason))) => {
            let hint = "make it readable for this user, or unset the variable";
            let problem = Problem::general(place, &reason, hint);
            root.context().problem(problem);
            None
        }
    };
    let mut upstreams = Upstreams {
        yahoo: defaults(Provider::Yahoo),
        tiingo: defaults(Provider::Tiingo),
        binance: defaults(Provider::Binance),
        tiingo_key,
        quote_batch: QuoteBatch::None,
    };
    let Some(all) = root.table("upstream") else {
        return upstreams;
    };
    if let Some(table) = all.table("yahoo") {
        if let Some(quotes) = table.table("quotes") {
            upstreams.quote_batch = quotes
                .choice("batch", &BATCHES)
                .unwrap_or(upstreams.quote_batch);
            quotes.finish(&[]);
        }
        one(&table, Provider::Yahoo, &mut upstreams.yahoo);
    }
    if let Some(table) = all.table("tiingo") {
        one(&table, Provider::Tiingo, &mut upstreams.tiingo);
    }
    if let Some(table) = all.table("binance") {
        one(&table, Provider::Binance, &mut upstreams.binance);
    }
    all.finish(&[]);
    upstreams
}

/// A key goes into a header: what cannot stand there is told without showing it.
fn checked_key(key: String, place: String, root: &Table<'_>) -> Option<Secret> {
    if !key.is_empty() && key.bytes().all(|b| b.is_ascii_graphic()) {
        return Some(Secret::new(key));
    }
    let problem = Problem::general(
        place,
        "the key for Tiingo is empty or has characters no key has",
        "it holds the token of api.tiingo.com/account/api/token and nothing else",
    );
    root.context().problem(problem);
    None
}

fn one(table: &Table<'_>, provider: Provider, settings: &mut UpstreamSettings) {
    if let Some(url) = table.text("base_url") {
        match check_base_url(url.value) {
            Ok(base) => base.clone_into(&mut settings.base_url),
            Err(reason) => table.context().error(
                url.span,
                format!("`base_url` {reason}"),
                format!("write it like \"{}\"", default_base_url(provider)),
            ),
        }
    }
    if let Some(agent) = table.text("user_agent") {
        if agent.value.is_empty() || !agent.value.bytes().all(|b| (b' '..=b'~').contains(&b)) {
            let message = "`user_agent` must be printable ASCII and not empty".to_owned();
            table
                .context()
                .error(agent.span, message, "Yahoo answers 429 without one");
        } else {
            agent.value.clone_into(&mut settings.user_agent);
        }
    }
    settings.max_rps = table
        .number("max_rps", 0.01..=10_000.0)
        .unwrap_or(settings.max_rps);
    settings.burst = table.count("burst", 1_000).unwrap_or(settings.burst);
    settings.concurrency = table
        .count("concurrency", 1_000)
        .unwrap_or(settings.concurrency);
    settings.connect_timeout = table
        .time_span("connect_timeout", 10 * MS, HOUR)
        .unwrap_or(settings.connect_timeout);
    settings.request_timeout = table
        .time_span("request_timeout", 10 * MS, HOUR)
        .unwrap_or(settings.request_timeout);
    if let Some(cooldown) = table.table("cooldown") {
        let (initial, max) = (settings.cooldown.initial, settings.cooldown.max);
        settings.cooldown.initial = cooldown.time_span("initial", MS, DAY).unwrap_or(initial);
        settings.cooldown.max = cooldown.time_span("max", MS, DAY).unwrap_or(max);
        if settings.cooldown.max < settings.cooldown.initial {
            let message = "`max` is shorter than `initial`".to_owned();
            cooldown.context().error(cooldown.span(), message, "");
        }
        cooldown.finish(&[]);
    }
    if let Some(retry) = table.table("retry") {
        read_retry(&retry, &mut settings.retry);
    }
    table.finish(&[]);
}

/// Scheme and host only; https unless the host is this machine (for stand-ins and tests).
fn check_base_url(url: &str) -> Result<&str, String> {
    let url = url.trim_end_matches('/');
    let (scheme, host) = url.split_once("://").ok_or("has no scheme")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
    if host.is_empty() || !host.chars().all(plain) {
        return Err("must be scheme and host only: no user, path or query".to_owned());
    }
    match scheme {
        "https" => Ok(url),
        "http" if is_loopback(host) => Ok(url),
        "http" => Err("must be https; plain http is for this machine only".to_owned()),
        _ => Err(format!("has the unknown scheme `{scheme}`")),
    }
}
