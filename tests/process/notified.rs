//! What systemd is told, datagram by datagram, on a socket like its own.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use super::daemon::{Daemon, Home};
use super::world::{config, idle, quick, sql, table};

/// systemd's end of the socket; a bound for a broken build, never reached by a good one.
const PATIENCE: Duration = Duration::from_mins(1);

struct Manager {
    socket: UnixDatagram,
    path: String,
}

impl Manager {
    fn new(home: &Home) -> Self {
        let path = home.path().join("notify.sock");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let path = path.to_str().unwrap().to_owned();
        Self { socket, path }
    }

    fn start(&self, home: &Home) -> Daemon {
        home.start_in(&["run"], &[("NOTIFY_SOCKET", &self.path)])
    }

    /// The next datagram, its lines.
    fn next(&self) -> Vec<String> {
        let mut bytes = [0; 4096];
        let length = self.socket.recv(&mut bytes).expect("a datagram");
        let text = std::str::from_utf8(&bytes[..length]).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    /// The next one that begins like that.
    fn wait_for(&self, first: &str) -> Vec<String> {
        loop {
            let lines = self.next();
            if lines[0].starts_with(first) {
                return lines;
            }
        }
    }
}

#[test]
fn systemd_hears_of_start_life_reload_and_end_each_in_one_datagram() {
    let (_runtime, simulator) = quick();
    let home = Home::new(&config(&simulator, &idle("year", "\"A\"")));
    let manager = Manager::new(&home);
    let daemon = manager.start(&home);
    let migrating = manager.next();
    assert!(migrating[0].contains("schema"), "{migrating:?}");
    assert_eq!(migrating[1], "EXTEND_TIMEOUT_USEC=900000000");
    let ready = ["READY=1", "STATUS=serving 1 schedules"];
    assert_eq!(manager.wait_for("READY"), ready);
    // By the planner through the runtime, again and again.
    for _ in 0..3 {
        assert_eq!(manager.wait_for("WATCHDOG"), ["WATCHDOG=1"]);
    }
    daemon.signal("-HUP");
    let reloading = manager.wait_for("RELOADING");
    let moment = reloading[1].strip_prefix("MONOTONIC_USEC=").unwrap();
    assert!(moment.parse::<u64>().unwrap() > 0, "{reloading:?}");
    assert_eq!(manager.wait_for("READY"), ready);
    home.write("[schedules.year]\njob = \"quotez\"\n");
    daemon.signal("-HUP");
    let wanted = "STATUS=serving 1 schedules; a newer configuration was rejected (";
    while !manager.wait_for("READY")[1].starts_with(wanted) {}
    let text = config(&simulator, &idle("year", "\"A\"")).replace("100ms", "40s");
    home.write(&text);
    daemon.signal("-HUP");
    while manager.wait_for("READY") != ready {}
    daemon.stop();
    let stopping = manager.wait_for("STOPPING");
    assert_eq!(
        stopping[1..],
        [
            "STATUS=draining the runs in flight",
            "EXTEND_TIMEOUT_USEC=55000000"
        ],
        "the drain of the file in force, and a margin"
    );
}

#[test]
fn a_database_that_fails_makes_a_degraded_daemon_and_no_start_that_never_ends() {
    let (_runtime, simulator) = quick();
    let soon = table("soon", "\"A\"", "every = \"1s\"");
    let home = Home::new(&config(&simulator, &soon));
    let manager = Manager::new(&home);
    assert!(home.verb(&["migrate"]).status.success());
    sql(&home, "ALTER TABLE schedule_state RENAME TO lost");
    let mut daemon = manager.start(&home);
    daemon.wait_for_event("store.unavailable");
    let degraded = manager.wait_for("READY");
    assert_eq!(
        degraded[1],
        "STATUS=degraded: the database cannot be used; nothing is planned yet"
    );
    sql(&home, "ALTER TABLE lost RENAME TO schedule_state");
    assert_eq!(manager.wait_for("READY")[1], "STATUS=serving 1 schedules");
    daemon.wait_for_event("run.finished");
    sql(&home, "ALTER TABLE runs RENAME TO lost");
    let degraded = ["STATUS=degraded: the database cannot be used; serving 1 schedules"];
    while manager.wait_for("STATUS") != degraded {}
    sql(&home, "ALTER TABLE lost RENAME TO runs");
    assert_eq!(
        manager.wait_for("STATUS"),
        ["STATUS=serving 1 schedules"],
        "and it goes on by itself"
    );
    daemon.wait_for_event("run.finished");
    daemon.stop();
}
