//! The composition root: parse, build, spawn, drain, in that order. Nothing is opened, bound or
//! planned before the whole configuration is known good.

mod assembly;
mod chores;
mod manual;
mod notify;
mod shutdown;

use std::sync::Arc;
use std::time::Duration;

pub use assembly::{Assembly, StartError, assemble};
pub use manual::{ManualRun, run_manually};

use crate::clock::{self, Clock};
use crate::config::{Config, Problems};
use crate::scheduler::housekeeping::{Chore, Housekeeping};
use crate::scheduler::{LONGEST_SLEEP, Planner, PlannerHandle, Pulse};
use crate::simulator::{Options as SimulatorOptions, Simulator};
use crate::telemetry::events;
use shutdown::{Ended, Signals};

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
    config.yahoo.base_url = simulator.base_url();
    events::SimulatorStarted {
        base_url: &config.yahoo.base_url,
    }
    .emit();
    Ok(simulator)
}

/// Serves the schedules of `config` until a signal asks to stop; every record is closed then.
pub async fn serve(
    mut config: Config,
    lints: &Problems,
    simulated: bool,
) -> Result<(), StartError> {
    let started = clock::monotonic();
    let clock = Clock::system();
    announce(&config, lints);
    let mut signals = Signals::listen().map_err(StartError::Signals)?;
    let simulator = if simulated {
        Some(simulate(&mut config).await?)
    } else {
        None
    };
    let assembly = assemble(&config, clock.clone()).await?;
    let monitor = chores::monitor(&assembly, &config, &clock);
    let pulse = Pulse::default();
    warn_of_companions(&assembly).await?;
    let planner = Planner {
        schedules: config.schedules.clone(),
        ledger: Arc::new(assembly.services.store.clone()),
        runner: assembly.runner.clone(),
        epoch: assembly.epoch,
        clock: clock.clone(),
        longest_sleep: LONGEST_SLEEP,
        on_look: Box::new(notify::alive),
    };
    let mut planner = planner.start(pulse.clone()).map_err(StartError::Thread)?;
    let opened = planner.opened().await;
    let schedules = opened.ok_or(StartError::PlannerEnded)? as u64;
    let chores = || chores::chores(&assembly, monitor.clone(), pulse.clone(), schedules);
    let mut housekeeping = Housekeeping::start(chores()).await?;
    events::DaemonReady {
        epoch: assembly.epoch.0,
        schedules,
        store_backend: assembly.services.store.backend(),
        base_url: &config.yahoo.base_url,
        startup_ms: clock::elapsed_ms(started),
    }
    .emit();
    notify::ready(schedules);

    let signal = until_stopped(&mut signals, &mut planner, &mut housekeeping, chores).await;
    let runs = assembly.runner.active_runs();
    let drain_ms = u64::try_from(config.daemon.drain.as_millis()).unwrap_or(u64::MAX);
    events::DaemonStopping {
        signal: signal.unwrap_or("the planner's end"),
        runs,
        drain_ms,
    }
    .emit();
    notify::stopping(config.daemon.drain);
    // Joining a thread blocks; what it may be in the middle of needs the runtime.
    let _ = tokio::task::spawn_blocking(move || planner.stop()).await;
    match shutdown::drain(&assembly.runner, config.daemon.drain, &mut signals).await {
        Ended::ByThemselves => {}
        Ended::Aborted(runs) => events::DaemonAborting { runs }.emit(),
    }
    let _ = tokio::task::spawn_blocking(move || housekeeping.stop()).await;
    // The last sample; durations not yet written follow when the records are closed.
    monitor.sample().await;
    assembly.close(&clock).await;
    if let Some(simulator) = simulator {
        simulator.stop().await;
    }
    events::DaemonStopped {
        uptime_ms: clock::elapsed_ms(started),
    }
    .emit();
    signal.map(drop).ok_or(StartError::PlannerEnded)
}

async fn warn_of_companions(assembly: &Assembly) -> Result<(), StartError> {
    let processes = assembly.services.store.companions(assembly.epoch).await? as u64;
    if processes > 0 {
        events::DaemonNotAlone { processes }.emit();
    }
    Ok(())
}

/// Waits for a signal, and names it; `None` when the planner has ended. Meanwhile housekeeping is
/// started anew whenever the wall clock is stepped back: its scheduler would sleep until the clock
/// is where it was.
async fn until_stopped(
    signals: &mut Signals,
    planner: &mut PlannerHandle,
    housekeeping: &mut Housekeeping,
    chores: impl Fn() -> Vec<Chore>,
) -> Option<&'static str> {
    loop {
        tokio::select! {
            signal = signals.next() => return Some(signal),
            stepped_back = planner.stepped_back() => {
                stepped_back?;
                // Without a new one the old one goes on when the clock is where it was.
                if let Ok(fresh) = Housekeeping::start(chores()).await {
                    let stale = std::mem::replace(housekeeping, fresh);
                    let _ = tokio::task::spawn_blocking(move || stale.stop()).await;
                }
            }
        }
    }
}

fn announce(config: &Config, lints: &Problems) {
    let file = config.file.display().to_string();
    let version = env!("CARGO_PKG_VERSION");
    events::DaemonStarted {
        version,
        pid: std::process::id(),
        config_file: &file,
    }
    .emit();
    let symbols: std::collections::HashSet<_> = config
        .schedules
        .iter()
        .flat_map(|schedule| schedule.symbols.iter())
        .collect();
    events::ConfigLoaded {
        config_file: &file,
        schedules: config.schedules.len() as u64,
        symbols: symbols.len() as u64,
    }
    .emit();
    for lint in lints {
        let (problem, hint) = (&lint.message, &lint.hint);
        events::ConfigLint {
            place: &lint.place(),
            problem,
            hint,
        }
        .emit();
    }
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
