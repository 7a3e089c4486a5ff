//! Rows of answers that broke a validation rule: kept, counted, and settled when a better one comes.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use jiff::civil::Date;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QueryTrait as _,
};
use serde::Serialize;

use super::answer::{Answer, Quarantined};
use super::chunks::Upsert;
use super::convert::{to_column, to_date, to_naive, to_timestamp};
use super::entities::quarantine;
use super::readable::{note_unknown, read_all};
use super::{Store, StoreError};
use crate::domain::{DailyBar, Flagged, QuarantineState, Rule, Symbol};

/// What is noted beside a row that later sessions have confirmed.
const CONFIRMED: &str = "the provider's later answers confirm it";

/// Which rows to show.
#[derive(Debug, Clone, Default)]
pub struct QuarantineFilter {
    /// Only this symbol's.
    pub symbol: Option<Symbol>,
    /// Only those that broke this rule.
    pub rule: Option<Rule>,
    /// Settled ones, too.
    pub all: bool,
}

/// A row in quarantine.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the columns, named as in the database")]
pub struct QuarantineRow {
    pub id: i64,
    pub symbol: String,
    pub trading_date: Date,
    pub rule: String,
    pub state: String,
    pub reason: String,
    pub open: Option<f64>,
    pub high: Option<f64>,
    pub low: Option<f64>,
    pub close: Option<f64>,
    pub adj_close: Option<f64>,
    pub volume: Option<i64>,
    pub is_final: bool,
    pub provider: String,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    pub seen: i32,
    pub note: Option<String>,
    pub decided_at: Option<Timestamp>,
}

/// A held row whose question is answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settled {
    pub(super) id: i64,
    pub(super) state: QuarantineState,
}

impl Store {
    /// The rows in quarantine that pass `filter`: by symbol, then by date.
    pub async fn quarantine(
        &self,
        filter: &QuarantineFilter,
    ) -> Result<Vec<QuarantineRow>, StoreError> {
        use quarantine::Column;
        let symbol = filter.symbol.as_ref().map(Symbol::as_str);
        let query = quarantine::Entity::find()
            .apply_if(symbol, |q, symbol| q.filter(Column::Symbol.eq(symbol)))
            .apply_if(filter.rule, |q, rule| {
                q.filter(Column::Rule.eq(rule.as_str()))
            })
            .apply_if((!filter.all).then_some(()), |q, ()| {
                q.filter(Column::State.is_in(unsettled()))
            })
            .order_by_asc(Column::Symbol)
            .order_by_asc(Column::TradingDate)
            .order_by_asc(Column::Id);
        let rows = self.ask("quarantine", read_all(&self.read, query)).await?;
        Ok(rows.iter().map(quarantine_row).collect())
    }

    /// Puts rows of a refused answer into quarantine and nothing else; gives how many were not held
    /// before.
    pub async fn hold(
        &self,
        symbol: &Symbol,
        flagged: &[Flagged],
        provider: &'static str,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let answer = Answer {
            source: provider,
            ..Answer::default()
        };
        let flagged: Vec<&Flagged> = flagged.iter().collect();
        self.tell("quarantine", async {
            let transaction = self.begin().await?;
            let held = put_flagged(&transaction, symbol, &answer, &flagged, now).await?;
            transaction.commit().await?;
            Ok(held)
        })
        .await
    }
}

/// States that are somebody's business still.
pub(super) fn unsettled() -> [&'static str; 2] {
    [QuarantineState::Held, QuarantineState::Noted].map(QuarantineState::as_str)
}

/// What of a symbol's quarantine the next answer has to know: rows that are somebody's business
/// still, and the dates of those that were taken in after all.
pub(super) async fn quarantined<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
) -> Result<(Vec<Quarantined>, Vec<Date>), DbErr> {
    let mut states = unsettled().to_vec();
    states.push(QuarantineState::Released.as_str());
    let query = quarantine::Entity::find()
        .filter(quarantine::Column::Symbol.eq(symbol.as_str()))
        .filter(quarantine::Column::State.is_in(states))
        .order_by_asc(quarantine::Column::TradingDate);
    let rows = read_all(connection, query).await?;
    let known = rows.iter().filter_map(|row| {
        Some(Quarantined {
            id: row.id,
            rule: known_rule(row)?,
            state: QuarantineState::from_name(&row.state)?,
            bar: bar_of(row),
        })
    });
    let is_released = |row: &Quarantined| row.state == QuarantineState::Released;
    let (released, open): (Vec<_>, Vec<_>) = known.partition(is_released);
    let mut dates: Vec<Date> = released
        .iter()
        .filter(|row| row.rule != Rule::Identity)
        .map(|row| row.bar.trading_date)
        .collect();
    dates.dedup();
    Ok((open, dates))
}

