//! The sections of the file, one function each.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::problem::Problem;
use super::reader::{At, Table};
use super::secrets::Environment;
use super::settings::{Config, DaemonSettings, PoolSettings, StoreSettings, StoreUrl};
use super::{alerts, cache, calendars, groups, history, http, schedules, upstream};
use crate::domain::Retry;
use crate::telemetry::{LogFormat, LogLevel};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

const DEFAULT_STORE_URL: &str = "sqlite://data/finstage.db?mode=rwc";

/// Reads the whole document; `None` when a section could not be made sense of.
pub(super) fn read(root: &Table<'_>, path: &Path, environment: &Environment) -> Option<Config> {
    let mut files = vec![path.to_owned()];
    let daemon = daemon(root.table("daemon").as_ref(), environment);
    let store = store(root.table("store").as_ref(), root, environment);
    let upstreams = upstream::read(root, environment);
    let cache = cache::read(root, environment);
    let history = history::read(root.table("history").as_ref());
    let groups = groups::read(root.table("symbols").as_ref(), path, &mut files);
    let calendars = calendars::read(root);
    let defaults = schedules::defaults(
        root.table("defaults").as_ref(),
        upstreams.tasks_at_once(),
        &calendars,
    );
    let named = schedules::Named {
        defaults: &defaults,
        groups: &groups,
        calendars: &calendars,
    };
    let schedules = schedules::read(root, &named);
    let alerts = alerts::read(root, &groups);
    root.finish(&[]);
    Some(Config {
        file: path.to_owned(),
        files,
        daemon,
        store: store?,
        yahoo: upstreams.yahoo,
        tiingo: upstreams.tiingo,
        binance: upstreams.binance,
        tiingo_key: upstreams.tiingo_key,
        quote_batch: upstreams.quote_batch,
        cache,
        history,
        alerts,
        schedules,
        calendars: calendars.book(),
    })
}

fn daemon(table: Option<&Table<'_>>, environment: &Environment) -> DaemonSettings {
    let mut settings = DaemonSettings {
        log_format: LogFormat::Auto,
        log_level: LogLevel::Info,
        drain: Duration::from_secs(30),
        socket: None,
        http: None,
    };
    let Some(table) = table else { return settings };
    if let Some(log) = table.table("log") {
        settings.log_format = log
            .choice("format", &LogFormat::ALL)
            .unwrap_or(settings.log_format);
        settings.log_level = log
            .choice("level", &LogLevel::ALL)
            .unwrap_or(settings.log_level);
        log.finish(&[]);
    }
    settings.drain = table
        .time_span("drain", Duration::ZERO, HOUR)
        .unwrap_or(settings.drain);
    settings.socket = table.text("socket").map(|at| PathBuf::from(at.value));
    settings.http = http::read(table, environment);
    table.finish(&[]);
    settings
}

fn store(
    table: Option<&Table<'_>>,
    root: &Table<'_>,
    environment: &Environment,
) -> Option<StoreSettings> {
    let written = table.and_then(|table| table.text("url"));
    let pool = pool(table.and_then(|table| table.table("pool")).as_ref());
    if let Some(table) = table {
        table.finish(&["read_url"]);
    }
    let context = root.context();
    let report = |message: String, hint: &str| match (&written, environment.database_url()) {
        (_, Some(Ok((_, place)) | Err((place, _)))) => {
            context.problem(Problem::general(place, &message, hint));
        }
        (Some(At { span, .. }), None) => context.error(span.clone(), message, hint),
        (None, None) => context.problem(Problem::general(
            "[store] url (the default)".to_owned(),
            &message,
            hint,
        )),
    };
    if let Some(At { value, span }) = &written
        && has_password(value)
    {
        context.error(
            span.clone(),
            "the database URL contains a password; secrets never stand in this file".to_owned(),
            "set DATABASE_URL, DATABASE_URL_FILE or the systemd credential database_url",
        );
        return None;
    }
    let url = match environment.database_url() {
        Some(Ok((url, _))) => url,
        Some(Err((_, reason))) => {
            report(
                reason,
                "make it readable for this user, or unset the variable",
            );
            return None;
        }
        None => written
            .as_ref()
            .map_or(DEFAULT_STORE_URL, |at| at.value)
            .to_owned(),
    };
    let url = StoreUrl::new(url);
    check_store_url(&url, environment)
        .map_err(|(message, hint)| report(message, &hint))
        .ok()?;
    Some(StoreSettings {
        url: anchored(url, environment),
        pool,
    })
}

