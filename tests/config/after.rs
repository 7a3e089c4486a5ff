//! `after`: whom a schedule may follow, and whose symbols it has.

use finstage::domain::{OverlapPolicy, Symbol, Trigger};

use super::{GOOD, Place, tells};

/// [`GOOD`], whose last line is the 12th, and these lines.
fn file(lines: &str) -> String {
    format!("{GOOD}{lines}\n")
}

#[test]
fn a_follower_has_the_symbols_of_its_leader_unless_it_names_its_own() {
    let text = file(
        "[schedules.a-third]\njob = \"indicators\"\nafter = \"b-second\"\n\
         [schedules.b-second]\njob = \"price_snapshots\"\nafter = \"us\"\n\
         [schedules.c-own]\njob = \"indicators\"\nafter = \"us\"\nsymbols = [\"NVDA\"]",
    );
    let (config, problems) = Place::new().read(&text).unwrap();
    assert!(problems.is_empty(), "{problems}");
    let told = config.schedules.iter().map(|one| {
        let symbols: Vec<&str> = one.symbols.iter().map(Symbol::as_str).collect();
        format!("{}: {} {}", one.id, one.trigger, symbols.join(","))
    });
    let mut told: Vec<String> = told.collect();
    told.sort();
    assert_eq!(
        told,
        [
            "a-third: after b-second AAPL,MSFT",
            "b-second: after us AAPL,MSFT",
            "c-own: after us NVDA",
            "us: 0 9 * * * AAPL,MSFT",
        ]
    );
    let follower = config
        .schedules
        .iter()
        .find(|one| one.id.as_str() == "c-own");
    let follower = follower.unwrap();
    assert!(matches!(&follower.trigger, Trigger::After(leader) if leader.as_str() == "us"));
    let now = "2026-11-22T00:00:00Z".parse().unwrap();
    assert_eq!(follower.next_after(now), None, "no instants of its own");
}

/// Lines from the 13th on, and what is told of them.
type Case = (&'static str, &'static str, &'static str, &'static str);

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("[schedules.b]\njob = \"quotes\"\nafter = \"uss\"", "15:9", "no schedule `uss` for [schedules.b]", "did you mean `us`?"),
    ("[schedules.b]\njob = \"quotes\"\nafter = \"b\"", "15:9", "`b` would run after itself: b after b", "cron"),
    ("[schedules.b]\njob = \"quotes\"\nafter = 5", "15:9", "`after` must be a text", ""),
    ("[schedules.b]\njob = \"quotes\"\nafter = \"us\"\nevery = \"1h\"", "13:12", "has both `every` and `after`", "keep one"),
    ("[schedules.b]\njob = \"quotes\"\nafter = \"us\"\noffset = \"1h\"", "13:12", "`offset` goes with `every` only", ""),
    ("[schedules.b]\njob = \"quotes\"\nafter = \"us\"\nsymbols = []", "13:12", "has no symbol", ""),
];

#[test]
fn who_cannot_be_followed_is_told_with_its_place() {
    let place = Place::new();
    for (lines, position, message, hint) in CASES {
        let problems = place.problems(&file(lines));
        assert_eq!(problems.len(), 1, "{lines}: {problems:?}");
        tells(&problems[0], position, message, hint);
    }
}

#[test]
fn a_circle_is_told_once_and_who_hangs_on_it_is_not_blamed() {
    let text = file(
        "[schedules.c]\njob = \"quotes\"\nafter = \"d\"\n[schedules.d]\njob = \"quotes\"\n\
         after = \"e\"\n[schedules.e]\njob = \"quotes\"\nafter = \"c\"\n[schedules.f]\n\
         job = \"quotes\"\nafter = \"c\"",
    );
    let problems = Place::new().problems(&text);
    assert_eq!(problems.len(), 1, "{problems:?}");
    tells(
        &problems[0],
        "15:9",
        "`c` would run after itself: c after d after e after c",
        "",
    );
}

#[test]
fn a_leader_with_a_problem_of_its_own_is_not_called_unknown() {
    let text =
        file("[schedules.b]\njob = \"quotes\"\nafter = \"us\"").replace("0 9 * * *", "99 9 * * *");
    let problems = Place::new().problems(&text);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].message.contains("99"), "{problems:?}");
}

#[test]
fn to_run_after_a_disabled_schedule_is_told_and_what_is_lost_meanwhile_is_not() {
    let follower = "[schedules.b]\njob = \"quotes\"\nafter = \"us\"";
    let disabled = file(follower).replace("cron =", "enabled = false\ncron =");
    let (config, lints) = Place::new().read(&disabled).unwrap();
    let told: Vec<String> = lints.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("`b` is never due: `us`, which it runs after, is disabled"),
        "{told:?}"
    );
    let policy =
        |config: &finstage::config::Config, id: &str| config.schedule(id).unwrap().overlap_policy;
    assert_eq!(policy(&config, "b"), OverlapPolicy::BufferOne);
    assert_eq!(policy(&config, "us"), OverlapPolicy::Skip);
    let skip = file(follower).replace("[store]", "overlap_policy = \"skip\"\n[store]");
    let (config, _) = Place::new().read(&skip).unwrap();
    assert_eq!(
        policy(&config, "b"),
        OverlapPolicy::Skip,
        "as the file says"
    );
}

#[test]
fn a_jitter_that_does_nothing_is_told_with_its_place() {
    let follower = "[schedules.b]\njob = \"quotes\"\nafter = \"us\"\njitter = \"20s\"";
    let (_, lints) = Place::new().read(&file(follower)).unwrap();
    let told: Vec<String> = lints.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains(":16:1: "), "{told:?}");
    assert!(
        told[0].contains("`jitter` of `b` does nothing: it runs after `us`"),
        "{told:?}"
    );
    let defaults = file("[schedules.b]\njob = \"quotes\"\nafter = \"us\"");
    let defaults = defaults.replace("[store]", "jitter = \"20s\"\n[store]");
    let (_, lints) = Place::new().read(&defaults).unwrap();
    assert!(lints.is_empty(), "{lints}");
}
