//! Noticing that the configuration was edited: by the kernel's word, and by looking now and then
//! where that never comes (network file systems, bind mounts).

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::live::Live;
use super::print::{Print, print};

/// The files have to rest this long before they are read: editors write in several steps.
const QUIET: Duration = Duration::from_millis(300);

/// Longest wait for them to rest.
const RESTLESS: Duration = Duration::from_secs(2);

/// How often the files are looked at though nobody said that they changed.
const LOOK: Duration = Duration::from_secs(5);

/// Reloads whenever the files have changed, until `stop`.
pub(super) async fn watch(live: Arc<Live>, stop: CancellationToken) {
    let changed = Arc::new(Notify::new());
    let mut files = live.loaded().config.files.clone();
    let mut watcher = Directories::new(&changed);
    watcher.follow(&files);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = changed.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
        let now_in_use = live.loaded().config.files.clone();
        if now_in_use != files {
            files = now_in_use;
            watcher.follow(&files);
        }
        // Somebody may have asked for a reload meanwhile.
        if live.has_read(&print(&files)) || live.has_read(&at_rest(&files).await) {
            continue;
        }
        // The problems are in the log; the next change is the next try.
        let _ = live.reload("the file changed").await;
    }
}

/// Waits until the files have not changed for a while.
async fn at_rest(files: &[PathBuf]) -> Print {
    let mut before = print(files);
    let mut waited = Duration::ZERO;
    while waited < RESTLESS {
        tokio::time::sleep(QUIET).await;
        waited += QUIET;
        let now = print(files);
        if now == before {
            break;
        }
        before = now;
    }
    before
}

/// The directories of the files: an editor that renames its own file over ours changes the
/// directory, and a watch on the old file would never hear of it.
struct Directories {
    watcher: Option<RecommendedWatcher>,
    watched: Vec<PathBuf>,
    /// The files' names: a log or a database beside them shall wake nobody.
    names: Arc<Mutex<Vec<OsString>>>,
}

impl Directories {
    fn new(changed: &Arc<Notify>) -> Self {
        let (changed, names) = (Arc::clone(changed), Arc::<Mutex<Vec<OsString>>>::default());
        let ours = Arc::clone(&names);
        let heard = move |event: notify::Result<notify::Event>| {
            let names = ours.lock().unwrap_or_else(PoisonError::into_inner);
            let is_ours = |path: &PathBuf| names.iter().any(|n| path.file_name() == Some(n));
            if event.is_ok_and(|e| !e.kind.is_access() && e.paths.iter().any(is_ours)) {
                changed.notify_one();
            }
        };
        Self {
            // Without one the files are still looked at every few seconds.
            watcher: notify::recommended_watcher(heard).ok(),
            watched: Vec::new(),
            names,
        }
    }

    fn follow(&mut self, files: &[PathBuf]) {
        let names = files.iter().filter_map(|file| file.file_name());
        *self.names.lock().unwrap_or_else(PoisonError::into_inner) =
            names.map(OsString::from).collect();
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        for old in self.watched.drain(..) {
            let _ = watcher.unwatch(&old);
        }
        let mut directories: Vec<PathBuf> = files.iter().map(|file| directory(file)).collect();
        directories.sort();
        directories.dedup();
        for directory in directories {
            if watcher
                .watch(&directory, RecursiveMode::NonRecursive)
                .is_ok()
            {
                self.watched.push(directory);
            }
        }
    }
}

fn directory(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
