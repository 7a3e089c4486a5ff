//! A real Redis that is shared, killed, hung and started again.

use std::sync::Arc;
use std::time::Duration;

use finstage::cache::{Loaded, RemoteSettings, Source, Value};
use finstage::clock;
use tokio::task::JoinSet;

use super::{World, hit, key, terms};
use crate::support::redis::{RedisCluster, RedisServer};

/// A call ends within its 100 ms; the rest is what a busy machine may add.
const ONE_CALL: Duration = Duration::from_millis(400);

/// A reader may look, load and write.
const ONE_READ: Duration = Duration::from_secs(2);

/// Reads so many keys at once, each within its time.
async fn read_many(world: &Arc<World>, prefix: &str, count: usize) {
    let mut readers = JoinSet::new();
    for number in 0..count {
        let (world, name) = (Arc::clone(world), format!("{prefix}{number}"));
        readers.spawn(async move {
            let begun = clock::monotonic();
            assert_eq!(world.read(&name).await.value, hit(&name));
            assert!(begun.elapsed() < ONE_READ, "{:?}", begun.elapsed());
        });
    }
    readers.join_all().await;
}

/// Whether what one process loads is read by another.
async fn is_shared(world: &World, other: &World, name: &str) -> bool {
    world.read(name).await;
    other.read(name).await.source == Source::Remote
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_process_loads_another_reads_with_its_age() {
    let server = RedisServer::start();
    let (one, other) = (
        World::with(server.settings()),
        World::with(server.settings()),
    );
    let first = one.read("AAPL").await;
    let second = other.read("AAPL").await;
    assert_eq!(
        (first.source, second.source),
        (Source::Load, Source::Remote)
    );
    assert_eq!(second.at.as_millisecond(), first.at.as_millisecond());
    assert_eq!(other.read("AAPL").await.source, Source::Memory);
    let left: u64 = server
        .cli(&["PTTL", "finstage:1/test/v1/AAPL"])
        .trim()
        .parse()
        .unwrap();
    assert!(
        (1..=10_000).contains(&left),
        "reads make nothing younger: {left}"
    );

    let load = async { Ok(one.loaded(Value::Absent)) };
    one.get("NOPE", load).await.unwrap();
    assert_eq!(other.read("NOPE").await.value, Value::Absent);
    assert_eq!(other.loads(), 0);

    let apart = World::with(RemoteSettings {
        key_prefix: "apart:".to_owned(),
        ..server.settings()
    });
    assert_eq!(apart.read("AAPL").await.source, Source::Load);
    assert!(one.heard.all().is_empty(), "a start is no news");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_have_written_there_is_nothing() {
    let server = RedisServer::start();
    server.cli(&["SET", "finstage:1/test/v1/AAPL", "hello"]);
    server.cli(&["SET", "finstage:1/test/v1/MSFT", "hello", "PX", "60000"]);
    server.cli(&["LPUSH", "finstage:1/test/v1/META", "hello"]);
    let world = World::with(server.settings());
    for name in ["AAPL", "MSFT", "META"] {
        let given = world.read(name).await;
        assert_eq!((given.value, given.source), (hit(name), Source::Load));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_killed_fails_no_reader_and_is_used_again_when_it_is_back() {
    let mut server = RedisServer::start();
    let (world, other) = (
        World::with(server.settings()),
        World::with(server.settings()),
    );
    assert!(is_shared(&world, &other, "before").await);
    server.kill();
    read_many(&world, "away", 192).await;
    world.heard.until(&["lost"]).await;
    // What memory has is still there, and nobody calls: thousands of reads are done in no time.
    assert_eq!(world.read("before").await.source, Source::Memory);
    let errors = world.cache.counts().backend_errors;
    read_many(&world, "later", 2_000).await;
    assert_eq!(world.cache.counts().backend_errors, errors);

    server.restart();
    world.heard.until(&["lost", "back"]).await;
    // The other one did not ask meanwhile: it finds its connection broken, and has a new one.
    let used_again = async {
        for round in 0.. {
            if is_shared(&world, &other, &format!("after{round}")).await {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    let limit = Duration::from_secs(20);
    tokio::time::timeout(limit, used_again).await.unwrap();
    assert!(other.heard.all().is_empty(), "a restart is no news");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_hangs_costs_each_reader_little_and_after_three_calls_nothing() {
    let server = RedisServer::start();
    let world = World::with(server.usual());
    world.read("before").await;
    server.hang();
    let begun = clock::monotonic();
    for number in 0..50 {
        let name = format!("hung{number}");
        let one = clock::monotonic();
        assert_eq!(world.read(&name).await.value, hit(&name));
        assert!(one.elapsed() < ONE_READ, "{:?}", one.elapsed());
    }
    let errors = world.cache.counts().backend_errors;
    assert_eq!(errors, 3, "three calls, then none");
    assert!(begun.elapsed() < 4 * ONE_CALL, "{:?}", begun.elapsed());
    world.heard.until(&["lost"]).await;
    read_many(&world, "many", 500).await;
    assert_eq!(world.cache.counts().backend_errors, errors);

    server.go_on();
    world.heard.until(&["lost", "back"]).await;
    let other = World::with(server.settings());
    assert!(is_shared(&world, &other, "after").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_was_never_there_holds_nobody_up() {
    let mut server = RedisServer::start();
    server.kill();
    let world = World::with(server.settings());
    read_many(&world, "S", 192).await;
    world.heard.until(&["lost"]).await;
    server.restart();
    world.heard.until(&["lost", "back"]).await;
    let other = World::with(server.settings());
    assert!(is_shared(&world, &other, "after").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_refuses_to_write_counts_as_away() {
    let server = RedisServer::start();
    server.cli(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    let world = World::with(server.settings());
    read_many(&world, "S", 20).await;
    world.heard.until(&["lost"]).await;
    server.cli(&["CONFIG", "SET", "min-replicas-to-write", "0"]);
    world.heard.until(&["lost", "back"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_value_stays_at_home() {
    let server = RedisServer::start();
    let (world, other) = (
        World::with(server.settings()),
        World::with(server.settings()),
    );
    let load = async {
        Ok(Loaded {
            ..world.loaded(Value::Hit(vec![7; 2 << 20].into()))
        })
    };
    let given = world.cache.get_or_set(&key("giant"), &terms(), load).await;
    assert_eq!(given.unwrap().source, Source::Load);
    assert_eq!(world.read("giant").await.source, Source::Memory);
    assert_eq!(other.read("giant").await.source, Source::Load);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_of_three_masters_shares_over_all_of_them_and_one_may_die() {
    let mut cluster = RedisCluster::start();
    let (world, other) = (
        World::with(cluster.settings()),
        World::with(cluster.settings()),
    );
    // A cluster that was made a moment ago is not whole in the eyes of all its nodes.
    until_all_shared(&world, &other, "S").await;
    for node in &cluster.nodes {
        let keys: u32 = node.cli(&["DBSIZE"]).trim().parse().unwrap();
        assert!(keys >= 5, "{keys} of 60 keys on one of three masters");
    }
    cluster.nodes[1].kill();
    let reading = async {
        for round in 0.. {
            read_many(&world, &format!("away{round}/"), 192).await;
        }
    };
    tokio::select! {
        () = world.heard.until_last("lost") => {}
        () = reading => unreachable!("it is read until it is heard of"),
    }
    cluster.nodes[1].restart();
    // A master that comes back is written to after two seconds.
    until_all_shared(&world, &other, "again").await;
}

/// Reads until both use all of the cluster.
async fn until_all_shared(world: &World, other: &World, prefix: &str) {
    let reading = async {
        for round in 0.. {
            if all_shared(world, other, &format!("{prefix}{round}/")).await {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    let limit = Duration::from_secs(20);
    tokio::time::timeout(limit, reading).await.unwrap();
}

/// Whether both use all of the cluster.
async fn all_shared(world: &World, other: &World, prefix: &str) -> bool {
    let mut is_all = true;
    for number in 0..60 {
        is_all &= is_shared(world, other, &format!("{prefix}{number}")).await;
    }
    is_all
}
