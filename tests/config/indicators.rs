//! Job `indicators`: its parameters, right and wrong.

use finstage::domain::{IndicatorChoice, IndicatorParameters, VwapAnchor};

use super::{Place, tells};

/// A schedule of the job, with these lines.
fn file(lines: &str) -> String {
    format!(
        "[schedules.averages]\njob = \"indicators\"\ncron = \"0 9 * * *\"\nsymbols = [\"AAPL\"]\n\
         {lines}\n"
    )
}

fn choice(lines: &str) -> IndicatorChoice {
    let read = Place::new().read(&file(lines));
    let (config, _) = read.unwrap_or_else(|problems| panic!("{problems}"));
    let choice = config.schedules[0].indicators.as_deref();
    choice.unwrap().clone()
}

#[test]
fn without_params_it_is_the_default_set_and_the_crosses_are_told() {
    let choice = choice("");
    assert_eq!(choice.parameters, IndicatorParameters::default());
    assert!(!choice.history);
    assert_eq!(choice.tell, ["golden_cross", "dead_cross"]);
}

#[test]
fn what_params_say_lies_over_the_default_and_false_leaves_out() {
    let choice = choice(
        "[schedules.averages.params]\nsma = [200, 50]\nema = false\nrsi = 21\nmacd = { slow = 30 }\n\
         bollinger = { deviations = 2.5 }\nstochastic = false\natr = false\nobv = false\n\
         vwap = \"week\"\nhistory = true\ntell = [\"rsi_oversold\"]",
    );
    let expected = IndicatorParameters {
        sma: vec![200, 50],
        ema: vec![],
        rsi: Some(21),
        macd: Some((12, 30, 9)),
        bollinger: Some((20, 2.5)),
        stochastic: None,
        atr: None,
        obv: false,
        vwap: Some(VwapAnchor::Week),
        ..IndicatorParameters::default()
    };
    assert_eq!(choice.parameters, expected);
    assert!(choice.history);
    assert_eq!(choice.tell, ["rsi_oversold"]);
}

/// Line 5 of a file, and what is told of it.
type Case = (&'static str, &'static str, &'static str, &'static str);

const CASES: &[Case] = &[
    (
        "params = { sma = [5, 1] }",
        "5:22",
        "sma: a period of 1 bars",
        "",
    ),
    (
        "params = { ema = [9, 9] }",
        "5:22",
        "ema: 9 is named twice",
        "",
    ),
    (
        "params = { sma = 5 }",
        "5:18",
        "`sma` must be a list of whole numbers",
        "",
    ),
    (
        "params = { sma = [5, \"x\"] }",
        "5:22",
        "`sma` must be a list",
        "",
    ),
    (
        "params = { sma = [-5] }",
        "5:19",
        "`sma` must be a list of whole",
        "",
    ),
    (
        "params = { rsi = 2000 }",
        "5:18",
        "rsi: a period of 2000 bars",
        "",
    ),
    (
        "params = { rsi = true }",
        "5:18",
        "`rsi` must be a whole number",
        "",
    ),
    (
        "params = { macd = { fast = 30 } }",
        "5:19",
        "slow (26) must be longer",
        "",
    ),
    (
        "params = { bollinger = { deviations = 0.0 } }",
        "5:24",
        "bollinger.deviations: 0",
        "",
    ),
    (
        "params = { bollinger = { width = 2 } }",
        "5:26",
        "unknown key `width`",
        "",
    ),
    (
        "params = { stochastic = { k = 1 } }",
        "5:25",
        "stochastic.k: a period of 1",
        "",
    ),
    (
        "params = { vwap = \"decade\" }",
        "5:19",
        "`vwap` cannot be `decade`",
        "session",
    ),
    (
        "params = { tell = [\"golden_crss\"] }",
        "5:20",
        "no signal `golden_crss`",
        "golden_cross",
    ),
    (
        "params = { smaa = [5] }",
        "5:12",
        "unknown key `smaa`",
        "`sma`",
    ),
    ("params = 5", "5:10", "`params` must be a table", ""),
];

#[test]
fn a_senseless_value_is_told_with_its_place() {
    let place = Place::new();
    for (line, position, message, hint) in CASES {
        let problems = place.problems(&file(line));
        assert_eq!(problems.len(), 1, "{line}: {problems:?}");
        tells(&problems[0], position, message, hint);
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once_and_nothing_left_is_wrong_too() {
    let place = Place::new();
    let several = place.problems(&file("params = { sma = [1, 2000], atr = 0 }"));
    assert_eq!(several.len(), 3, "{several:?}");
    let beside = "params = { smaa = [5], sma = [5, 5], ema = \"9\", rsi = 1, macd = { fast = \"x\", slow = 5 } }";
    let beside = place.problems(&file(beside));
    let told: Vec<&str> = beside
        .iter()
        .map(|problem| problem.message.as_str())
        .collect();
    assert_eq!(told.len(), 5, "{told:#?}");
    assert!(
        told.iter().any(|one| one.contains("5 is named twice")),
        "{told:#?}"
    );
    assert!(
        told.iter()
            .any(|one| one.contains("rsi: a period of 1 bars")),
        "{told:#?}"
    );
    let none = "params = { sma = [], ema = [], rsi = false, bollinger = false, macd = false, \
                stochastic = false, atr = false, adx = false, obv = false, volume_sma = false, \
                vwap = false }";
    let nothing = place.problems(&file(none));
    assert_eq!(nothing.len(), 1);
    tells(&nothing[0], "5:10", "no indicator is chosen", "");
}

#[test]
fn other_jobs_take_no_params() {
    let text = file("params = { sma = [5] }").replace("\"indicators\"", "\"quotes\"");
    let problems = Place::new().problems(&text);
    assert_eq!(problems.len(), 1);
    tells(&problems[0], "5:10", "job `quotes`", "job = \"indicators\"");
}
