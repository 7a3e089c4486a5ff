//! The systemd service: is there one, does it run and come back, is its log of use?

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Check;
use crate::telemetry::{events, reference};

const SERVICE: &str = "service";
const JOURNAL: &str = "journal";

/// What is asked of `systemctl show`.
const PROPERTIES: &str = "LoadState,ActiveState,SubState,UnitFileState,Result,ExecMainStatus,\
                          NRestarts,NeedDaemonReload,WatchdogUSec,StatusText,LogRateLimitBurst";

/// Lines of one priority that the journal keeps at least in half a minute, by the unit's setting: a
/// busy day's, a minute of 5,000 symbols.
const LEAST_BURST: u64 = 2_000;

/// Where things are; tests have them elsewhere.
pub(super) struct Places {
    /// Exists where systemd is the init.
    booted: PathBuf,
    state: PathBuf,
    credentials: PathBuf,
    journal: PathBuf,
    catalogue: PathBuf,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            booted: "/run/systemd/system".into(),
            state: "/var/lib/finstage".into(),
            credentials: "/etc/finstage/credentials".into(),
            journal: "/var/log/journal".into(),
            catalogue: "/usr/lib/systemd/catalog/finstage.catalog".into(),
        }
    }
}

/// All of it; `config` is the file the daemon reads, if it is known.
pub(super) fn checks(places: &Places, config: Option<&Path>) -> Vec<Check> {
    if !places.booted.exists() {
        return vec![Check::unknown(SERVICE, "this machine is not systemd's")];
    }
    let Some(shown) = said("systemctl", &["show", "finstage.service", "-p", PROPERTIES]) else {
        return vec![Check::unknown(SERVICE, "systemctl does not answer")];
    };
    let unit = Unit::read(&shown);
    if unit.get("LoadState") == "not-found" {
        let found = "there is no unit finstage.service";
        let remedy = "systemd/README.md says how to install it, unless another way is meant";
        return vec![Check::warning(SERVICE, found, remedy)];
    }
    let mut checks = unit.checks();
    checks.extend(state(&places.state));
    checks.extend(credentials(&places.credentials));
    checks.extend(config.and_then(readable));
    checks.push(kept(&places.journal));
    let listed = said("journalctl", &["--list-catalog"]);
    checks.push(catalogue(&places.catalogue, listed.as_deref()));
    checks
}

/// Whether the kernel's clock is disciplined, as systemd sees it; `None` where nobody tells.
pub(super) fn is_synchronised() -> Option<bool> {
    let arguments = ["show", "-p", "NTPSynchronized", "--value"];
    match said("timedatectl", &arguments)?.trim() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

/// What a program of systemd's says, when it succeeds.
fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    let output = command.output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then_some(text)
}

/// The unit as `systemctl show` tells it.
struct Unit<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Unit<'a> {
    fn read(shown: &'a str) -> Self {
        Self(
            shown
                .lines()
                .filter_map(|line| line.split_once('='))
                .collect(),
        )
    }

    fn get(&self, property: &str) -> &'a str {
        self.0.get(property).copied().unwrap_or_default()
    }

    fn checks(&self) -> Vec<Check> {
        let mut checks = vec![self.life()];
        if self.get("NeedDaemonReload") == "yes" {
            checks.push(Check::warning(
                SERVICE,
                "its unit file was changed and not read",
                "systemctl daemon-reload, then restart it",
            ));
        }
        if matches!(self.get("WatchdogUSec"), "0" | "infinity") {
            checks.push(Check::warning(
                SERVICE,
                "it has no watchdog: nobody ends one that hangs",
                "WatchdogSec=30s",
            ));
        }
        let burst = self.get("LogRateLimitBurst").parse::<u64>().unwrap_or(0);
        // 0: the journal's own, 10,000.
        if (1..LEAST_BURST).contains(&burst) {
            checks.push(Check::warning(
                JOURNAL,
                format!("at most {burst} lines of one priority are kept at a time"),
                "LogRateLimitBurst=20000",
            ));
        }
        checks
    }

    /// Whether it runs, and comes back by itself.
    fn life(&self) -> Check {
        let state = format!("{} ({})", self.get("ActiveState"), self.get("SubState"));
        let restarts = self.get("NRestarts").parse::<u64>().unwrap_or(0);
        match (self.get("ActiveState"), self.get("UnitFileState")) {
            ("failed", _) => Check::failed(
                SERVICE,
                format!(
                    "{state}: {}, status {}",
                    self.get("Result"),
                    self.get("ExecMainStatus")
                ),
                "journalctl -u finstage -p err says why",
            ),
            ("active" | "reloading", _) if self.get("StatusText").starts_with("degraded") => {
                let found = format!("{state}: {}", self.get("StatusText"));
                Check::failed(SERVICE, found, "journalctl -u finstage -p err says why")
            }
            ("active" | "reloading", _) if restarts > 0 => Check::warning(
                SERVICE,
                format!("{state}, started again {restarts} times by itself"),
                "journalctl -u finstage tells of each end",
            ),
            ("active" | "reloading", "disabled") => Check::warning(
                SERVICE,
                format!("{state}, but not started when the machine is"),
                "systemctl enable finstage",
            ),
            ("active" | "reloading", _) => Check::ok(SERVICE, state),
            _ => Check::warning(SERVICE, state, "systemctl enable --now finstage"),
        }
    }
}

