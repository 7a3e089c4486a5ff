//! The database: can it be used, is it sound, whose prices are in it, who used it last?

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::super::output;
use super::Check;
use crate::config::Config;
use crate::domain::format_span;
use crate::monitor::disk_space;
use crate::store::{Activity, Store};
use crate::telemetry::Meter;

/// Less room than this, and the daemon will soon stand still.
const LEAST_FREE_BYTES: u64 = 100 << 20;

/// Less than this is worth a word.
const FEW_FREE_BYTES: u64 = 1 << 30;

/// A daemon's newest sample is older than this only when it hangs.
const STALE_SAMPLE: Duration = Duration::from_mins(2);

/// All of it; what cannot be asked because of an earlier failure is left out.
pub(super) async fn checks(config: &Config, origin: Option<&str>, now: Timestamp) -> Vec<Check> {
    let mut checks = Vec::new();
    let path = config.store.url.sqlite_path();
    let mode = path.as_deref().and_then(mode_of);
    if let Some(path) = &path {
        let directory = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        checks.push(writable(directory));
        checks.push(space(directory));
        if mode.is_none() {
            let found = format!("there is none at {} yet", path.display());
            checks.push(Check::warning(
                "database",
                found,
                "`finstage run` or `finstage migrate` makes it",
            ));
            return checks;
        }
    }
    let store = match Store::open(&config.store, Meter::default()).await {
        Ok(store) => store,
        Err(error) => {
            checks.push(Check::failed(
                "database",
                error.to_string(),
                "check the path, its owner and its mode",
            ));
            return checks;
        }
    };
    checks.push(Check::ok(
        "database",
        format!("{} can be opened", store.place()),
    ));
    checks.extend(mode.map(|mode| private(mode, path.as_deref())));
    checks.push(sound(&store).await);
    match store.pending_migrations().await {
        Ok(0) => {
            checks.push(Check::ok("schema", "up to date"));
            checks.push(whose(&store, origin).await);
            match store.activity().await {
                Ok(activity) => checks.extend(daemon(activity, now)),
                Err(error) => checks.push(Check::failed("daemon", error.to_string(), "")),
            }
        }
        Ok(pending) => checks.push(Check::warning(
            "schema",
            format!("{pending} changes are missing"),
            "`finstage migrate`; the daemon does it when it starts",
        )),
        Err(error) => checks.push(Check::failed("schema", error.to_string(), "")),
    }
    store.close().await;
    checks
}

fn mode_of(path: &Path) -> Option<u32> {
    let metadata = std::fs::metadata(path).ok()?;
    Some(metadata.permissions().mode() & 0o777)
}

