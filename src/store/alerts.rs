//! Price alerts: what was told, so that it is never told twice.

use jiff::Timestamp;
use sea_orm::sea_query::{Condition, Expr};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, QueryTrait as _,
};

use super::convert::{to_column, to_date, to_naive, to_timestamp};
use super::entities::{all_time_highs, price_alerts};
use super::price_rows::high_of;
use super::readable::{note_unknown, read_all, read_one};
use super::{Store, StoreError};
use crate::clock::signed;
use crate::domain::{
    AlertKind, AlertRules, AlertVerdict, AllTimeHigh, PriceAlert, PriceContext, PriceSnapshot,
    Quote, Symbol, ToldAlert,
};

/// Which alerts to show.
#[derive(Debug, Clone, Default)]
pub struct AlertFilter {
    /// Only this symbol's.
    pub symbol: Option<Symbol>,
    /// Only those of this kind.
    pub kind: Option<AlertKind>,
    /// Only those told at or after this instant.
    pub since: Option<Timestamp>,
    /// The newest so many.
    pub limit: u64,
}

impl Store {
    /// Judges a price by `rules` and what was told before, and remembers what is told now. Gives
    /// the alerts that begin; none of them has been given before, by whatever process.
    pub async fn judge_price(
        &self,
        symbol: &Symbol,
        rules: &AlertRules,
        quote: &Quote,
        previous: Option<PriceSnapshot>,
        now: Timestamp,
    ) -> Result<Vec<PriceAlert>, StoreError> {
        let judge = |earlier: &[ToldAlert], high: Option<AllTimeHigh>| {
            let context = PriceContext {
                quote,
                previous,
                high,
            };
            rules.judge(&context, earlier, now)
        };
        let (earlier, high) = self
            .ask("alerts", earlier(&self.read, symbol, rules, now))
            .await?;
        if judge(&earlier, high).is_nothing() {
            return Ok(Vec::new());
        }
        self.tell("alerts", async {
            let transaction = self.begin().await?;
            let (earlier, high) = self::earlier(&transaction, symbol, rules, now).await?;
            let verdict = judge(&earlier, high);
            write(&transaction, symbol, rules, &verdict, now).await?;
            transaction.commit().await?;
            Ok(verdict.tell)
        })
        .await
    }

    /// The newest alerts that pass `filter`, newest first.
    pub async fn alerts(&self, filter: &AlertFilter) -> Result<Vec<ToldAlert>, StoreError> {
        use price_alerts::Column;
        let query = price_alerts::Entity::find()
            .apply_if(filter.symbol.as_ref(), |q, symbol| {
                q.filter(Column::Symbol.eq(symbol.as_str()))
            })
            .apply_if(filter.kind, |q, kind| {
                q.filter(Column::Kind.eq(kind.as_str()))
            })
            .apply_if(filter.since, |q, at| {
                q.filter(Column::ToldAt.gte(to_column(at)))
            })
            .order_by_desc(Column::Id)
            .limit(filter.limit);
        let rows = self.ask("alerts", read_all(&self.read, query)).await?;
        Ok(rows.into_iter().filter_map(told).collect())
    }
}

/// What [`AlertRules::judge`] wants to know: alerts that are not over or may still cool off, and
/// the highest high.
async fn earlier<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    rules: &AlertRules,
    now: Timestamp,
) -> Result<(Vec<ToldAlert>, Option<AllTimeHigh>), DbErr> {
    use price_alerts::Column;
    let longest = signed(rules.cool_off.max(rules.cool_off_highs));
    let cooled = now.saturating_sub(longest).unwrap_or(Timestamp::MIN);
    let matters = Condition::any()
        .add(Column::EndedAt.is_null())
        .add(Column::ToldAt.gt(to_column(cooled)));
    let told_before = price_alerts::Entity::find()
        .filter(Column::Symbol.eq(symbol.as_str()))
        .filter(matters)
        .order_by_desc(Column::Id);
    let told_before = read_all(connection, told_before).await?;
    let high = if rules.rules.iter().any(|rule| rule.kind.is_about_high()) {
        let high = all_time_highs::Entity::find_by_id(symbol.as_str().to_owned());
        read_one(connection, high).await?.as_ref().map(high_of)
    } else {
        None
    };
    Ok((told_before.into_iter().filter_map(told).collect(), high))
}

async fn write<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    rules: &AlertRules,
    verdict: &AlertVerdict,
    now: Timestamp,
) -> Result<(), DbErr> {
    use price_alerts::{Column, Entity};
    if !verdict.over.is_empty() {
        Entity::update_many()
            .col_expr(Column::EndedAt, Expr::value(to_column(now)))
            .filter(Column::Id.is_in(verdict.over.iter().copied()))
            .exec(connection)
            .await?;
    }
    if verdict.tell.is_empty() {
        return Ok(());
    }
    let rows = verdict.tell.iter().map(|alert| price_alerts::ActiveModel {
        id: NotSet,
        symbol: Set(symbol.as_str().to_owned()),
        kind: Set(alert.kind.as_str().to_owned()),
        threshold_pct: Set(alert.threshold_pct),
        rules: Set(rules.name.clone()),
        price: Set(alert.price),
        market_time: Set(to_column(alert.market_time)),
        reference_price: Set(alert.reference_price),
        reference_date: Set(to_naive(alert.reference_date)),
        change_pct: Set(alert.change_pct),
        told_at: Set(to_column(now)),
        ended_at: Set(None),
    });
    Entity::insert_many(rows)
        .exec_without_returning(connection)
        .await
        .map(drop)
}

fn told(row: price_alerts::Model) -> Option<ToldAlert> {
    let unknown = |column, value: &str| {
        note_unknown("price_alerts", &row.id, column, value);
        None
    };
    let Some(kind) = AlertKind::from_name(&row.kind) else {
        return unknown("kind", &row.kind);
    };
    let Ok(symbol) = Symbol::try_new(&row.symbol) else {
        return unknown("symbol", &row.symbol);
    };
    Some(ToldAlert {
        id: row.id,
        symbol,
        alert: PriceAlert {
            kind,
            threshold_pct: row.threshold_pct,
            price: row.price,
            market_time: to_timestamp(row.market_time),
            reference_price: row.reference_price,
            reference_date: to_date(row.reference_date),
            change_pct: row.change_pct,
        },
        rules: row.rules,
        told_at: to_timestamp(row.told_at),
        ended_at: row.ended_at.map(to_timestamp),
    })
}
