//! `[cache]`: where answers are kept, how many and for how long.

use std::time::Duration;

use super::problem::Problem;
use super::reader::{At, Table};
use super::secrets::Environment;
use super::sections::has_password;
use crate::cache::{Address, Backend, RemoteSettings, Settings};

const DEFAULT_URL: &str = "redis://127.0.0.1:6379";

/// Less memory than this holds not even a few hundred quotes.
const LEAST_BYTES: f64 = 1_048_576.0;

/// 64 GiB: more is a slip of the fingers.
const MOST_BYTES: f64 = 68_719_476_736.0;

/// Longest prefix of the keys.
const MAX_PREFIX_CHARS: usize = 64;

/// What `backend` says.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Off,
    Memory,
    Redis,
}

/// Reads `[cache]`; what has a problem keeps its default.
pub(super) fn read(root: &Table<'_>, environment: &Environment) -> Settings {
    let mut settings = Settings::default();
    let Some(table) = root.table("cache") else {
        return settings;
    };
    let (second, hour) = (Duration::from_secs(1), Duration::from_hours(1));
    let kinds = [
        ("memory", Kind::Memory),
        ("redis", Kind::Redis),
        ("off", Kind::Off),
    ];
    let kind = table.choice("backend", &kinds).unwrap_or(Kind::Memory);
    if let Some(bytes) = table.number("max_bytes", LEAST_BYTES..=MOST_BYTES) {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "within the range just checked"
        )]
        let bytes = bytes as u64;
        settings.max_bytes = bytes;
    }
    settings.ttl = table.time_span("ttl", second, hour).unwrap_or(settings.ttl);
    settings.negative_ttl = table
        .time_span("negative_ttl", second, 24 * hour)
        .unwrap_or(settings.negative_ttl);
    settings.stale_if_error = table
        .time_span("stale_if_error", Duration::ZERO, 24 * hour)
        .unwrap_or(settings.stale_if_error);
    let remote = remote(&table, kind == Kind::Redis, environment);
    settings.backend = match (kind, remote) {
        (Kind::Off, _) => Backend::Off,
        (Kind::Redis, Some(remote)) => Backend::Redis(remote),
        // A problem is noted.
        (Kind::Memory, _) | (Kind::Redis, None) => Backend::Memory,
    };
    table.finish(&[]);
    settings
}

/// The keys of the shared backend. They are read, and their problems told, whichever backend is in
/// use; where the server is counts only when it `is_used`.
fn remote(table: &Table<'_>, is_used: bool, environment: &Environment) -> Option<RemoteSettings> {
    let written = table.text("url");
    let is_cluster = table.flag("cluster").unwrap_or(false);
    let prefix = table.text("key_prefix");
    let (least, most) = (Duration::from_millis(1), Duration::from_secs(10));
    let timeout = table.time_span("timeout", least, most);
    if let Some(At { value, span }) = &written
        && has_password(value)
    {
        table.context().error(
            span.clone(),
            "the Redis URL contains a password; secrets never stand in this file".to_owned(),
            "set REDIS_URL, REDIS_URL_FILE or the systemd credential redis_url",
        );
        return None;
    }
    let key_prefix = match prefix {
        Some(at) if !is_plain(at.value) => {
            let message =
                format!("`key_prefix` must be 1 to {MAX_PREFIX_CHARS} printable ASCII characters");
            let hint = "no blanks and no braces, for instance \"finstage:\"";
            table.context().error(at.span, message, hint);
            return None;
        }
        Some(at) => at.value.to_owned(),
        None => RemoteSettings::KEY_PREFIX.to_owned(),
    };
    if !is_used {
        return None;
    }
    let address = address(table, written.as_ref(), is_cluster, environment)?;
    Some(RemoteSettings {
        key_prefix,
        timeout: timeout.unwrap_or(RemoteSettings::TIMEOUT),
        ..RemoteSettings::at(address)
    })
}

/// Braces would put all keys of a cluster on one of its nodes.
fn is_plain(prefix: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_graphic() && b != b'{' && b != b'}';
    (1..=MAX_PREFIX_CHARS).contains(&prefix.len()) && prefix.bytes().all(is_plain)
}

fn address(
    table: &Table<'_>,
    written: Option<&At<&str>>,
    is_cluster: bool,
    environment: &Environment,
) -> Option<Address> {
    let context = table.context();
    let (url, place) = match environment.redis_url() {
        Some(Ok((url, place))) => (url, Some(place)),
        Some(Err((place, reason))) => {
            let hint = "make it readable for this user, or unset the variable";
            context.problem(Problem::general(place, &reason, hint));
            return None;
        }
        None => (written.map_or(DEFAULT_URL, |at| at.value).to_owned(), None),
    };
    match Address::try_new(&url, is_cluster) {
        Ok(address) => Some(address),
        Err(error) => {
            match (place, written) {
                (Some(place), _) => {
                    context.problem(Problem::general(place, &error.message, &error.remedy));
                }
                (None, Some(at)) => context.error(at.span.clone(), error.message, error.remedy),
                (None, None) => context.error(table.span(), error.message, error.remedy),
            }
            None
        }
    }
}
