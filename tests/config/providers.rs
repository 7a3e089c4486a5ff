//! Providers: whom schedules ask, how each is asked, and where keys come from.

use finstage::config::{Config, Problems, QuoteBatch, parse};
use finstage::domain::Provider;

use super::Place;

const KEY: &str = "canary-4711-key";

const TEXT: &str = r#"[upstream.tiingo]
max_rps = 2
burst = 3
[upstream.binance]
base_url = "https://data-api.binance.vision"
[upstream.yahoo]
quotes.batch = "spark"
[defaults]
providers = ["yahoo", "tiingo"]
[schedules.us]
job = "quotes"
cron = "0 9 * * *"
symbols = ["AAPL"]
[schedules.crypto]
job = "daily_bars"
every = "1d"
symbols = ["BTC-USD"]
providers = ["yahoo", "binance"]
"#;

fn read(text: &str) -> Result<(Config, Problems), Problems> {
    let place = Place::new();
    let environment = place.environment().with("TIINGO_API_KEY", KEY);
    parse(&place.path("schedules.toml"), text, &environment)
}

fn told(text: &str) -> Vec<String> {
    let problems = match read(text) {
        Ok((_, lints)) => lints,
        Err(problems) => problems,
    };
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn schedules_name_their_providers_in_order_and_each_has_settings_of_its_own() {
    let (config, lints) = read(TEXT).unwrap();
    let providers = |id| config.schedule(id).unwrap().providers.to_string();
    assert_eq!(providers("us"), "yahoo, tiingo");
    assert_eq!(providers("crypto"), "yahoo, binance");
    assert_eq!((config.tiingo.max_rps, config.tiingo.burst), (2.0, 3));
    assert_eq!(config.tiingo.base_url, "https://api.tiingo.com");
    assert_eq!(config.binance.base_url, "https://data-api.binance.vision");
    assert_eq!(config.upstream(Provider::Binance).max_rps, 5.0);
    assert_eq!(config.quote_batch, QuoteBatch::Spark);
    assert_eq!(
        config.schedules[0].concurrency, 40,
        "as many tasks as two batches hold"
    );
    assert_eq!(lints.len(), 0, "{lints}");
    assert!(!format!("{config:?}").contains("canary"));
}

#[test]
fn a_key_comes_from_outside_and_is_refused_in_the_file() {
    let place = Place::new();
    let file = place.write("schedules.toml", TEXT);
    let key_of = |environment| {
        let (config, _) = parse(&file, TEXT, &environment).unwrap();
        config.tiingo_key.map(|key| key.expose().to_owned())
    };
    let plain = || place.environment();
    assert_eq!(key_of(plain()), None);
    assert_eq!(
        key_of(plain().with("TIINGO_API_KEY", KEY)).as_deref(),
        Some(KEY)
    );
    let path = place.write("key", "from-a-file\n");
    let both = plain()
        .with("TIINGO_API_KEY", KEY)
        .with("TIINGO_API_KEY_FILE", path.to_str().unwrap());
    assert_eq!(key_of(both.clone()).as_deref(), Some("from-a-file"));
    place.write("tiingo_api_key", "from-systemd\n");
    let folder = place.path("");
    let all = both.with("CREDENTIALS_DIRECTORY", folder.to_str().unwrap());
    assert_eq!(key_of(all).as_deref(), Some("from-systemd"));

    let written = TEXT.replace("max_rps = 2", "api_key = \"canary\"");
    let problems = told(&written);
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert!(problems[0].contains(":2:1") && problems[0].contains("looks like a secret"));
    assert!(problems[0].contains("*_FILE") && !problems[0].contains("canary"));
}

#[test]
fn keys_that_cannot_be_are_told_without_showing_them() {
    let place = Place::new();
    let file = place.write("schedules.toml", TEXT);
    for (name, value, word) in [
        ("TIINGO_API_KEY", "canary key", "characters no key has"),
        ("TIINGO_API_KEY_FILE", "/nowhere/canary", "cannot be read"),
    ] {
        let environment = place.environment().with(name, value);
        let problems = parse(&file, TEXT, &environment).unwrap_err().to_string();
        assert!(
            problems.contains(name) && problems.contains(word),
            "{problems}"
        );
        assert!(!problems.contains("canary key"), "{problems}");
    }
}

#[test]
fn wrong_providers_are_told_with_place_and_remedy() {
    let line = "providers = [\"yahoo\", \"tiingo\"]";
    for (text, place, word) in [
        (
            "providers = [\"yahoo\", \"tingo\"]",
            ":9:23",
            "did you mean `tiingo`",
        ),
        (
            "providers = [\"yahoo\", \"yahoo\"]",
            ":9:23",
            "names `yahoo` twice",
        ),
        ("providers = []", ":8:", "empty list"),
        ("providers = 1", ":9:13", "a list of texts"),
    ] {
        let problems = told(&TEXT.replace(line, text));
        assert_eq!(problems.len(), 1, "{problems:#?}");
        assert!(problems[0].contains(place), "{problems:#?}");
        assert!(problems[0].contains(word), "{problems:#?}");
    }
    let batch = told(&TEXT.replace("\"spark\"", "\"sparks\""));
    assert!(batch[0].contains("did you mean `spark`"), "{batch:#?}");
}

#[test]
fn real_prices_and_those_of_a_stand_in_are_never_mixed() {
    let text = TEXT.replace(
        "[upstream.yahoo]",
        "[upstream.yahoo]\nbase_url = \"http://127.0.0.1:1\"",
    );
    let problems = told(&text);
    assert_eq!(problems.len(), 2, "one a schedule: {problems:#?}");
    assert!(problems[0].contains("would mix"), "{problems:#?}");
    let all = text
        .replace("max_rps = 2", "base_url = \"http://localhost:1\"")
        .replace("https://data-api.binance.vision", "http://127.0.0.1:1");
    assert!(read(&all).is_ok());
}

#[test]
fn a_missing_key_and_an_unlike_order_are_lints() {
    let place = Place::new();
    let file = place.write("schedules.toml", TEXT);
    let (_, lints) = parse(&file, TEXT, &place.environment()).unwrap();
    let lints: Vec<String> = lints.iter().map(ToString::to_string).collect();
    assert_eq!(lints.len(), 1, "{lints:#?}");
    assert!(lints[0].contains("no key for Tiingo"), "{lints:#?}");
    let unlike = TEXT.replace(
        "symbols = [\"BTC-USD\"]\nproviders = [\"yahoo\", \"binance\"]",
        "symbols = [\"AAPL\"]\nproviders = [\"tiingo\"]",
    );
    let lints = told(&unlike);
    assert!(
        lints.iter().any(|lint| lint.contains("first for AAPL")),
        "{lints:#?}"
    );
}

#[test]
fn symbols_that_a_provider_can_never_have_are_told_in_their_place() {
    let pair = TEXT.replace(
        "symbols = [\"BTC-USD\"]",
        "symbols = [\"BTC-USD\", \"AAPL\"]",
    );
    let lints = told(&pair);
    assert_eq!(lints.len(), 1, "{lints:#?}");
    assert!(
        lints[0].contains(":18:23: warning: binance can never have AAPL of `crypto`"),
        "{lints:#?}"
    );
    assert!(lints[0].contains("help: Binance has pairs"), "{lints:#?}");
    // Those of the defaults are told at the schedule's name.
    let korea = TEXT.replace("symbols = [\"AAPL\"]", "symbols = [\"005930.KS\"]");
    let lints = told(&korea);
    assert!(
        lints[0].contains(":10:12: warning: tiingo can never have 005930.KS of `us`"),
        "{lints:#?}"
    );
    let many = "symbols = [\"A.L\", \"B.L\", \"C.L\", \"D.L\", \"E.L\"]";
    let nobody = TEXT
        .replace("symbols = [\"BTC-USD\"]", many)
        .replace("[\"yahoo\", \"binance\"]", "[\"binance\"]");
    let problems = read(&nobody).unwrap_err();
    let problem = problems.iter().next().unwrap().to_string();
    assert!(
        problem.contains(
            ":18:13: error: no provider of `crypto` can ever have A.L, B.L, C.L and 2 more"
        ),
        "{problem}"
    );
    assert!(problem.contains("help: add \"yahoo\""), "{problem}");
}
