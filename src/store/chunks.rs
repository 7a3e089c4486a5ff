//! Bulk writes in chunks of few fixed sizes: every chunk length is a statement text of its own,
//! and each connection keeps the prepared form of only a few.
//!
//! The text of an INSERT of 1,000 rows has 13,000 placeholders; building it costs as much as
//! running it, so each text is built once and kept.

use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};
use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::sea_query::{OnConflict, Query, SimpleExpr};
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, Iterable as _, Statement,
    Value,
};

/// Rows of one INSERT, largest first. 1000 rows stay far below every backend's bind limit.
const CHUNK_ROWS: [usize; 4] = [1_000, 100, 10, 1];

/// Statement texts by name, backend, columns and rows: a few dozen in all.
type Texts = HashMap<(&'static str, Discriminant<DbBackend>, usize, usize), Arc<str>>;

static TEXTS: Mutex<Option<Texts>> = Mutex::new(None);

/// An INSERT with a name, so that its text is built once. The name stands for table and conflict
/// clause: it must differ wherever one of them does.
pub(super) struct Upsert {
    pub(super) name: &'static str,
    pub(super) on_conflict: OnConflict,
}

impl Upsert {
    /// Inserts `rows`. Keys must not repeat within them, and all rows must set the same columns.
    pub(super) async fn run<A, C>(&self, connection: &C, rows: Vec<A>) -> Result<(), DbErr>
    where
        A: ActiveModelTrait + Send,
        C: ConnectionTrait,
    {
        let backend = connection.get_database_backend();
        let mut rows = rows.into_iter();
        while rows.len() > 0 {
            let left = rows.len();
            let size = CHUNK_ROWS
                .into_iter()
                .find(|size| *size <= left)
                .unwrap_or(1);
            let mut columns = Vec::new();
            let mut values = Vec::new();
            for mut row in rows.by_ref().take(size) {
                let first = columns.is_empty();
                for column in <A::Entity as EntityTrait>::Column::iter() {
                    if let Some(value) = row.take(column).into_value() {
                        values.push(value);
                        if first {
                            columns.push(column);
                        }
                    }
                }
            }
            if values.len() != columns.len() * size {
                return Err(DbErr::Custom(format!(
                    "rows of `{}` set different columns",
                    self.name
                )));
            }
            let text = self.text::<A::Entity>(backend, &columns, size)?;
            let statement = Statement::from_sql_and_values(backend, text.as_ref(), values);
            connection.execute_raw(statement).await?;
        }
        Ok(())
    }

    fn text<E: EntityTrait>(
        &self,
        backend: DbBackend,
        columns: &[E::Column],
        rows: usize,
    ) -> Result<Arc<str>, DbErr> {
        let key = (self.name, discriminant(&backend), columns.len(), rows);
        let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
        let texts = texts.get_or_insert_default();
        if let Some(text) = texts.get(&key) {
            return Ok(Arc::clone(text));
        }
        let mut insert = Query::insert();
        insert
            .into_table(E::default())
            .columns(columns.iter().copied());
        for _ in 0..rows {
            // The values only hold the places: the text is all that is kept.
            let places = columns
                .iter()
                .map(|_| SimpleExpr::from(Value::Bool(Some(true))));
            insert.values_panic(places);
        }
        insert.on_conflict(self.on_conflict.clone());
        let statement = backend.build(&insert);
        let places = statement.values.map_or(0, |values| values.0.len());
        if places != rows * columns.len() {
            // A value bound in the conflict clause would be missing when the text is used.
            return Err(DbErr::Custom(format!(
                "the conflict clause of `{}` binds values",
                self.name
            )));
        }
        let text: Arc<str> = statement.sql.into();
        texts.insert(key, Arc::clone(&text));
        Ok(text)
    }
}
