//! The pools of connections: how they are made, and how they stand.

use std::time::Duration;

use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbBackend, DbErr};

use super::{SETUP_ATTEMPTS, SETUP_RETRY, Store, checkpoint};
use crate::config::{PoolSettings, StoreUrl};

/// Longest wait for SQLite's write lock when another process holds it.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Prepared statements kept per connection; the chunk sizes are fixed so that few texts occur.
const STATEMENT_CACHE: usize = 32;

/// How the connections of a pool stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// `read` or `write`; one pool serves both where the database is not SQLite.
    pub pool: &'static str,
    /// Somebody is using so many.
    pub busy: u32,
    /// Open, and nobody's.
    pub idle: u32,
}

impl Store {
    /// How the connections of each pool stand.
    pub fn connections(&self) -> Vec<Connections> {
        let mut all = vec![connections("write", &self.write)];
        if self.url.is_sqlite() {
            all.push(connections("read", &self.read));
        }
        all
    }
}

fn connections(pool: &'static str, connection: &DatabaseConnection) -> Connections {
    let (open, idle) = match connection.get_database_backend() {
        DbBackend::Postgres => {
            let pool = connection.get_postgres_connection_pool();
            (pool.size(), pool.num_idle())
        }
        DbBackend::MySql => {
            let pool = connection.get_mysql_connection_pool();
            (pool.size(), pool.num_idle())
        }
        _ => {
            let pool = connection.get_sqlite_connection_pool();
            (pool.size(), pool.num_idle())
        }
    };
    let idle = u32::try_from(idle).unwrap_or(u32::MAX).min(open);
    Connections {
        pool,
        busy: open - idle,
        idle,
    }
}

/// Connects. Making a new SQLite file a write-ahead one needs it alone and, unlike all else, does
/// not heed the busy timeout.
pub(super) async fn connect(
    options: impl Fn() -> ConnectOptions,
) -> Result<DatabaseConnection, DbErr> {
    let mut attempt = 1;
    loop {
        match Database::connect(options()).await {
            Err(error)
                if attempt < SETUP_ATTEMPTS && error.to_string().contains("database is locked") =>
            {
                attempt += 1;
                tokio::time::sleep(SETUP_RETRY).await;
            }
            connected => return connected,
        }
    }
}

pub(super) fn options(url: &StoreUrl, pool: &PoolSettings, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url.expose());
    options
        .max_connections(connections)
        .min_connections(0)
        .acquire_timeout(pool.acquire_timeout)
        .max_lifetime(pool.max_lifetime)
        .test_before_acquire(pool.check_before_use && !url.is_sqlite())
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(|options| {
            options
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Normal)
                .busy_timeout(BUSY_TIMEOUT)
                .statement_cache_capacity(STATEMENT_CACHE)
                .foreign_keys(false)
                .pragma("wal_autocheckpoint", checkpoint::WRITER_PAGES)
                // A file that vanished must not come back empty behind our back.
                .create_if_missing(false)
        });
    options
}
