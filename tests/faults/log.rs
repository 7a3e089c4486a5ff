//! Listens to the events of a test.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::{Layer, Registry};

/// The events of this thread while it is held.
pub(crate) struct Heard {
    lines: Arc<Mutex<Vec<String>>>,
    _guard: DefaultGuard,
}

struct Ear(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Heard {
    /// Listens from now on.
    pub(crate) fn from_now_on() -> Self {
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let subscriber = Registry::default().with(Ear(Arc::clone(&lines)));
        Self {
            lines,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    /// Every line with `code`, as `key=value` pairs.
    pub(crate) fn lines(&self, code: &str) -> Vec<String> {
        let code = format!("code={code} ");
        let all = self.all();
        all.into_iter()
            .filter(|line| line.contains(&code))
            .collect()
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }
}

impl<S: tracing::Subscriber> Layer<S> for Ear {
    /// Not of others: a library's span may end on a thread that has another listener.
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target() == "finstage"
    }

    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "finstage" {
            crate::support::lines::hear(event);
            let mut line = Line(String::new());
            event.record(&mut line);
            self.0.lock().unwrap().push(line.0);
        }
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, "{}={value:?} ", field.name()).unwrap();
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        write!(self.0, "{}={value} ", field.name()).unwrap();
    }
}
