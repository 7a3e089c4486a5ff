//! `[cache]`, and where the address of a shared one comes from.

use std::time::Duration;

use finstage::cache::{Backend, RemoteSettings, Settings};
use finstage::config::{Environment, Problem, parse};

use super::{GOOD, Place, tells};

fn read(
    section: &str,
    environment: impl Fn(Environment) -> Environment,
) -> Result<Settings, Vec<Problem>> {
    let place = Place::new();
    let environment = environment(place.environment());
    let text = format!("[cache]\n{section}\n{GOOD}");
    let read = parse(&place.path("schedules.toml"), &text, &environment);
    match read {
        Ok((config, _)) => Ok(config.cache),
        Err(problems) => Err(problems.iter().cloned().collect()),
    }
}

fn remote(section: &str, environment: impl Fn(Environment) -> Environment) -> RemoteSettings {
    match read(section, environment).unwrap().backend {
        Backend::Redis(remote) => remote,
        other => panic!("{other:?}"),
    }
}

const REDIS: &str = "backend = \"redis\"";

#[test]
fn without_a_word_about_it_answers_are_kept_in_memory_for_ten_seconds() {
    let settings = read("", |environment| environment).unwrap();
    assert_eq!(settings, Settings::default());
    assert_eq!(settings.backend, Backend::Memory);
    assert_eq!(settings.ttl, Duration::from_secs(10));
    assert_eq!(
        settings.stale_if_error,
        Duration::ZERO,
        "no old prices unless asked for"
    );
    let (config, _) = Place::new().read(GOOD).unwrap();
    assert_eq!(config.cache, settings);
}

#[test]
fn a_full_section_is_what_it_says() {
    let section = "backend = \"redis\"\nurl = \"redis://a:7000, redis://b\"\ncluster = true\n\
                   max_bytes = 1_048_576\nttl = \"7s\"\nnegative_ttl = \"2m\"\n\
                   stale_if_error = \"3m\"\nkey_prefix = \"desk:\"\ntimeout = \"50ms\"";
    let settings = read(section, |environment| environment).unwrap();
    assert_eq!(settings.max_bytes, 1 << 20);
    assert_eq!(settings.ttl, Duration::from_secs(7));
    assert_eq!(settings.negative_ttl, Duration::from_mins(2));
    assert_eq!(settings.stale_if_error, Duration::from_mins(3));
    let remote = remote(section, |environment| environment);
    assert_eq!(remote.address.redacted(), "a:7000,b:6379");
    assert_eq!(remote.key_prefix, "desk:");
    assert_eq!(remote.timeout, Duration::from_millis(50));
    let off = read("backend = \"off\"", |environment| environment).unwrap();
    assert_eq!(off.backend, Backend::Off);
}

#[test]
fn credential_file_and_variable_win_over_the_file_in_this_order() {
    let place = Place::new();
    let secret = place.write("secret", "redis://:hunter2@from-file:1\n");
    place.write("redis_url", "redis://:hunter2@from-credential:1");
    let folder = secret.parent().unwrap().to_str().unwrap().to_owned();
    let written = "backend = \"redis\"\nurl = \"redis://from-toml:1\"";
    let variable = |e: Environment| e.with("REDIS_URL", "redis://u:hunter2@from-variable:1");
    let file = |e: Environment| variable(e).with("REDIS_URL_FILE", secret.to_str().unwrap());
    let credential = |e: Environment| file(e).with("CREDENTIALS_DIRECTORY", &folder);
    let host = |remote: &RemoteSettings| remote.address.redacted().to_owned();
    assert_eq!(host(&remote(REDIS, |e| e)), "127.0.0.1:6379");
    assert_eq!(host(&remote(written, |e| e)), "from-toml:1");
    assert_eq!(host(&remote(written, variable)), "from-variable:1");
    assert_eq!(host(&remote(written, file)), "from-file:1");
    let settings = remote(written, credential);
    assert_eq!(host(&settings), "from-credential:1");
    assert!(!format!("{settings:?}").contains("hunter2"));
    // Without a shared cache nobody asks where it is.
    let broken = |e: Environment| e.with("REDIS_URL", "nonsense");
    assert_eq!(read("", broken).unwrap().backend, Backend::Memory);
}

#[rustfmt::skip]
const BAD: &[(&str, &str, &str, &str)] = &[
    ("backend = \"memcached\"", "2:11", "`backend` cannot be `memcached`", "known: memory, redis, off"),
    ("max_bytes = 1000", "2:13", "outside the range of 1048576", ""),
    ("ttl = \"10ms\"", "2:7", "`ttl` must be from 1s to 1h", ""),
    ("negative_ttl = \"2d\"", "2:16", "`negative_ttl` must be from 1s to 1d", ""),
    ("stale_if_error = \"-1s\"", "2:18", "`stale_if_error`", ""),
    ("timeout = \"1m\"", "2:11", "`timeout` must be from 1ms to 10s", ""),
    ("key_prefix = \"{a}\"", "2:14", "`key_prefix` must be", "braces"),
    ("url = \"redis://:hunter2@host\"", "2:7", "contains a password", "REDIS_URL"),
    ("cluster = \"yes\"", "2:11", "`cluster` must be true or false", ""),
    ("backends = \"redis\"", "2:1", "unknown key `backends`", "did you mean `backend`?"),
    ("backend = \"redis\"\nurl = \"rediss://host\"", "3:7", "`rediss://` (TLS) is not supported", "redis://"),
    ("backend = \"redis\"\nurl = \"http://host\"", "3:7", "no known scheme", "redis://127.0.0.1:6379"),
    ("backend = \"redis\"\nurl = \"redis://a,redis://b\"", "3:7", "several addresses", "cluster = true"),
    ("backend = \"redis\"\ncluster = true\nurl = \"redis://a,redis://:hunter2@b\"", "4:7", "contains a password", "redis_url"),
];

#[test]
fn what_cannot_be_is_told_with_its_place_and_remedy() {
    for (line, place, message, hint) in BAD {
        let problems = read(line, |environment| environment).unwrap_err();
        assert_eq!(problems.len(), 1, "{line}: {problems:#?}");
        tells(&problems[0], place, message, hint);
        assert!(!problems[0].to_string().contains("hunter2"), "{line}");
    }
}

#[test]
fn a_bad_address_of_the_environment_names_the_variable_and_not_the_secret() {
    let tls = |e: Environment| e.with("REDIS_URL", "rediss://:hunter2@host");
    let problems = read(REDIS, tls).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert!(
        problems[0]
            .to_string()
            .starts_with("REDIS_URL: error: `rediss://` (TLS)")
    );
    assert!(!problems[0].to_string().contains("hunter2"));
    let missing = |e: Environment| e.with("REDIS_URL_FILE", "/nowhere/redis");
    let problems = read(REDIS, missing).unwrap_err();
    assert!(
        problems[0]
            .message
            .contains("/nowhere/redis cannot be read"),
        "{problems:?}"
    );
}
