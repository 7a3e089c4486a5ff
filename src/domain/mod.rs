//! Values without I/O: what the rest of the program is about. Parsed once, valid ever after.

mod action;
mod alert;
mod bar;
mod cron;
mod fault;
mod gap;
mod health;
mod indicators;
mod job;
mod pause;
mod policy;
mod price;
mod provider;
mod quote;
mod reach;
mod rule;
mod run;
mod schedule;
mod session_moment;
mod sessions;
mod span;
mod symbol;
mod trigger;

pub use action::{ActionKind, CorporateAction};
pub use alert::{
    AlertKind, AlertRule, AlertRules, AlertVerdict, PriceAlert, PriceContext, ToldAlert,
};
pub use bar::{BarFlaw, DailyBar};
pub use cron::{CronError, CronExpr};
pub use fault::FaultClass;
pub use gap::{
    GapChanges, GapState, KNOWN_FROM, compare, last_ask_again, last_completed, last_expected,
    next_ask,
};
pub use health::SymbolHealth;
pub use indicators::{IndicatorChoice, IndicatorParameters, VwapAnchor};
pub use job::JobKind;
pub use pause::Pause;
pub use policy::{HeartbeatUrl, MisfirePolicy, OverlapPolicy, Retry, Sla};
pub use price::{shortest_decimal, significant};
pub use provider::{Provider, Providers, TIINGO_FINAL_HOUR};
pub use quote::{AllTimeHigh, PriceSnapshot, Quote};
pub use reach::{binance_pair, us_ticker};
pub use rule::{Flagged, QuarantineState, Rule};
pub use run::{Fire, RunCost, RunOrigin, RunState, RunTotals, TaskOutcome, TaskResult};
pub use schedule::{HOLIDAY_FIRES, Schedule, ScheduleId, ScheduleIdError};
pub use session_moment::{Anchor, SessionMoment, SessionMomentError};
pub use sessions::{Day, Hours, Session, SessionCalendar};
pub use span::{format_span, parse_span};
pub use symbol::{Symbol, SymbolError};
pub use trigger::Trigger;
