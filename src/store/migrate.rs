//! The schema: how far it is behind, and bringing it up to date.

use finstage_migrations::Migrator;
use sea_orm::{DatabaseConnection, DbErr};
use sea_orm_migration::{Migration, MigratorTrait as _};

use super::{SETUP_ATTEMPTS, SETUP_RETRY, Store, StoreError};
use crate::telemetry::events;

impl Store {
    /// Brings the schema up to date; gives the number of changes applied.
    pub async fn migrate(&self) -> Result<u64, StoreError> {
        self.migrate_telling(|| ()).await
    }

    /// The same; `begins` is called when there is something to do, which may take long.
    pub async fn migrate_telling(&self, begins: impl FnOnce()) -> Result<u64, StoreError> {
        let pending = self.pending(&self.write).await?;
        if pending.is_empty() {
            return Ok(0);
        }
        begins();
        let count = u64::try_from(pending.len()).unwrap_or(u64::MAX);
        let mut attempt = 1;
        while let Err(error) = self.tell("schema", Migrator::up(&self.write, None)).await {
            if attempt == SETUP_ATTEMPTS {
                return Err(error);
            }
            // What the other has done meanwhile is no longer pending then.
            attempt += 1;
            tokio::time::sleep(SETUP_RETRY).await;
        }
        events::StoreMigrated { migrations: count }.emit();
        Ok(count)
    }

    /// How many changes of the schema this program knows and the database lacks.
    pub async fn pending_migrations(&self) -> Result<usize, StoreError> {
        Ok(self.pending(&self.read).await?.len())
    }

    async fn pending(&self, connection: &DatabaseConnection) -> Result<Vec<Migration>, StoreError> {
        let pending = self
            .ask("schema", Migrator::get_pending_migrations(connection))
            .await;
        pending.map_err(|error| match error {
            // The migrator finds a change applied that it does not know.
            StoreError::Statement {
                source: DbErr::Custom(reason),
                ..
            } => StoreError::TooNew {
                url: self.url.redacted(),
                reason,
            },
            other => other,
        })
    }
}
