//! What is SQLite's own: the file, its mode, its journal, its locks.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use finstage::domain::DailyBar;
use finstage::store::reports::Window;
use finstage::store::{Known, Store, StoreError};
use finstage::telemetry::Meter;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, Statement};

use crate::support::database::{Database, settings};
use crate::support::disk::SmallDisk;
use crate::support::values::{answer, at, bar, claim, provisional, symbol};

/// A second connection, for looking behind the store.
pub(super) async fn behind(database: &Database) -> DatabaseConnection {
    let url = format!("sqlite://{}", database.file().display());
    sea_orm::Database::connect(url).await.unwrap()
}

pub(super) async fn one<T: sea_orm::TryGetable>(connection: &DatabaseConnection, sql: &str) -> T {
    let statement = Statement::from_string(sea_orm::DbBackend::Sqlite, sql.to_owned());
    let row = connection.query_one_raw(statement).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

async fn run(connection: &DatabaseConnection, sql: &str) {
    connection.execute_unprepared(sql).await.unwrap();
}

#[tokio::test]
async fn the_file_is_its_owners_only_and_keeps_a_write_ahead_log() {
    let database = Database::sqlite();
    let store = database.migrated().await;
    store.claim_origin("simulated").await.unwrap();
    for entry in std::fs::read_dir(database.file().parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
    }
    let journal: String = one(&behind(&database).await, "PRAGMA journal_mode").await;
    assert_eq!(journal, "wal");
    assert_eq!(
        (store.backend(), store.place().contains("prices.db")),
        ("sqlite", true)
    );
}

#[tokio::test]
async fn a_correction_raises_the_revision_and_nothing_else_does() {
    let database = Database::sqlite();
    let store = database.migrated().await;
    let (apple, now) = (symbol("AAPL"), at("2026-11-23T22:00:00Z"));
    let connection = behind(&database).await;
    for (step, expected) in [
        (provisional("2026-11-23", 10.0), 0),
        (provisional("2026-11-23", 10.1), 0),
        (bar("2026-11-23", 10.2), 0),
        (bar("2026-11-23", 10.2), 0),
        (bar("2026-11-23", 10.3), 1),
        (provisional("2026-11-23", 10.4), 1),
        (bar("2026-11-23", 10.5), 2),
    ] {
        let known = store.known(&apple, 12).await.unwrap();
        store
            .save(&apple, &answer(&[step], None), &known, now)
            .await
            .unwrap();
        let revision: i32 = one(&connection, "SELECT revision FROM daily_bars").await;
        assert_eq!(revision, expected, "{step:?}");
    }
}

#[tokio::test]
async fn runs_of_another_living_process_are_left_alone() {
    let database = Database::sqlite();
    let store = database.migrated().await;
    #[allow(
        clippy::disallowed_methods,
        reason = "compared with the start of a real process"
    )]
    let now = jiff::Timestamp::now();
    let other = store.begin_epoch(now).await.unwrap();
    let own = store.begin_epoch(now).await.unwrap();
    let ours = store.claim(&[claim("a", now)], other, now).await.unwrap();
    let id = ours[0].unwrap().run_id;
    let connection = behind(&database).await;
    // Process 1 lives as long as the machine does.
    let stat = std::fs::read_to_string("/proc/1/stat").unwrap();
    let started = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_ascii_whitespace()
        .nth(19)
        .unwrap();
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let rename = |process: String| {
        format!(
            "UPDATE daemon_epochs SET process = '{process}' WHERE id = {}",
            other.0
        )
    };
    run(&connection, &rename(format!("{}:1:{started}", boot.trim()))).await;
    assert!(store.interrupted(own).await.unwrap().is_empty());
    // The number was used again: a process of another boot is not it.
    run(&connection, &rename(format!("another-boot:1:{started}"))).await;
    let interrupted = store.interrupted(own).await.unwrap();
    assert_eq!((interrupted.len(), interrupted[0].run_id), (1, id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_writing_at_once_never_find_the_database_locked() {
    let database = Database::sqlite();
    let stores = [database.migrated().await, database.open().await];
    let now = at("2026-11-23T22:00:00Z");
    let mut writers = tokio::task::JoinSet::new();
    for (number, store) in stores.into_iter().enumerate() {
        writers.spawn(async move {
            let epoch = store.begin_epoch(now).await.unwrap();
            for n in 0..200 {
                let name = symbol(&format!("S{number}-{n}"));
                let known = store.known(&name, 12).await.unwrap();
                let answer = answer(&[bar("2026-11-20", 10.0), bar("2026-11-23", 11.0)], None);
                store.save(&name, &answer, &known, now).await.unwrap();
                let fire = claim("both", jiff::Timestamp::from_second(n).unwrap());
                store.claim(&[fire], epoch, now).await.unwrap();
            }
            store
        });
    }
    let store = writers.join_next().await.unwrap().unwrap();
    while let Some(joined) = writers.join_next().await {
        joined.unwrap();
    }
    let all = Window::new(jiff::Timestamp::UNIX_EPOCH, at("2100-01-01T00:00:00Z"), 1);
    assert_eq!(store.run_report(&all).await.unwrap().schedules.len(), 1);
    let connection = behind(&database).await;
    assert_eq!(
        one::<i64>(&connection, "SELECT count(*) FROM daily_bars").await,
        800
    );
    assert_eq!(
        one::<i64>(&connection, "SELECT count(*) FROM runs").await,
        200
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_starting_at_once_on_a_new_database_both_find_it_ready() {
    for _ in 0..10 {
        let database = Database::sqlite();
        let (one, two) = tokio::join!(database.open(), database.open());
        let (first, second) = tokio::join!(
            tokio::task::unconstrained(one.migrate()),
            tokio::task::unconstrained(two.migrate())
        );
        first.unwrap();
        second.unwrap();
        assert_eq!(one.pending_migrations().await.unwrap(), 0);
    }
}

/// The error of opening and migrating what is at `path`.
async fn refusal(path: &Path) -> StoreError {
    let store = match Store::open(&settings(path), Meter::default()).await {
        Ok(store) => store,
        Err(error) => return error,
    };
    store.migrate().await.expect_err("it was accepted")
}

#[tokio::test]
async fn a_path_that_cannot_be_a_database_is_told_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let garbage = folder.path().join("garbage.db");
    std::fs::write(&garbage, "no database at all ".repeat(100)).unwrap();
    let directory = folder.path().join("directory.db");
    std::fs::create_dir(&directory).unwrap();
    for path in [garbage, directory, folder.path().join("missing/prices.db")] {
        let error = refusal(&path).await.to_string();
        assert!(error.contains(path.to_str().unwrap()), "{error}");
    }
}

#[tokio::test]
async fn a_file_that_may_only_be_read_is_told_with_its_path() {
    let database = Database::sqlite();
    database.open().await.close().await;
    let read_only = std::fs::Permissions::from_mode(0o400);
    std::fs::set_permissions(database.file(), read_only).unwrap();
    if std::fs::OpenOptions::new()
        .append(true)
        .open(database.file())
        .is_ok()
    {
        eprintln!("SKIPPED: this user (root?) may write read-only files");
        return;
    }
    let error = refusal(&database.file()).await.to_string();
    assert!(error.contains(database.file().to_str().unwrap()), "{error}");
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_left_alone() {
    let database = Database::sqlite();
    let store = database.migrated().await;
    let connection = behind(&database).await;
    run(
        &connection,
        "INSERT INTO seaql_migrations VALUES ('m29991231_000001_the_future', 1)",
    )
    .await;
    let error = store.migrate().await.unwrap_err();
    assert!(matches!(error, StoreError::TooNew { .. }), "{error}");
    assert!(error.to_string().contains("upgrade the program"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_full_disk_what_is_called_saved_is_there_and_what_is_not_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_disk) = SmallDisk::at(folder.path(), "1m") else {
        return;
    };
    let file = folder.path().join("prices.db");
    let store = Store::open(&settings(&file), Meter::default())
        .await
        .unwrap();
    store.migrate().await.unwrap();
    let now = at("2026-11-23T22:00:00Z");
    let bars: Vec<DailyBar> = (0..2_500)
        .map(|day| DailyBar {
            trading_date: jiff::civil::date(2016, 1, 1).saturating_add(jiff::Span::new().days(day)),
            ..bar("2016-01-01", 10.0)
        })
        .collect();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..12 {
        let (store, answer) = (store.clone(), answer(&bars, None));
        tasks.spawn(async move {
            let name = symbol(&format!("S{number}"));
            let saved = store.save(&name, &answer, &Known::default(), now).await;
            (name, saved.is_ok())
        });
    }
    let saves = tasks.join_all().await;
    assert!(saves.iter().any(|(_, saved)| *saved), "the first fits");
    assert!(saves.iter().any(|(_, saved)| !*saved), "not all fit");
    for (name, saved) in saves {
        let found = store.known(&name, 5_000).await.unwrap().bars.len();
        assert_eq!(
            found,
            if saved { bars.len() } else { 0 },
            "{name}: saved = {saved}"
        );
    }
}
