//! Many problems at once, problems of other files, and files that are none.

use finstage::config::Environment;
use finstage::domain::Symbol;

use super::{GOOD, Place, good_with, position, tells};

#[test]
fn all_problems_of_a_file_are_told_at_once_in_order_of_line() {
    let place = Place::new();
    let text = r#"surprise = true
[defaults]
timezone = "Mars/Olympus"
[store]
url = "sqlite://nowhere/x.db"
[upstream.yahoo]
base_url = "http://example.com"
max_rps = 0
[symbols]
tech = ["A/B"]
[schedules.first]
job = "quote"
cron = "0 0 30 2 *"
symbols = ["@tehc"]
[schedules.second]
job = "quotes"
cron = "0 9 * * *"
every = "1h"
symbols = ["AAPL"]
overlap_policy = "skpi"
calendar = "XNYC"
api_key = "hunter2"
"#;
    let problems = place.problems(text);
    let places: Vec<String> = problems.iter().map(position).collect();
    assert_eq!(
        places,
        [
            "1:1", "3:12", "5:7", "7:12", "8:11", "10:9", "12:7", "13:8", "14:12", "15:12",
            "20:18", "21:12", "22:1"
        ],
        "{problems:#?}"
    );
}

#[test]
fn a_bad_line_of_a_symbols_file_is_told_with_its_own_place() {
    let place = Place::new();
    place.write(
        "sp.txt",
        "# the index\r\nAAPL # the first\n\n  BRK/B # slash\n\tA B\n",
    );
    let problems = place.problems(&good_with(8, "tech = { file = \"sp.txt\" }"));
    assert_eq!(problems.len(), 2, "{problems:#?}");
    tells(
        &problems[0],
        "4:3",
        "symbol `BRK/B` contains '/'",
        "one symbol a line",
    );
    tells(
        &problems[1],
        "5:2",
        "symbol `A B` contains ' '",
        "# starts a comment",
    );
    assert!(problems[0].file.ends_with("/sp.txt"));
    assert_eq!(problems[0].excerpt.as_deref(), Some("  BRK/B # slash"));
}

#[test]
fn a_symbols_file_is_read_with_comments_blank_lines_and_windows_line_ends() {
    let place = Place::new();
    place.write(
        "sp.txt",
        "# all\r\nAAPL\r\n\r\n  ^GSPC  # index\r\nAAPL\r\nBRK-B",
    );
    let text = good_with(8, "tech = { file = \"sp.txt\" }");
    let (config, _) = place.read(&text).unwrap();
    let symbols: Vec<&str> = config.schedules[0]
        .symbols
        .iter()
        .map(Symbol::as_str)
        .collect();
    assert_eq!(symbols, ["AAPL", "^GSPC", "BRK-B"]);
}

#[test]
fn broken_syntax_hides_neither_other_problems_nor_invents_any() {
    let place = Place::new();
    let text = r#"[defaults]
timezone = "UTC
[upstream.yahoo]
max_rps = 0
[schedules.us]
job = "quote"
cron = "0 9 * * *"
symbols = ["AAPL"]
"#;
    let problems = place.problems(text);
    let places: Vec<String> = problems.iter().map(position).collect();
    assert_eq!(places, ["2:16", "4:11", "6:7"], "{problems:#?}");
    // Job, trigger and symbols may well stand in the part that could not be read.
    let torn =
        place.problems("[schedules.us]\njob = \"quotes\ncron = \n[schedules.eu]\nsymbols [\n");
    for problem in &torn {
        assert!(!problem.message.contains("has no"), "{torn:#?}");
        assert!(!problem.message.contains("does not say"), "{torn:#?}");
    }
}

