//! How long an answer is good, and what stands in when there is no other.

use std::future::{Ready, ready};
use std::time::Duration;

use finstage::cache::{Key, Loaded, Settings, Source, Terms, Value};
use jiff::SignedDuration;

use super::{Failure, TTL, World, hit, key, terms};

fn failing(failure: Failure) -> Ready<Result<Loaded, Failure>> {
    ready(Err(failure))
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_good_until_its_time_is_over_and_no_longer() {
    let world = World::in_memory();
    world.read("AAPL").await;
    tokio::time::advance(Duration::from_millis(9_999)).await;
    assert_eq!(world.read("AAPL").await.source, Source::Memory);
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(world.read("AAPL").await.source, Source::Load);
}

#[tokio::test(start_paused = true)]
async fn an_old_answer_stands_in_for_an_outage_only_and_only_for_a_while() {
    let world = World::new(&Settings {
        stale_if_error: Duration::from_secs(30),
        ..Settings::default()
    });
    let first = world.read("AAPL").await;
    let absent = async { Ok(world.loaded(Value::Absent)) };
    world.get("NOPE", absent).await.unwrap();
    tokio::time::advance(Duration::from_secs(39)).await;
    let refused = world.get("AAPL", failing(Failure::Refused)).await;
    assert_eq!(refused, Err(Failure::Refused));
    let given = world.get("AAPL", failing(Failure::Outage)).await.unwrap();
    assert!(given.is_stale && given.at == first.at && given.value == first.value);
    assert_eq!(world.cache.counts().stale, 1);
    tokio::time::advance(Duration::from_secs(1)).await;
    let given = world.get("AAPL", failing(Failure::Outage)).await;
    assert_eq!(given, Err(Failure::Outage), "40 s are over");
    tokio::time::advance(Duration::from_secs(20)).await;
    let given = world.get("NOPE", failing(Failure::Outage)).await;
    assert_eq!(
        given,
        Err(Failure::Outage),
        "an outage is no proof of absence"
    );
    assert!(!world.read("AAPL").await.is_stale);
}

#[tokio::test(start_paused = true)]
async fn unless_asked_for_nothing_old_is_ever_given() {
    let world = World::in_memory();
    world.read("AAPL").await;
    tokio::time::advance(TTL).await;
    let given = world.get("AAPL", failing(Failure::Outage)).await;
    assert_eq!(given, Err(Failure::Outage));
}

#[tokio::test(start_paused = true)]
async fn an_answer_ends_early_with_what_overtakes_it_even_in_an_outage() {
    let world = World::new(&Settings {
        stale_if_error: Duration::from_hours(1),
        ..Settings::default()
    });
    let settles = world.clock.now() + SignedDuration::from_secs(5);
    let load = async {
        Ok(Loaded {
            valid_until: Some(settles),
            ..world.loaded(hit("forming"))
        })
    };
    world.get("AAPL", load).await.unwrap();
    tokio::time::advance(Duration::from_millis(4_999)).await;
    assert_eq!(world.read("AAPL").await.value, hit("forming"));
    tokio::time::advance(Duration::from_millis(1)).await;
    let given = world.get("AAPL", failing(Failure::Outage)).await;
    assert_eq!(given, Err(Failure::Outage));
    assert_eq!(world.read("AAPL").await.value, hit("AAPL"));
}

#[tokio::test(start_paused = true)]
async fn a_reader_who_knows_better_gets_nothing_from_before() {
    let world = World::in_memory();
    world.read("AAPL").await;
    let now = world.clock.now();
    tokio::time::advance(Duration::from_secs(1)).await;
    let wary = Terms {
        not_before: Some(now),
        ..terms()
    };
    let load = async { Ok(world.loaded(hit("restated"))) };
    let given = world.cache.get_or_set(&key("AAPL"), &wary, load).await;
    assert_eq!(given.unwrap().value, hit("restated"));
    // Nor does anybody else, from now on.
    assert_eq!(world.read("AAPL").await.value, hit("restated"));
    assert_eq!(world.loads(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_from_the_future_is_none() {
    let world = World::in_memory();
    world.read("AAPL").await;
    world.clock.step(SignedDuration::from_mins(-10));
    assert_eq!(world.read("AAPL").await.source, Source::Load);
}

#[tokio::test(start_paused = true)]
async fn a_changed_format_never_reads_what_the_old_one_kept() {
    let world = World::in_memory();
    world.read("AAPL").await;
    let load = async { Ok(world.loaded(hit("new"))) };
    let next = Key::new("test", 2, &["AAPL"]);
    let given = world.cache.get_or_set(&next, &terms(), load).await;
    assert_eq!(given.unwrap().value, hit("new"));
}
