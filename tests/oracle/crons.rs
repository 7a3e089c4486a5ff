//! `CronExpr::next_after` in every zone, around every kind of change.

use std::collections::HashMap;

use finstage::domain::{CronError, CronExpr, Trigger};
use jiff::Timestamp;
use jiff::civil::{Date, date};
use jiff::tz::Offset;

use super::generate::{self, Dates};
use super::pattern::Pattern;
use super::random::Random;
use super::tally::{Expected, Tally, instant, seed, setting};
use super::walk::{Change, DAY, HOUR, MINUTE, Walk, Wall, Window, Zone};

const PATTERNS_PER_WINDOW: usize = 8;
const ORDINARY_CASES: u64 = 200_000;

#[test]
fn in_every_zone_and_around_every_kind_of_change_a_walk_by_minutes_agrees() {
    let mut tally = Tally::new();
    let zones = Zone::all();
    let since = seconds("1969-01-01T00:00:00Z");
    for zone in &zones {
        let mut random = Random::named(seed(), &zone.name);
        for change in one_of_each_jump(&mut random, zone, since) {
            let window = window_by_minutes(zone, &change);
            try_patterns(&mut tally, &mut random, zone, &window, false);
        }
        let quiet = somewhere(&mut random, "1970-01-01T00:00:00Z");
        try_moment(&mut tally, &mut random, zone, &quiet);
    }
    let mut random = Random::named(seed(), "more");
    let wanted = setting("FINSTAGE_ORACLE_CASES", ORDINARY_CASES);
    while tally.compared < wanted {
        let zone = random.pick(&zones);
        let moment = if zone.changes.is_empty() || random.chance(20) {
            somewhere(&mut random, "1900-01-01T00:00:00Z")
        } else {
            *random.pick(&zone.changes)
        };
        try_moment(&mut tally, &mut random, zone, &moment);
    }
    tally.finish("cron by minutes");
}

#[test]
fn where_seconds_count_a_walk_by_seconds_agrees() {
    let mut tally = Tally::new();
    let zones = Zone::all();
    let by_hand = [
        ("Africa/Monrovia", "1972-01-07T00:44:30Z"),
        ("Asia/Manila", "1844-12-31T00:00:00Z"),
        ("America/Juneau", "1867-10-19T00:00:00Z"),
    ];
    for (name, about) in by_hand {
        let zone = Zone::named(name);
        let mut random = Random::named(seed(), &format!("{name} by seconds"));
        let nearest = |change: &&Change| (change.at - seconds(about)).abs();
        let change = *zone.changes.iter().min_by_key(nearest).unwrap();
        assert!(
            !change.whole_minutes,
            "{name} has no odd seconds in {about}"
        );
        try_by_seconds(&mut tally, &mut random, &zone, &change);
    }
    let mut random = Random::named(seed(), "by seconds");
    let wanted = setting("FINSTAGE_ORACLE_CASES", ORDINARY_CASES) / 10;
    while tally.compared < wanted {
        let zone = random.pick(&zones);
        let (odd, even): (Vec<Change>, Vec<Change>) = zone
            .changes
            .iter()
            .filter(|change| change.jump.abs() <= 2 * HOUR)
            .partition(|change| !change.whole_minutes);
        let from = if random.chance(50) { odd } else { even };
        if !from.is_empty() {
            let change = *random.pick(&from);
            try_by_seconds(&mut tally, &mut random, zone, &change);
        }
    }
    tally.finish("cron by seconds");
}

#[test]
fn a_rare_date_is_found_years_away() {
    let mut tally = Tally::new();
    let zones = Zone::all();
    let mut random = Random::named(seed(), "rare dates");
    let wanted = setting("FINSTAGE_ORACLE_CASES", ORDINARY_CASES) / 80;
    while tally.compared < wanted {
        let zone = random.pick(&zones);
        let start = somewhere(&mut random, "1930-01-01T00:00:00Z").at;
        if !zone.keeps_whole_minutes(start - 3 * DAY, start + 12 * 366 * DAY) {
            continue;
        }
        let near = Wall::at(random.between(start, start + 400 * DAY), &zone.tz);
        let pattern = generate::pattern(&mut random, &near, Dates::Rare, false);
        let Some(expr) = parse(&mut tally, &pattern) else {
            continue;
        };
        let fire = first_fire_at_or_after(&pattern, zone, start);
        for _ in 0..5 {
            let from = instant(
                random.between(start, fire - 1),
                random.between(0, 999_999_999),
            );
            let got = expr.next_after(from, &zone.tz);
            tally.compare(&zone.name, &pattern.text, from, Expected::At(fire), got);
        }
    }
    tally.finish("cron on rare dates");
}

