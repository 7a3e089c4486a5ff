//! A writer that never makes the scheduler wait: bounded, on its own thread, and honest about
//! what it dropped.

use std::io::Write;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing::Level;

use super::events::LogDropped;
use super::format::Style;
use super::line::{Line, LineBuilder, timestamp};
use super::metric;
use crate::clock::Clock;

/// Lines queued at most.
const QUEUE_LINES: usize = 8_192;

/// How long the last lines may take to be written when the log ends.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// From here on only warnings and errors are queued.
const SHED_ABOVE_LINES: usize = QUEUE_LINES / 4 * 3;

/// Where lines go. It may wait: it is the writer's own thread.
pub(super) trait Sink: Send + 'static {
    /// Writes one line; what goes wrong is the sink's to mend or to bear.
    fn write_line(&mut self, line: &Line);

    /// Nothing comes after this.
    fn end(&mut self) {}
}

/// A closed stderr must not end the daemon: its errors are nobody's to hear.
impl<W: Write + Send + 'static> Sink for W {
    fn write_line(&mut self, line: &Line) {
        let _ = self.write_all(line.text.as_bytes());
    }

    fn end(&mut self) {
        let _ = self.flush();
    }
}

#[derive(Default)]
struct Counters {
    queued: AtomicUsize,
    dropped: AtomicU64,
}

impl Counters {
    fn drop_one(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
        metric::log_lines_dropped(1);
    }
}

/// The sending side; cheap to clone, never blocks.
#[derive(Clone)]
pub(super) struct Handle {
    // `None` once the log has ended.
    lines: Arc<Mutex<Option<SyncSender<Line>>>>,
    counters: Arc<Counters>,
}

impl Handle {
    pub(super) fn send(&self, line: Line) {
        let queued = self.counters.queued.load(Ordering::Relaxed);
        if queued >= SHED_ABOVE_LINES && line.level > Level::WARN {
            self.counters.drop_one();
            return;
        }
        let Ok(guard) = self.lines.lock() else { return };
        let Some(lines) = guard.as_ref() else { return };
        // Counted before sending: the writer thread may take the line at once.
        self.counters.queued.fetch_add(1, Ordering::Relaxed);
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = lines.try_send(line) {
            self.counters.queued.fetch_sub(1, Ordering::Relaxed);
            self.counters.drop_one();
        }
    }
}

/// The writer thread; dropping it writes out the queue and ends the thread.
pub(super) struct Writer {
    handle: Handle,
    done: Receiver<()>,
}

impl Writer {
    pub(super) fn start(sink: impl Sink, style: Style) -> Self {
        let (sender, receiver) = sync_channel(QUEUE_LINES);
        let counters = Arc::new(Counters::default());
        let handle = Handle {
            lines: Arc::new(Mutex::new(Some(sender))),
            counters: Arc::clone(&counters),
        };
        let (finished, done) = sync_channel(1);
        // Without the thread there is no log; the program works all the same.
        let _ = std::thread::Builder::new()
            .name("log-writer".to_owned())
            .spawn(move || {
                write_lines(&receiver, sink, style, &counters);
                let _ = finished.send(());
            });
        Self { handle, done }
    }

    pub(super) fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Ok(mut lines) = self.handle.lines.lock() {
            lines.take();
        }
        // A reader that has stalled must not keep the process from ending.
        let _ = self.done.recv_timeout(LAST_WORDS);
    }
}

fn write_lines(receiver: &Receiver<Line>, mut sink: impl Sink, style: Style, counters: &Counters) {
    for line in receiver {
        counters.queued.fetch_sub(1, Ordering::Relaxed);
        sink.write_line(&line);
        let dropped = counters.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            sink.write_line(&dropped_line(style, dropped));
        }
    }
    sink.end();
}

fn dropped_line(style: Style, dropped: u64) -> Line {
    let timestamp = timestamp(Clock::system().now());
    LineBuilder::own(&LogDropped::DEF, style, &timestamp, |line| {
        line.number("lines", dropped);
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A sink that waits for a permit before every write.
    struct Gated {
        permits: mpsc::Receiver<()>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Gated {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let _ = self.permits.recv();
            self.written.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stalled_reader_costs_info_lines_first_never_errors_and_is_reported() {
        let (permit, permits) = mpsc::channel();
        let written = Arc::new(Mutex::new(Vec::new()));
        let sink = Gated {
            permits,
            written: Arc::clone(&written),
        };
        let writer = Writer::start(sink, Style::Json { priority: false });
        let handle = writer.handle();
        let line = |level, text: &str| Line {
            level,
            text: text.to_owned(),
            fields: Vec::new(),
        };
        for _ in 0..QUEUE_LINES * 2 {
            handle.send(line(Level::INFO, "info\n"));
        }
        handle.send(line(Level::ERROR, "error\n"));
        drop(permit);
        drop(writer);
        let text = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        assert!(text.contains("error\n"), "the error was dropped");
        assert!(
            text.contains("\"event\":\"log.dropped\""),
            "nobody said that lines were lost"
        );
        assert!(text.matches("info\n").count() <= SHED_ABOVE_LINES + 1);
    }
}
