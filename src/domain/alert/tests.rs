//! What is told when, as stories of prices.

use jiff::SignedDuration;
use jiff::civil::date;

use super::*;

const DAY: Date = date(2026, 1, 8);

fn at(hour: i8, minute: i8) -> Timestamp {
    let at = DAY.at(hour, minute, 0, 0).to_zoned(jiff::tz::TimeZone::UTC);
    at.unwrap().timestamp()
}

fn rules(rules: &[(AlertKind, f64)]) -> AlertRules {
    let rules = rules.iter().map(|(kind, threshold_pct)| AlertRule {
        kind: *kind,
        threshold_pct: *threshold_pct,
    });
    AlertRules {
        name: "tech".to_owned(),
        rules: rules.collect(),
        cool_off: Duration::from_hours(3),
        cool_off_highs: Duration::from_hours(6),
        max_age: Duration::from_hours(6),
    }
}

/// A symbol whose previous session closed at 100, between 95 and 104, and once stood at 120.
struct Story {
    rules: AlertRules,
    previous: PriceSnapshot,
    high: AllTimeHigh,
    told: Vec<ToldAlert>,
}

impl Story {
    fn of(watched: &[(AlertKind, f64)]) -> Self {
        let high = AllTimeHigh {
            price: 120.0,
            trading_date: date(2025, 11, 3),
            covered_from: date(2015, 1, 2),
        };
        let previous = PriceSnapshot {
            trading_date: date(2026, 1, 7),
            close: 100.0,
            high: 104.0,
            low: 95.0,
        };
        Self {
            rules: rules(watched),
            previous,
            high,
            told: Vec::new(),
        }
    }

    /// What a price at a moment leads to; it is remembered as the store does.
    fn price(&mut self, price: f64, now: Timestamp) -> Vec<(AlertKind, f64)> {
        let quote = Quote {
            price,
            market_time: now,
            trading_date: now.to_zoned(jiff::tz::TimeZone::UTC).date(),
            currency: None,
            previous_close: None,
            day_high: None,
            day_low: None,
            day_volume: None,
        };
        let context = PriceContext {
            quote: &quote,
            previous: Some(self.previous),
            high: Some(self.high),
        };
        let AlertVerdict { tell, over } = self.rules.judge(&context, &self.told, now);
        for told in &mut self.told {
            if over.contains(&told.id) {
                told.ended_at = Some(now);
            }
        }
        for alert in &tell {
            let told = ToldAlert {
                id: i64::try_from(self.told.len()).unwrap(),
                symbol: Symbol::try_new("AAPL").unwrap(),
                alert: alert.clone(),
                rules: self.rules.name.clone(),
                told_at: now,
                ended_at: None,
            };
            self.told.insert(0, told);
        }
        tell.iter().map(|a| (a.kind, a.threshold_pct)).collect()
    }
}

#[test]
fn each_kind_is_told_at_its_threshold_and_not_a_cent_before() {
    use AlertKind::{BreakHigh, BreakLow, Drop, DropFromHigh, NewHigh, Rise};
    let cases = [
        (Rise, 3.0, 102.99, 103.0),
        (Rise, 0.1, 100.09, 100.1),
        (Drop, 3.0, 97.01, 97.0),
        (NewHigh, 0.0, 120.0, 120.01),
        (DropFromHigh, 20.0, 96.01, 96.0),
        (BreakHigh, 0.0, 104.0, 104.01),
        (BreakLow, 0.0, 95.0, 94.99),
    ];
    for (kind, threshold, quiet, loud) in cases {
        let mut story = Story::of(&[(kind, threshold)]);
        assert_eq!(story.price(quiet, at(15, 0)), [], "{kind} at {quiet}");
        assert_eq!(
            story.price(loud, at(15, 5)),
            [(kind, threshold)],
            "{kind} at {loud}"
        );
    }
}

#[test]
fn an_excursion_is_told_once_however_long_it_lasts() {
    let mut story = Story::of(&[(AlertKind::Rise, 3.0)]);
    assert_eq!(story.price(104.0, at(10, 0)).len(), 1);
    for hour in 10..20 {
        assert_eq!(story.price(106.0, at(hour, 30)), []);
    }
}

#[test]
fn a_new_excursion_is_told_when_the_cool_off_is_over_and_the_price_is_still_there() {
    let mut story = Story::of(&[(AlertKind::Rise, 3.0)]);
    assert_eq!(story.price(104.0, at(10, 0)).len(), 1);
    assert_eq!(story.price(101.0, at(10, 30)), [], "it is over");
    assert_eq!(story.price(104.0, at(11, 0)), [], "too soon");
    assert_eq!(story.price(104.0, at(12, 59)), [], "still too soon");
    assert_eq!(story.price(104.0, at(13, 0)).len(), 1, "three hours after");
}

#[test]
fn an_alert_is_over_when_its_threshold_is_no_longer_watched() {
    let mut story = Story::of(&[(AlertKind::Rise, 3.0), (AlertKind::Drop, 3.0)]);
    assert_eq!(story.price(104.0, at(10, 0)).len(), 1);
    let all = std::mem::take(&mut story.rules.rules);
    story.rules.rules = vec![all[1]];
    assert_eq!(story.price(100.0, at(10, 30)), []);
    assert_eq!(story.told[0].ended_at, Some(at(10, 30)));
    story.rules.rules = all;
    assert_eq!(story.price(104.0, at(13, 30)).len(), 1, "watched again");
}

