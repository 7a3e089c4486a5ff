//! The pools of connections, looked at from outside.

use sea_orm::{DatabaseConnection, DbBackend};

use super::Store;

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
