//! Tests of the service's checks.

use super::*;
use crate::cli::doctor::Verdict;

const WELL: &str = "LoadState=loaded\nActiveState=active\nSubState=running\n\
                    UnitFileState=enabled\nResult=success\nExecMainStatus=0\nNRestarts=0\n\
                    NeedDaemonReload=no\nWatchdogUSec=30s\nStatusText=serving 7 schedules\n\
                    LogRateLimitBurst=20000\n";

/// Verdicts and what is found for a unit like the good one but for `change`.
fn of(change: (&str, &str)) -> Vec<(Verdict, String)> {
    let shown = WELL.replace(change.0, change.1);
    assert!(change.0.is_empty() || shown != WELL, "{change:?}");
    let checks = Unit::read(&shown).checks();
    checks
        .into_iter()
        .map(|check| (check.verdict, check.found))
        .collect()
}

#[test]
fn a_service_that_runs_and_comes_back_is_well() {
    assert_eq!(of(("", "")), [(Verdict::Ok, "active (running)".to_owned())]);
}

#[test]
fn each_flaw_of_a_service_is_told_with_what_is_wrong() {
    let told = |change, verdict, part: &str| {
        let found = of(change);
        assert!(
            found
                .iter()
                .any(|(v, text)| *v == verdict && text.contains(part)),
            "{change:?}: {found:?}"
        );
    };
    let failed = ("ActiveState=active", "ActiveState=failed");
    told(failed, Verdict::Failed, "success, status 0");
    let degraded = ("Text=serving", "Text=degraded: the database");
    told(degraded, Verdict::Failed, "the database");
    let inactive = ("ActiveState=active", "ActiveState=inactive");
    told(inactive, Verdict::Warning, "inactive");
    let restarted = ("NRestarts=0", "NRestarts=3");
    told(restarted, Verdict::Warning, "again 3 times");
    let disabled = ("=enabled", "=disabled");
    told(
        disabled,
        Verdict::Warning,
        "not started when the machine is",
    );
    let edited = ("NeedDaemonReload=no", "NeedDaemonReload=yes");
    told(edited, Verdict::Warning, "not read");
    let unwatched = ("WatchdogUSec=30s", "WatchdogUSec=infinity");
    told(unwatched, Verdict::Warning, "no watchdog");
    let quiet = ("Burst=20000", "Burst=500");
    told(quiet, Verdict::Warning, "500 lines");
    assert_eq!(of(("Burst=20000", "Burst=0")).len(), 1, "the journal's own");
}

#[test]
fn rights_that_are_too_wide_or_too_narrow_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let give = |path: &Path, mode: u32| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    give(folder.path(), 0o700);
    assert_eq!(state(folder.path()).unwrap().verdict, Verdict::Ok);
    give(folder.path(), 0o750);
    assert_eq!(state(folder.path()).unwrap().verdict, Verdict::Warning);
    assert!(state(&folder.path().join("none")).is_none());
    let key = folder.path().join("tiingo_api_key");
    fs::write(&key, "k").unwrap();
    give(&key, 0o600);
    assert!(credentials(folder.path()).is_empty());
    give(&key, 0o640);
    let found = credentials(folder.path());
    assert_eq!(found[0].verdict, Verdict::Failed);
    assert!(found[0].found.contains("tiingo_api_key"), "{found:?}");
    assert!(credentials(&key).is_empty(), "no folder, no credentials");
    assert!(
        readable(&key).is_none(),
        "only what is in /etc is the service's"
    );
}

#[test]
fn a_journal_that_is_lost_and_a_catalogue_of_another_version_are_told() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(kept(folder.path()).verdict, Verdict::Ok);
    assert_eq!(kept(&folder.path().join("none")).verdict, Verdict::Warning);
    let file = folder.path().join("finstage.catalog");
    let all: Vec<String> = catalogue_lines().collect();
    let listed = all.join("\n");
    let is = |listed: &str, verdict, part: &str| {
        let check = catalogue(&file, Some(listed));
        assert_eq!(check.verdict, verdict, "{}", check.found);
        assert!(check.found.contains(part), "{}", check.found);
    };
    is(&listed, Verdict::Warning, "finstage.catalog: No such file");
    fs::write(&file, "-- 0\n").unwrap();
    is(&listed, Verdict::Warning, "another version's");
    let ours = include_str!("../../../systemd/finstage.catalog");
    fs::write(&file, ours).unwrap();
    is(&listed, Verdict::Ok, "knows every event");
    is("", Verdict::Warning, "has not taken in");
    let older = listed.replace("FS1002 daemon.ready: ready", "FS1002 daemon.ready: set");
    is(&older, Verdict::Warning, "has not taken in");
    assert_eq!(catalogue(&file, None).verdict, Verdict::Ok, "not asked");
}

#[test]
fn a_machine_without_systemd_is_not_asked() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places {
        booted: folder.path().join("none"),
        ..Places::default()
    };
    let found = checks(&places, None);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].verdict, Verdict::Unknown);
}