/// Only trying tells: mode, owner, read-only mounts and sandboxes all have their say. SQLite makes
/// files of its own beside the database.
fn writable(directory: &Path) -> Check {
    let name = "data directory";
    let trial = directory.join(format!(".finstage-doctor-{}", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    let tried = options.write(true).create_new(true).open(&trial);
    let _ = std::fs::remove_file(&trial);
    match tried {
        Ok(_) => Check::ok(name, format!("{} can be written", directory.display())),
        Err(error) => Check::failed(
            name,
            format!("{} cannot be written: {error}", directory.display()),
            "give it to the user who runs the daemon, and run this as that user",
        ),
    }
}

fn space(directory: &Path) -> Check {
    let name = "disk space";
    let Some((available, total)) = disk_space(directory) else {
        return Check::unknown(name, "the file system of the database is not shown");
    };
    let text = |count: u64| output::bytes(i64::try_from(count).unwrap_or(i64::MAX));
    let found = format!("{} of {} free", text(available), text(total));
    let remedy = "make room, or keep less: [history] in schedules.toml";
    match available {
        0..LEAST_FREE_BYTES => Check::failed(name, found, remedy),
        LEAST_FREE_BYTES..FEW_FREE_BYTES => Check::warning(name, found, remedy),
        _ => Check::ok(name, found),
    }
}

/// `mode` is the file's before it was opened: opening takes the others' rights away.
fn private(mode: u32, path: Option<&Path>) -> Check {
    let name = "file mode";
    if is_private(mode) {
        return Check::ok(name, format!("{mode:04o}: its owner's only"));
    }
    match path.and_then(mode_of) {
        Some(now) if is_private(now) => Check::warning(
            name,
            format!("it was {mode:04o} and is {now:04o} now"),
            "others could read it; find out who widened it",
        ),
        _ => Check::warning(
            name,
            format!("{mode:04o}: others can read it"),
            "chmod 0600, unless that is meant",
        ),
    }
}

fn is_private(mode: u32) -> bool {
    let for_others = mode & 0o077;
    for_others == 0
}

async fn sound(store: &Store) -> Check {
    let name = "integrity";
    match store.quick_check().await {
        Ok(flaws) if flaws.is_empty() => Check::ok(name, "SQLite finds nothing wrong"),
        Ok(flaws) => Check::failed(
            name,
            flaws.join("; "),
            "stop the daemon, keep the file, and restore a backup",
        ),
        Err(crate::store::StoreError::Timeout { after, .. }) => {
            Check::unknown(name, format!("not done within {}", format_span(after)))
        }
        Err(error) => Check::failed(
            name,
            error.to_string(),
            "stop the daemon, keep the file, and restore a backup",
        ),
    }
}

async fn whose(store: &Store, wanted: Option<&str>) -> Check {
    let name = "prices";
    let found = match store.origin().await {
        Ok(found) => found,
        Err(error) => return Check::failed(name, error.to_string(), ""),
    };
    match (found, wanted) {
        (None, _) => Check::ok(name, "none yet: the first writer's"),
        (Some(found), Some(wanted)) if found != wanted => Check::failed(
            name,
            format!("from {found}, but the upstream is {wanted}"),
            if found == "simulated" {
                "run with --simulate, or use another database ([store] url)"
            } else {
                "use another database ([store] url), or move this one away"
            },
        ),
        (Some(found), _) => Check::ok(name, format!("from {found}")),
    }
}

fn daemon(activity: Activity, now: Timestamp) -> Vec<Check> {
    let ago = |at: Timestamp| {
        let age = now.duration_since(at);
        match Duration::try_from(age) {
            Ok(age) if age.as_secs() == 0 => "just now".to_owned(),
            Ok(age) => format!("{} ago", format_span(Duration::from_secs(age.as_secs()))),
            Err(_) => "in the future".to_owned(),
        }
    };
    let or_never = |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), ago);
    let sample = format!("last sign of life {}", or_never(activity.last_sample));
    let is_stale = activity
        .last_sample
        .is_none_or(|at| now.duration_since(at) > crate::clock::signed(STALE_SAMPLE));
    let name = "daemon";
    let mut checks = vec![match (activity.living, is_stale) {
        (0, false) => Check::ok(name, format!("none is seen here; {sample}")),
        (0, true) => Check::warning(
            name,
            format!("none is running; {sample}"),
            "start it: `finstage run`, or systemctl start finstage",
        ),
        (1, false) => Check::ok(name, format!("running; {sample}")),
        (1, true) => Check::warning(
            name,
            format!("a process uses the database; {sample}"),
            "if it is a daemon and not just begun, look at its log",
        ),
        (living, _) => Check::warning(
            name,
            format!("{living} processes use the database; {sample}"),
            "run one daemon a database; a verb beside it is fine",
        ),
    }];
    let runs = "runs";
    checks.push(if activity.dead_runs > 0 {
        Check::warning(
            runs,
            format!(
                "{} of daemons that died are still open; last claim {}",
                activity.dead_runs,
                or_never(activity.last_claim)
            ),
            "the next start of the daemon closes them",
        )
    } else {
        Check::ok(
            runs,
            format!(
                "none left open by a dead daemon; last claim {}",
                or_never(activity.last_claim)
            ),
        )
    });
    if activity
        .last_sample
        .max(activity.last_claim)
        .is_some_and(|newest| newest > now)
    {
        checks.push(Check::warning(
            "clock",
            "the newest rows are from the future",
            "the clock was set back: check time synchronisation",
        ));
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::Verdict;

    fn verdicts(activity: Activity) -> Vec<Verdict> {
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        let checks = daemon(activity, now);
        checks.iter().map(|check| check.verdict).collect()
    }

    #[test]
    fn a_daemon_that_is_gone_or_silent_is_told_and_so_are_its_open_runs() {
        let at = |text: &str| Some(text.parse().unwrap());
        let busy = Activity {
            dead_runs: 0,
            living: 1,
            last_sample: at("2026-11-22T11:59:50Z"),
            last_claim: at("2026-11-22T11:00:00Z"),
        };
        let (ok, warning) = (Verdict::Ok, Verdict::Warning);
        assert_eq!(verdicts(busy), [ok, ok]);
        assert_eq!(verdicts(Activity { living: 2, ..busy }), [warning, ok]);
        let silent = at("2026-11-22T11:50:00Z");
        let hangs = Activity {
            last_sample: silent,
            ..busy
        };
        assert_eq!(verdicts(hangs), [warning, ok]);
        let died = Activity {
            living: 0,
            dead_runs: 3,
            ..hangs
        };
        assert_eq!(verdicts(died), [warning, warning]);
        let ahead = Activity {
            last_claim: at("2026-11-22T12:00:01Z"),
            ..busy
        };
        assert_eq!(verdicts(ahead), [ok, ok, warning]);
        assert_eq!(verdicts(Activity::default()), [warning, ok]);
    }

    #[test]
    fn a_file_others_can_read_is_told() {
        assert_eq!(private(0o600, None).verdict, Verdict::Ok);
        assert_eq!(private(0o400, None).verdict, Verdict::Ok);
        assert_eq!(private(0o640, None).verdict, Verdict::Warning);
        assert_eq!(private(0o604, None).verdict, Verdict::Warning);
    }
}
