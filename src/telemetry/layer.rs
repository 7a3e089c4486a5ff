//! From a tracing event to a line: our own events by the catalogue, libraries' warnings wrapped.

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::line::{LineBuilder, Style};
use super::writer::Handle;
use crate::clock::Clock;

const OWN_TARGET: &str = "finstage";

/// Formats events and hands them to the writer.
pub(super) struct LineLayer {
    style: Style,
    level: Level,
    writer: Handle,
    clock: Clock,
}

impl LineLayer {
    pub(super) fn new(style: Style, level: Level, writer: Handle) -> Self {
        Self {
            style,
            level,
            writer,
            clock: Clock::system(),
        }
    }

    fn wants(&self, target: &str, level: Level) -> bool {
        // Libraries are heard only when they complain.
        let limit = if target == OWN_TARGET {
            self.level
        } else {
            self.level.min(Level::WARN)
        };
        level <= limit
    }
}

impl<S: Subscriber> Layer<S> for LineLayer {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.is_event() && self.wants(metadata.target(), *metadata.level())
    }

    fn max_level_hint(&self) -> Option<tracing::level_filters::LevelFilter> {
        Some(self.level.into())
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let level = *metadata.level();
        let timestamp = format!("{:.3}", self.clock.now());
        let mut line = LineBuilder::new(self.style, level, &timestamp);
        if metadata.target() != OWN_TARGET {
            line.text("event", "dependency.message");
            line.text("code", "FS9003");
            line.text("msg", "message from a library");
            line.text("target", metadata.target());
        }
        event.record(&mut line);
        self.writer.send(level, line.finish());
    }
}
