//! The daemon's life: begin, serve until a signal, drain, close every record.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::assembly::{Assembly, StartError, assemble};
use super::chores;
use super::control::{place, server::ControlSocket};
use super::health::Vitals;
use super::live::{Live, LiveParts};
use super::notify;
use super::print::{Print, print};
use super::reload::log_lints;
use super::shutdown::{self, Ended, Signals, Wish};
use super::simulate;
use super::watch::watch;
use super::watched::{self, Window};
use crate::clock::{self, Clock};
use crate::config::{Config, Environment, Problems};
use crate::monitor::Monitor;
use crate::scheduler::housekeeping::{Chore, Housekeeping};
use crate::scheduler::{LONGEST_SLEEP, Planner, PlannerHandle, Pulse};
use crate::telemetry::{MetricsHandle, events};

/// How long connections to the control socket may go on once the daemon ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// Serves the schedules of `config` until a signal asks to stop; every record is closed then.
pub async fn serve(config: Config, lints: &Problems, simulated: bool) -> Result<(), StartError> {
    let started = clock::monotonic();
    let clock = Clock::system();
    let counted = config
        .daemon
        .http
        .as_ref()
        .map(|_| MetricsHandle::install());
    announce(&config, lints);
    let mut signals = Signals::listen().map_err(StartError::Signals)?;
    // What the file says is what a reload is compared with.
    let as_read = Arc::new(config.clone());
    let mut config = config;
    let simulator = if simulated {
        Some(simulate(&mut config).await?)
    } else {
        None
    };
    let read = print(&as_read.files);
    let assembly = assemble(&config, clock.clone()).await?;
    let begun = Serving::begin(&assembly, &config, (as_read, read), clock.clone()).await;
    let mut serving = match begun {
        Ok(serving) => serving,
        Err(error) => {
            assembly.close(&clock).await;
            return Err(error);
        }
    };
    serving.show(&config, counted);
    let signal = match serving.opened(&mut signals).await {
        Opened::Planned(schedules) => {
            events::DaemonReady {
                epoch: assembly.epoch.0,
                schedules,
                store_backend: assembly.services.store.backend(),
                base_url: &config.yahoo.base_url,
                startup_ms: clock::elapsed_ms(started),
            }
            .emit();
            serving.live.tell_ready();
            serving.until_stopped(&mut signals).await
        }
        Opened::Stopped(signal) => Some(signal),
        Opened::PlannerEnded => None,
    };
    serving.end(&assembly, signal, &mut signals).await;
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

/// How a start came out.
enum Opened {
    /// So many schedules are planned.
    Planned(u64),
    /// A signal came before.
    Stopped(&'static str),
    PlannerEnded,
}

/// What is under way while the daemon serves.
struct Serving {
    live: Arc<Live>,
    planner: PlannerHandle,
    housekeeping: Housekeeping,
    monitor: Arc<Monitor>,
    /// Tasks of the daemon's own: reloads, the watch, the control socket.
    tracker: TaskTracker,
    stop: CancellationToken,
}

/// A start that has planned nothing for so long waits for the database.
const UNPLANNED: Duration = Duration::from_secs(10);

impl Serving {
    async fn begin(
        assembly: &Assembly,
        config: &Config,
        (as_read, read): (Arc<Config>, Print),
        clock: Clock,
    ) -> Result<Self, StartError> {
        warn_of_others(assembly, clock.now()).await?;
        let (pulse, vitals) = (Pulse::default(), Vitals::new(Handle::current()));
        let seen = vitals.clone();
        let planner = Planner {
            schedules: config.schedules.clone(),
            ledger: Arc::new(assembly.services.store.clone()),
            runner: assembly.runner.clone(),
            epoch: assembly.epoch,
            clock: clock.clone(),
            longest_sleep: LONGEST_SLEEP,
            on_look: Box::new(move || seen.look(notify::alive)),
        };
        // Whoever sees the first run can ask about it.
        let socket = bind(config).await;
        let planner = planner.start(pulse.clone()).map_err(StartError::Thread)?;
        let parts = LiveParts {
            commands: planner.commands(),
            runner: assembly.runner.clone(),
            store: assembly.services.store.clone(),
            watch: assembly.services.watch.clone(),
            clock: clock.clone(),
            epoch: assembly.epoch,
            alerts: assembly.services.alerts.clone(),
            pulse,
            vitals,
            environment: Environment::process(),
            answers: assembly.answers.clone(),
            upstream: Arc::clone(&assembly.services.upstream),
            read,
        };
        let live = Arc::new(Live::new(parts, as_read));
        let monitor = chores::monitor(assembly, config, &clock);
        let housekeeping = Housekeeping::start(chores::chores(&live, &monitor)).await?;
        let serving = Self {
            live,
            planner,
            housekeeping,
            monitor,
            tracker: TaskTracker::new(),
            stop: CancellationToken::new(),
        };
        if let Some(socket) = socket {
            let (live, stop) = (Arc::clone(&serving.live), serving.stop.clone());
            let serve = socket.serve(live, serving.tracker.clone(), stop);
            drop(serving.tracker.spawn(serve));
        }
        let watch = watch(Arc::clone(&serving.live), serving.stop.clone());
        drop(serving.tracker.spawn(watch));
        Ok(serving)
    }

    /// Lets others watch, where the file says so.
    fn show(&self, config: &Config, counted: Option<Result<MetricsHandle, String>>) {
        let (Some(settings), Some(counted)) = (&config.daemon.http, counted) else {
            return;
        };
        match counted {
            Ok(metrics) => {
                let window = Window {
                    live: Arc::clone(&self.live),
                    metrics,
                };
                watched::open(settings, window, self.stop.clone());
            }
            Err(reason) => events::DaemonNoHttp {
                listen: &settings.listen.to_string(),
                reason: &reason,
            }
            .emit(),
        }
    }

    /// Waits until all schedules are planned. A database that cannot be read holds a start up, but
    /// not an end.
    async fn opened(&mut self, signals: &mut Signals) -> Opened {
        let opened = self.planner.opened();
        tokio::pin!(opened);
        loop {
            tokio::select! {
                opened = &mut opened => {
                    return opened
                        .map_or(Opened::PlannerEnded, |schedules| Opened::Planned(schedules as u64));
                }
                signal = signals.next() => return Opened::Stopped(signal),
                // The verbs answer, and the planner tries again by itself: a restart would not
                // help.
                () = tokio::time::sleep(UNPLANNED) => {
                    notify::ready("degraded: the database cannot be used; nothing is planned yet");
                }
            }
        }
    }

    /// Waits for a signal to stop, and names it; `None` when the planner has ended. Meanwhile
    /// housekeeping is started anew whenever the wall clock is stepped back: its scheduler would
    /// sleep until the clock is where it was.
    async fn until_stopped(&mut self, signals: &mut Signals) -> Option<&'static str> {
        loop {
            tokio::select! {
                wish = signals.stop_or_reload() => match wish {
                    Wish::Stop(signal) => return Some(signal),
                    Wish::Reload => {
                        let live = Arc::clone(&self.live);
                        drop(self.tracker.spawn(async move {
                            let _ = live.reload("SIGHUP").await;
                        }));
                    }
                },
                stepped_back = self.planner.stepped_back() => {
                    stepped_back?;
                    let chores: Vec<Chore> = chores::chores(&self.live, &self.monitor);
                    // Without a new one the old one goes on when the clock is where it was.
                    if let Ok(fresh) = Housekeeping::start(chores).await {
                        let stale = std::mem::replace(&mut self.housekeeping, fresh);
                        let _ = tokio::task::spawn_blocking(move || stale.stop()).await;
                    }
                }
            }
        }
    }

    /// Lets runs finish, then ends them.
    async fn end(self, assembly: &Assembly, signal: Option<&str>, signals: &mut Signals) {
        let drain = self.live.loaded().config.daemon.drain;
        events::DaemonStopping {
            signal: signal.unwrap_or("the planner's end"),
            runs: assembly.runner.active_runs(),
            drain_ms: u64::try_from(drain.as_millis()).unwrap_or(u64::MAX),
        }
        .emit();
        notify::stopping(drain);
        let planner = self.planner;
        // Joining a thread blocks; what it may be in the middle of needs the runtime.
        let _ = tokio::task::spawn_blocking(move || planner.stop()).await;
        match shutdown::drain(&assembly.runner, drain, signals).await {
            Ended::ByThemselves => {}
            Ended::Aborted(runs) => events::DaemonAborting { runs }.emit(),
        }
        // Whoever waits for a run's end has heard of it by now.
        self.stop.cancel();
        self.tracker.close();
        let _ = tokio::time::timeout(FAREWELL, self.tracker.wait()).await;
        let housekeeping = self.housekeeping;
        let _ = tokio::task::spawn_blocking(move || housekeeping.stop()).await;
        // The last sample; durations not yet written follow when the records are closed.
        self.monitor.sample().await;
    }
}

/// Makes the control socket; without one the daemon serves all the same.
async fn bind(config: &Config) -> Option<ControlSocket> {
    let Some(path) = place(config) else {
        events::DaemonNoControl {
            socket: "",
            reason: "no place for it: set [daemon] socket",
        }
        .emit();
        return None;
    };
    match ControlSocket::bind(&path).await {
        Ok(socket) => Some(socket),
        Err(error) => {
            events::DaemonNoControl {
                socket: &path.display().to_string(),
                reason: &error.to_string(),
            }
            .emit();
            None
        }
    }
}

/// Of those that use the database too, and of the one before, if it did not end in order.
async fn warn_of_others(assembly: &Assembly, now: Timestamp) -> Result<(), StartError> {
    let store = &assembly.services.store;
    let processes = store.companions(assembly.epoch).await? as u64;
    if processes > 0 {
        events::DaemonNotAlone { processes }.emit();
    }
    let before = store.begin_serving(assembly.epoch, now).await?;
    if let Some((pid, served_at)) = before {
        events::DaemonDiedBefore {
            pid,
            served_at: &format!("{served_at:.3}"),
        }
        .emit();
    }
    Ok(())
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
    log_lints(lints);
}
