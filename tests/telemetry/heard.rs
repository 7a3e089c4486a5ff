//! Listens to what a closure says.

use std::sync::{Arc, Mutex};

use finstage::telemetry::json_line;
use serde_json::Value;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

use crate::support::lines;

/// The codes of the events `emit` writes on this thread.
pub(super) fn codes_of(emit: impl FnOnce()) -> Vec<String> {
    let heard = Arc::<Mutex<Vec<String>>>::default();
    let subscriber = tracing_subscriber::registry().with(Ear(Arc::clone(&heard)));
    tracing::subscriber::with_default(subscriber, emit);
    let heard = heard.lock().unwrap();
    let code = |line: &String| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["code"].as_str().unwrap().to_owned()
    };
    heard.iter().map(code).collect()
}

struct Ear(Arc<Mutex<Vec<String>>>);

impl<S: tracing::Subscriber> Layer<S> for Ear {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        lines::hear(event);
        self.0.lock().unwrap().push(json_line(event));
    }
}