#[test]
fn the_famous_changes_are_among_those_walked() {
    for (name, year, jump) in [
        ("America/New_York", 2026, HOUR),
        ("America/New_York", 2026, -HOUR),
        ("Australia/Lord_Howe", 2026, HOUR / 2),
        ("Australia/Lord_Howe", 2026, -HOUR / 2),
        ("Pacific/Apia", 2011, DAY),
        ("Pacific/Kwajalein", 1993, DAY),
        ("Pacific/Kwajalein", 1969, -23 * HOUR),
        ("Antarctica/Troll", 2026, 2 * HOUR),
        ("Asia/Kathmandu", 1985, 15 * MINUTE),
        ("Africa/Monrovia", 1972, 44 * MINUTE + 30),
    ] {
        let zone = Zone::named(name);
        let known = zone
            .changes
            .iter()
            .any(|change| change.jump == jump && year == year_of(change.at));
        assert!(known, "{name} {year}: no jump of {jump} s in this tzdata");
    }
}

fn year_of(at: i64) -> i16 {
    Offset::UTC.to_datetime(instant(at, 0)).year()
}

/// For each size of jump of a zone (0 among them) one change, picked at random.
fn one_of_each_jump(random: &mut Random, zone: &Zone, since: i64) -> Vec<Change> {
    let mut by_jump: HashMap<i64, Vec<Change>> = HashMap::new();
    for change in zone.changes.iter().filter(|change| change.at >= since) {
        if change.whole_minutes || change.jump == 0 {
            by_jump.entry(change.jump).or_default().push(*change);
        }
    }
    let mut jumps: Vec<i64> = by_jump.keys().copied().collect();
    jumps.sort_unstable();
    jumps
        .iter()
        .map(|jump| *random.pick(&by_jump[jump]))
        .collect()
}

/// A moment that is no change.
fn somewhere(random: &mut Random, since: &str) -> Change {
    Change {
        at: random.between(seconds(since), seconds("2100-12-20T00:00:00Z")),
        jump: 0,
        whole_minutes: true,
    }
}

fn seconds(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_second()
}

fn window_by_minutes(zone: &Zone, change: &Change) -> Window {
    let at = change.at;
    let size = change.jump.abs();
    Window::new(
        zone,
        at - size - 6 * HOUR,
        at,
        at + size + 30 * HOUR,
        MINUTE,
    )
}

/// Tries patterns around a moment, unless seconds count there.
fn try_moment(tally: &mut Tally, random: &mut Random, zone: &Zone, moment: &Change) {
    if zone.keeps_whole_minutes(moment.at - 5 * DAY, moment.at + 5 * DAY) {
        let window = window_by_minutes(zone, moment);
        try_patterns(tally, random, zone, &window, false);
    }
}

fn try_by_seconds(tally: &mut Tally, random: &mut Random, zone: &Zone, change: &Change) {
    let at = change.at;
    let size = change.jump.abs() + 20 * MINUTE;
    let window = Window::new(zone, at - size, at, at + size, 1);
    try_patterns(tally, random, zone, &window, true);
}

fn try_patterns(
    tally: &mut Tally,
    random: &mut Random,
    zone: &Zone,
    window: &Window,
    by_seconds: bool,
) {
    let (special, all) = window.walls();
    let mut tried = Vec::new();
    while tried.len() < PATTERNS_PER_WINDOW {
        let near = if special.is_empty() || random.chance(40) {
            random.pick(&all)
        } else {
            random.pick(&special)
        };
        let with_seconds = by_seconds && random.chance(60);
        let pattern = generate::pattern(random, near, Dates::Any, with_seconds);
        let Some(expr) = parse(tally, &pattern) else {
            continue;
        };
        let fires = window.fires(&pattern);
        for start in starts(random, window, &fires) {
            let got = expr.next_after(start, &zone.tz);
            let expected = first_after(&fires, start, window);
            tally.compare(&zone.name, &pattern.text, start, expected, got);
        }
        tried.push((expr, fires));
    }
    let mut fires: Vec<i64> = tried[..3].iter().flat_map(|(_, f)| f.clone()).collect();
    fires.sort_unstable();
    let union = Trigger::Cron(tried[..3].iter().map(|(expr, _)| expr.clone()).collect());
    let asked = starts(random, window, &fires);
    let start = *random.pick(&asked);
    let expected = first_after(&fires, start, window);
    let got = union.next_after(start, &zone.tz);
    tally.compare(&zone.name, &union.to_string(), start, expected, got);
}

