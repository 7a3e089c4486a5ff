//! What can go wrong with the database, in the operator's words.

use std::time::Duration;

use sea_orm::DbErr;

/// A failed use of the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be opened.
    #[error("the database {url} cannot be opened: {reason}")]
    Open {
        /// Where it should be, without secrets.
        url: String,
        /// Why not.
        reason: String,
    },
    /// The schema was made by a newer program.
    #[error("the database {url} was written by a newer finstage ({reason}); upgrade the program")]
    TooNew {
        /// Where it is, without secrets.
        url: String,
        /// What the migrator says.
        reason: String,
    },
    /// The database holds prices of another origin.
    #[error(
        "the database {url} holds prices from {found}, but this run would write prices from \
         {wanted}; {}use another database ([store] url or DATABASE_URL), or move this one away",
        simulate(.found)
    )]
    Origin {
        /// Where it is, without secrets.
        url: String,
        /// Whose prices it holds.
        found: String,
        /// Whose prices would be written.
        wanted: String,
    },
    /// A statement did not end in time.
    #[error("the database did not answer {what} within {} s", after.as_secs())]
    Timeout {
        /// What was asked of it.
        what: &'static str,
        /// How long it was waited for.
        after: Duration,
    },
    /// A statement failed.
    #[error("the database refused {what}: {source}")]
    Statement {
        /// What was asked of it.
        what: &'static str,
        /// What it said.
        source: DbErr,
    },
}

/// What is meant most likely when prices are made up.
fn simulate(found: &str) -> &'static str {
    if found == "simulated" {
        "add --simulate, "
    } else {
        ""
    }
}
