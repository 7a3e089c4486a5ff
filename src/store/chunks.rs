//! Bulk writes in chunks of few fixed sizes: every chunk length is a statement text of its own,
//! and each connection keeps the prepared form of only a few.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait};

/// Rows of one INSERT, largest first. 1000 rows stay far below every backend's bind limit.
const CHUNK_ROWS: [usize; 4] = [1_000, 100, 10, 1];

/// Inserts `rows`, resolving conflicts by `on_conflict`. Keys must not repeat within `rows`.
pub(super) async fn upsert<A, C>(
    connection: &C,
    rows: Vec<A>,
    on_conflict: OnConflict,
) -> Result<(), DbErr>
where
    A: ActiveModelTrait + Send,
    C: ConnectionTrait,
{
    let mut rows = rows.into_iter();
    while rows.len() > 0 {
        let left = rows.len();
        let size = CHUNK_ROWS
            .into_iter()
            .find(|size| *size <= left)
            .unwrap_or(1);
        let chunk = rows.by_ref().take(size);
        <A::Entity as EntityTrait>::insert_many(chunk)
            .on_conflict(on_conflict.clone())
            .exec_without_returning(connection)
            .await?;
    }
    Ok(())
}
