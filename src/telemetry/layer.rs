//! From a tracing event to a line: our own events by the catalogue, libraries' warnings wrapped.

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::line::{LineBuilder, Style};
use super::metric;
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
        count(event);
        self.writer.send(level, line.finish());
    }
}

/// Counts a line by its event.
fn count(event: &Event<'_>) {
    let mut named = Named::default();
    event.record(&mut named);
    let level = event.metadata().level().as_str().to_ascii_lowercase();
    metric::log_events(
        &level,
        named.code.unwrap_or("FS9003"),
        named.event.unwrap_or("dependency.message"),
        1,
    );
}

/// What an event calls itself.
#[derive(Default)]
struct Named {
    code: Option<&'static str>,
    event: Option<&'static str>,
}

impl Visit for Named {
    fn record_str(&mut self, field: &Field, value: &str) {
        // Only names of the catalogue become labels, whatever a library sends.
        let known = || super::events::catalogue().find(|def| def.code == value);
        if field.name() == "code"
            && let Some(def) = known()
        {
            (self.code, self.event) = (Some(def.code), Some(def.name));
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}
