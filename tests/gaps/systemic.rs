//! A session a whole market lacks is one event.

use finstage::clock::Clock;

use super::heard::Ear;
use super::market::Holey;
use super::world::World;

const TEN: [&str; 10] = ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J"];

async fn lacking(symbols: &[&str], session: &str, clock: Clock) -> (std::sync::Arc<Holey>, World) {
    let upstream = Holey::new("XNYS", "NMS", clock.clone());
    for symbol in symbols {
        upstream.lose(symbol, &[session]);
    }
    let world = World::new(upstream.clone(), clock).await;
    (upstream, world)
}

#[tokio::test]
async fn a_session_many_symbols_lack_is_told_once_also_after_a_restart() {
    let (ear, _guard) = Ear::listen();
    let (upstream, mut world) = lacking(&TEN[..4], "2026-11-18", World::saturday()).await;
    for _ in 0..2 {
        world.bars(&TEN).await;
        world.restart(upstream.clone());
    }
    let told = ear.heard("data.systemic_gap");
    assert_eq!(told.len(), 1, "{told:?}");
    for (key, value) in [
        ("code", "FS5020"),
        ("calendar", "XNYS"),
        ("session", "2026-11-18"),
        ("symbols.missing", "4"),
        ("symbols.watched", "10"),
        ("share_percent", "40"),
        ("older_sessions", "0"),
    ] {
        assert_eq!(told[0][key], value, "{key}");
    }
    assert_eq!(
        ear.heard("data.gaps_found").len(),
        4,
        "at DEBUG, one a symbol"
    );
    upstream.lose("A", &["2026-11-19"]);
    upstream.lose("B", &["2026-11-19"]);
    world.pass(1);
    world.fill(&TEN).await;
    assert_eq!(ear.heard("data.systemic_gap").len(), 1);
}

#[tokio::test]
async fn two_symbols_or_a_fifth_of_them_are_their_own_affair() {
    let (ear, _guard) = Ear::listen();
    let (_, world) = lacking(&TEN[..2], "2026-11-18", World::saturday()).await;
    world.bars(&TEN[..3]).await;
    assert_eq!(ear.heard("data.systemic_gap"), [], "two of three");
    let many: Vec<String> = (0..15).map(|n| format!("S{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let (_, world) = lacking(&many[..3], "2026-11-18", World::saturday()).await;
    world.bars(&many).await;
    assert_eq!(ear.heard("data.systemic_gap"), [], "three of fifteen");
}

#[tokio::test]
async fn a_bad_month_is_told_with_its_newest_sessions() {
    let (ear, _guard) = Ear::listen();
    let clock = World::saturday();
    let upstream = Holey::new("XNYS", "NMS", clock.clone());
    let lost = [
        "2026-11-09",
        "2026-11-10",
        "2026-11-11",
        "2026-11-12",
        "2026-11-13",
        "2026-11-16",
        "2026-11-17",
    ];
    for symbol in &TEN[..3] {
        upstream.lose(symbol, &lost);
    }
    let world = World::new(upstream, clock).await;
    world.bars(&TEN[..5]).await;
    let told = ear.heard("data.systemic_gap");
    let sessions: Vec<&str> = told.iter().map(|event| event["session"].as_str()).collect();
    let mut newest = lost[2..].to_vec();
    newest.reverse();
    assert_eq!(sessions, newest);
    assert!(told.iter().all(|event| event["older_sessions"] == "2"));
}
