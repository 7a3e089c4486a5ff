//! A thousand changes of the file while the daemon reads it: cut off, half written, renamed, broken
//! and whole.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use super::daemon::Home;
use super::world::{all_closed, begun_once, config, idle, is_gapless, quick, table};
use crate::support::random::Random;

const CHANGES: usize = 1_000;

/// Orders a reload; true when the file was taken.
fn reload(home: &Home) -> bool {
    let mut stream = UnixStream::connect(home.socket()).unwrap();
    stream
        .write_all(b"{\"verb\":\"reload\",\"dry_run\":false}\n")
        .unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    let answer: Value = serde_json::from_str(&answer).expect(&answer);
    answer.get("reloaded").is_some()
}

/// Changes the file in one of the ways that happen.
fn change(home: &Home, random: &mut Random, texts: &[String; 2]) {
    let file = home.path().join("schedules.toml");
    let text = random.pick(texts);
    let part = usize::try_from(random.between(0, i64::try_from(text.len()).unwrap())).unwrap();
    match random.between(0, 6) {
        0 => std::fs::write(&file, "").unwrap(),
        1 => std::fs::write(&file, &text.as_bytes()[..part]).unwrap(),
        2 => std::fs::write(&file, format!("{text}\nbogus = [")).unwrap(),
        3 => drop(std::fs::remove_file(&file)),
        4 => std::fs::write(&file, text).unwrap(),
        5 => {
            let draft = home.path().join("draft.toml");
            std::fs::write(&draft, text).unwrap();
            std::fs::rename(&draft, &file).unwrap();
        }
        _ => {
            let mut slowly = std::fs::File::create(&file).unwrap();
            for piece in text.as_bytes().chunks(64) {
                slowly.write_all(piece).unwrap();
            }
        }
    }
}

#[test]
fn a_thousand_races_with_the_writer_lose_and_double_nothing() {
    let (_runtime, simulator) = quick();
    // Each file's last line is what all of it needs: no part of a file is one.
    let last = "[symbols]\nlast = [\"A\"]\n";
    let text = |trigger: &str, own: &str| {
        let steady = table("steady", "\"@last\"", "every = \"1s\"");
        // The same instants in other words: its timing counts as changed at each turn.
        let turning = table("turning", "\"@last\"", trigger);
        let own = idle(own, "\"@last\"");
        config(&simulator, &format!("{steady}{turning}{own}{last}"))
    };
    let texts = [
        text("every = \"1s\"", "only-a"),
        text("cron = \"* * * * * *\"", "only-b"),
    ];
    let home = Home::new(&texts[0]);
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_schedule("run.finished", "turning");
    let mut random = Random::named(11, "races");
    let is_over = AtomicBool::new(false);
    let (mut taken, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        // One more who reads while the file is being written.
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                reload(&home);
            }
        });
        for turn in 0..CHANGES {
            change(&home, &mut random, &texts);
            if turn % 50 == 0 {
                daemon.signal("-HUP");
            }
            if reload(&home) {
                taken += 1;
            } else {
                refused += 1;
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let last = texts[1].replace("only-b", "the-last");
    home.write(&last);
    assert!(reload(&home));
    let status = home.status();
    let names: Vec<&Value> = status["schedules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["schedule"])
        .collect();
    assert_eq!(names, ["steady", "the-last", "turning"]);
    assert_eq!(status["config_problems"], 0);
    daemon.wait_for_schedule("run.finished", "turning");
    let log = daemon.stop();
    eprintln!("races: {taken} taken, {refused} refused");
    assert!(taken > 100 && refused > 100, "{taken} and {refused}");
    assert!(log.iter().all(|event| event["event"] != "bug.panic"));
    begun_once(&log);
    let rows = home.ledger();
    all_closed(&rows);
    for schedule in ["steady", "turning"] {
        let rows = is_gapless(&rows, schedule);
        assert!(rows.len() > 3, "{rows:#?}");
    }
}