#[test]
fn a_problem_of_a_symbols_file_is_told_though_the_same_line_here_is_broken() {
    let place = Place::new();
    place.write("sp.txt", "AAPL\nA/B\n");
    let text = good_with(8, "tech = { file = \"sp.txt\" }").replacen(
        "timezone = \"UTC\"",
        "timezone = \"UTC",
        1,
    );
    let problems = place.problems(&text);
    let files: Vec<bool> = problems
        .iter()
        .map(|p| p.file.ends_with("sp.txt"))
        .collect();
    assert_eq!(files, [true, false], "{problems:#?}");
}

#[test]
fn a_file_without_any_schedule_says_so_and_nothing_else() {
    let place = Place::new();
    for text in ["", "\n\n", "# nothing yet\n", "[schedules]\n", "\u{feff}"] {
        let problems = place.problems(text);
        assert_eq!(problems.len(), 1, "{text:?}: {problems:#?}");
        tells(
            &problems[0],
            "1:1",
            "there is no schedule",
            "[schedules.us-quotes]",
        );
    }
}

#[test]
fn a_file_that_is_none_says_why() {
    let place = Place::new();
    place.write("large.toml", vec![b'#'; (4 << 20) + 1]);
    place.write("binary.toml", [0x23, 0xFF, 0xFE, 0x0A]);
    for (name, reason) in [
        ("absent.toml", "No such file"),
        ("data", "not a regular file"),
        ("large.toml", "larger than 4 MiB"),
        ("binary.toml", "UTF-8"),
    ] {
        let problems = place.load(name).unwrap_err();
        let problem = problems.iter().next().unwrap();
        assert_eq!(problems.len(), 1, "{problems}");
        tells(problem, "-", reason, "--config FILE");
        assert!(problem.place().ends_with(name), "{problem}");
    }
    let mut full = GOOD.to_owned();
    full.push_str(&"#".repeat((4 << 20) - GOOD.len()));
    place.write("full.toml", full);
    assert!(place.load("full.toml").is_ok(), "4 MiB are allowed");
}

#[test]
fn a_database_named_by_the_environment_is_told_with_that_place() {
    let place = Place::new();
    let path = place.path("schedules.toml");
    let secret_file = place.write("url.txt", "sqlite://data/y.db\n");
    let given = |name: &str, value: &str| {
        let environment = place.environment().with(name, value);
        finstage::config::parse(&path, GOOD, &environment)
    };
    for (name, value, message) in [
        (
            "DATABASE_URL",
            "sqlite://nowhere/x.db",
            "nowhere` does not exist",
        ),
        (
            "DATABASE_URL",
            "postgres://me:hunter2@db/x",
            "kind `postgres`",
        ),
        ("DATABASE_URL", "hunter2", "no known scheme"),
        (
            "DATABASE_URL_FILE",
            "/nowhere/url",
            "/nowhere/url cannot be read",
        ),
    ] {
        let problems = given(name, value).unwrap_err();
        let problem = problems.iter().next().unwrap();
        assert_eq!(problem.place(), name);
        tells(problem, "-", message, "");
        assert!(!format!("{problems:?}").contains("hunter2"), "{problem}");
    }
    let (config, _) = given("DATABASE_URL_FILE", secret_file.to_str().unwrap()).unwrap();
    assert!(config.store.url.expose().contains("/data/y.db"));
    place.write("database_url", "sqlite://data/z.db");
    let both = place
        .environment()
        .with("CREDENTIALS_DIRECTORY", place.path("").to_str().unwrap())
        .with("DATABASE_URL", "sqlite://data/y.db");
    let (config, _) = finstage::config::parse(&path, GOOD, &both).unwrap();
    assert!(
        config.store.url.expose().contains("/data/z.db"),
        "the credential comes first"
    );
}

#[test]
fn an_empty_variable_is_no_variable() {
    let place = Place::new();
    let environment: Environment = place.environment().with("DATABASE_URL", "");
    let path = place.path("schedules.toml");
    let (config, _) = finstage::config::parse(&path, GOOD, &environment).unwrap();
    assert!(config.store.url.expose().contains("/data/x.db"));
}
