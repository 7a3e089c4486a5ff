//! SQLite's log is folded into the database behind the writers' backs: done by a writer, as SQLite
//! does it by default, a commit now and then waits for the disk, and a claim is late for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sea_orm::{ConnectionTrait as _, DatabaseConnection};

/// Pages of the log from which a writer folds it in by itself all the same: 64 MiB, when readers
/// have been in the way for long.
pub(super) const WRITER_PAGES: &str = "16384";

/// From the first write on: what is due at a full second has been written, what is due at the next
/// is not there yet.
const DELAY: Duration = Duration::from_millis(400);

/// Never waits for anybody and lets nobody wait.
const FOLD: &str = "PRAGMA wal_checkpoint(PASSIVE)";

/// Whether the log is going to be folded in. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Checkpoints {
    is_coming: Arc<AtomicBool>,
}

impl Checkpoints {
    /// Something was written: folds the log in a little later, over `connections`, once for all
    /// that is written until then.
    #[allow(
        clippy::disallowed_methods,
        reason = "nothing is lost when it is cut off: closing the database folds the log in, too"
    )]
    pub(super) fn after_write(&self, connections: &DatabaseConnection) {
        if self.is_coming.swap(true, Ordering::Relaxed) {
            return;
        }
        let (is_coming, connections) = (Arc::clone(&self.is_coming), connections.clone());
        drop(tokio::spawn(async move {
            tokio::time::sleep(DELAY).await;
            is_coming.store(false, Ordering::Relaxed);
            // What it leaves, the next one finds; a closed database has been folded in by closing.
            drop(connections.execute_unprepared(FOLD).await);
        }));
    }
}
