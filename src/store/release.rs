//! What an operator decides about rows in quarantine.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, DatabaseTransaction, DbErr, EntityTrait as _, FromQueryResult as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use super::convert::to_naive;
use super::derived::{Source, derive};
use super::entities::{daily_bars, instruments, quarantine, series_revisions};
use super::gaps;
use super::price_rows::put_bars;
use super::quarantine::{QuarantineRow, bar_of, decide, quarantine_row};
use super::readable::{read_all, read_rows};
use super::revisions::{copy_bars, note_absence};
use super::{Store, StoreError};
use crate::domain::{BarFlaw, DailyBar, GapState, QuarantineState, Rule, Symbol};

/// What came of a decision about several rows: all of it is done, or nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Done.
    Done {
        /// The rows as they were.
        rows: Vec<QuarantineRow>,
        /// The numbers of those that cannot be read.
        unread: Vec<i64>,
    },
    /// Not done, and why, a line a row.
    Refused(Vec<String>),
}

/// Of rows whose series was put on another scale since they came: they are on the old one.
async fn restated_since(
    transaction: &DatabaseTransaction,
    rows: &[quarantine::Model],
) -> Result<Vec<String>, DbErr> {
    let mut refused = Vec::new();
    for row in rows {
        let restated = series_revisions::Entity::find()
            .filter(series_revisions::Column::Symbol.eq(row.symbol.as_str()))
            .filter(series_revisions::Column::ReplacedAt.gt(row.last_seen))
            // A dividend moves adjusted closes only.
            .filter(series_revisions::Column::PriceFactor.ne(1.0))
            .one(transaction)
            .await?;
        if let Some(restated) = restated {
            let reason = restated.reason.as_deref().unwrap_or("restated");
            refused.push(format!(
                "{}: {} {} came before the series was put on another scale ({reason}); dismiss it, \
                 or fetch that day again with `finstage backfill`",
                row.id, row.symbol, row.trading_date
            ));
        }
    }
    Ok(refused)
}

impl Store {
    /// Takes held rows into the prices, in one transaction with what is derived from them; what
    /// they replace is kept. Rows that no bar can be (rules V1, V2, V7, and dates that have not
    /// come yet) are refused. Of rule V9 nothing is stored: the instrument's currency and zone are
    /// forgotten, so that the next answer says them anew.
    pub async fn release(
        &self,
        ids: &[i64],
        note: Option<&str>,
        now: Timestamp,
    ) -> Result<Decision, StoreError> {
        self.decide_about(ids, note, now, QuarantineState::Released)
            .await
    }

    /// Says that rows are bad: they are no longer listed while they come as they are.
    pub async fn dismiss(
        &self,
        ids: &[i64],
        note: Option<&str>,
        now: Timestamp,
    ) -> Result<Decision, StoreError> {
        self.decide_about(ids, note, now, QuarantineState::Dismissed)
            .await
    }

    async fn decide_about(
        &self,
        ids: &[i64],
        note: Option<&str>,
        now: Timestamp,
        state: QuarantineState,
    ) -> Result<Decision, StoreError> {
        self.tell("quarantine", async {
            let transaction = self.begin().await?;
            let query = quarantine::Entity::find()
                .filter(quarantine::Column::Id.is_in(ids.iter().copied()))
                .order_by_asc(quarantine::Column::TradingDate);
            let rows = if state == QuarantineState::Released {
                read_all(&transaction, query).await?
            } else {
                // What is called bad need not be read.
                read_rows(&transaction, query, |row| {
                    Ok(quarantine::Model::from_query_result(row, "").ok())
                })
                .await?
                .into_iter()
                .flatten()
                .collect()
            };
            let unread = unread(&transaction, ids, &rows).await?;
            let mut refused = refused(ids, (&rows, &unread), state, now);
            if state == QuarantineState::Released {
                refused.extend(restated_since(&transaction, &rows).await?);
            }
            if !refused.is_empty() {
                transaction.rollback().await?;
                return Ok(Decision::Refused(refused));
            }
            if state == QuarantineState::Released {
                for row in &rows {
                    take_in(&transaction, row, note, now).await?;
                }
            }
            let unread: Vec<i64> = unread.into_iter().map(|(id, _)| id).collect();
            let readable = rows.iter().map(|row| row.id);
            let ids: Vec<i64> = readable.chain(unread.iter().copied()).collect();
            decide(&transaction, &ids, state, note, now).await?;
            transaction.commit().await?;
            let rows = rows.iter().map(quarantine_row).collect();
            Ok(Decision::Done { rows, unread })
        })
        .await
    }
}

/// A row that is there and cannot be read: its number, and its state where that can be.
type Unread = (i64, Option<QuarantineState>);

/// The rows that are there and not among `rows`.
async fn unread(
    transaction: &DatabaseTransaction,
    ids: &[i64],
    rows: &[quarantine::Model],
) -> Result<Vec<Unread>, DbErr> {
    let query = quarantine::Entity::find()
        .select_only()
        .columns([quarantine::Column::Id, quarantine::Column::State])
        .filter(quarantine::Column::Id.is_in(ids.iter().copied()));
    let all = read_rows(transaction, query, |row| {
        let state = row.try_get_by_index::<String>(1).ok();
        let state = state.and_then(|name| QuarantineState::from_name(&name));
        Ok((row.try_get_by_index(0)?, state))
    });
    let is_unread = |(id, _): &Unread| rows.iter().all(|row| row.id != *id);
    Ok(all.await?.into_iter().filter(is_unread).collect())
}

