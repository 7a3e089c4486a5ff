//! What a look at a series finds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use finstage::calendar::{Book, codes, market};
use finstage::config::{Environment, parse};
use finstage::domain::{Day, GapState, SessionCalendar, compare};
use finstage::jobs::Assignment;
use jiff::civil::Date;

use super::market::{BEGINS, Holey};
use super::world::World;
use crate::support::random::Random;
use crate::support::values::{day, symbol};

const A: [&str; 1] = ["A"];

#[tokio::test]
async fn the_holes_of_a_series_are_found_and_its_holidays_are_none() {
    let clock = World::saturday();
    let upstream = Holey::new("XNYS", "NMS", clock.clone());
    // A Monday, a day beside a holiday, and the last session.
    let lost = ["2026-03-09", "2026-07-02", "2026-11-20"];
    upstream.lose("A", &lost);
    let world = World::new(upstream.clone(), clock).await;
    world.bars(&A).await;
    assert_eq!(world.gaps("A", GapState::Open).await, lost);
    let health = world.store.health(&symbol("A")).await.unwrap();
    assert_eq!(health.calendar.as_deref(), Some("XNYS"));
    let open = world.store.gaps(Some("A"), true).await.unwrap();
    assert!(open.iter().all(|gap| gap.asked == 0));
    assert!(open.iter().all(|gap| {
        gap.next_ask_at
            .unwrap()
            .duration_since(gap.first_seen)
            .as_hours()
            == 1
    }));
    world.bars(&A).await;
    assert_eq!(
        world.store.gaps(Some("A"), false).await.unwrap(),
        open,
        "the same again"
    );
    upstream.find_all();
    let (from, to) = (day("2026-03-01"), day("2026-07-31"));
    world.run(Assignment::Backfill { from, to }, &A).await;
    assert_eq!(world.gaps("A", GapState::Filled).await, lost[..2]);
    world.bars(&A).await;
    assert_eq!(
        world.gaps("A", GapState::Filled).await,
        lost,
        "whoever brought them"
    );
}

#[tokio::test]
async fn what_an_upstream_lacks_before_its_first_bar_is_no_gap_and_an_outage_finds_none() {
    let clock = World::saturday();
    let upstream = Holey::new("XKRX", "KSC", clock.clone());
    upstream.lose("A", &[BEGINS, "2026-01-05"]);
    upstream.set_down(true);
    let world = World::new(upstream.clone(), clock).await;
    world.bars(&A).await;
    upstream.set_down(false);
    world.bars(&A).await;
    assert_eq!(world.gaps("A", GapState::Open).await, Vec::<String>::new());
    let health = world.store.health(&symbol("A")).await.unwrap();
    assert_eq!(health.calendar.as_deref(), Some("XKRX"));
}

#[tokio::test]
async fn crypto_has_its_weekends_and_an_unknown_exchange_is_left_alone() {
    let clock = World::saturday();
    let always = Book::default().of_instrument(Some("CRYPTOCURRENCY"), None, "UTC");
    let upstream = Holey::of(always.unwrap(), "CCC", "CRYPTOCURRENCY", clock.clone());
    upstream.lose("A", &["2026-11-15"]);
    let world = World::new(upstream, clock.clone()).await;
    world.bars(&A).await;
    assert_eq!(world.gaps("A", GapState::Open).await, ["2026-11-15"]);
    let upstream = Holey::new("XNYS", "MOON", clock.clone());
    upstream.lose("A", &["2026-11-18"]);
    let world = World::new(upstream, clock).await;
    world.bars(&A).await;
    assert_eq!(world.gaps("A", GapState::Open).await, Vec::<String>::new());
    let named = "[store]\nurl = \"sqlite://x.db\"\n[schedules.a]\njob = \"daily_bars\"\n\
         every = \"1d\"\ncalendar = \"XNYS\"\nsymbols = [\"A\"]\n";
    world.watch.replace(&config(named));
    world.bars(&A).await;
    assert_eq!(
        world.gaps("A", GapState::Open).await,
        ["2026-11-18"],
        "its schedule names one"
    );
}

