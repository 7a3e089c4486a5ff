//! The database: the only place that names sea-orm.
//!
//! On SQLite all writes go through one connection (more would only wait for each other's lock) and
//! reads through a pool of their own; elsewhere both are the same pool.

mod actions;
mod alerts;
mod answer;
mod bar_counts;
mod changes;
mod checkpoint;
mod chunks;
mod convert;
mod derived;
mod entities;
mod error;
mod facts;
mod gaps;
mod history;
mod indicators;
mod inspect;
mod ledger;
mod migrate;
mod pool;
mod price_rows;
mod prices;
mod process;
mod quarantine;
mod readable;
mod release;
pub mod reports;
mod retention;
mod revisions;
mod samples;
mod symbols;
mod systemic_gaps;

use std::sync::Arc;
use std::time::Duration;

use sea_orm::{
    Database, DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait as _,
};

pub use actions::ActionRow;
pub use alerts::AlertFilter;
pub use answer::{Answer, Covers, Instrument, Known, Quarantined, Written};
pub use error::StoreError;
pub use gaps::{Gap, Watched};
pub use history::{RunFilter, RunRow, TaskRow};
pub use indicators::{
    Base, IndicatorRow, IndicatorState, LatestIndicators, NewIndicators, Replaced, SeriesVersion,
    SignalChanges, SignalEdge, SignalFilter, SignalRow, Stretch, VersionedBar,
};
pub use inspect::Activity;
pub use ledger::{
    Claim, Epoch, Interrupted, KnownTiming, Ledger, Ours, Recovery, RunEnd, Timing, Unfollowed,
};
pub use pool::Connections;
pub use quarantine::{QuarantineFilter, QuarantineRow};
pub use readable::{Unreadable, unreadable_rows};
pub use release::Decision;
pub use retention::Pruned;
pub use revisions::{BarRevision, SeriesRevision};
pub use samples::ResourceSample;
pub use symbols::{BarRow, SymbolRow};
pub use systemic_gaps::SystemicGap;

use checkpoint::Checkpoints;
use pool::{connect, options};

use crate::config::{StoreSettings, StoreUrl};
use crate::telemetry::{Meter, Work};

/// Bound on any use of the database: nothing may hang for ever.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);

/// Tries to open a new database and to bring its schema up to date: another process may be at it
/// at the same moment.
const SETUP_ATTEMPTS: u32 = 20;

/// Wait between two of them.
const SETUP_RETRY: Duration = Duration::from_millis(50);

/// Longest wait for the writing connection when it is to be replaced: whoever uses it meanwhile
/// finds out by itself.
const REPLACE_TIMEOUT: Duration = Duration::from_secs(1);

/// Reading connections to SQLite at most: each has a thread of its own.
const SQLITE_READERS: u32 = 8;

/// An open database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    write: DatabaseConnection,
    read: DatabaseConnection,
    url: StoreUrl,
    file: Option<FileId>,
    turn: Arc<tokio::sync::Mutex<Writer>>,
    queue: Arc<tokio::sync::Mutex<()>>,
    checkpoints: Checkpoints,
    meter: Meter,
}

/// What is known of SQLite's writing connection between two uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writer {
    Clean,
    InUse,
}

/// Device and inode of an SQLite file.
type FileId = (u64, u64);

impl Store {
    /// Opens the database, creating an SQLite file that is missing (mode 0600).
    pub async fn open(settings: &StoreSettings, meter: Meter) -> Result<Self, StoreError> {
        let url = &settings.url;
        let failed = |error: DbErr| open_error(url, &error);
        let created = url.sqlite_path().as_deref().map(create_private).transpose();
        let file = created.map_err(|error| StoreError::Open {
            url: url.redacted(),
            reason: error.to_string(),
        })?;
        let pool = &settings.pool;
        let write_connections = if url.is_sqlite() {
            1
        } else {
            pool.max + pool.overflow
        };
        let write = connect(|| options(url, pool, write_connections))
            .await
            .map_err(failed)?;
        let read = if url.is_sqlite() {
            // Opened on first use: a daemon that nobody asks needs one connection.
            let mut options = options(url, pool, (pool.max + pool.overflow).min(SQLITE_READERS));
            options.connect_lazy(true);
            Database::connect(options).await.map_err(failed)?
        } else {
            write.clone()
        };
        Ok(Self {
            write,
            read,
            url: url.clone(),
            file,
            turn: Arc::new(tokio::sync::Mutex::new(Writer::Clean)),
            queue: Arc::default(),
            checkpoints: Checkpoints::default(),
            meter,
        })
    }

    /// Where the database is, without secrets.
    pub fn place(&self) -> String {
        self.url.redacted()
    }

