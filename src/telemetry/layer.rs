//! From a tracing event to a line: our own events by the catalogue, libraries' warnings wrapped.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::events::{DependencyMessage, catalogue};
use super::format::Style;
use super::line::{LineBuilder, level_name, timestamp};
use super::metric;
use super::repeats::{Repeated, Repeats};
use super::writer::Handle;
use crate::clock::{self, Clock};

const OWN_TARGET: &str = "finstage";

/// Formats events and hands them to the writer.
#[derive(Clone)]
pub(super) struct LineLayer {
    style: Style,
    level: Level,
    writer: Handle,
    clock: Clock,
    repeats: Arc<Mutex<Repeats>>,
}

impl LineLayer {
    pub(super) fn new(style: Style, level: Level, writer: Handle) -> Self {
        Self {
            style,
            level,
            writer,
            clock: Clock::system(),
            repeats: Arc::default(),
        }
    }

    /// Tells of repeats that were not written yet: the log ends.
    pub(super) fn tell_repeats(&self) {
        let rest = self.repeats().finish();
        self.tell(&rest);
    }

    fn tell(&self, repeated: &[Repeated]) {
        for repeated in repeated {
            let line = repeated.line(self.style, &timestamp(self.clock.now()));
            self.writer.send(line);
        }
    }

    fn repeats(&self) -> MutexGuard<'_, Repeats> {
        self.repeats.lock().unwrap_or_else(PoisonError::into_inner)
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
        let level = *event.metadata().level();
        let line = build(event, self.style, &timestamp(self.clock.now()));
        let verdict = self.repeats().judge(&line, level, clock::monotonic());
        self.tell(&verdict.repeated);
        count(&line, level);
        if verdict.write {
            self.writer.send(line.finish());
        }
    }
}

/// Counts an event, written or not. Only names of the catalogue become labels.
fn count(line: &LineBuilder, level: Level) {
    let (_, code) = line.name();
    if let Some(def) = catalogue().find(|def| def.code == code) {
        metric::log_events(level_name(level), def.code, def.name, 1);
    }
}

/// The line an event makes, as JSON without a priority, at the epoch: what tests compare with the
/// schema without a daemon.
pub fn json_line(event: &Event<'_>) -> String {
    let style = Style::Json { priority: false };
    let line = build(event, style, "1970-01-01T00:00:00.000Z");
    line.finish().text
}

fn build(event: &Event<'_>, style: Style, timestamp: &str) -> LineBuilder {
    let metadata = event.metadata();
    let mut line = LineBuilder::new(style, *metadata.level(), timestamp);
    if metadata.target() == OWN_TARGET {
        event.record(&mut line);
        return line;
    }
    line.identity(&DependencyMessage::DEF);
    line.text("target", metadata.target());
    line.set_foreign();
    event.record(&mut line);
    line
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;
    use crate::telemetry::events;

    /// Gathers the lines of a closure.
    fn lines(emit: impl FnOnce()) -> Vec<serde_json::Value> {
        struct Gather(Arc<Mutex<Vec<String>>>);
        impl<S: Subscriber> Layer<S> for Gather {
            fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
                self.0.lock().unwrap().push(json_line(event));
            }
        }
        let gathered = Arc::<Mutex<Vec<String>>>::default();
        let subscriber = tracing_subscriber::registry().with(Gather(Arc::clone(&gathered)));
        tracing::subscriber::with_default(subscriber, emit);
        let lines = gathered.lock().unwrap();
        lines
            .iter()
            .map(|line| serde_json::from_str(line).expect(line))
            .collect()
    }

    #[test]
    fn a_library_cannot_pass_its_words_off_as_an_event_of_ours() {
        let lines = lines(|| {
            tracing::event!(
                target: "sqlx",
                Level::WARN,
                event = "daemon.heartbeat",
                code = "FS1006",
                "slow {}", 1
            );
        });
        assert_eq!(lines[0]["event"], "dependency.message");
        assert_eq!(lines[0]["code"], "FS9003");
        assert_eq!(lines[0]["text"], "slow 1");
        assert_eq!(lines[0]["field.event"], "daemon.heartbeat");
    }

    #[test]
    fn warnings_carry_the_action_and_infos_do_not() {
        let lines = lines(|| {
            events::RunForgotten { fires: 2 }.emit();
            events::DaemonStopped { uptime_ms: 1 }.emit();
        });
        assert_eq!(lines[0]["action"], "Check time synchronisation.");
        assert_eq!(lines[0]["fires"], 2);
        assert!(lines[1].get("action").is_none());
    }
}