fn config(text: &str) -> finstage::config::Config {
    let here = tempfile::tempdir().unwrap();
    let environment = Environment::in_directory(here.path());
    let path = Path::new("schedules.toml");
    parse(path, text, &environment)
        .unwrap_or_else(|p| panic!("{p}"))
        .0
}

#[tokio::test]
async fn a_day_the_operator_lists_as_closed_is_no_gap_any_more() {
    let clock = World::saturday();
    let upstream = Holey::new("XKRX", "KSC", clock.clone());
    upstream.lose("A", &["2026-06-03", "2026-06-04"]);
    let world = World::new(upstream, clock).await;
    world.bars(&A).await;
    let gaps = world.gaps("A", GapState::Open).await;
    assert_eq!(gaps, ["2026-06-03", "2026-06-04"]);
    let corrected = "[store]\nurl = \"sqlite://x.db\"\n[calendars.XKRX]\nholidays = [2026-06-03]\n\
         [schedules.a]\njob = \"daily_bars\"\nevery = \"1d\"\nsymbols = [\"A\"]\n";
    world.watch.replace(&config(corrected));
    world.bars(&A).await;
    assert_eq!(world.gaps("A", GapState::Open).await, ["2026-06-04"]);
}

/// The sessions from `from` to `to`, by going from one to the next.
fn sessions(calendar: &SessionCalendar, from: Date, to: Date) -> BTreeSet<Date> {
    let mut found = BTreeSet::new();
    let mut before = from.yesterday().unwrap();
    while let Some(session) = calendar.next_session(before).filter(|next| next.date <= to) {
        found.insert(session.date);
        before = session.date;
    }
    found
}

#[test]
fn on_every_calendar_a_look_finds_the_sessions_less_the_bars() {
    let mut looks = 0;
    for code in codes() {
        let mut random = Random::named(7, code);
        let kept = market(code).unwrap();
        for _ in 0..40 {
            let from =
                day("2015-01-01").saturating_add(jiff::Span::new().days(random.between(0, 4_000)));
            let to = from.saturating_add(jiff::Span::new().days(random.between(0, 500)));
            let mut calendar = SessionCalendar::clone(&kept);
            if random.chance(30) {
                let shut = from.saturating_add(jiff::Span::new().days(random.between(0, 99)));
                calendar = calendar.with_day(shut, Day::Closed);
            }
            let all = sessions(&calendar, from, to);
            let mut stored: BTreeSet<Date> =
                all.iter().copied().filter(|_| random.chance(97)).collect();
            // A bar on a day without a session is nobody's gap.
            stored.insert(from.saturating_add(jiff::Span::new().days(random.between(0, 60))));
            let mut known = BTreeMap::new();
            for date in all.iter().chain(&stored) {
                if random.chance(5) {
                    known.insert(*date, *random.pick(&GapState::ALL));
                }
            }
            let list: Vec<Date> = stored.iter().copied().collect();
            let changes = compare(&calendar, (from, to), &list, &known);
            let is_closed = |date: &Date| known.get(date).is_none_or(|s| *s == GapState::Filled);
            let found: Vec<Date> = all.difference(&stored).copied().filter(is_closed).collect();
            assert_eq!(changes.found, found, "{code} {from} {to}");
            let within = |date: &Date| (from..=to).contains(date);
            let filled = stored.iter().copied().filter(within);
            let filled: Vec<Date> = filled.filter(|date| !is_closed(date)).collect();
            assert_eq!(changes.filled, filled, "{code} {from} {to}");
            assert_eq!(changes.dropped, [], "{code} {from} {to}");
            looks += 1;
        }
    }
    assert_eq!(looks, 1_000);
    let _: Arc<SessionCalendar> = market("XNYS").unwrap();
}