/// Parses a pattern; when it is refused, checks that no date of a whole calendar cycle matches.
fn parse(tally: &mut Tally, pattern: &Pattern) -> Option<CronExpr> {
    match CronExpr::try_new(&pattern.text) {
        Ok(expr) => {
            let fixed = expr.is_fixed_time() == pattern.fixed_time;
            tally.check(fixed, || format!("`{}`: fixed time or not?", pattern.text));
            Some(expr)
        }
        Err(CronError::NeverMatches(_)) => {
            let mut day = date(2000, 1, 1);
            while day < date(2028, 1, 1) && !matches_day(pattern, day) {
                day = day.tomorrow().unwrap();
            }
            let never = day == date(2028, 1, 1);
            tally.check(never, || format!("`{}` matches on {day}", pattern.text));
            None
        }
        Err(error) => panic!("a good pattern was refused: {error}"),
    }
}

fn matches_day(pattern: &Pattern, day: Date) -> bool {
    pattern.matches_date(
        day.month(),
        day.day(),
        day.weekday().to_sunday_zero_offset(),
    )
}

/// The oracle's answer: the first of `fires` strictly after `start`.
fn first_after(fires: &[i64], start: Timestamp, window: &Window) -> Expected {
    let later = fires.iter().find(|fire| instant(**fire, 0) > start);
    later.map_or(Expected::NotUntil(window.until()), |fire| {
        Expected::At(*fire)
    })
}

/// Instants to ask from: around the change, anywhere, and around fires near the change.
fn starts(random: &mut Random, window: &Window, fires: &[i64]) -> Vec<Timestamp> {
    let fraction = |random: &mut Random| random.between(1, 999_999_999);
    let anywhere = random.between(window.from(), window.until() - 1);
    let mut starts = vec![
        instant(window.from(), 0),
        instant(window.focus, -1),
        instant(window.focus, 0),
        instant(window.focus, fraction(random)),
        instant(anywhere, fraction(random)),
    ];
    let after_focus = fires.partition_point(|fire| *fire < window.focus);
    let nearby = &fires[after_focus.saturating_sub(3)..fires.len().min(after_focus + 3)];
    if !nearby.is_empty() {
        starts.push(instant(*random.pick(nearby), 0));
        starts.push(instant(*random.pick(nearby), 0));
        starts.push(instant(*random.pick(nearby), -1));
        starts.push(instant(*random.pick(nearby), fraction(random)));
        starts.push(instant(*random.pick(fires), 0));
        starts.push(instant(*random.pick(fires), -fraction(random)));
    }
    starts.retain(|start| *start >= instant(window.from() - 1, 0));
    starts
}

/// The walk by minutes without an end. It leaps over a day only while no date from three days
/// before to four days after the one on the wall matches, so that no fire, skipped or repeated,
/// can lie in what it leaps over.
fn first_fire_at_or_after(pattern: &Pattern, zone: &Zone, start: i64) -> i64 {
    let mut at = zone.quiet_before(start);
    let mut walk = Walk::new(&zone.tz, MINUTE);
    let mut asked = (Date::MIN, false);
    loop {
        let now = instant(at, 0);
        let today = zone.tz.to_offset(now).to_datetime(now).date();
        if asked.0 != today {
            let day = |n: i32| today.checked_add(jiff::Span::new().days(n)).unwrap();
            asked = (today, (-3..=4).any(|n| matches_day(pattern, day(n))));
        }
        if !asked.1 {
            walk.leap_from(at);
            at += DAY;
            continue;
        }
        if walk.read(at).fires(pattern) && at > start {
            return at;
        }
        at += MINUTE;
    }
}
