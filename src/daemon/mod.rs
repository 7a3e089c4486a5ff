//! The composition root: parse, build, spawn, drain, in that order. Nothing is opened, bound or
//! planned before the whole configuration is known good.

mod assembly;
mod chores;
pub mod control;
mod health;
mod heart;
mod live;
mod manual;
mod notify;
mod print;
mod reload;
mod serve;
mod shutdown;
mod watch;
mod watched;

use std::time::Duration;

pub use assembly::{Assembly, StartError, assemble};
pub use heart::{Heart, Signs};
pub use manual::{ManualEnd, ManualRun, run_manually};
pub use serve::serve;

use crate::clock::Clock;
use crate::config::{Config, Secret};
use crate::simulator::{Options as SimulatorOptions, Simulator};
use crate::telemetry::events;
use shutdown::Signals;

/// Latency of the built-in simulated upstream: enough to see work going on.
const SIMULATED_LATENCY: Duration = Duration::from_millis(40);

/// Starts the simulated upstream inside this process and points `config` at it.
pub async fn simulate(config: &mut Config) -> Result<Simulator, StartError> {
    let options = SimulatorOptions {
        latency: SIMULATED_LATENCY,
        ..SimulatorOptions::default()
    };
    let simulator = Simulator::start(options, Clock::system())
        .await
        .map_err(StartError::Simulator)?;
    let base_url = simulator.base_url();
    for settings in [&mut config.tiingo, &mut config.binance] {
        // At Yahoo's pace: what an account allows is no matter here.
        *settings = config.yahoo.clone();
        settings.base_url.clone_from(&base_url);
    }
    config.tiingo_key = Some(Secret::new("simulated".to_owned()));
    config.yahoo.base_url = base_url;
    events::SimulatorStarted {
        base_url: &config.yahoo.base_url,
    }
    .emit();
    Ok(simulator)
}

/// Turns panics into events: the log stays one object a line, and the place is not lost.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        let payload = panic.payload();
        let reason = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no message");
        events::BugPanic {
            place: &place,
            reason,
        }
        .emit();
    }));
}

/// Waits for SIGTERM or Ctrl-C.
pub async fn stop_signal() -> Result<(), StartError> {
    let mut signals = Signals::listen().map_err(StartError::Signals)?;
    signals.next().await;
    Ok(())
}