/// Of these dates those that have a held row.
pub(super) async fn held_on<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    dates: &[Date],
) -> Result<HashSet<Date>, DbErr> {
    use quarantine::Column;
    let query = quarantine::Entity::find()
        .filter(Column::Symbol.eq(symbol.as_str()))
        .filter(Column::TradingDate.is_in(dates.iter().copied().map(to_naive)))
        .filter(Column::State.eq(QuarantineState::Held.as_str()))
        .filter(Column::Rule.ne(Rule::Identity.as_str()));
    let rows = query.all(connection).await?;
    Ok(rows.iter().map(|row| to_date(row.trading_date)).collect())
}

/// The rule a row broke; one that is not known here is told of.
fn known_rule(row: &quarantine::Model) -> Option<Rule> {
    let rule = Rule::from_name(&row.rule);
    if rule.is_none() {
        note_unknown("quarantine", &row.id, "rule", &row.rule);
    }
    rule
}

/// Puts rows into quarantine; one that is there already is seen once more. Gives how many are held
/// that were not held before.
pub(super) async fn put_flagged<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    answer: &Answer,
    flagged: &[&Flagged],
    now: Timestamp,
) -> Result<u64, DbErr> {
    use quarantine::Column;
    let dates = || flagged.iter().map(|one| one.bar.trading_date);
    let (Some(first), Some(last)) = (dates().min(), dates().max()) else {
        return Ok(0);
    };
    let stored = quarantine::Entity::find()
        .filter(Column::Symbol.eq(symbol.as_str()))
        .filter(Column::TradingDate.between(to_naive(first), to_naive(last)))
        .filter(Column::Provider.eq(answer.source))
        .order_by_asc(Column::Id);
    let mut stored: BTreeMap<(Date, String), Vec<quarantine::Model>> = read_all(connection, stored)
        .await?
        .into_iter()
        .fold(BTreeMap::new(), |mut by_key, row| {
            let key = (to_date(row.trading_date), row.rule.clone());
            by_key.entry(key).or_default().push(row);
            by_key
        });
    let good: HashSet<Date> = answer.bars.iter().map(|bar| bar.trading_date).collect();
    // Of two rows for a date the later one is the newer, as among the good ones.
    let distinct: BTreeMap<(Date, String), &Flagged> = flagged
        .iter()
        .map(|one| ((one.bar.trading_date, one.rule.as_str().to_owned()), *one))
        .collect();
    let mut held = 0;
    let (mut again, mut new) = (Vec::new(), Vec::new());
    for (key, one) in distinct {
        let before = entry_of(one, stored.remove(&key).unwrap_or_default());
        let state = state_of(one, before.as_ref(), good.contains(&key.0));
        let was_held = before
            .as_ref()
            .is_some_and(|row| row.state == QuarantineState::Held.as_str());
        held += u64::from(state == QuarantineState::Held && !was_held);
        let row = row(symbol, one, before.as_ref(), state, answer.source, now);
        if before.is_some() {
            again.push(row);
        } else {
            new.push(row);
        }
    }
    let replace = OnConflict::column(Column::Id)
        .update_columns([
            Column::Reason,
            Column::Open,
            Column::High,
            Column::Low,
            Column::Close,
            Column::AdjClose,
            Column::Volume,
            Column::IsFinal,
            Column::LastSeen,
            Column::Seen,
            Column::State,
            Column::DecidedAt,
        ])
        .to_owned();
    for (name, rows) in [("quarantine", again), ("quarantine.new", new)] {
        let on_conflict = replace.clone();
        Upsert { name, on_conflict }.run(connection, rows).await?;
    }
    Ok(held)
}

/// The entry, of those of its day, rule and provider, that a row is seen in once more: the one with
/// the same values, else the one nobody has decided about. What was decided stays as it was.
fn entry_of(flagged: &Flagged, mut entries: Vec<quarantine::Model>) -> Option<quarantine::Model> {
    let is_answer = flagged.rule == Rule::Identity;
    let is_same = |row: &quarantine::Model| {
        is_same_row(row, &flagged.bar) && (!is_answer || row.reason == flagged.reason)
    };
    let is_undecided = |row: &quarantine::Model| {
        let decided = [QuarantineState::Dismissed, QuarantineState::Released];
        !is_answer && decided.iter().all(|state| row.state != state.as_str())
    };
    let at = entries.iter().rposition(is_same);
    let at = at.or_else(|| entries.iter().rposition(is_undecided))?;
    Some(entries.swap_remove(at))
}

