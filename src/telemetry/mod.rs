//! What the daemon says about itself: events (log lines), and how long things took.

mod alert;
mod alerts;
mod catalogue;
pub mod events;
mod format;
mod histogram;
mod journal;
mod layer;
mod line;
mod meter;
pub mod metric;
mod number;
pub mod reference;
mod repeats;
mod usage;
mod writer;

pub use alert::{Alert, Severity, Signal};
pub use alerts::ALERTS;
pub use catalogue::{EventDef, FieldDef, FieldKind};
pub use format::LogFormat;
pub use histogram::Histogram;
pub use layer::json_line;
pub use line::{ENVELOPE, MAX_LINE_BYTES};
pub use meter::{Measurement, Meter, Work};
pub use metric::MetricsHandle;
pub use usage::{Toll, Usage};

use tracing_subscriber::layer::SubscriberExt as _;

/// How much to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Only what needs somebody.
    Error,
    /// And what may need somebody.
    Warn,
    /// And what happened, a line per run.
    Info,
    /// And each task, request and retry.
    Debug,
}

impl LogLevel {
    /// Every level with its name in schedules.toml.
    pub const ALL: [(&'static str, Self); 4] = [
        ("error", Self::Error),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("debug", Self::Debug),
    ];

    fn to_tracing(self) -> tracing::Level {
        match self {
            Self::Error => tracing::Level::ERROR,
            Self::Warn => tracing::Level::WARN,
            Self::Info => tracing::Level::INFO,
            Self::Debug => tracing::Level::DEBUG,
        }
    }
}

/// Keeps the log's writer alive; dropping it writes out what is queued.
#[must_use = "dropping the guard ends the log"]
pub struct LogGuard {
    layer: layer::LineLayer,
    _writer: writer::Writer,
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.layer.tell_repeats();
    }
}

/// Sends every event at or above `level` to stderr or the journal, in `format`. Call once, first
/// thing.
pub fn init(format: LogFormat, level: LogLevel) -> LogGuard {
    let style = format.resolve();
    let writer = if style == format::Style::Journal {
        writer::Writer::start(journal::Journal::beside(std::io::stderr()), style)
    } else {
        writer::Writer::start(writer::Stream::new(std::io::stderr()), style)
    };
    let layer = layer::LineLayer::new(style, level.to_tracing(), writer.handle());
    let subscriber = tracing_subscriber::registry().with(layer.clone());
    // Fails only when a subscriber is already installed (a test's): then that one keeps the events.
    let _ = tracing::subscriber::set_global_default(subscriber);
    LogGuard {
        layer,
        _writer: writer,
    }
}
