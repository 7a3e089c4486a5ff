//! Short ways to write down the values tests are full of.

use std::time::Duration;

use finstage::domain::{
    DailyBar, Fire, JobKind, MisfirePolicy, OverlapPolicy, Providers, Quote, RunOrigin, RunState,
    Schedule, ScheduleId, Sla, Symbol, Trigger,
};
use finstage::store::{Answer, Claim, Covers, Instrument};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn day(text: &str) -> Date {
    text.parse().unwrap()
}

pub(crate) fn symbol(text: &str) -> Symbol {
    Symbol::try_new(text).unwrap()
}

pub(crate) fn schedule(name: &str) -> ScheduleId {
    ScheduleId::try_new(name).unwrap()
}

/// A schedule of one fire a minute, as the defaults have it.
pub(crate) fn planned(name: &str) -> Schedule {
    Schedule {
        id: schedule(name),
        job: JobKind::Quotes,
        trigger: Trigger::Every {
            period: Duration::from_mins(1),
            offset: Duration::ZERO,
        },
        timezone: TimeZone::UTC,
        calendar: None,
        symbols: Vec::new().into(),
        enabled: true,
        concurrency: 4,
        timeout: Duration::from_mins(1),
        task_timeout: Duration::from_secs(30),
        jitter: Duration::ZERO,
        overlap_policy: OverlapPolicy::Skip,
        misfire_policy: MisfirePolicy::RunOnce,
        misfire_threshold: Duration::from_mins(1),
        catchup_window: Duration::from_hours(1),
        max_catchup: 100,
        cancel_grace: Duration::ZERO,
        retry: None,
        pause_after_failures: None,
        starts_at: None,
        expires_at: None,
        sla: Sla::default(),
        heartbeat_url: None,
        tags: Vec::new(),
        description: None,
        owner: None,
        providers: Providers::default(),
        indicators: None,
    }
}

/// A claim to run a planned fire.
pub(crate) fn claim(name: &str, scheduled_for: Timestamp) -> Claim {
    Claim {
        fire: Fire {
            schedule: schedule(name),
            scheduled_for,
        },
        job: JobKind::Quotes,
        origin: RunOrigin::Schedule,
        state: RunState::Claimed,
        lateness_ms: 0,
        reason: None,
    }
}

/// A final bar with these prices around `close`.
pub(crate) fn bar(date: &str, close: f64) -> DailyBar {
    DailyBar {
        trading_date: day(date),
        open: close,
        high: close + 1.0,
        low: close - 1.0,
        close,
        adj_close: Some(close / 2.0),
        volume: Some(1_000),
        is_final: true,
    }
}

/// The same bar while its session is still going.
pub(crate) fn provisional(date: &str, close: f64) -> DailyBar {
    DailyBar {
        is_final: false,
        ..bar(date, close)
    }
}

pub(crate) fn quote(market_time: &str, price: f64) -> Quote {
    Quote {
        price,
        market_time: at(market_time),
        trading_date: day(&market_time[..10]),
        currency: Some("USD".to_owned()),
        previous_close: Some(price - 1.0),
        day_high: Some(price + 2.0),
        day_low: None,
        day_volume: Some(7),
    }
}

pub(crate) fn answer(bars: &[DailyBar], quote: Option<Quote>) -> Answer {
    Answer {
        bars: bars.to_vec(),
        quote,
        instrument: Instrument {
            currency: Some("USD".to_owned()),
            timezone: "America/New_York".to_owned(),
            instrument_type: Some("EQUITY".to_owned()),
            exchange: Some("NMS".to_owned()),
            first_trade_date: Some(day("1980-12-12")),
        },
        source: "yahoo",
        covers: Covers::FromFirstBar,
        ..Answer::default()
    }
}
