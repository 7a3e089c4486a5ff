//! Splits and distributions: what the upstream says, and what it said before.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, QueryFilter as _,
    QueryOrder as _,
};
use serde::Serialize;

use super::answer::Answer;
use super::chunks::Upsert;
use super::convert::{to_column, to_date, to_naive, to_timestamp};
use super::entities::corporate_actions;
use super::readable::read_all;
use super::{Store, StoreError};
use crate::domain::{ActionKind, CorporateAction, Symbol};

/// A corporate action on record.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActionRow {
    /// The first session at the new price.
    pub date: Date,
    /// `split`, `dividend` or `capital_gain`.
    pub kind: String,
    /// New shares per old share, or the amount per share.
    pub value: f64,
    /// The value before the newest change.
    pub previous_value: Option<f64>,
    /// How often the value has changed.
    pub revision: i32,
    /// Who says so.
    pub provider: String,
    /// When it was first said.
    pub first_seen: Timestamp,
    /// When the value last changed.
    pub changed_at: Option<Timestamp>,
}

/// An action that is new or of another value than the one on record.
pub(super) struct ChangedAction {
    action: CorporateAction,
    known: Option<corporate_actions::Model>,
}

impl Store {
    /// The corporate actions of `symbol`, oldest first.
    pub async fn actions(&self, symbol: &Symbol) -> Result<Vec<ActionRow>, StoreError> {
        let query = corporate_actions::Entity::find()
            .filter(corporate_actions::Column::Symbol.eq(symbol.as_str()))
            .order_by_asc(corporate_actions::Column::Date)
            .order_by_asc(corporate_actions::Column::Kind);
        let rows = self.ask("actions", read_all(&self.read, query)).await?;
        Ok(rows.into_iter().map(action_row).collect())
    }
}

/// The actions of an answer that are news. Asks the database only when the answer has any.
pub(super) async fn changed_actions<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    answer: &Answer,
) -> Result<Vec<ChangedAction>, DbErr> {
    let sent = merged(&answer.actions);
    let Some((first, _)) = sent.keys().next().copied() else {
        return Ok(Vec::new());
    };
    let stored = corporate_actions::Entity::find()
        .filter(corporate_actions::Column::Symbol.eq(symbol.as_str()))
        .filter(corporate_actions::Column::Date.gte(to_naive(first)));
    let mut stored: BTreeMap<(Date, String), corporate_actions::Model> =
        read_all(connection, stored)
            .await?
            .into_iter()
            .map(|row| ((to_date(row.date), row.kind.clone()), row))
            .collect();
    let all = sent.into_iter().map(|((date, kind), value)| ChangedAction {
        known: stored.remove(&(date, kind.as_str().to_owned())),
        action: CorporateAction { date, kind, value },
    });
    let is_news = |changed: &ChangedAction| {
        let known = changed.known.as_ref();
        // Who only fills knows nothing better about what is on record.
        known.is_none_or(|known| known.value != changed.action.value && !answer.fills_only)
    };
    Ok(all.filter(is_news).collect())
}

/// One value for each date and kind: two splits of a day multiply, two payments add up.
fn merged(actions: &[CorporateAction]) -> BTreeMap<(Date, ActionKind), f64> {
    let mut merged = BTreeMap::new();
    for action in actions {
        let value = merged.entry((action.date, action.kind));
        value
            .and_modify(|value| match action.kind {
                ActionKind::Split => *value *= action.value,
                ActionKind::Dividend | ActionKind::CapitalGain => *value += action.value,
            })
            .or_insert(action.value);
    }
    merged
}

/// Writes them, the old value beside the new; gives their number.
pub(super) async fn put_actions<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    changed: &[ChangedAction],
    provider: &str,
    now: Timestamp,
) -> Result<u64, DbErr> {
    use corporate_actions::Column;
    let rows = changed.iter().map(|changed| {
        let known = changed.known.as_ref();
        corporate_actions::ActiveModel {
            symbol: Set(symbol.as_str().to_owned()),
            date: Set(to_naive(changed.action.date)),
            kind: Set(changed.action.kind.as_str().to_owned()),
            value: Set(changed.action.value),
            previous_value: Set(known.map(|known| known.value)),
            revision: Set(known.map_or(0, |known| known.revision.saturating_add(1))),
            provider: Set(provider.to_owned()),
            first_seen: Set(known.map_or_else(|| to_column(now), |known| known.first_seen)),
            changed_at: Set(known.map(|_| to_column(now))),
        }
    });
    let on_conflict = OnConflict::columns([Column::Symbol, Column::Date, Column::Kind])
        .update_columns([
            Column::Value,
            Column::PreviousValue,
            Column::Revision,
            Column::Provider,
            Column::ChangedAt,
        ])
        .to_owned();
    Upsert {
        name: "corporate_actions",
        on_conflict,
    }
    .run(connection, rows.collect())
    .await?;
    Ok(u64::try_from(changed.len()).unwrap_or(u64::MAX))
}

fn action_row(row: corporate_actions::Model) -> ActionRow {
    ActionRow {
        date: to_date(row.date),
        kind: row.kind,
        value: row.value,
        previous_value: row.previous_value,
        revision: row.revision,
        provider: row.provider,
        first_seen: to_timestamp(row.first_seen),
        changed_at: row.changed_at.map(to_timestamp),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn what_happens_twice_on_a_day_is_one_value() {
        let day = date(2026, 1, 5);
        let of = |kind, value| CorporateAction {
            date: day,
            kind,
            value,
        };
        let all = merged(&[
            of(ActionKind::Split, 2.0),
            of(ActionKind::Dividend, 0.25),
            of(ActionKind::Split, 3.0),
            of(ActionKind::Dividend, 0.5),
        ]);
        assert_eq!(all.get(&(day, ActionKind::Split)), Some(&6.0));
        assert_eq!(all.get(&(day, ActionKind::Dividend)), Some(&0.75));
    }
}
