//! What a reload would change.

use finstage::config::{Config, Difference};

use super::{GOOD, Place};

const TWO: &str = "[schedules.second]\njob = \"quotes\"\nevery = \"1h\"\nsymbols = [\"A\"]\n";

fn told(old: &str, new: &str) -> String {
    let place = Place::new();
    let read = |text: &str| -> Config { place.read(text).unwrap_or_else(|p| panic!("{p}")).0 };
    let (old, new) = (read(old), read(new));
    let difference = Difference::between(&old, &old, &new);
    let mut told = Vec::new();
    told.extend(difference.added.iter().map(|id| format!("+{id}")));
    told.extend(difference.removed.iter().map(|id| format!("-{id}")));
    for (id, keys) in &difference.changed {
        told.push(format!("~{id} {}", keys.join(" ")));
    }
    told.extend(difference.sections.iter().map(|name| format!("~{name}")));
    told.extend(
        difference
            .needs_restart
            .iter()
            .map(|name| format!("!{name}")),
    );
    assert_eq!(told.is_empty(), difference.is_empty());
    told.join("; ")
}

#[test]
fn schedules_that_come_go_and_change_are_told_apart() {
    let two = format!("{GOOD}{TWO}");
    assert_eq!(told(GOOD, GOOD), "");
    assert_eq!(told(GOOD, &two), "+second");
    assert_eq!(told(&two, GOOD), "-second");
    let renamed = two.replace("schedules.second", "schedules.third");
    assert_eq!(told(&two, &renamed), "+third; -second");
    // A comment is no change.
    assert_eq!(told(GOOD, &format!("# a word\n{GOOD}")), "");
}

#[test]
fn every_key_of_a_schedule_that_changes_its_meaning_is_named() {
    for (line, key) in [
        ("job = \"daily_bars\"", "job"),
        ("cron = \"1 9 * * *\"", "cron, every, at or after"),
        ("timezone = \"Asia/Seoul\"", "timezone"),
        ("calendar = \"XNYS\"", "calendar"),
        ("symbols = [\"B\"]", "symbols"),
        ("enabled = false", "enabled"),
        ("concurrency = 7", "concurrency"),
        ("timeout = \"7m\"", "timeout"),
        ("task_timeout = \"7s\"", "task_timeout"),
        ("jitter = \"7s\"", "jitter"),
        ("overlap_policy = \"buffer_one\"", "overlap_policy"),
        ("misfire_policy = \"run_all\"", "misfire_policy"),
        ("misfire_threshold = \"7s\"", "misfire_threshold"),
        ("catchup_window = \"7h\"", "catchup_window"),
        ("max_catchup = 7", "max_catchup"),
        ("cancel_grace = \"7s\"", "cancel_grace"),
        ("retry = {}", "retry"),
        ("pause_after_failures = 7", "pause_after_failures"),
        ("starts_at = 2027-01-01", "starts_at"),
        ("expires_at = 2027-01-01", "expires_at"),
        ("sla = { late_after = \"7s\" }", "sla"),
        ("heartbeat_url = \"https://a.b/c\"", "heartbeat_url"),
        ("tags = [\"a\"]", "tags"),
        ("description = \"a\"", "description"),
        ("owner = \"a\"", "owner"),
    ] {
        let name = line.split(' ').next().unwrap();
        let kept = GOOD
            .lines()
            .filter(|old| !old.starts_with(&format!("{name} =")) || *old == "timezone = \"UTC\"");
        let new = format!("{}\n{line}\n", kept.collect::<Vec<_>>().join("\n"));
        assert_eq!(told(GOOD, &new), format!("~us {key}"), "{line}");
    }
}

#[test]
fn what_a_running_daemon_cannot_take_over_is_named() {
    let with = |section: &str| format!("{section}\n{GOOD}");
    assert_eq!(
        told(GOOD, &with("[daemon]\ndrain = \"7s\"")),
        "~[daemon] drain"
    );
    assert_eq!(told(GOOD, &with("[history]\nruns = \"7d\"")), "~[history]");
    let alerts = with("[alerts.a]\nsymbols = [\"X\"]\nrise = \"3%\"");
    assert_eq!(told(GOOD, &alerts), "~[alerts]");
    assert_eq!(
        told(GOOD, &with("[daemon]\nlog = { level = \"debug\" }")),
        "![daemon]"
    );
    assert_eq!(
        told(GOOD, &GOOD.replace("data/x.db", "data/y.db")),
        "![store]"
    );
    assert_eq!(
        told(GOOD, &GOOD.replace("max_rps = 1.0", "max_rps = 2.0")),
        "![upstream.yahoo]"
    );
    assert_eq!(told(GOOD, &with("[cache]\nttl = \"7s\"")), "![cache]");
    assert_eq!(
        told(GOOD, &with("[cache]\nttl = \"10s\"")),
        "",
        "the default"
    );
    // Groups and defaults count by what they mean for a schedule.
    assert_eq!(
        told(GOOD, &GOOD.replace("\"MSFT\"", "\"META\"")),
        "~us symbols"
    );
}

#[test]
fn tasks_at_once_that_follow_from_the_upstream_are_told_by_the_key_that_was_edited() {
    let batch = GOOD.replace("max_rps = 1.0", "max_rps = 1.0\nquotes.batch = \"spark\"");
    assert_eq!(
        told(GOOD, &batch),
        "~us [upstream.yahoo] quotes.batch; ![upstream.yahoo]"
    );
    let more = GOOD.replace("max_rps = 1.0", "max_rps = 1.0\nconcurrency = 9");
    assert_eq!(
        told(GOOD, &more),
        "~us [upstream.yahoo] concurrency; ![upstream.yahoo]"
    );
    // A schedule with a number of its own has not changed.
    let own = |text: &str| format!("{text}concurrency = 3\n");
    assert_eq!(told(&own(GOOD), &own(&batch)), "![upstream.yahoo]");
}