#[test]
fn a_higher_threshold_is_an_alert_of_its_own() {
    let mut story = Story::of(&[(AlertKind::Rise, 3.0), (AlertKind::Rise, 6.0)]);
    assert_eq!(story.price(104.0, at(10, 0)), [(AlertKind::Rise, 3.0)]);
    assert_eq!(story.price(106.5, at(10, 5)), [(AlertKind::Rise, 6.0)]);
    assert_eq!(story.price(105.0, at(10, 10)), [], "down to a told one");
}

#[test]
fn the_next_session_compares_with_another_close_and_tells_anew() {
    let mut story = Story::of(&[(AlertKind::Rise, 3.0)]);
    assert_eq!(story.price(104.0, at(20, 0)).len(), 1);
    story.previous = PriceSnapshot {
        trading_date: DAY,
        close: 104.0,
        high: 105.0,
        low: 99.0,
    };
    let next = at(14, 35) + SignedDuration::from_hours(24);
    assert_eq!(story.price(108.0, next).len(), 1);
    assert_eq!(story.told[1].ended_at, Some(next), "the one before is over");
}

#[test]
fn a_drop_from_the_high_goes_on_over_nights_until_the_price_recovers() {
    let mut story = Story::of(&[(AlertKind::DropFromHigh, 20.0)]);
    let day = |days: i64, hour| at(hour, 0) + SignedDuration::from_hours(24 * days);
    assert_eq!(story.price(90.0, day(0, 15)).len(), 1);
    assert_eq!(story.price(90.0, day(1, 15)), []);
    assert_eq!(story.price(100.0, day(2, 15)), []);
    assert_eq!(story.price(95.0, day(3, 15)).len(), 1);
}

#[test]
fn a_record_is_told_once_per_record_on_file_and_cools_off_for_six_hours() {
    let mut story = Story::of(&[(AlertKind::NewHigh, 0.0)]);
    assert_eq!(story.price(121.0, at(9, 0)).len(), 1);
    assert_eq!(story.price(125.0, at(16, 0)), [], "the same record");
    story.high.price = 125.0;
    story.high.trading_date = DAY;
    let next = at(9, 0) + SignedDuration::from_hours(24);
    assert_eq!(story.price(126.0, next).len(), 1);
}

#[test]
fn without_a_reference_or_with_an_old_one_or_an_old_price_nothing_is_said() {
    let mut story = Story::of(&[(AlertKind::Drop, 3.0), (AlertKind::BreakLow, 0.0)]);
    story.previous.trading_date = date(2025, 12, 24);
    assert_eq!(story.price(50.0, at(15, 0)), [], "a close of two weeks ago");
    story.previous.trading_date = DAY;
    assert_eq!(story.price(50.0, at(15, 0)), [], "its own session");

    let story = Story::of(&[(AlertKind::Drop, 3.0), (AlertKind::NewHigh, 0.0)]);
    let quote = Quote {
        price: 150.0,
        market_time: at(8, 59),
        trading_date: DAY,
        currency: None,
        previous_close: None,
        day_high: None,
        day_low: None,
        day_volume: None,
    };
    let alone = PriceContext {
        quote: &quote,
        previous: None,
        high: None,
    };
    assert!(story.rules.judge(&alone, &[], at(9, 0)).is_nothing());
    let old = PriceContext {
        high: Some(story.high),
        ..alone
    };
    assert_eq!(story.rules.judge(&old, &[], at(14, 59)).tell.len(), 1);
    assert!(story.rules.judge(&old, &[], at(15, 0)).is_nothing());
}

#[test]
fn no_walk_of_prices_tells_a_threshold_twice_within_its_cool_off_or_within_an_excursion() {
    use proptest::prelude::*;
    let steps = proptest::collection::vec((-4.0_f64..4.0, 1_i64..90), 1..200);
    proptest!(|(steps in steps)| {
        let mut story = Story::of(&[(AlertKind::Rise, 2.0), (AlertKind::Drop, 2.0)]);
        story.rules.max_age = Duration::from_hours(6);
        let (mut now, mut told): (_, Vec<(AlertKind, Timestamp)>) = (at(0, 0), Vec::new());
        let mut inside = [true; 2];
        for (change, minutes) in steps {
            now += SignedDuration::from_mins(minutes);
            let price = ((100.0 + change) * 100.0).round() / 100.0;
            // The reference must stay the previous session's.
            story.previous.trading_date =
                now.to_zoned(jiff::tz::TimeZone::UTC).date().yesterday().unwrap();
            let reference = story.previous.trading_date;
            for told in &mut story.told {
                told.alert.reference_date = reference;
            }
            let outside = [price >= 102.0, price <= 98.0];
            for (kind, _) in story.price(price, now) {
                let index = usize::from(kind == AlertKind::Drop);
                prop_assert!(outside[index], "{kind} told at {price}");
                let last = told.iter().rev().find(|(told, _)| *told == kind);
                let is_new = last.is_none_or(|(_, at)| {
                    now.duration_since(*at) >= SignedDuration::from_hours(3) && inside[index]
                });
                prop_assert!(is_new, "{kind} told twice, at {now}");
                told.push((kind, now));
                inside[index] = false;
            }
            for index in 0..2 {
                inside[index] |= !outside[index];
            }
        }
    });
}
