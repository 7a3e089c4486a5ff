//! One problem at a time: place, words and hint of each kind.

use super::{Place, good_with, position};

/// Line replaced, by what; then place, message and hint.
type Case = (
    usize,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

#[track_caller]
fn each_is_told(cases: &[Case]) {
    let place = Place::new();
    let mut wrong = Vec::new();
    for (line, text, at, message, hint) in cases {
        let problems = match place.read(&good_with(*line, text)) {
            Ok((config, _)) => {
                wrong.push(format!("{text}: accepted as {:?}", config.schedules));
                continue;
            }
            Err(problems) => problems,
        };
        let told = problems.iter().next().is_some_and(|problem| {
            position(problem) == *at
                && problem.message.contains(message)
                && problem.hint.contains(hint)
                && problem.file.ends_with("/schedules.toml")
        });
        if !told || problems.len() != 1 {
            wrong.push(format!(
                "{text}: not `{message}` ({hint}) at {at}, but\n{problems}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[rustfmt::skip]
const UNKNOWN_NAMES: &[Case] = &[
    (1, "upstraem = 1\n[defaults]", "1:1", "unknown key `upstraem` in the file's top level", "did you mean `upstream`?"),
    (1, "zzz = 1\n[defaults]", "1:1", "unknown key `zzz`", "known: "),
    (10, "job = \"quotes\"\nsymbol = [\"A\"]", "11:1", "unknown key `symbol` in [schedules.us]", "did you mean `symbols`?"),
    (6, "max_rsp = 2", "6:1", "unknown key `max_rsp` in [upstream.yahoo]", "did you mean `max_rps`?"),
    (10, "job = \"quote\"", "10:7", "there is no job `quote`", "did you mean `quotes`?"),
    (10, "job = \"xyz\"", "10:7", "there is no job `xyz`", "known: quotes, daily_bars, price_snapshots, all_time_high"),
    (2, "timezone = \"America/New_Yrok\"", "2:12", "there is no time zone `America/New_Yrok`", "did you mean `America/New_York`?"),
    (2, "timezone = \"EST\"", "2:12", "there is no time zone `EST`", ""),
    (2, "timezone = \"CET\"", "2:12", "there is no time zone `CET`", ""),
    (2, "timezone = \"\"", "2:12", "there is no time zone ``", "use an IANA name"),
    (12, "symbols = [\"AAPL\", \"@tehc\"]", "12:20", "there is no group `@tehc`", "did you mean `tech`?"),
    (2, "overlap_policy = \"skpi\"", "2:18", "`overlap_policy` cannot be `skpi`", "did you mean `skip`?"),
    (2, "misfire_policy = \"run_onec\"", "2:18", "`misfire_policy` cannot be `run_onec`", "did you mean `run_once`?"),
];

#[test]
fn an_unknown_name_is_told_with_the_nearest_known_one() {
    each_is_told(UNKNOWN_NAMES);
}

#[rustfmt::skip]
const BAD_SYMBOLS: &[Case] = &[
    (12, "symbols = [\"BRK/B\"]", "12:12", "symbol `BRK/B` contains '/'", ""),
    (8, "tech = [\"AAPL\", \"..\"]", "8:17", "symbol `..` contains '.'", ""),
    (8, "tech = [\"AAPL\", \"@us\"]", "8:17", "a group cannot contain the group `@us`", "name both groups"),
    (12, "symbols = []", "9:12", "[schedules.us] has no symbol to work on", "name at least one"),
    (8, "tech = []", "9:12", "[schedules.us] has no symbol to work on", "name at least one"),
    (12, "", "9:12", "[schedules.us] has no `symbols`", "@group"),
    (12, "symbols = 5", "12:11", "`symbols` must be a list of texts, not an integer", ""),
    (12, "symbols = [\"A\", 5]", "12:17", "`symbols` must be a list of texts, not an integer", ""),
    (8, "tech = { files = \"a.txt\" }", "8:8", "[symbols.tech] needs `file`", "one symbol a line"),
    (8, "tech = { file = \"none.txt\" }", "8:17", "none.txt` cannot be read: ", "relative to the configuration file"),
    (8, "tech = { file = \"data\" }", "8:17", "cannot be read: it is not a regular file", ""),
];

#[test]
fn a_bad_symbol_or_list_of_symbols_is_told() {
    each_is_told(BAD_SYMBOLS);
}

#[rustfmt::skip]
const BAD_TRIGGERS: &[Case] = &[
    (11, "cron = \"0 0 30 2 *\"", "11:8", "cron `0 0 30 2 *` never matches any date", "finstage explain \"0 0 30 2 *\""),
    (11, "cron = \"61 * * * *\"", "11:8", "cron `61 * * * *` cannot be read", "finstage explain"),
    (11, "cron = \"0 9 * *\"", "11:8", "has 4 fields; write 5", "finstage explain"),
    (11, "cron = \"\"", "11:8", "has 0 fields", ""),
    (11, "cron = [\"0 9 * * *\", \"x * * * *\"]", "11:22", "cannot be read", ""),
    (11, "cron = []", "9:12", "`cron` in [schedules.us] is an empty list", "cron = "),
    (11, "cron = 5", "11:8", "`cron` must be a list of texts", ""),
    (11, "cron = \"0 9 * * *\"\nevery = \"5m\"", "9:12", "has both `cron` and `every`", "keep one"),
    (11, "", "9:12", "does not say when: no `cron`, `every`, `at` or `after`", "every = \"15m\""),
    (11, "every = \"5m\"\noffset = \"5m\"", "9:12", "`offset` must be shorter than `every`", ""),
    (11, "cron = \"0 9 * * *\"\noffset = \"1m\"", "9:12", "`offset` goes with `every`", "jitter"),
    (11, "at = \"open+5m\"", "9:12", "`at` in [schedules.us] needs a calendar", "XNYS"),
    (11, "at = \"2026-12-24T18:00:00\"\ncalendar = \"XNYS\"", "11:6", "is not a moment of a session", ""),
    (11, "at = [\"open\", \"close-25h\"]\ncalendar = \"XNYS\"", "11:15", "is a day or more from its anchor", ""),
    (11, "at = \"open\"\nevery = \"5m\"\ncalendar = \"XNYS\"", "9:12", "has both `every` and `at`", "keep one"),
    (11, "at = \"open\"\ncalendar = \"XNYZ\"", "12:12", "there is no calendar `XNYZ`", "did you mean `XNYS`?"),
    (11, "every = \"5 minutes\"", "11:9", "`every`: `5 minutes` has no known unit", ""),
    (11, "every = \"30m1h\"", "11:9", "repeats or reorders units", ""),
    (11, "every = \"999ms\"", "11:9", "`every` must be from 1s to 366d", ""),
    (11, "every = \"99999999999999999d\"", "11:9", "longer than this program can count", ""),
    (11, "every = 300", "11:9", "`every` must be a text in quotes, not an integer", ""),
];

#[test]
fn a_bad_trigger_is_told() {
    each_is_told(BAD_TRIGGERS);
}

#[rustfmt::skip]
const BAD_NAMES: &[Case] = &[
    (9, "[schedules.\"US quotes\"]", "9:12", "`US quotes` is not a schedule name", ""),
    (10, "", "9:12", "[schedules.us] has no `job`", "one of: quotes, "),
    (9, "[schedules.us]\njob = \"quotes\"\n", "12:1", "duplicate key", "used once"),
    (12, "symbols = [\"A\"]\n[schedules.us]\nowner = \"me\"", "13:12", "duplicate key", "used once"),
];

#[test]
fn a_name_that_is_missing_doubled_or_malformed_is_told() {
    each_is_told(BAD_NAMES);
}

#[rustfmt::skip]
const WRONG_VALUES: &[Case] = &[
    (6, "max_rps = \"fast\"", "6:11", "`max_rps` must be a number, not a string", ""),
    (6, "max_rps = 0", "6:11", "`max_rps` is 0, outside the range of 0.01 to 10000", ""),
    (6, "max_rps = nan", "6:11", "`max_rps` is NaN, outside", ""),
    (6, "max_rps = inf", "6:11", "`max_rps` is inf, outside", ""),
    (6, "max_rps = 10001", "6:11", "`max_rps` is 10001, outside", ""),
    (6, "concurrency = 0", "6:15", "`concurrency` is 0, outside the range of 1 to 1000", ""),
    (6, "concurrency = -1", "6:15", "`concurrency` is -1, outside", ""),
    (6, "concurrency = 1001", "6:15", "`concurrency` is 1001, outside", ""),
    (6, "concurrency = 1.5", "6:15", "`concurrency` must be a whole number, not a float", ""),
    (6, "burst = true", "6:9", "`burst` must be a whole number, not a boolean", ""),
    (6, "user_agent = \"\"", "6:14", "`user_agent` must be printable ASCII", "429"),
    (6, "user_agent = \"a\\nb\"", "6:14", "`user_agent` must be printable ASCII", "429"),
    (6, "cooldown = { initial = \"2m\", max = \"1m\" }", "6:12", "`max` is shorter than `initial`", ""),
    (6, "retry = { multiplier = 0.5 }", "6:24", "`multiplier` is 0.5, outside the range of 1 to 100", ""),
    (6, "retry = 3", "6:9", "`retry` must be a table, not an integer", ""),
    (6, "request_timeout = \"1ms\"", "6:19", "`request_timeout` must be from 10ms to 1h", ""),
    (12, "symbols = [\"A\"]\nenabled = \"yes\"", "13:11", "`enabled` must be true or false, not a string", ""),
    (12, "symbols = [\"A\"]\ntags = [1]", "13:9", "`tags` must be a list of texts", ""),
    (12, "symbols = [\"A\"]\ntimeout = \"0s\"", "13:11", "`timeout` must be from 1s to 7d", ""),
    (2, "timezone = 1", "2:12", "`timezone` must be a text in quotes, not an integer", ""),
    (1, "[history]\nruns = \"23h\"\n[defaults]", "2:8", "`runs` must be from 1d to 36500d", ""),
    (1, "[history]\nsamples = 30\n[defaults]", "2:11", "`samples` must be a text in quotes, not an integer", ""),
    (1, "[history]\nrun = \"30d\"\n[defaults]", "2:1", "unknown key `run` in [history]", "did you mean `runs`?"),
    (1, "daemon = 1\n[defaults]", "1:10", "`daemon` must be a table, not an integer", ""),
];

#[test]
fn a_value_of_the_wrong_type_or_size_is_told() {
    each_is_told(WRONG_VALUES);
}

#[rustfmt::skip]
const SECRETS: &[Case] = &[
    (6, "api_key = \"hunter2\"", "6:1", "`api_key` looks like a secret", "systemd credential"),
    (6, "API_TOKEN = \"hunter2\"", "6:1", "`API_TOKEN` looks like a secret", "environment"),
    (4, "url = \"postgres://me:hunter2@db/prices\"", "4:7", "the database URL contains a password", "DATABASE_URL"),
    (4, "url = \"sqlite://data/x.db\"\npassword = \"hunter2\"", "5:1", "`password` looks like a secret", "*_FILE"),
];

#[test]
fn a_secret_in_the_file_is_refused_and_never_shown() {
    each_is_told(SECRETS);
    let place = Place::new();
    for (line, text) in [
        (6, "api_key = \"hunter2\""),
        (6, "api_key = \"hunter2"),
        (6, "retry = { token = \"hunter2\", max_attempts = 0 }"),
        (4, "url = \"postgres://me:hunter2@db/prices\""),
        (4, "url = \"postgres://me:hunter2@db/prices\" x"),
        (4, "url = \"postgres://me@db/prices?password=hunter2\""),
    ] {
        let problems = place.read(&good_with(line, text)).unwrap_err();
        let told = format!("{problems}\n{problems:?}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[rustfmt::skip]
const DATABASES: &[Case] = &[
    (4, "url = \"sqlite://nowhere/x.db\"", "4:7", "nowhere` does not exist", "mkdir -p /"),
    (4, "url = \"postgres://db/prices\"", "4:7", "kind `postgres` are not supported by this version", "use SQLite"),
    (4, "url = \"prices.db\"", "4:7", "the database URL has no known scheme", "sqlite://"),
    (4, "url = \"sqlite::memory:\"", "4:7", "the database URL names no file", "sqlite://"),
    (4, "url = \"sqlite://data/x.db\"\npool = { max = 0 }", "5:16", "`max` is 0, outside", ""),
];

#[test]
fn a_database_that_cannot_be_is_told() {
    each_is_told(DATABASES);
}

#[rustfmt::skip]
const BASE_URLS: &[Case] = &[
    (6, "base_url = \"http://example.com\"", "6:12", "`base_url` must be https", "https://"),
    (6, "base_url = \"http://127.0.0.1.example.com\"", "6:12", "must be https", ""),
    (6, "base_url = \"http://localhost.example.com\"", "6:12", "must be https", ""),
    (6, "base_url = \"https://me:pw@example.com\"", "6:12", "scheme and host only", ""),
    (6, "base_url = \"http://127.0.0.1@example.com\"", "6:12", "scheme and host only", ""),
    (6, "base_url = \"https://example.com/path\"", "6:12", "scheme and host only", ""),
    (6, "base_url = \"https://example.com?x\"", "6:12", "scheme and host only", ""),
    (6, "base_url = \"ftp://example.com\"", "6:12", "unknown scheme `ftp`", ""),
    (6, "base_url = \"example.com\"", "6:12", "has no scheme", ""),
    (6, "base_url = \"https://\"", "6:12", "has no scheme", ""),
];

#[test]
fn a_base_url_that_is_not_https_to_a_host_is_told() {
    each_is_told(BASE_URLS);
}

#[rustfmt::skip]
const POLICIES: &[Case] = &[
    (11, "every = \"1h\"\noverlap_policy = \"queue\"", "12:18", "`overlap_policy` cannot be `queue`", "buffer_one"),
    (11, "every = \"1h\"\nmisfire_policy = \"run-all\"", "12:18", "`misfire_policy` cannot be `run-all`", "run_all"),
    (11, "every = \"1h\"\nmax_catchup = 0", "12:15", "outside the range of 1 to 10000", ""),
    (11, "every = \"1h\"\ncancel_grace = \"2d\"", "12:16", "`cancel_grace` must be from 0ms to 1d", ""),
    (11, "every = \"1h\"\nretry = { attempts = 3 }", "12:11", "unknown key `attempts` in [schedules.us.retry]", "max_attempts"),
    (11, "every = \"1h\"\nsla = { late_after = \"soon\" }", "12:22", "`late_after`: `soon`", "" ),
    (11, "every = \"1h\"\nsla = \"5m\"", "12:7", "`sla` must be a table", ""),
    (11, "every = \"1h\"\nstarts_at = \"tomorrow\"", "12:13", "`starts_at` must be a date or an instant", "2026-12-31"),
    (11, "every = \"1h\"\nstarts_at = 2027-01-01\nexpires_at = 2026-01-01", "9:12", "expires before it starts", ""),
    (11, "every = \"1h\"\nheartbeat_url = \"hc-ping.com/x\"", "12:17", "`heartbeat_url` has no scheme", "https://"),
    (11, "every = \"1h\"\nheartbeat_url = \"http://example.com/x\"", "12:17", "must be https", ""),
    (11, "every = \"1h\"\nheartbeat_url = \"https://example.com/x?y\"", "12:17", "no user, query or fragment", ""),
    (11, "every = \"1h\"\npause_after_failures = 0", "12:24", "outside the range", ""),
];

#[test]
fn a_policy_that_cannot_be_is_told() {
    each_is_told(POLICIES);
}

#[rustfmt::skip]
const CALENDARS: &[Case] = &[
    (7, "[calendars.desk]\nhours = \"09:00-17:30\"\n[symbols]", "7:12", "[calendars.desk] needs `timezone` and `hours`", "Europe/Berlin"),
    (7, "[calendars.desk]\ntimezone = \"UTC\"\nhours = \"9 to 5\"\n[symbols]", "9:9", "`9 to 5` is not a session's hours", "09:30-16:00"),
    (7, "[calendars.desk]\nbase = \"XKRY\"\n[symbols]", "8:8", "there is no market `XKRY`", "did you mean `XKRX`?"),
    (7, "[calendars.XKRX]\nholidays = [\"2026-06-31\"]\n[symbols]", "8:13", "`holidays` must be a date", "2026-12-31"),
    (7, "[calendars.XKRX]\nholidays = 2026-06-03\n[symbols]", "8:12", "`holidays` must be a list of dates", ""),
    (7, "[calendars.XKRX]\nearly_closes = { \"2026-06-03\" = \"noon\" }\n[symbols]", "8:33", "`noon` is not a time of day", "13:00"),
    (7, "[calendars.XKRX]\nearly_closes = { \"today\" = \"12:00\" }\n[symbols]", "8:18", "`today` is not a date", ""),
    (7, "[calendars.XKRX]\nweekdays = [\"Monday\"]\n[symbols]", "8:13", "`Monday` is not a weekday", "MON"),
    (7, "[calendars.XKRX]\nholydays = []\n[symbols]", "8:1", "unknown key `holydays`", "did you mean `holidays`?"),
];

#[test]
fn a_calendar_that_cannot_be_is_told() {
    each_is_told(CALENDARS);
}

#[rustfmt::skip]
const PLANNED: &[Case] = &[
    (12, "symbols = [\"A\"]\nbatch = 2", "13:1", "`batch` in [schedules.us] is not supported by this version", "CHANGELOG"),
];

#[test]
fn what_the_documentation_knows_and_this_version_does_not_is_told_as_such() {
    each_is_told(PLANNED);
}

#[rustfmt::skip]
const BROKEN: &[Case] = &[
    (2, "timezone = \"UTC", "2:16", "", "TOML syntax"),
    (2, "timezone = ", "2:12", "", "TOML syntax"),
    (2, "timezone", "2:9", "", "TOML syntax"),
    (9, "[schedules.us", "9:14", "", "TOML syntax"),
    (12, "symbols = [\"AAPL\"", "12:18", "", "TOML syntax"),
];

#[test]
fn broken_syntax_is_told_where_it_is() {
    each_is_told(BROKEN);
}
