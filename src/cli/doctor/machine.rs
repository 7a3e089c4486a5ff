//! The machine: time zones, certificates, the clock, limits.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::Check;
use crate::config::Config;

/// Where the rules of the zones are, unless TZDIR says otherwise.
const ZONES: &str = "/usr/share/zoneinfo";

/// Where the usual systems keep the certificates of authorities.
const CERTIFICATES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Written by systemd-timesyncd when it has set the clock.
const TIMESYNC: &str = "/run/systemd/timesync/synchronized";

/// Files the daemon opens beside its connections: log, database, journal, sockets.
const FILES_OF_ITS_OWN: u64 = 64;

pub(super) fn checks(config: Option<&Config>, now: Timestamp) -> Vec<Check> {
    let zones = std::env::var_os("TZDIR").map_or_else(|| PathBuf::from(ZONES), PathBuf::from);
    let needs_certificates =
        config.is_none_or(|config| config.yahoo.base_url.starts_with("https:"));
    let given = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    vec![
        zone_rules(&zones, now),
        certificates(given.as_deref(), needs_certificates),
        clock(Path::new(TIMESYNC), super::service::is_synchronised),
        open_files(&limits, config),
    ]
}

fn zone_rules(directory: &Path, now: Timestamp) -> Check {
    let name = "time zones";
    if !directory.join("America/New_York").exists() {
        let found = format!("{} has no rules", directory.display());
        return Check::failed(name, found, "install the package tzdata");
    }
    let Some(version) = zone_version(directory) else {
        let found = format!("{}, version unknown", directory.display());
        return Check::ok(name, found);
    };
    let found = format!("{}, version {version}", directory.display());
    let year = version.get(..4).and_then(|year| year.parse::<i16>().ok());
    let this_year = now.to_zoned(jiff::tz::TimeZone::UTC).year();
    match year {
        Some(year) if year + 1 < this_year => Check::warning(
            name,
            found,
            "governments change their clocks: update the package tzdata",
        ),
        _ => Check::ok(name, found),
    }
}

/// `2025b`: in a file of its own, or in the first line of the rules (`# version 2025b`).
fn zone_version(directory: &Path) -> Option<String> {
    let plain = fs::read_to_string(directory.join("+VERSION")).ok();
    let text = plain.or_else(|| {
        let rules = fs::read_to_string(directory.join("tzdata.zi")).ok()?;
        let first = rules.lines().next()?;
        Some(first.strip_prefix("# version ")?.to_owned())
    })?;
    let version = text.trim();
    (!version.is_empty()).then(|| version.to_owned())
}

fn certificates(given: Option<&Path>, is_needed: bool) -> Check {
    let name = "certificates";
    if !is_needed {
        return Check::ok(
            name,
            "not needed: the upstream is plain http on this machine",
        );
    }
    let usual = CERTIFICATES.map(Path::new);
    let files = given.map_or_else(|| usual.to_vec(), |given| vec![given]);
    let found = files.into_iter().find_map(|path| {
        let text = fs::read_to_string(path).ok()?;
        let count = text.matches("-----BEGIN CERTIFICATE-----").count();
        (count > 0).then(|| format!("{count} authorities in {}", path.display()))
    });
    match found {
        Some(found) => Check::ok(name, found),
        None => Check::failed(
            name,
            "no certificates of authorities were found",
            "install the package ca-certificates, or name a file in SSL_CERT_FILE",
        ),
    }
}

fn clock(timesync: &Path, is_synchronised: impl FnOnce() -> Option<bool>) -> Check {
    let name = "clock";
    if timesync.exists() {
        return Check::ok(name, "systemd-timesyncd has set it");
    }
    match is_synchronised() {
        Some(true) => return Check::ok(name, "it is synchronised"),
        Some(false) => {
            let remedy = "timedatectl set-ntp true, or install chrony";
            return Check::warning(name, "nobody synchronises it", remedy);
        }
        None => {}
    }
    let others = ["/run/chrony", "/run/ntpd.pid", "/run/ntpsec"];
    match others.iter().find(|path| Path::new(path).exists()) {
        Some(path) => Check::unknown(name, format!("{path} is there: another service may set it")),
        None => Check::unknown(name, "nothing tells whether it is synchronised"),
    }
}

