//! The database.

use crate::telemetry::catalogue::events;

events! {
    /// The schema was brought up to date.
    StoreMigrated {
        "store.migration_applied", "FS6001", INFO, "database schema brought up to date",
        action: "None.",
        "migrations": migrations: u64,
    }
    /// The database did not answer or refused a statement: no fire can be claimed.
    StoreUnavailable<'a> {
        "store.unavailable", "FS6002", ERROR, "the database cannot be used; fires are held",
        action: "Check disk space, permissions and the database server. Fires are caught up when it is back.",
        opens: STORE_UNAVAILABLE,
        "during": during: &'a str,
        "reason": reason: &'a str,
    }
    /// The database answers again.
    StoreRecovered {
        "store.recovered", "FS6003", INFO, "the database answers again",
        action: "None.",
        closes: STORE_UNAVAILABLE,
        "outage_ms": outage_ms: i64,
    }
    /// The database file was deleted or moved while it was in use: what is written is lost.
    StoreMisplaced<'a> {
        "store.misplaced", "FS6004", ERROR, "the database file was moved or deleted under the daemon",
        action: "Put it back or restart the daemon; stop it before touching the file.",
        tells: STORE_MISPLACED,
        "store": store: &'a str,
    }
    /// Rows older than `[history]` says were removed.
    StorePruned {
        "store.pruned", "FS6005", INFO, "rows older than [history] says were removed",
        action: "None.",
        "runs": runs: u64,
        "tasks": tasks: u64,
        "samples": samples: u64,
        "durations": durations: u64,
        "alerts": alerts: u64,
        "gaps": gaps: u64,
        "revisions": revisions: u64,
        "duration_ms": duration_ms: i64,
    }
    /// A row holds something that cannot be read, or a word that is not known; it is passed over.
    StoreRowUnreadable<'a> {
        "store.row_unreadable", "FS6006", WARN, "a row of the database cannot be read and is passed over",
        action: "Mend or delete the row with sqlite3, the daemon stopped; it is told of once a start.",
        "table": table: &'a str,
        "key": key: &'a str,
        "column": column: &'a str,
        "reason": reason: &'a str,
    }
    /// A record beside the prices (a sample, a duration, an end) could not be written.
    StoreRecordFailed<'a> {
        "store.record_failed", "FS6010", WARN, "a record could not be written",
        action: "None by itself: what can be repeated is. `finstage doctor` checks the database.",
        "during": during: &'a str,
        "reason": reason: &'a str,
    }
}
