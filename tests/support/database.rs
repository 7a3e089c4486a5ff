//! Databases to test with, each of its own and gone afterwards.

use std::path::PathBuf;
use std::time::Duration;

use finstage::config::{PoolSettings, StoreSettings, StoreUrl};
use finstage::store::Store;
use finstage::telemetry::Meter;
use tempfile::TempDir;

/// A database nobody else uses.
pub(crate) struct Database {
    settings: StoreSettings,
    /// The folder of an SQLite file, removed when dropped.
    folder: TempDir,
}

impl Database {
    /// A new SQLite database in a temporary folder; nothing is created yet.
    pub(crate) fn sqlite() -> Self {
        super::lines::listen();
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(&folder.path().join("prices.db"));
        Self { settings, folder }
    }

    /// Opens it, as another process would.
    pub(crate) async fn open(&self) -> Store {
        Store::open(&self.settings, Meter::default()).await.unwrap()
    }

    /// Opens it with an up-to-date schema.
    pub(crate) async fn migrated(&self) -> Store {
        let store = self.open().await;
        store.migrate().await.unwrap();
        store
    }

    /// The file of an SQLite database.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("prices.db")
    }
}

/// Settings of an SQLite database at `path`.
pub(crate) fn settings(path: &std::path::Path) -> StoreSettings {
    StoreSettings {
        url: StoreUrl::new(format!("sqlite://{}?mode=rwc", path.display())),
        pool: PoolSettings {
            max: 4,
            overflow: 4,
            acquire_timeout: Duration::from_secs(10),
            max_lifetime: Duration::from_hours(1),
            check_before_use: false,
        },
    }
}
