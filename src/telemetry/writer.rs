//! A writer that never makes the scheduler wait: bounded, on its own thread, and honest about
//! what it dropped.

use std::io::{ErrorKind, Write};
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
    /// Writes one line; false when it is not there as a whole: then it counts as dropped.
    fn write_line(&mut self, line: &Line) -> bool;

    /// Nothing comes after this.
    fn end(&mut self) {}
}

/// Lines one after another. A closed stderr or a full disk must not end the daemon: what cannot be
/// written is told of when it can be again.
pub(super) struct Stream<W> {
    inner: W,
    /// The last line ends in the middle.
    is_torn: bool,
}

impl<W: Write> Stream<W> {
    pub(super) fn new(inner: W) -> Self {
        Self {
            inner,
            is_torn: false,
        }
    }

    /// Writes a line; false when it is not there as a whole.
    pub(super) fn put(&mut self, line: &str) -> bool {
        if self.is_torn && self.inner.write_all(b"\n").is_err() {
            return false;
        }
        self.is_torn = false;
        let mut rest = line.as_bytes();
        while !rest.is_empty() {
            match self.inner.write(rest) {
                Ok(written) if written > 0 => {
                    self.is_torn = true;
                    rest = rest.get(written..).unwrap_or_default();
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                _ => return false,
            }
        }
        self.is_torn = false;
        true
    }

    pub(super) fn flush(&mut self) {
        let _ = self.inner.flush();
    }
}

impl<W: Write + Send + 'static> Sink for Stream<W> {
    fn write_line(&mut self, line: &Line) -> bool {
        self.put(&line.text)
    }

    fn end(&mut self) {
        self.flush();
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
    let tell_dropped = |sink: &mut dyn Sink| {
        let dropped = counters.dropped.load(Ordering::Relaxed);
        if dropped > 0 && sink.write_line(&dropped_line(style, dropped)) {
            counters.dropped.fetch_sub(dropped, Ordering::Relaxed);
        }
    };
    for line in receiver {
        counters.queued.fetch_sub(1, Ordering::Relaxed);
        if sink.write_line(&line) {
            tell_dropped(&mut sink);
        } else {
            counters.drop_one();
        }
    }
    tell_dropped(&mut sink);
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

    fn line(level: Level, text: &str) -> Line {
        Line {
            level,
            text: text.to_owned(),
            fields: Vec::new(),
        }
    }

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
        let writer = Writer::start(Stream::new(sink), Style::Json { priority: false });
        let handle = writer.handle();
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

    /// Takes so many bytes, then refuses all until it is mended.
    struct Full {
        room: usize,
        is_mended: Arc<std::sync::atomic::AtomicBool>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            if self.is_mended.load(Ordering::Relaxed) {
                self.room = usize::MAX;
            }
            if self.room == 0 {
                return Err(ErrorKind::StorageFull.into());
            }
            let taken = bytes.get(..self.room.min(bytes.len())).unwrap_or_default();
            self.room -= taken.len();
            self.written.lock().unwrap().extend_from_slice(taken);
            Ok(taken.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_a_sink_refuses_is_counted_and_told_once_it_takes_lines_again() {
        let (is_mended, written) = (Arc::default(), Arc::default());
        let sink = Full {
            room: 8,
            is_mended: Arc::clone(&is_mended),
            written: Arc::clone(&written),
        };
        let writer = Writer::start(Stream::new(sink), Style::Json { priority: false });
        let handle = writer.handle();
        for text in ["one\n", "two and more\n", "three\n"] {
            handle.send(line(Level::INFO, text));
        }
        while handle.counters.dropped.load(Ordering::Relaxed) < 2 {
            std::thread::yield_now();
        }
        is_mended.store(true, Ordering::Relaxed);
        handle.send(line(Level::INFO, "four\n"));
        drop(writer);
        let text = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..3], ["one", "two ", "four"], "{text}");
        assert!(lines[3].contains("\"lines\":2"), "{text}");
        assert_eq!(lines.len(), 4, "{text}");
    }
}
