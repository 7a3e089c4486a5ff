//! An upstream in memory that has a bar for every session of a market, but those it is told to lack.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use finstage::calendar::market;
use finstage::clock::Clock;
use finstage::domain::{FaultClass, SessionCalendar};
use finstage::upstream::yahoo::read;
use finstage::upstream::{Budget, Chart, ChartRequest, Fault, MarketData};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::support::values::day;

/// The oldest session it has.
pub(super) const BEGINS: &str = "2026-01-02";

pub(super) struct Holey {
    calendar: Arc<SessionCalendar>,
    /// Exchange code and instrument type it states.
    exchange: &'static str,
    instrument_type: &'static str,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Symbol and session.
    missing: BTreeSet<(String, Date)>,
    /// Multiplies every price.
    scale: f64,
    /// Sessions whose price it has changed.
    odd: BTreeSet<Date>,
    asked: Vec<ChartRequest>,
    /// What it says instead of a series.
    says: Option<FaultClass>,
}

impl Holey {
    pub(super) fn new(code: &str, exchange: &'static str, clock: Clock) -> Arc<Self> {
        Self::of(market(code).unwrap(), exchange, "EQUITY", clock)
    }

    pub(super) fn of(
        calendar: Arc<SessionCalendar>,
        exchange: &'static str,
        instrument_type: &'static str,
        clock: Clock,
    ) -> Arc<Self> {
        let state = State {
            scale: 1.0,
            ..State::default()
        };
        Arc::new(Self {
            calendar,
            exchange,
            instrument_type,
            clock,
            state: Mutex::new(state),
        })
    }

    pub(super) fn lose(&self, symbol: &str, sessions: &[&str]) {
        let lost = sessions.iter().map(|date| (symbol.to_owned(), day(date)));
        self.state.lock().unwrap().missing.extend(lost);
    }

    pub(super) fn find_all(&self) {
        self.state.lock().unwrap().missing.clear();
    }

    pub(super) fn rescale(&self, scale: f64) {
        self.state.lock().unwrap().scale = scale;
    }

    pub(super) fn change(&self, session: &str) {
        self.state.lock().unwrap().odd.insert(day(session));
    }

    pub(super) fn set_down(&self, is_down: bool) {
        self.say(is_down.then_some(FaultClass::Outage));
    }

    pub(super) fn say(&self, says: Option<FaultClass>) {
        self.state.lock().unwrap().says = says;
    }

    /// The requests since this was called last.
    pub(super) fn take_asked(&self) -> Vec<ChartRequest> {
        std::mem::take(&mut self.state.lock().unwrap().asked)
    }

    /// Its sessions that have begun.
    pub(super) fn sessions(&self, now: Timestamp) -> Vec<finstage::domain::Session> {
        let mut sessions = Vec::new();
        let mut before = day(BEGINS).yesterday().unwrap();
        while let Some(session) = self.calendar.next_session(before) {
            if session.open > now {
                break;
            }
            before = session.date;
            sessions.push(session);
        }
        sessions
    }

    fn body(&self, symbol: &str, now: Timestamp) -> String {
        let state = self.state.lock().unwrap();
        let (mut stamps, mut prices) = (String::new(), String::new());
        let sessions = self.sessions(now);
        for session in &sessions {
            if state.missing.contains(&(symbol.to_owned(), session.date)) {
                continue;
            }
            let comma = if stamps.is_empty() { "" } else { "," };
            let wobble = f64::from(session.date.day()) / 10.0;
            let odd = if state.odd.contains(&session.date) {
                3.0
            } else {
                0.0
            };
            let price = (100.0 + wobble + odd) * state.scale;
            write!(stamps, "{comma}{}", session.open.as_second()).unwrap();
            write!(prices, "{comma}{price}").unwrap();
        }
        let newest = sessions.last().unwrap();
        let (start, end) = (newest.open.as_second(), newest.close.as_second());
        let zone = self.calendar.zone().iana_name().unwrap();
        let (exchange, kind) = (self.exchange, self.instrument_type);
        format!(
            r#"{{"chart":{{"result":[{{"meta":{{"symbol":"{symbol}","dataGranularity":"1d",
            "currency":"USD","exchangeName":"{exchange}","instrumentType":"{kind}",
            "exchangeTimezoneName":"{zone}",
            "currentTradingPeriod":{{"regular":{{"start":{start},"end":{end}}}}}}},
            "timestamp":[{stamps}],"indicators":{{"quote":[{{"open":[{prices}],"high":[{prices}],
            "low":[{prices}],"close":[{prices}]}}]}}}}],"error":null}}}}"#
        )
    }
}

#[async_trait::async_trait]
impl MarketData for Holey {
    fn name(&self) -> &'static str {
        "holey"
    }

    fn origin(&self) -> String {
        "simulated".to_owned()
    }

    async fn chart(&self, request: &ChartRequest, _: &Budget) -> Result<Chart, Fault> {
        let says = {
            let mut state = self.state.lock().unwrap();
            state.asked.push(request.clone());
            state.says
        };
        if let Some(class) = says {
            return Err(Fault::new(class, "as told"));
        }
        let now = self.clock.now();
        let body = self.body(request.symbol.as_str(), now);
        // It says what it has up to now, whatever the clock of a request.
        let slack = SignedDuration::from_secs(1);
        let until = request.to.min(now + slack);
        let request = ChartRequest {
            to: until,
            ..request.clone()
        };
        read(200, body.as_bytes(), &request, now)
    }
}