/// Why a row that cannot be read is not decided about like this.
fn refused_unread((id, held): Unread, state: QuarantineState) -> Option<String> {
    if state == QuarantineState::Released {
        return Some(format!(
            "{id}: the row cannot be read, so there is no bar to take in: correct its column with \
             the sqlite3 shell, or `finstage quarantine dismiss {id}`"
        ));
    }
    // In a state nobody knows it is not decided about.
    let held = held?;
    let is_open = matches!(held, QuarantineState::Held | QuarantineState::Noted);
    (!is_open).then(|| format!("{id}: it is {} already", held.as_str()))
}

/// Why not, for each row that cannot be decided about like this.
fn refused(
    ids: &[i64],
    (rows, unread): (&[quarantine::Model], &[Unread]),
    state: QuarantineState,
    now: Timestamp,
) -> Vec<String> {
    let readable = rows.iter().map(|row| row.id);
    let there: Vec<i64> = readable.chain(unread.iter().map(|(id, _)| *id)).collect();
    let missing = ids
        .iter()
        .filter(|id| !there.contains(id))
        .map(|id| format!("{id}: there is no such row; see `finstage quarantine list --all`"));
    let unread = unread.iter();
    let unread = unread.filter_map(|one| refused_unread(*one, state));
    let unfit = rows.iter().filter_map(|row| {
        let why = match QuarantineState::from_name(&row.state) {
            Some(QuarantineState::Held) if state == QuarantineState::Released => {
                unreleasable(row, now)?
            }
            Some(QuarantineState::Held) => return None,
            // In a state nobody knows it is not decided about either.
            Some(QuarantineState::Noted) | None if state == QuarantineState::Dismissed => {
                return None;
            }
            Some(QuarantineState::Noted) => "it is stored already, rule V4 only notes".to_owned(),
            _ => format!("it is {} already", row.state),
        };
        Some(format!(
            "{} ({} {}): {why}",
            row.id, row.symbol, row.trading_date
        ))
    });
    missing.chain(unread).chain(unfit).collect()
}

fn unreleasable(row: &quarantine::Model, now: Timestamp) -> Option<String> {
    let rule = Rule::from_name(&row.rule)?;
    if rule == Rule::Identity {
        return None;
    }
    let bar = bar_of(row);
    // Nowhere is it later than 14 hours ahead of UTC.
    let ahead = now.saturating_add(jiff::SignedDuration::from_hours(14));
    let latest = ahead.unwrap_or(now).to_zoned(TimeZone::UTC).date();
    let flaw = if bar.trading_date > latest {
        BarFlaw::Date
    } else {
        bar.check().err()?
    };
    Some(format!(
        "no bar can be like this ({flaw}); wait for a better row, or `finstage quarantine dismiss {}`",
        row.id
    ))
}

async fn take_in(
    transaction: &DatabaseTransaction,
    row: &quarantine::Model,
    note: Option<&str>,
    now: Timestamp,
) -> Result<(), DbErr> {
    // Every symbol in the database was parsed once.
    let symbol = Symbol::try_new(&row.symbol).map_err(|error| DbErr::Custom(error.to_string()))?;
    if row.rule == Rule::Identity.as_str() {
        return forget_identity(transaction, &symbol).await;
    }
    let bar = bar_of(row);
    let date = to_naive(bar.trading_date);
    if bar.is_final {
        let session = [bar.trading_date];
        gaps::close(transaction, &symbol, &session, GapState::Filled, now).await?;
    }
    let key = (row.symbol.clone(), date);
    let stored = daily_bars::Entity::find_by_id(key).one(transaction).await?;
    let was_final = stored.is_some_and(|row| row.is_final);
    let mut reason = format!("released from quarantine ({} {})", row.rule, row.id);
    if let Some(note) = note {
        reason = format!("{reason}: {note}");
    }
    let (fresh, corrected): (Vec<DailyBar>, Vec<DailyBar>) = if was_final {
        copy_bars(transaction, &symbol, &[bar.trading_date], &reason, now).await?;
        (Vec::new(), vec![bar])
    } else {
        note_absence(transaction, &symbol, bar.trading_date, &reason, now).await?;
        (vec![bar], Vec::new())
    };
    put_bars(transaction, &symbol, &fresh, &corrected, &row.provider, now).await?;
    let source = Source {
        oldest_repriced: was_final.then_some(bar.trading_date),
        ..Source::default()
    };
    derive(transaction, &symbol, &source, now).await.map(drop)
}

/// The next answer says currency and zone anew.
async fn forget_identity(transaction: &DatabaseTransaction, symbol: &Symbol) -> Result<(), DbErr> {
    use instruments::Column;
    instruments::Entity::update_many()
        .col_expr(Column::Currency, Expr::value(Option::<String>::None))
        .col_expr(Column::Timezone, Expr::value(""))
        .filter(Column::Symbol.eq(symbol.as_str()))
        .exec(transaction)
        .await
        .map(drop)
}
