//! The control socket: whose it is, who may ask, and what nonsense does to it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::daemon::Home;
use super::world::{all_closed, config, hanging, idle, quick};
use crate::support::random::Random;

/// Sends bytes and hangs up; gives what came back. A daemon that closes first is no error.
fn send(home: &Home, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(home.socket()).unwrap();
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

#[test]
fn without_a_daemon_every_order_says_how_to_start_one() {
    let home = Home::new(&idle("year", "\"A\""));
    for order in [
        &["status"][..],
        &["trigger", "year"],
        &["retry", "1"],
        &["cancel", "1"],
        &["pause", "year"],
        &["resume", "year"],
        &["reload"],
    ] {
        let said = home.say(order);
        assert_eq!(said.code, Some(69), "{order:?}: {said:?}");
        assert!(
            said.stderr.contains("start one with `finstage run`"),
            "{said:?}"
        );
        assert!(said.stderr.contains("finstage.sock"), "{said:?}");
    }
}

#[test]
fn the_socket_is_for_owner_and_group_and_gone_after_an_orderly_end() {
    let (_runtime, simulator) = quick();
    let home = Home::new(&config(&simulator, &idle("year", "\"A\"")));
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("daemon.ready");
    let mode = std::fs::metadata(home.socket())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o660);
    daemon.stop();
    assert!(!home.socket().exists());
}

#[test]
fn the_socket_of_a_killed_daemon_is_replaced() {
    let (_runtime, simulator) = quick();
    let home = Home::new(&config(&simulator, &idle("year", "\"A\"")));
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("daemon.ready");
    daemon.kill();
    assert!(home.socket().exists(), "nobody was there to remove it");
    let said = home.say(&["status"]);
    assert_eq!(said.code, Some(69), "nobody behind it: {said:?}");
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("daemon.ready");
    assert_eq!(home.status()["pid"], daemon.pid());
    let log = daemon.stop();
    assert!(
        log.iter()
            .all(|event| event["event"] != "daemon.no_control")
    );
}

#[test]
fn a_second_daemon_does_not_take_the_first_ones_socket() {
    let (_runtime, simulator) = quick();
    let home = Home::new(&config(&simulator, &idle("year", "\"A\"")));
    let mut first = home.start(&["run"]);
    first.wait_for_event("daemon.ready");
    let mut second = home.start(&["run"]);
    let refused = second.wait_for_event("daemon.no_control");
    assert_eq!(refused["reason"], "another daemon listens there");
    second.wait_for_event("daemon.ready");
    assert_eq!(home.status()["pid"], first.pid());
    second.stop();
    assert_eq!(
        home.status()["pid"],
        first.pid(),
        "its end takes nothing away"
    );
    first.stop();
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let (_runtime, simulator) = quick();
    let home = Home::new(&config(&simulator, &idle("year", "\"A\"")));
    std::fs::write(home.socket(), "mine").unwrap();
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("daemon.no_control");
    daemon.wait_for_event("daemon.ready");
    daemon.stop();
    assert_eq!(std::fs::read_to_string(home.socket()).unwrap(), "mine");
}

#[test]
fn nonsense_on_the_socket_does_no_harm() {
    let (_runtime, simulator) = quick();
    let home = Home::new(&config(&simulator, &idle("year", "\"A\"")));
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("daemon.ready");
    for text in [
        "\n",
        "{}\n",
        "nonsense\n",
        "[[[[[[[[",
        "{\"verb\":\"status\"",
        "{\"verb\":\"explode\"}\n",
        "{\"verb\":\"resume\",\"schedule\":\"year\",\"more\":1}\n",
        "{\"verb\":\"cancel\",\"run\":\"one\"}\n",
        "{\"verb\":\"cancel\",\"run\":99999999999999999999}\n",
        "{\"verb\":\"trigger\",\"schedule\":\"year\"}\n",
        "{\"verb\":\"pause\",\"schedule\":\"year\",\"until\":\"soon\",\"note\":null}\n",
    ] {
        let answer = send(&home, text.as_bytes());
        assert!(
            answer.starts_with("{\"refused\":\"not a request: "),
            "{text:?}: {answer}"
        );
    }
    assert!(
        send(&home, &"[".repeat(200_000).into_bytes()).contains("refused"),
        "deep"
    );
    let huge = format!("{{\"verb\":\"{}", "x".repeat(3 << 20));
    let _ = send(&home, huge.as_bytes());
    assert_eq!(send(&home, b""), "");
    let mut random = Random::named(7, "nonsense");
    for _ in 0..200 {
        let length = usize::try_from(random.between(1, 300)).unwrap();
        let bytes: Vec<u8> = (0..length)
            .map(|_| random.word().to_le_bytes()[0])
            .collect();
        let _ = send(&home, &bytes);
    }
    assert_eq!(home.status()["pid"], daemon.pid());
    let ended = home.json(&["trigger", "year", "--wait", "--json"]);
    assert_eq!(ended["state"], "succeeded");
    let log = daemon.stop();
    assert!(
        log.iter().all(|event| event["level"] != "error"),
        "{log:#?}"
    );
    assert_eq!(
        home.ledger().len(),
        1,
        "nothing of it was taken for an order"
    );
}

#[test]
fn those_who_connect_and_say_nothing_hold_nobody_up_for_long() {
    let (_runtime, simulator) = quick();
    let home = Home::new(&config(&simulator, &idle("year", "\"A\"")));
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("daemon.ready");
    let silent: Vec<UnixStream> = (0..40)
        .map(|_| UnixStream::connect(home.socket()).unwrap())
        .collect();
    assert_eq!(home.status()["pid"], daemon.pid());
    drop(silent);
    daemon.stop();
}

#[test]
fn those_who_wait_for_runs_hold_nobody_up() {
    let (_runtime, simulator) = hanging();
    let home = Home::new(&config(&simulator, &idle("year", "\"A\"")));
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("daemon.ready");
    let waiting: Vec<BufReader<UnixStream>> = (0..40)
        .map(|_| {
            let mut stream = UnixStream::connect(home.socket()).unwrap();
            stream
                .set_read_timeout(Some(Duration::from_secs(10)))
                .unwrap();
            let order = "{\"verb\":\"trigger\",\"schedule\":\"year\",\"symbols\":[],\
                         \"overlap_policy\":\"allow_all\",\"wait\":true}\n";
            stream.write_all(order.as_bytes()).unwrap();
            let mut reader = BufReader::new(stream);
            let mut first = String::new();
            reader.read_line(&mut first).expect("an answer at once");
            assert!(first.starts_with("{\"run\":"), "{first}");
            reader
        })
        .collect();
    let status = home.status();
    assert_eq!(status["schedules"][0]["running"], 40, "{status:#}");
    daemon.stop();
    for mut reader in waiting {
        let mut end = String::new();
        reader.read_line(&mut end).unwrap();
        assert!(
            end.contains("\"state\":\"cancelled\""),
            "each hears of its run's end: {end}"
        );
    }
    all_closed(&home.ledger());
}
