//! `[alerts.NAME]`: who is watched for what.

use finstage::domain::AlertKind;

use super::{GOOD, Place};
use crate::support::values::symbol;

fn read(alerts: &str) -> Result<finstage::config::Config, String> {
    let text = format!("{GOOD}{alerts}");
    let read = Place::new().read(&text);
    read.map(|(config, _)| config).map_err(|p| p.to_string())
}

#[test]
fn a_symbol_named_itself_has_other_thresholds_than_its_group() {
    let config = read(
        "[alerts.group]\nsymbols = [\"@tech\"]\nrise = [\"3%\", \"6%\"]\nnew_high = true\n\
         break_low = false\n\
         [alerts.apple]\nsymbols = [\"AAPL\"]\ndrop = \"2.5%\"\ncool_off = \"1h\"\n",
    )
    .unwrap();
    let watched = |name: &str| {
        let rules = &config.alerts[&symbol(name)];
        let kinds = rules
            .rules
            .iter()
            .map(|rule| (rule.kind, rule.threshold_pct));
        (rules.name.clone(), kinds.collect::<Vec<_>>())
    };
    assert_eq!(
        watched("AAPL"),
        ("apple".to_owned(), vec![(AlertKind::Drop, 2.5)])
    );
    assert_eq!(
        watched("MSFT").1,
        [
            (AlertKind::Rise, 3.0),
            (AlertKind::Rise, 6.0),
            (AlertKind::NewHigh, 0.0)
        ]
    );
    let apple = &config.alerts[&symbol("AAPL")];
    assert_eq!(apple.cool_off.as_secs(), 3_600);
    assert_eq!(apple.cool_off_highs.as_secs(), 6 * 3_600);
    assert_eq!(config.alerts.len(), 2);
}

#[test]
fn each_mistake_has_its_place_and_a_remedy() {
    let cases = [
        ("symbols = [\"@tech\"]\n", "[alerts.a] watches nothing"),
        ("rise = \"3%\"\n", "[alerts.a] has no `symbols`"),
        (
            "symbols = []\nrise = \"3%\"\n",
            "[alerts.a] has no `symbols`",
        ),
        ("symbols = [\"X\"]\nrise = \"3\"\n", "`rise` cannot be `3`"),
        (
            "symbols = [\"X\"]\ndrop = \"0%\"\n",
            "`drop` cannot be `0%`",
        ),
        (
            "symbols = [\"X\"]\ndrop = \"100%\"\n",
            "`drop` cannot be `100%`",
        ),
        (
            "symbols = [\"X\"]\nrise = \"NaN%\"\n",
            "`rise` cannot be `NaN%`",
        ),
        (
            "symbols = [\"@teck\"]\nrise = \"3%\"\n",
            "there is no group `@teck`",
        ),
        ("symbols = [\"X\"]\nraise = \"3%\"\n", "did you mean `rise`"),
    ];
    for (lines, words) in cases {
        let problems = read(&format!("[alerts.a]\n{lines}")).unwrap_err();
        assert!(problems.contains(words), "{lines}\n{problems}");
        assert!(problems.contains("schedules.toml:1"), "{problems}");
    }
}

#[test]
fn two_tables_for_one_symbol_are_refused() {
    let problems = read(
        "[alerts.a]\nsymbols = [\"X\"]\nrise = \"3%\"\n[alerts.b]\nsymbols = [\"X\"]\ndrop = \"3%\"\n",
    )
    .unwrap_err();
    assert!(
        problems.contains("`X` has alerts in [alerts.a] already"),
        "{problems}"
    );
}

fn lints(alerts: &str) -> Vec<String> {
    let text = format!("{GOOD}{alerts}");
    let (_, lints) = Place::new().read(&text).unwrap_or_else(|p| panic!("{p}"));
    lints.iter().map(ToString::to_string).collect()
}

#[test]
fn a_symbol_that_no_schedule_brings_is_told_with_the_one_that_was_meant() {
    assert_eq!(
        lints("[alerts.a]\nsymbols = [\"@tech\", \"AAPL\"]\nrise = \"3%\"\n").len(),
        0
    );
    let told = lints("[alerts.a]\nsymbols = [\"AAPL\", \"MSTF\"]\nrise = \"3%\"\n");
    assert_eq!(told.len(), 1, "{told:#?}");
    let line = GOOD.lines().count() + 2;
    assert!(
        told[0].contains(&format!(
            "schedules.toml:{line}:20: warning: no schedule brings MSTF"
        )),
        "{told:#?}"
    );
    assert!(told[0].contains("did you mean `MSFT`?"), "{told:#?}");
    let group =
        "[alerts.a]\nsymbols = [\"@far\"]\nrise = \"3%\"\n[symbols2]\n".replace("[symbols2]\n", "");
    let text = format!("{GOOD}{group}").replace(
        "[symbols]\n",
        "[symbols]\nfar = [\"VOD.L\", \"BP.L\", \"AAPL\"]\n",
    );
    let (_, told) = Place::new().read(&text).unwrap_or_else(|p| panic!("{p}"));
    let told: Vec<String> = told.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(
        told[0].contains("no schedule brings BP.L, VOD.L of `@far`"),
        "{told:#?}"
    );
}

#[test]
fn a_malformed_symbol_and_a_table_without_a_name_have_a_remedy() {
    let wrong = read("[alerts.a]\nsymbols = [\"AA PL\"]\nrise = \"3%\"\n").unwrap_err();
    assert!(wrong.contains("symbol `AA PL` contains"), "{wrong}");
    assert!(
        wrong.contains("help: write it as Yahoo spells it"),
        "{wrong}"
    );
    let nameless = read("[alerts]\nsymbols = [\"AAPL\"]\nrise = \"3%\"\n").unwrap_err();
    let line = GOOD.lines().count() + 2;
    assert!(
        nameless.contains(&format!(
            ":{line}:1: error: [alerts] has no name, but `symbols`, `rise` of its own"
        )),
        "{nameless}"
    );
    assert!(
        nameless.contains("help: give the table a name: [alerts.NAME]"),
        "{nameless}"
    );
    assert_eq!(nameless.matches("error:").count(), 1, "{nameless}");
}