    /// The backend's name.
    pub fn backend(&self) -> &'static str {
        match self.write.get_database_backend() {
            sea_orm::DbBackend::Sqlite => "sqlite",
            sea_orm::DbBackend::Postgres => "postgres",
            _ => "mysql",
        }
    }

    /// Whether the file that was opened is still where it was: SQLite goes on writing into a
    /// deleted or moved one, and nobody would ever find those rows.
    pub fn is_in_place(&self) -> bool {
        let path = self.url.sqlite_path();
        path.is_none_or(|path| file_id(&path).ok() == self.file)
    }

    /// Closes all connections.
    pub async fn close(self) {
        let _ = self.read.close().await;
        let _ = self.write.close().await;
    }

    /// Runs one reading use of the database: measured, bounded in time, its error in our words.
    async fn ask<T>(
        &self,
        what: &'static str,
        query: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<T, StoreError> {
        let bounded = tokio::time::timeout(STATEMENT_TIMEOUT, query);
        match self.meter.measure(Work::Query, what, bounded).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(source)) => Err(StoreError::Statement { what, source }),
            Err(_) => Err(late(what)),
        }
    }

    /// Runs one writing use of the database.
    async fn tell<T>(
        &self,
        what: &'static str,
        query: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<T, StoreError> {
        // One of those who are in no hurry at a time waits for the connection itself, so that a
        // claim has at most two before it, however many runs write their outcomes.
        let queued = tokio::time::timeout(STATEMENT_TIMEOUT, self.queue.lock()).await;
        let Ok(queued) = queued else {
            return Err(late(what));
        };
        self.write_in_turn(what, query, Some(queued)).await
    }

    /// The same for what others wait for: the claim of fires.
    async fn tell_first<T>(
        &self,
        what: &'static str,
        query: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<T, StoreError> {
        self.write_in_turn(what, query, None).await
    }

    /// On SQLite one use at a time: after a failure nobody may use the connection before it is
    /// replaced.
    async fn write_in_turn<T>(
        &self,
        what: &'static str,
        query: impl Future<Output = Result<T, DbErr>>,
        queued: Option<tokio::sync::MutexGuard<'_, ()>>,
    ) -> Result<T, StoreError> {
        if !self.url.is_sqlite() {
            drop(queued);
            return self.ask(what, query).await;
        }
        let turn = tokio::time::timeout(STATEMENT_TIMEOUT, self.turn.lock()).await;
        let Ok(mut turn) = turn else {
            return Err(late(what));
        };
        drop(queued);
        // Cut off in the middle (a run's timeout), the connection counts as failed too.
        if std::mem::replace(&mut *turn, Writer::InUse) == Writer::InUse
            && !self.replace_writer().await
        {
            return Err(late(what));
        }
        let result = self.ask(what, query).await;
        if result.is_ok() || self.replace_writer().await {
            *turn = Writer::Clean;
        }
        self.checkpoints.after_write(&self.read);
        result
    }

    /// Closes the writing connection after a failure; the next use opens a new one. A COMMIT that
    /// fails (disk full) may leave its transaction open: what is written then would seem to
    /// succeed, and be rolled back later.
    /// Gives whether that worked: a connection that still hangs in its statement cannot be closed.
    async fn replace_writer(&self) -> bool {
        let pool = self.write.get_sqlite_connection_pool();
        let Ok(Ok(connection)) = tokio::time::timeout(REPLACE_TIMEOUT, pool.acquire()).await else {
            return false;
        };
        tokio::time::timeout(REPLACE_TIMEOUT, connection.close())
            .await
            .is_ok()
    }

    /// A transaction that takes the write lock at once: one that first reads and then wants to
    /// write fails on SQLite in spite of the busy timeout.
    async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        let mode = self
            .url
            .is_sqlite()
            .then_some(SqliteTransactionMode::Immediate);
        let options = TransactionOptions {
            sqlite_transaction_mode: mode,
            ..Default::default()
        };
        self.write.begin_with_options(options).await
    }
}

fn late(what: &'static str) -> StoreError {
    StoreError::Timeout {
        what,
        after: STATEMENT_TIMEOUT,
    }
}

/// Prices are nobody else's to read: the file is its owner's only, whoever made it.
fn create_private(path: &std::path::Path) -> std::io::Result<FileId> {
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
    let mut options = std::fs::OpenOptions::new();
    let file = options.append(true).create(true).mode(0o600).open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        // Fails for a file of another owner, who may have shared it on purpose.
        let _ = file.set_permissions(std::fs::Permissions::from_mode(0o600));
    }
    file_id(path)
}

fn file_id(path: &std::path::Path) -> std::io::Result<FileId> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

fn open_error(url: &StoreUrl, error: &DbErr) -> StoreError {
    StoreError::Open {
        url: url.redacted(),
        reason: error.to_string(),
    }
}
