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
