//! However many ask at once, one loads.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use finstage::cache::{Source, Value};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::{Failure, World, hit};

const READERS: usize = 192;
const LOAD_TIME: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn of_192_readers_of_a_key_one_loads_and_once_more_after_each_ttl() {
    let world = World::in_memory();
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        let world = Arc::clone(&world);
        readers.spawn(async move {
            for _ in 0..300 {
                let load = async {
                    tokio::time::sleep(LOAD_TIME).await;
                    Ok(world.loaded(hit("price")))
                };
                let given = world.get("AAPL", load).await.unwrap();
                assert_eq!((given.value, given.is_stale), (hit("price"), false));
                // The reads do not make the answer younger.
                let now = world.clock.now();
                let age = Duration::try_from(now.duration_since(given.at)).unwrap();
                assert!(age <= super::TTL, "{age:?}");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        });
    }
    readers.join_all().await;
    // 300 reads of 0.2 s and a load of 1 s every 11 s: begun at 0, 11, 22, 33, 44 and 55 s.
    let counts = world.cache.counts();
    assert_eq!((world.loads(), counts.loads, counts.misses), (6, 6, 6));
    let reads = 300 * READERS as u64;
    assert_eq!(counts.hits + counts.shared + counts.loads, reads);
    assert!(counts.shared >= 6 * (READERS as u64 - 1), "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn readers_of_different_keys_do_not_wait_for_each_other() {
    let world = World::in_memory();
    let started = finstage::clock::monotonic();
    let mut readers = JoinSet::new();
    for number in 0..READERS {
        let world = Arc::clone(&world);
        readers.spawn(async move {
            let name = format!("S{number}");
            let load = async {
                tokio::time::sleep(LOAD_TIME).await;
                Ok(world.loaded(hit(&name)))
            };
            assert_eq!(world.get(&name, load).await.unwrap().value, hit(&name));
        });
    }
    readers.join_all().await;
    assert!(started.elapsed() < 2 * LOAD_TIME, "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_error_reaches_all_who_waited_and_is_not_kept() {
    let world = World::in_memory();
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        let world = Arc::clone(&world);
        readers.spawn(async move {
            let load = async {
                tokio::time::sleep(LOAD_TIME).await;
                world.loads.fetch_add(1, Ordering::Relaxed);
                Err(Failure::Refused)
            };
            world.get("AAPL", load).await
        });
    }
    for given in readers.join_all().await {
        assert_eq!(given, Err(Failure::Refused));
    }
    assert_eq!(world.loads(), 1);
    let given = world.read("AAPL").await;
    assert_eq!((given.source, world.loads()), (Source::Load, 2));
    assert_eq!(world.cache.counts().load_errors, 1);
}

#[tokio::test(start_paused = true)]
async fn a_fault_of_the_readers_own_makes_the_next_one_load() {
    let world = World::in_memory();
    let mut readers = JoinSet::new();
    for number in 0..READERS {
        let world = Arc::clone(&world);
        readers.spawn(async move {
            let load = async {
                tokio::time::sleep(LOAD_TIME).await;
                if number < 2 {
                    return Err(Failure::Personal);
                }
                Ok(world.loaded(hit("price")))
            };
            world.get("AAPL", load).await
        });
    }
    let given = readers.join_all().await;
    let failed = given.iter().filter(|given| given.is_err()).count();
    assert_eq!((failed, world.loads()), (2, 1), "first come, first served");
}

#[tokio::test]
async fn a_loader_that_is_cancelled_or_panics_leaves_its_turn_to_the_next_reader() {
    for is_panic in [false, true] {
        let world = World::in_memory();
        let (begun, go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let mut first = JoinSet::new();
        let (theirs, their_begun, their_go) =
            (Arc::clone(&world), Arc::clone(&begun), Arc::clone(&go));
        first.spawn(async move {
            let load = async {
                their_begun.add_permits(1);
                their_go.acquire().await.unwrap().forget();
                panic!("as told");
            };
            theirs.get("AAPL", load).await
        });
        begun.acquire().await.unwrap().forget();
        let mut others = JoinSet::new();
        for _ in 0..READERS {
            let world = Arc::clone(&world);
            others.spawn(async move { world.read("AAPL").await });
        }
        // The first one leads and is waiting; let the others queue up behind it.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert_eq!(world.loads(), 0);
        if is_panic {
            go.add_permits(1);
        } else {
            first.abort_all();
        }
        assert!(first.join_next().await.unwrap().is_err());
        for given in others.join_all().await {
            assert_eq!(given.value, hit("AAPL"));
        }
        assert_eq!(world.loads(), 1, "is_panic: {is_panic}");
    }
}

#[tokio::test(start_paused = true)]
async fn that_there_is_nothing_is_loaded_once_too() {
    let world = World::in_memory();
    for _ in 0..READERS {
        let load = async { Ok(world.loaded(Value::Absent)) };
        assert_eq!(world.get("NOPE", load).await.unwrap().value, Value::Absent);
    }
    let counts = world.cache.counts();
    assert_eq!(
        (world.loads(), counts.negative_hits),
        (1, READERS as u64 - 1)
    );
    // A minute is the time of what is not there.
    tokio::time::advance(Duration::from_secs(59)).await;
    let load = async { Ok(world.loaded(hit("listed"))) };
    assert_eq!(world.get("NOPE", load).await.unwrap().value, Value::Absent);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(world.read("NOPE").await.value, hit("NOPE"));
}
