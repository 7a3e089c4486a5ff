//! What this database is: simulated prices never mix with real ones.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, EntityTrait as _};

use super::entities::facts;
use super::{Store, StoreError};

const ORIGIN: &str = "origin";

impl Store {
    /// Claims the database for prices from `origin` when it is new; refuses when it already holds
    /// prices from elsewhere.
    pub async fn claim_origin(&self, origin: &str) -> Result<(), StoreError> {
        let row = facts::ActiveModel {
            name: Set(ORIGIN.to_owned()),
            value: Set(origin.to_owned()),
        };
        let keep = OnConflict::column(facts::Column::Name)
            .do_nothing_on([facts::Column::Name])
            .to_owned();
        let insert = facts::Entity::insert(row).on_conflict(keep);
        self.tell("origin", insert.exec_without_returning(&self.write))
            .await?;
        match self.origin().await? {
            Some(found) if found != origin => Err(StoreError::Origin {
                url: self.place(),
                found,
                wanted: origin.to_owned(),
            }),
            _ => Ok(()),
        }
    }

    /// Whose prices the database holds; `None` when nobody has written any yet.
    pub async fn origin(&self) -> Result<Option<String>, StoreError> {
        let find = facts::Entity::find_by_id(ORIGIN.to_owned());
        let row = self.tell("origin", find.one(&self.write)).await?;
        Ok(row.map(|row| row.value))
    }
}
