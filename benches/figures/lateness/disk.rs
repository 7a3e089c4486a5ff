//! What the disk itself takes, meanwhile: one page written and made durable, between the fires.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use finstage::clock::Clock;

use crate::support::Spread;

/// As SQLite's.
const PAGE: [u8; 4_096] = [7; 4_096];

/// Writes a page in the middle of every second, until it is asked how long that took.
pub(super) struct Disk {
    is_over: Arc<AtomicBool>,
    times: JoinHandle<Vec<f64>>,
}

impl Disk {
    pub(super) fn watch(directory: &Path) -> Self {
        let mut file = File::create(directory.join("page")).unwrap();
        file.write_all(&PAGE).unwrap();
        file.sync_all().unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let is_asked = Arc::clone(&is_over);
        let times = std::thread::spawn(move || {
            let mut times = Vec::new();
            while !is_asked.load(Ordering::Relaxed) {
                let past = Clock::system().now().as_millisecond() % 1_000;
                let left = (1_500 - past) % 1_000;
                std::thread::sleep(Duration::from_millis(left.unsigned_abs().max(1)));
                let start = Instant::now();
                file.seek(SeekFrom::Start(0)).unwrap();
                file.write_all(&PAGE).unwrap();
                file.sync_data().unwrap();
                times.push(start.elapsed().as_secs_f64() * 1e3);
            }
            times
        });
        Self { is_over, times }
    }

    /// Milliseconds.
    pub(super) fn flushes(self) -> Spread {
        self.is_over.store(true, Ordering::Relaxed);
        Spread::of(self.times.join().unwrap())
    }
}
