//! How symbols are judged.

use jiff::civil::date;

use super::*;
use crate::domain::SymbolHealth;

#[test]
fn the_worst_that_applies_is_the_status() {
    let kept = SymbolRow {
        bars: 10,
        last_bar: Some(date(2026, 11, 20)),
        quoted_at: Some(Timestamp::UNIX_EPOCH),
        ..SymbolRow::default()
    };
    let session = Some(date(2026, 11, 20));
    assert_eq!(status(&kept, true, session, true), Status::Ok);
    assert_eq!(status(&kept, false, None, true), Status::Unscheduled);
    assert_eq!(status(&kept, true, None, false), Status::NoCalendar);
    let later = Some(date(2026, 11, 21));
    assert_eq!(status(&kept, true, later, true), Status::Behind);
    let gaps = SymbolRow {
        gaps_open: 1,
        ..kept.clone()
    };
    assert_eq!(status(&gaps, true, later, true), Status::Gaps);
    let held = SymbolRow {
        rows_held: 2,
        ..kept.clone()
    };
    assert_eq!(status(&held, true, session, true), Status::Held);
    assert!(Status::Held.is_problem());
    let none = SymbolRow::default();
    assert_eq!(status(&none, true, later, true), Status::NoData);
    let mut gone = SymbolRow {
        health: SymbolHealth {
            not_found_count: 1,
            ..SymbolHealth::default()
        },
        ..gaps
    };
    assert_eq!(status(&gone, true, later, true), Status::NotFound);
    gone.health.delisted_at = Some(Timestamp::UNIX_EPOCH);
    assert_eq!(status(&gone, true, later, true), Status::Delisted);
}

#[test]
fn a_series_is_behind_when_its_own_provider_must_have_the_session() {
    let row = SymbolRow {
        symbol: "AAPL".to_owned(),
        timezone: Some("America/New_York".to_owned()),
        instrument_type: Some("EQUITY".to_owned()),
        exchange: Some("NMS".to_owned()),
        bars: 10,
        last_bar: Some(date(2026, 11, 20)),
        quoted_at: Some(Timestamp::UNIX_EPOCH),
        ..SymbolRow::default()
    };
    // Monday's session closes at 21:00 UTC; Tiingo's bar of it is missed from 01:30 on.
    let status = |keeper: Provider, now: &str| {
        let schedules = vec![("bars".to_owned(), JobKind::DailyBars)];
        let now = now.parse().unwrap();
        judged(row.clone(), (schedules, keeper), &Watch::default(), now).status
    };
    let (yahoo, tiingo) = (Provider::Yahoo, Provider::Tiingo);
    for (keeper, now, expected) in [
        (yahoo, "2026-11-24T23:29:00Z", "ok"),
        (yahoo, "2026-11-24T23:31:00Z", "behind"),
        (tiingo, "2026-11-24T23:31:00Z", "ok"),
        (tiingo, "2026-11-25T03:29:00Z", "ok"),
        (tiingo, "2026-11-25T03:31:00Z", "behind"),
    ] {
        assert_eq!(status(keeper, now), expected, "{keeper} {now}");
    }
}

#[test]
fn many_schedules_are_named_shortly() {
    let names = |count: usize| -> Vec<String> { (0..count).map(|n| format!("s{n}")).collect() };
    let told: Vec<String> = (0..4).map(|count| shortened(&names(count))).collect();
    assert_eq!(told, ["-", "s0", "s0, s1", "s0, s1 +1"]);
}
