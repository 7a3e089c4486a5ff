//! Where a session's values come from: the tables of the job, or the stored bars.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::Session;
use crate::cli::{Exit, open, output};
use crate::config::Config;
use crate::domain::{JobKind, Symbol};
use crate::indicators::{Bar, IndicatorSet, Indicators, Signal};
use crate::store::{IndicatorRow, LatestIndicators, SignalFilter, Store, StoreError};

/// Which sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The newest so many.
    Last(u64),
    /// Whatever is stored, at most so many; without anything so many.
    Stored(u64),
    /// All.
    All,
}

impl Wanted {
    fn most(self) -> Option<u64> {
        match self {
            Self::Last(most) | Self::Stored(most) => Some(most),
            Self::All => None,
        }
    }
}

/// The sessions wanted; what is not stored is worked out, and said to be.
pub(super) async fn rows(
    symbol: &Symbol,
    wanted: Wanted,
    store: &Store,
    config: &Config,
) -> Result<Vec<Session>, Exit> {
    let set = set_of(symbol, config);
    let all = store.latest_indicators(symbol).await;
    let all = all.map_err(open::store_failed)?;
    let own = format!("{:016x}", set.identity_hash());
    let latest = all.iter().find(|one| one.set_id == own).or(all.first());
    if let Some(latest) = latest
        && let Some(rows) = stored(symbol, wanted, latest, store).await?
    {
        say_if_behind(symbol, latest, store).await?;
        return Ok(rows);
    }
    let sessions = worked_out(symbol, &set, store).await?;
    if !sessions.is_empty() {
        output::say("worked out from the stored bars just now, nothing is kept");
    }
    let most = wanted.most().and_then(|most| usize::try_from(most).ok());
    let skipped = sessions.len() - sessions.len().min(most.unwrap_or(usize::MAX));
    Ok(sessions.into_iter().skip(skipped).collect())
}

/// What the schedule that computes the symbol wants; else the default.
fn set_of(symbol: &Symbol, config: &Config) -> IndicatorSet {
    let mut schedules = config.schedules.iter().filter(|one| {
        one.enabled && one.job == JobKind::Indicators && one.symbols.contains(symbol)
    });
    let choice = schedules.find_map(|one| one.indicators.as_deref());
    let set = choice.map(|choice| IndicatorSet::try_new(&choice.parameters));
    set.and_then(Result::ok).unwrap_or_default()
}

/// What is stored, when that is what is wanted.
async fn stored(
    symbol: &Symbol,
    wanted: Wanted,
    latest: &LatestIndicators,
    store: &Store,
) -> Result<Option<Vec<Session>>, Exit> {
    let rows = if latest.has_history {
        let rows = store.indicator_rows(symbol, &latest.set_id, wanted.most());
        rows.await.map_err(open::store_failed)?
    } else if matches!(wanted, Wanted::Stored(_) | Wanted::Last(1)) {
        vec![latest.row.clone()]
    } else {
        return Ok(None);
    };
    let mut signals = raised(symbol, latest, &rows, store)
        .await
        .map_err(open::store_failed)?;
    let sessions = rows.into_iter().map(|row| Session {
        signals: signals.remove(&row.trading_date).unwrap_or_default(),
        row,
    });
    Ok(Some(sessions.collect()))
}

/// The names of the signals of each session.
async fn raised(
    symbol: &Symbol,
    latest: &LatestIndicators,
    rows: &[IndicatorRow],
    store: &Store,
) -> Result<BTreeMap<Date, Vec<String>>, StoreError> {
    let filter = SignalFilter {
        symbol: Some(symbol.clone()),
        since: rows.first().map(|row| row.trading_date),
        ..SignalFilter::default()
    };
    let mut raised: BTreeMap<Date, Vec<String>> = BTreeMap::new();
    for row in store.signals(&filter).await? {
        if row.set_id == latest.set_id {
            raised.entry(row.trading_date).or_default().push(row.kind);
        }
    }
    Ok(raised)
}

async fn say_if_behind(
    symbol: &Symbol,
    latest: &LatestIndicators,
    store: &Store,
) -> Result<(), Exit> {
    let series = store.series_version(symbol, Date::MAX).await;
    let series = series.map_err(open::store_failed)?;
    if let Some(series) = series.filter(|series| series.last > latest.row.trading_date) {
        output::say(&format!(
            "there are newer bars, up to {}: the job `indicators` has not run since",
            series.last
        ));
    }
    Ok(())
}

/// All final sessions on record with their values; a bar the indicators refuse is said and left
/// out.
pub(super) async fn worked_out(
    symbol: &Symbol,
    set: &IndicatorSet,
    store: &Store,
) -> Result<Vec<Session>, Exit> {
    let bars = store.bars(symbol, Date::MIN, Date::MAX).await;
    let bars = bars.map_err(open::store_failed)?;
    let mut state = Indicators::new(set);
    let mut sessions = Vec::with_capacity(bars.len());
    for bar in bars.into_iter().filter(|bar| bar.is_final) {
        match state.push(&Bar::from(&bar)) {
            Ok(row) => {
                let names = set.columns().iter().cloned();
                let signals = row.signals();
                sessions.push(Session {
                    signals: signals
                        .iter()
                        .map(Signal::name)
                        .map(str::to_owned)
                        .collect(),
                    row: IndicatorRow {
                        trading_date: bar.trading_date,
                        close: bar.close,
                        values: names.zip(row.values()).collect(),
                    },
                });
            }
            Err(reason) => output::complain(&format!("{}: {reason}", bar.trading_date)),
        }
    }
    Ok(sessions)
}