/// From `/proc/self/limits`: the limit of this process; a service may have another.
fn open_files(limits: &str, config: Option<&Config>) -> Check {
    let name = "open files";
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_ascii_whitespace().next());
    let needed = config.map_or(FILES_OF_ITS_OWN, |config| {
        let pool = config.store.pool;
        // SQLite: the file, its log and the index of that log.
        let store = 3 * u64::from(pool.max + pool.overflow);
        FILES_OF_ITS_OWN + u64::from(config.yahoo.concurrency) + store
    });
    match soft {
        None => Check::unknown(name, "/proc/self/limits does not tell"),
        Some("unlimited") => Check::ok(name, "no limit"),
        Some(soft) => match soft.parse::<u64>() {
            Ok(limit) if limit < needed => Check::warning(
                name,
                format!("at most {limit}, {needed} may be needed"),
                "raise it: `ulimit -n`, or LimitNOFILE= of the service",
            ),
            _ => Check::ok(name, format!("at most {soft}, {needed} may be needed")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::Verdict;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_rules_of_the_zones_are_found_with_their_version_and_age() {
        let folder = tempfile::tempdir().unwrap();
        let check = |now: &str| zone_rules(folder.path(), at(now));
        assert_eq!(check("2026-11-22T00:00:00Z").verdict, Verdict::Failed);
        fs::create_dir(folder.path().join("America")).unwrap();
        fs::write(folder.path().join("America/New_York"), "TZif").unwrap();
        assert!(check("2026-11-22T00:00:00Z").found.contains("unknown"));
        fs::write(folder.path().join("tzdata.zi"), "# version 2025b\nR x\n").unwrap();
        let recent = check("2026-11-22T00:00:00Z");
        assert_eq!(recent.verdict, Verdict::Ok);
        assert!(recent.found.ends_with("version 2025b"), "{recent:?}");
        assert_eq!(check("2027-01-02T00:00:00Z").verdict, Verdict::Warning);
        fs::write(folder.path().join("+VERSION"), "2027a\n").unwrap();
        assert!(check("2027-01-02T00:00:00Z").found.ends_with("2027a"));
    }

    #[test]
    fn certificates_are_counted_and_their_absence_is_a_failure_where_they_are_needed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        assert_eq!(certificates(Some(&file), true).verdict, Verdict::Failed);
        assert_eq!(certificates(Some(&file), false).verdict, Verdict::Ok);
        fs::write(&file, "-----BEGIN CERTIFICATE-----\nx\n".repeat(3)).unwrap();
        let found = certificates(Some(&file), true).found;
        assert!(found.starts_with("3 authorities"), "{found}");
    }

    #[test]
    fn a_clock_nobody_vouches_for_is_unknown_and_not_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("synchronized");
        assert_eq!(clock(&mark, || None).verdict, Verdict::Unknown);
        assert_eq!(clock(&mark, || Some(true)).verdict, Verdict::Ok);
        assert_eq!(clock(&mark, || Some(false)).verdict, Verdict::Warning);
        fs::write(&mark, "").unwrap();
        assert_eq!(clock(&mark, || Some(false)).verdict, Verdict::Ok);
    }

    #[test]
    fn a_limit_on_open_files_below_the_need_is_told() {
        let limits = |soft: &str| format!("Limit  Soft\nMax open files   {soft}  524288  files\n");
        let verdict = |text: &str| open_files(text, None).verdict;
        assert_eq!(verdict(&limits("1024")), Verdict::Ok);
        assert_eq!(verdict(&limits("63")), Verdict::Warning);
        assert_eq!(verdict(&limits("unlimited")), Verdict::Ok);
        assert_eq!(verdict(""), Verdict::Unknown);
    }
}
