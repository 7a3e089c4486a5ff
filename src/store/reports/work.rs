//! How long work took, and how much of the upstreams' quota was used: read from the roll-ups.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _};
use serde::Serialize;

use super::Window;
use crate::store::convert::{to_column, to_timestamp};
use crate::store::entities::{daemon_epochs, duration_rollups};
use crate::store::readable::read_all;
use crate::store::{Store, StoreError};
use crate::telemetry::{Histogram, Work};

/// A roll-up covers a minute, unless it could not be written in time.
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// How long one kind of work took.
#[derive(Debug, Clone, Serialize)]
pub struct DurationReport {
    /// Kind of work.
    pub work: String,
    /// Which one.
    pub name: String,
    /// How often.
    pub count: u64,
    /// Median, µs.
    pub p50_us: u64,
    /// 95th percentile, µs.
    pub p95_us: u64,
    /// Longest, µs.
    pub max_us: u64,
    /// Sum, µs.
    pub total_us: u64,
}

/// What was asked of one provider.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ProviderReport {
    /// The provider.
    pub provider: String,
    /// Requests sent.
    pub requests: u64,
    /// Requests it refused: 429, 403 and their like.
    pub refusals: u64,
    /// Requests a minute in the busiest minute.
    pub peak_per_minute: f64,
    /// Requests a minute in each part of the window.
    pub per_minute: Vec<f64>,
}

/// How long work took in a window.
#[derive(Debug, Clone, Default, Serialize)]
pub struct WorkReport {
    /// By kind and name.
    pub durations: Vec<DurationReport>,
    /// By name.
    pub providers: Vec<ProviderReport>,
}

impl Store {
    /// How long each kind of work took within `window`, and what was asked of each provider.
    pub async fn work_report(&self, window: &Window) -> Result<WorkReport, StoreError> {
        use duration_rollups::Column;
        let within = (to_column(window.since()), to_column(window.until()));
        let query = duration_rollups::Entity::find()
            .filter(Column::At.between(within.0, within.1))
            .order_by_asc(Column::At);
        let rows = self.ask("report", read_all(&self.read, query)).await?;
        let mut written = self.epoch_begins(window).await?;
        let mut all: BTreeMap<(String, String), Histogram> = BTreeMap::new();
        let mut providers: BTreeMap<String, ProviderReport> = BTreeMap::new();
        for rows in rows.chunk_by(|one, other| (one.epoch, one.at) == (other.epoch, other.at)) {
            let Some(first) = rows.first() else { continue };
            let at = to_timestamp(first.at);
            let before = written.insert(first.epoch, at);
            let from = before.unwrap_or(at);
            let span = Span::new(from, at);
            let mut sent: BTreeMap<&str, u64> = BTreeMap::new();
            for row in rows {
                if row.work == Work::Request.as_str() {
                    *sent.entry(provider_of(&row.name)).or_default() += row.count.unsigned_abs();
                }
                if row.work == Work::Refused.as_str() {
                    let name = provider_of(&row.name);
                    let report = providers.entry(name.to_owned()).or_default();
                    report.refusals += row.count.unsigned_abs();
                }
            }
            for (name, count) in sent {
                let report = providers.entry(name.to_owned()).or_default();
                report.add(count, &span, window);
            }
            for row in rows {
                let (sum, max) = (row.sum_us.unsigned_abs(), row.max_us.unsigned_abs());
                if let Some(part) = Histogram::from_parts(sum, max, &row.buckets) {
                    let key = (row.work.clone(), row.name.clone());
                    all.entry(key).or_default().merge(&part);
                }
            }
        }
        let providers = providers.into_iter().map(|(provider, report)| {
            let mut report = ProviderReport { provider, ..report };
            report.per_minute.resize(window.parts(), 0.0);
            report
        });
        Ok(WorkReport {
            durations: all.into_iter().map(duration_report).collect(),
            providers: providers.collect(),
        })
    }

    /// When the starts that wrote within `window` began: their first roll-up covers what came since.
    async fn epoch_begins(&self, window: &Window) -> Result<HashMap<i64, Timestamp>, StoreError> {
        let query = daemon_epochs::Entity::find()
            .filter(daemon_epochs::Column::StartedAt.gte(to_column(window.since())));
        let rows = self.ask("report", read_all(&self.read, query)).await?;
        let begins = rows
            .into_iter()
            .map(|row| (row.id, to_timestamp(row.started_at)));
        Ok(begins.collect())
    }
}

/// The time a roll-up covers: a minute at least, so that a rest of a second is not taken for a pace.
struct Span {
    from: Timestamp,
    to: Timestamp,
    minutes: f64,
}

impl Span {
    fn new(from: Timestamp, to: Timestamp) -> Self {
        let from = from.min(to.saturating_sub(MINUTE).unwrap_or(from));
        let minutes = to.duration_since(from).as_secs_f64() / 60.0;
        Self { from, to, minutes }
    }
}

impl ProviderReport {
    #[allow(clippy::cast_precision_loss, reason = "a number of requests")]
    fn add(&mut self, count: u64, span: &Span, window: &Window) {
        self.requests += count;
        let pace = count as f64 / span.minutes;
        self.peak_per_minute = self.peak_per_minute.max(pace);
        self.per_minute.resize(window.parts(), 0.0);
        // Spread evenly over the parts it touches; what lies before the window is left out.
        let part_minutes = window.part_ms() / 60_000.0;
        let first = window.part_of(span.from.max(window.since()));
        let last = window.part_of(span.to);
        let (Some(first), Some(last)) = (first, last) else {
            return;
        };
        for part in first..=last {
            let begin = window.begin_of(part).max(span.from);
            let end = window.begin_of(part + 1).min(span.to);
            let shared = end.duration_since(begin).as_secs_f64().max(0.0) / 60.0;
            if let Some(value) = self.per_minute.get_mut(part) {
                *value += pace * shared / part_minutes;
            }
        }
    }
}

/// `yahoo.chart` is a question to `yahoo`.
fn provider_of(name: &str) -> &str {
    name.split_once('.').map_or(name, |(provider, _)| provider)
}

fn duration_report(((work, name), durations): ((String, String), Histogram)) -> DurationReport {
    DurationReport {
        work,
        name,
        count: durations.count(),
        p50_us: durations.quantile_us(0.5),
        p95_us: durations.quantile_us(0.95),
        max_us: durations.max_us(),
        total_us: durations.sum_us(),
    }
}