fn is_same_row(row: &quarantine::Model, bar: &DailyBar) -> bool {
    // Whatever is no number is kept as nothing.
    let price = |price: f64| price.is_finite().then_some(price);
    [row.open, row.high, row.low, row.close] == [bar.open, bar.high, bar.low, bar.close].map(price)
}

/// A dismissed row stays dismissed while it comes as it was.
fn state_of(
    flagged: &Flagged,
    before: Option<&quarantine::Model>,
    is_there_a_good_one: bool,
) -> QuarantineState {
    let is_dismissed = before.is_some_and(|row| row.state == QuarantineState::Dismissed.as_str());
    match flagged.rule {
        Rule::NoSession => QuarantineState::Noted,
        _ if is_there_a_good_one => QuarantineState::Superseded,
        _ if is_dismissed => QuarantineState::Dismissed,
        _ => QuarantineState::Held,
    }
}

fn row(
    symbol: &Symbol,
    flagged: &Flagged,
    before: Option<&quarantine::Model>,
    state: QuarantineState,
    provider: &str,
    now: Timestamp,
) -> quarantine::ActiveModel {
    let bar = &flagged.bar;
    let number = |price: f64| Set(price.is_finite().then_some(price));
    let decided_at = match state {
        QuarantineState::Held | QuarantineState::Noted => None,
        _ => before
            .and_then(|row| row.decided_at)
            .or_else(|| Some(to_column(now))),
    };
    quarantine::ActiveModel {
        id: before.map_or(NotSet, |row| Set(row.id)),
        symbol: Set(symbol.as_str().to_owned()),
        trading_date: Set(to_naive(bar.trading_date)),
        rule: Set(flagged.rule.as_str().to_owned()),
        reason: Set(flagged.reason.clone()),
        open: number(bar.open),
        high: number(bar.high),
        low: number(bar.low),
        close: number(bar.close),
        adj_close: Set(bar.adj_close.filter(|price| price.is_finite())),
        volume: Set(bar.volume),
        is_final: Set(bar.is_final),
        provider: Set(provider.to_owned()),
        first_seen: Set(before.map_or_else(|| to_column(now), |row| row.first_seen)),
        last_seen: Set(to_column(now)),
        seen: Set(before.map_or(1, |row| row.seen.saturating_add(1))),
        state: Set(state.as_str().to_owned()),
        note: NotSet,
        decided_at: Set(decided_at),
    }
}

/// Closes held rows; gives how many of them were confirmed.
pub(super) async fn settle<C: ConnectionTrait>(
    connection: &C,
    settled: &[Settled],
    now: Timestamp,
) -> Result<u64, DbErr> {
    let mut released = 0;
    for one in settled {
        let is_released = one.state == QuarantineState::Released;
        released += u64::from(is_released);
        let note = is_released.then_some(CONFIRMED);
        decide(connection, &[one.id], one.state, note, now).await?;
    }
    Ok(released)
}

/// Writes down what was decided about rows.
pub(super) async fn decide<C: ConnectionTrait>(
    connection: &C,
    ids: &[i64],
    state: QuarantineState,
    note: Option<&str>,
    now: Timestamp,
) -> Result<(), DbErr> {
    use quarantine::Column;
    quarantine::Entity::update_many()
        .col_expr(Column::State, Expr::value(state.as_str()))
        .col_expr(Column::Note, Expr::value(note.map(str::to_owned)))
        .col_expr(Column::DecidedAt, Expr::value(to_column(now)))
        .filter(Column::Id.is_in(ids.iter().copied()))
        .exec(connection)
        .await
        .map(drop)
}

/// The row as a bar, absent prices NaN.
pub(super) fn bar_of(row: &quarantine::Model) -> DailyBar {
    let price = |price: Option<f64>| price.unwrap_or(f64::NAN);
    DailyBar {
        trading_date: to_date(row.trading_date),
        open: price(row.open),
        high: price(row.high),
        low: price(row.low),
        close: price(row.close),
        adj_close: row.adj_close,
        volume: row.volume,
        is_final: row.is_final,
    }
}

pub(super) fn quarantine_row(row: &quarantine::Model) -> QuarantineRow {
    QuarantineRow {
        id: row.id,
        symbol: row.symbol.clone(),
        trading_date: to_date(row.trading_date),
        rule: row.rule.clone(),
        state: row.state.clone(),
        reason: row.reason.clone(),
        open: row.open,
        high: row.high,
        low: row.low,
        close: row.close,
        adj_close: row.adj_close,
        volume: row.volume,
        is_final: row.is_final,
        provider: row.provider.clone(),
        first_seen: to_timestamp(row.first_seen),
        last_seen: to_timestamp(row.last_seen),
        seen: row.seen,
        note: row.note.clone(),
        decided_at: row.decided_at.map(to_timestamp),
    }
}
