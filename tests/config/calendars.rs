//! Calendars of schedules: the markets', and the operator's own.

use std::sync::Arc;

use finstage::domain::Schedule;
use jiff::Timestamp;

use super::{Place, good_with};
use crate::support::values::at;

/// The schedule of a good file with `cron` replaced by `lines`, and `calendars` before it.
fn schedule(calendars: &str, lines: &str) -> Arc<Schedule> {
    let text = good_with(11, lines).replace("[symbols]", &format!("{calendars}\n[symbols]"));
    let (config, _) = Place::new().read(&text).unwrap_or_else(|p| panic!("{p}"));
    config.schedules[0].clone()
}

fn fires(schedule: &Schedule, after: &str, count: usize) -> Vec<String> {
    let mut fires = Vec::new();
    let mut last: Timestamp = at(after);
    while fires.len() < count {
        last = schedule.next_after(last).unwrap();
        fires.push(last.to_string());
    }
    fires
}

#[test]
fn a_moment_of_the_session_follows_holidays_early_closes_and_summer_time() {
    let close = schedule("", "at = \"close+30m\"\ncalendar = \"XNYS\"");
    // Thanksgiving is closed, the day after ends at 13:00, the week after is ordinary.
    assert_eq!(
        fires(&close, "2026-11-25T00:00:00Z", 3),
        [
            "2026-11-25T21:30:00Z",
            "2026-11-27T18:30:00Z",
            "2026-11-30T21:30:00Z"
        ]
    );
    let both = schedule(
        "",
        "at = [\"open-10m\", \"close\"]\ncalendar = \"XNYS\"\ntimezone = \"Asia/Seoul\"",
    );
    assert_eq!(
        fires(&both, "2027-03-12T00:00:00Z", 3),
        [
            "2027-03-12T14:20:00Z",
            "2027-03-12T21:00:00Z",
            "2027-03-15T13:20:00Z"
        ]
    );
}

#[test]
fn a_cron_on_a_day_without_a_session_is_a_holiday() {
    let daily = schedule("", "cron = \"0 9 * * *\"\ncalendar = \"XNYS\"");
    let closed = daily.holiday(at("2026-11-26T09:00:00Z"));
    assert_eq!(closed.as_deref(), Some("XNYS has no session on 2026-11-26"));
    assert_eq!(daily.holiday(at("2026-11-27T09:00:00Z")), None);
    let free = schedule("", "cron = \"0 9 * * *\"");
    assert_eq!(free.holiday(at("2026-11-26T09:00:00Z")), None);
}

#[test]
fn a_market_is_corrected_and_a_new_one_is_made() {
    // An election day the data could not know.
    let korea = schedule(
        "[calendars.XKRX]\nholidays = [2026-06-03]\nearly_closes = { \"2026-06-04\" = \"12:00\" }",
        "at = \"close\"\ncalendar = \"XKRX\"",
    );
    assert_eq!(
        fires(&korea, "2026-06-02T00:00:00Z", 3),
        [
            "2026-06-02T06:30:00Z",
            "2026-06-04T03:00:00Z",
            "2026-06-05T06:30:00Z"
        ]
    );
    let desk = schedule(
        "[calendars.desk]\ntimezone = \"Europe/Berlin\"\nhours = \"09:00-17:30\"\n\
         weekdays = [\"MON\", \"WED\"]\nsessions = { \"2026-12-05\" = \"10:00-12:00\" }\n\
         holidays = [2026-12-07]\nvalid_through = 2027-12-31",
        "at = \"open\"\ncalendar = \"desk\"",
    );
    assert_eq!(
        fires(&desk, "2026-12-02T08:00:00Z", 2),
        ["2026-12-05T09:00:00Z", "2026-12-09T08:00:00Z"]
    );
    assert_eq!(
        desk.calendar.as_ref().unwrap().valid_through(),
        Some("2027-12-31".parse().unwrap())
    );
    let based = schedule(
        "[calendars.mine]\nbase = \"XNYS\"\nholidays = [\"2026-11-27\"]",
        "at = \"close\"\ncalendar = \"mine\"",
    );
    assert_eq!(
        fires(&based, "2026-11-26T00:00:00Z", 1),
        ["2026-11-30T21:00:00Z"]
    );
}

#[test]
fn a_default_calendar_can_be_declined() {
    let text = good_with(2, "timezone = \"UTC\"\ncalendar = \"XNYS\"");
    let (config, _) = Place::new().read(&text).unwrap();
    assert!(config.schedules[0].calendar.is_some());
    let text = text.replace("cron = ", "calendar = \"none\"\ncron = ");
    let (config, _) = Place::new().read(&text).unwrap();
    assert!(config.schedules[0].calendar.is_none());
}

#[test]
fn a_schedule_fires_from_its_start_until_before_its_end() {
    let life = schedule(
        "",
        "every = \"1h\"\ntimezone = \"Asia/Seoul\"\nstarts_at = 2026-12-01T10:00:00\n\
         expires_at = 2026-12-01T03:00:00Z",
    );
    assert_eq!(
        fires(&life, "2026-11-01T00:00:00Z", 2),
        ["2026-12-01T01:00:00Z", "2026-12-01T02:00:00Z"]
    );
    assert_eq!(life.next_after(at("2026-12-01T02:00:00Z")), None);
}
