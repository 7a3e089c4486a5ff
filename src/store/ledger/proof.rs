//! The proof that the database takes what is written: asked for when it did not.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, EntityTrait as _};

use crate::store::entities::facts;
use crate::store::{Store, StoreError};

const NAME: &str = "proof";

/// More than a claim of many fires takes: a disk that has room for a page or two is still full.
const BYTES: usize = 64 << 10;

impl Store {
    /// See [`super::Ledger::prove_writable`].
    pub async fn prove_writable(&self) -> Result<(), StoreError> {
        self.tell_first("proof", async {
            let remove = || facts::Entity::delete_by_id(NAME.to_owned()).exec(&self.write);
            // One that was cut off has left its own, and the same again would write nothing.
            remove().await?;
            let row = facts::ActiveModel {
                name: Set(NAME.to_owned()),
                value: Set("0".repeat(BYTES)),
            };
            let keep = OnConflict::column(facts::Column::Name)
                .do_nothing_on([facts::Column::Name])
                .to_owned();
            // Committed by itself: what is removed in the same transaction never reaches the disk.
            let insert = facts::Entity::insert(row).on_conflict(keep);
            insert.exec_without_returning(&self.write).await?;
            remove().await.map(drop)
        })
        .await
    }
}
