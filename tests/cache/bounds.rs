//! The room an entry may take, and all of them together.

use std::sync::Arc;

use finstage::cache::{Backend, Cache, Settings, Source, Value};
use finstage::clock::Clock;

use super::{Failure, Heard, World};

const ROOM: u64 = 1 << 20;

async fn put(world: &World, name: &str, bytes: usize) {
    let load = async { Ok(world.loaded(Value::Hit(vec![7; bytes].into()))) };
    world.get(name, load).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn memory_never_holds_more_bytes_than_it_may_and_keeps_the_newest() {
    let world = World::new(&Settings {
        max_bytes: ROOM,
        ..Settings::default()
    });
    for number in 0..1_000 {
        put(&world, &format!("S{number}"), 10_000).await;
        let counts = world.cache.counts();
        assert!(counts.bytes <= ROOM, "{counts:?} after {number}");
    }
    let counts = world.cache.counts();
    assert!(counts.bytes > ROOM * 9 / 10, "{counts:?}");
    assert_eq!(counts.entries + counts.evictions, 1_000);
    assert_eq!(world.read("S999").await.source, Source::Memory);
    assert_eq!(world.read("S0").await.source, Source::Load);
}

#[tokio::test(start_paused = true)]
async fn an_entry_of_more_than_its_share_is_not_kept_and_drives_nobody_out() {
    let world = World::new(&Settings {
        max_bytes: ROOM,
        ..Settings::default()
    });
    put(&world, "small", 10).await;
    put(&world, "giant", 600_000).await;
    assert_eq!(world.read("small").await.source, Source::Memory);
    assert_eq!(world.read("giant").await.source, Source::Load);
    assert_eq!(world.cache.counts().evictions, 0);
}

#[test]
fn a_cache_that_is_off_is_none() {
    let settings = Settings {
        backend: Backend::Off,
        ..Settings::default()
    };
    let heard = Arc::new(Heard::default());
    let cache = Cache::<Failure>::new(&settings, Clock::system(), heard);
    assert!(cache.is_none());
}
