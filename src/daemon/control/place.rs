//! Where the control socket is: the daemon and the verbs must find the same place by themselves.

use std::path::PathBuf;

use crate::config::Config;

/// The socket's name in its directory.
const NAME: &str = "finstage.sock";

/// Where the systemd unit has it.
const SYSTEM: &str = "/run/finstage";

/// Where a daemon makes its socket: the configured place, systemd's runtime directory, or beside
/// the database; `None` when the database is elsewhere and there is no runtime directory.
pub fn place(config: &Config) -> Option<PathBuf> {
    places(config).next()
}

/// Where a verb looks for it, in this order.
pub fn candidates(config: &Config) -> Vec<PathBuf> {
    if let Some(configured) = &config.daemon.socket {
        return vec![configured.clone()];
    }
    let mut all: Vec<PathBuf> = places(config).collect();
    all.push(PathBuf::from(SYSTEM).join(NAME));
    all
}

fn places(config: &Config) -> impl Iterator<Item = PathBuf> {
    // systemd may name several, the first is the unit's own.
    let runtime = std::env::var_os("RUNTIME_DIRECTORY").and_then(|value| {
        let first = value.to_str()?.split(':').next()?.to_owned();
        (!first.is_empty()).then(|| PathBuf::from(first).join(NAME))
    });
    let beside = config
        .store
        .url
        .sqlite_path()
        .map(|path| path.with_file_name(NAME));
    let configured = config.daemon.socket.clone();
    configured.into_iter().chain(runtime).chain(beside)
}
