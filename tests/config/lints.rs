//! What is valid and probably not meant.

use finstage::config::{Problem, Severity};

use super::{GOOD, Place, good_with, tells};

fn lints(text: &str) -> Vec<Problem> {
    let (_, lints) = Place::new().read(text).unwrap_or_else(|p| panic!("{p}"));
    lints.iter().cloned().collect()
}

#[test]
fn an_ordinary_file_has_no_lint() {
    for cron in [
        "0 9 * * *",
        "30 9 * * MON-FRI",
        "0 9 1 * *",
        "@daily",
        "0 */5 * * * *",
        "0 9 ? * MON",
    ] {
        let text = good_with(11, &format!("cron = \"{cron}\""));
        assert_eq!(lints(&text), [], "{cron}");
    }
    assert_eq!(lints(GOOD), []);
}

#[test]
fn what_is_probably_not_meant_is_told_at_the_schedules_name() {
    for (line, text, message, hint) in [
        (
            11,
            "cron = \"* 0,30 9 * * *\"",
            "fires every second of the minutes it matches",
            "write 0 as the first field",
        ),
        (
            11,
            "cron = \"0 9 1 * MON\"",
            "on the days of the month and also on the weekdays",
            "OR",
        ),
        (
            11,
            "cron = [\"@daily\", \"0 0 9 1,15 * FRI\"]",
            "cron `0 0 9 1,15 * FRI` fires on the days of the month",
            "OR",
        ),
        (
            11,
            "every = \"1s\"",
            "`us` asks for 2 symbols every 1s, but at 1 requests/s that takes 2s",
            "max_rps",
        ),
        (
            11,
            "every = \"1m\"\ntimeout = \"61s\"",
            "a run of `us` may take 1m1s, but it fires every 1m",
            "overlap_policy",
        ),
        (
            11,
            "cron = \"30 2 * * *\"\ntimezone = \"America/New_York\"",
            "the time of cron `30 2 * * *` does not exist in America/New_York on 2027-03-14",
            "first instant after the gap",
        ),
        (
            11,
            "at = \"close\"\ncalendar = \"XSHG\"",
            "the holidays of `XSHG` are known through 2026-12-31 only",
            "[calendars.XSHG]",
        ),
        (
            11,
            "every = \"1h\"\njitter = \"1h\"",
            "the jitter of `us` is not shorter than its period",
            "keep the jitter below",
        ),
        (
            6,
            "max_rps = 0.01\n[schedules.b]\njob = \"quotes\"\nevery = \"1h\"\ntimeout = \"1m\"\nsymbols = [\"A\"]",
            "a run of `b` needs 1m40s at 0.01 requests/s, its timeout is 1m",
            "timeout",
        ),
    ] {
        let lints = lints(&good_with(line, text));
        let at = if text.contains("schedules.b") {
            "7:12"
        } else {
            "9:12"
        };
        assert!(!lints.is_empty(), "{text}");
        let Some(lint) = lints.iter().find(|lint| lint.message.contains(message)) else {
            panic!("{text}: {lints:#?}")
        };
        tells(lint, at, message, hint);
        assert!(lints.iter().all(|lint| lint.severity == Severity::Lint));
    }
}

#[test]
fn a_schedule_denser_than_the_rate_budget_is_told_and_one_within_it_is_not() {
    let many: Vec<String> = (0..120).map(|n| format!("\"S{n}\"")).collect();
    let text = |every: &str| {
        let group = format!("tech = [{}]", many.join(", "));
        let every = format!("every = \"{every}\"\ntimeout = \"{every}\"");
        good_with(8, &group).replace("cron = \"0 9 * * *\"", &every)
    };
    assert_eq!(lints(&text("2m")), []);
    let dense = lints(&text("119s"));
    assert_eq!(dense.len(), 1, "{dense:#?}");
    assert!(
        dense[0].message.contains("asks for 120 symbols"),
        "{}",
        dense[0]
    );
}