/// Puts the working directory in front of a relative SQLite path.
fn anchored(url: StoreUrl, environment: &Environment) -> StoreUrl {
    match url.sqlite_path() {
        Some(path) if path.is_relative() && environment.working_directory() != Path::new("") => {
            let query = url
                .expose()
                .split_once('?')
                .map_or("mode=rwc", |(_, query)| query);
            let path = environment.working_directory().join(path);
            StoreUrl::new(format!("sqlite://{}?{query}", path.display()))
        }
        _ => url,
    }
}

/// Whether a URL names a user with a password; of several with commas, any of them.
pub(super) fn has_password(url: &str) -> bool {
    url.split("://").skip(1).any(|rest| {
        let authority = rest.split('/').next().unwrap_or_default();
        let user = authority.rsplit_once('@').map(|(user, _)| user);
        user.is_some_and(|user| user.contains(':'))
    })
}

fn check_store_url(url: &StoreUrl, environment: &Environment) -> Result<(), (String, String)> {
    let scheme = url.expose().split(':').next().unwrap_or_default();
    match scheme {
        "sqlite" => {}
        "postgres" | "postgresql" | "mysql" | "mariadb" => {
            return Err((
                format!("databases of the kind `{scheme}` are not supported by this version"),
                format!("use SQLite: \"{DEFAULT_STORE_URL}\""),
            ));
        }
        _ => {
            return Err((
                "the database URL has no known scheme".to_owned(),
                format!("write it like \"{DEFAULT_STORE_URL}\""),
            ));
        }
    }
    let Some(path) = url.sqlite_path() else {
        return Err((
            "the database URL names no file".to_owned(),
            format!("write it like \"{DEFAULT_STORE_URL}\""),
        ));
    };
    let path = environment.working_directory().join(path);
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    if directory.is_dir() {
        return Ok(());
    }
    let here = std::env::current_dir().unwrap_or_default();
    Err((
        format!(
            "the database's directory `{}` does not exist",
            directory.display()
        ),
        format!("mkdir -p {}", here.join(directory).display()),
    ))
}

fn pool(table: Option<&Table<'_>>) -> PoolSettings {
    let mut settings = PoolSettings {
        max: 20,
        overflow: 30,
        acquire_timeout: Duration::from_secs(30),
        max_lifetime: HOUR,
        check_before_use: true,
    };
    let Some(table) = table else { return settings };
    settings.max = table.count("max", 1_000).unwrap_or(settings.max);
    settings.overflow = table.count("overflow", 1_000).unwrap_or(settings.overflow);
    settings.acquire_timeout = table
        .time_span("acquire_timeout", 100 * MS, HOUR)
        .unwrap_or(settings.acquire_timeout);
    settings.max_lifetime = table
        .time_span("max_lifetime", SECOND, 30 * DAY)
        .unwrap_or(settings.max_lifetime);
    settings.check_before_use = table
        .flag("check_before_use")
        .unwrap_or(settings.check_before_use);
    table.finish(&[]);
    settings
}

pub(super) fn read_retry(table: &Table<'_>, retry: &mut Retry) {
    retry.max_attempts = table
        .count("max_attempts", 20)
        .unwrap_or(retry.max_attempts);
    retry.initial_interval = table
        .time_span("initial_interval", MS, HOUR)
        .unwrap_or(retry.initial_interval);
    retry.multiplier = table
        .number("multiplier", 1.0..=100.0)
        .unwrap_or(retry.multiplier);
    retry.max_interval = table
        .time_span("max_interval", MS, HOUR)
        .unwrap_or(retry.max_interval);
    retry.randomization_factor = table
        .number("randomization_factor", 0.0..=1.0)
        .unwrap_or(retry.randomization_factor);
    table.finish(&[]);
}

pub(super) fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost"
        || name
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}
