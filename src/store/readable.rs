//! Reading rows one by one: one that cannot be read is named and left out, the others are given.
//!
//! SQLite keeps whatever was put into a column. A single date nobody can read must neither fail the
//! question nor vanish: it is told once, as an event, and by every verb that met it.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sea_orm::sqlx;
use sea_orm::{
    ConnectionTrait, DbErr, EntityTrait, FromQueryResult as _, IdenStatic as _, Iterable as _,
    QueryResult, QuerySelect as _, QueryTrait as _, RuntimeErr, Select, TryGetableMany,
};

use crate::telemetry::events;

/// Rows told of by one process: more of them are one trouble, not many.
const MOST_TOLD: usize = 200;

/// Where one row is wanted, unreadable ones are passed over up to this many.
const PASSED_OVER: u64 = 16;

/// A row that cannot be read, or not understood.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unreadable {
    /// Its table.
    pub table: &'static str,
    /// The values of its key, separated by blanks.
    pub key: String,
    /// The column.
    pub column: String,
    /// What is wrong with it.
    pub reason: String,
}

/// What this process has told of.
static TOLD: Mutex<BTreeSet<Unreadable>> = Mutex::new(BTreeSet::new());

fn told() -> MutexGuard<'static, BTreeSet<Unreadable>> {
    TOLD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The rows this process could not read so far, of whatever database.
pub fn unreadable_rows() -> Vec<Unreadable> {
    told().iter().cloned().collect()
}

/// Tells of a row that cannot be read; once.
pub(super) fn note(table: &'static str, key: &str, column: &str, reason: &str) {
    let row = Unreadable {
        table,
        key: key.to_owned(),
        column: column.to_owned(),
        reason: reason.to_owned(),
    };
    let mut told = told();
    if told.len() >= MOST_TOLD || !told.insert(row) {
        return;
    }
    drop(told);
    events::StoreRowUnreadable {
        table,
        key,
        column,
        reason,
    }
    .emit();
}

/// Tells of a value that is none of those its column knows.
pub(super) fn note_unknown(
    table: &'static str,
    key: &impl std::fmt::Display,
    column: &str,
    value: &str,
) {
    let reason = format!("`{value}` is not known here");
    note(table, &key.to_string(), column, &reason);
}

/// The rows of `query` that can be read.
pub(super) async fn read_all<E, C>(connection: &C, query: Select<E>) -> Result<Vec<E::Model>, DbErr>
where
    E: EntityTrait,
    C: ConnectionTrait,
{
    read_rows(connection, query, |row| {
        E::Model::from_query_result(row, "")
    })
    .await
}

/// The first row of `query` that can be read.
pub(super) async fn read_one<E, C>(
    connection: &C,
    query: Select<E>,
) -> Result<Option<E::Model>, DbErr>
where
    E: EntityTrait,
    C: ConnectionTrait,
{
    let rows = read_all(connection, query.limit(PASSED_OVER)).await?;
    Ok(rows.into_iter().next())
}

/// The columns `query` selects of the rows that can be read.
pub(super) async fn read_columns<T, E, C>(connection: &C, query: Select<E>) -> Result<Vec<T>, DbErr>
where
    T: TryGetableMany,
    E: EntityTrait,
    C: ConnectionTrait,
{
    // Behind what was asked for, so that a row can be named.
    let keyed = E::PrimaryKey::iter().fold(query, |query, key| {
        query.column(sea_orm::PrimaryKeyToColumn::into_column(key))
    });
    read_rows(connection, keyed, QueryResult::try_get_many_by_index::<T>).await
}

/// What `value` makes of the rows that can be read.
pub(super) async fn read_rows<T, E, C>(
    connection: &C,
    query: Select<E>,
    value: impl Fn(&QueryResult) -> Result<T, DbErr>,
) -> Result<Vec<T>, DbErr>
where
    E: EntityTrait,
    C: ConnectionTrait,
{
    let statement = query.build(connection.get_database_backend());
    let rows = connection.query_all_raw(statement).await?;
    let mut read = Vec::with_capacity(rows.len());
    for row in &rows {
        match value(row) {
            Ok(value) => read.push(value),
            Err(error) => leave_out::<E>(row, error)?,
        }
    }
    Ok(read)
}

/// Names a row that was left out; any other error than a value's is given back.
fn leave_out<E: EntityTrait>(row: &QueryResult, error: DbErr) -> Result<(), DbErr> {
    let Some((column, reason)) = fault(row, &error) else {
        return Err(error);
    };
    note(
        E::default().table_name(),
        &key_of::<E>(row),
        &column,
        &reason,
    );
    Ok(())
}

/// The column that cannot be read, and why.
pub(super) fn fault(row: &QueryResult, error: &DbErr) -> Option<(String, String)> {
    let (index, reason) = match error {
        DbErr::Query(RuntimeErr::SqlxError(error)) => match error.as_ref() {
            sqlx::Error::ColumnDecode { index, source } => (index.clone(), source.to_string()),
            _ => return None,
        },
        DbErr::Type(message) => {
            let (_, index) = message.rsplit_once(' ')?;
            (index.to_owned(), "there is no value".to_owned())
        }
        _ => return None,
    };
    let index = index.trim_matches('"').to_owned();
    let names = row.column_names();
    let at = index.parse::<usize>().ok();
    let name = at.and_then(|at| names.get(at).cloned());
    Some((name.unwrap_or(index), reason))
}

fn key_of<E: EntityTrait>(row: &QueryResult) -> String {
    let values = E::PrimaryKey::iter().map(|key| {
        let column = key.as_str();
        let text = row.try_get::<String>("", column);
        let number = || row.try_get::<i64>("", column).map(|n| n.to_string());
        text.or_else(|_| number())
            .unwrap_or_else(|_| "?".to_owned())
    });
    values.collect::<Vec<_>>().join(" ")
}