fn mode(path: &Path) -> Option<u32> {
    Some(fs::metadata(path).ok()?.permissions().mode() & 0o777)
}

/// The folder systemd keeps for it.
fn state(folder: &Path) -> Option<Check> {
    let name = "state directory";
    let mode = mode(folder)?;
    let found = format!("{} has mode {mode:04o}", folder.display());
    Some(match mode & 0o077 {
        0 => Check::ok(name, found),
        _ => Check::warning(
            name,
            format!("{found}: others can enter it"),
            "StateDirectoryMode=0700",
        ),
    })
}

/// Credentials are read by root and given to the service: nobody else need see them.
fn credentials(folder: &Path) -> Vec<Check> {
    let Ok(files) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let open = files
        .filter_map(|file| Some(file.ok()?.path()))
        .filter(|path| mode(path).is_some_and(|mode| mode & 0o077 != 0));
    open.map(|path| {
        let found = format!("{} can be read by others", path.display());
        Check::failed("credentials", found, "chmod 0600")
    })
    .collect()
}

/// A user made at each start reads the file by the right of all others.
fn readable(config: &Path) -> Option<Check> {
    let is_closed = config.starts_with("/etc") && mode(config)? & 0o004 == 0;
    is_closed.then(|| {
        Check::failed(
            "configuration",
            format!("{}: the service's user cannot read it", config.display()),
            "chmod 0644: secrets never stand in it",
        )
    })
}

fn kept(journal: &Path) -> Check {
    if journal.is_dir() {
        Check::ok(JOURNAL, "kept across restarts of the machine")
    } else {
        Check::warning(
            JOURNAL,
            "it is lost when the machine restarts",
            format!(
                "mkdir {}; systemctl restart systemd-journald",
                journal.display()
            ),
        )
    }
}

/// Whether `journalctl -x` explains every event; `listed` is what its catalogue knows.
fn catalogue(path: &Path, listed: Option<&str>) -> Check {
    const WRITE: &str = "finstage events --print journal, there; journalctl --update-catalog";
    let wanted = reference::DOCUMENTS
        .iter()
        .find(|document| document.name == "journal")
        .map(reference::Document::text);
    match fs::read_to_string(path) {
        Ok(found) if Some(&found) != wanted.as_ref() => Check::warning(
            JOURNAL,
            format!("{} is another version's", path.display()),
            WRITE,
        ),
        Ok(_) if listed.is_some_and(|listed| !knows_all(listed)) => Check::warning(
            JOURNAL,
            "its catalogue has not taken in finstage's: journalctl -x explains nothing",
            "journalctl --update-catalog",
        ),
        Ok(_) => Check::ok(JOURNAL, "its catalogue knows every event"),
        Err(error) => Check::warning(
            JOURNAL,
            format!(
                "journalctl -x explains nothing: {}: {error}",
                path.display()
            ),
            WRITE,
        ),
    }
}

/// Whether a list of the catalogue (`ID finstage: SUBJECT` a line) has each event as it is now.
fn knows_all(listed: &str) -> bool {
    let listed: BTreeSet<&str> = listed.lines().collect();
    catalogue_lines().all(|line| listed.contains(line.as_str()))
}

fn catalogue_lines() -> impl Iterator<Item = String> {
    events::catalogue().map(|event| {
        let (id, code) = (reference::message_id(event), event.code);
        format!("{id} finstage: {code} {}: {}", event.name, event.message)
    })
}

#[cfg(test)]
#[path = "service_tests.rs"]
mod tests;
