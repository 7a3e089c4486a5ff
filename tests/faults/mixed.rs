//! All faults together, in one answer of twenty.

use std::collections::HashSet;

use super::memory::{Peak, is_alone, runtime};
use super::{
    AMPLE_TIMEOUT, FaultUpstream, check_task, fetch, right, settings, stored, world, yahoo,
};
use crate::support::fault_upstream::{Fault, Plan};
use crate::support::random::Random;

/// Chosen so that answers that fill the memory, slow ones and all three kinds of connections are drawn.
const SEED: u64 = 20_263_622;
const SYMBOLS: usize = 400;
const PERCENT: i64 = 5;

/// Tasks at a time: as many as there are places, so that nobody waits for one.
const CONCURRENCY: usize = 8;

/// One answer, and one connection, of twenty is a fault.
struct Sometimes;

impl Sometimes {
    fn draw(number: u64, is_at_accept: bool) -> Option<Fault> {
        // Far apart, so that neighbours draw other lots.
        let seed = (SEED + number).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        let mut random = Random::named(seed, "");
        let faults: Vec<Fault> = Fault::ALL
            .iter()
            .filter(|fault| fault.is_at_accept() == is_at_accept)
            .copied()
            .collect();
        let fault = *random.pick(&faults);
        random.chance(PERCENT).then_some(fault)
    }
}

impl Plan for Sometimes {
    fn at_accept(&self, nth: u64) -> Option<Fault> {
        Self::draw(nth, true)
    }

    fn at_request(&self, symbol: &str, nth: u32) -> Option<Fault> {
        // The others are there to warm up.
        let number: u64 = symbol.strip_prefix('S')?.parse().unwrap();
        Self::draw(number * 1_000 + u64::from(nth), false)
    }
}

#[test]
fn faults_in_one_answer_of_twenty_cost_nobody_else_anything() {
    let name = "faults_in_one_answer_of_twenty_cost_nobody_else_anything";
    if is_alone(&format!("{}::{name}", module_path!())) {
        runtime().block_on(a_mix());
    }
}

async fn a_mix() {
    let upstream = FaultUpstream::start(Sometimes).await;
    let mut settings = settings(upstream.base_url());
    settings.request_timeout = AMPLE_TIMEOUT;
    settings.retry.max_attempts = 4;
    let world = world(yahoo(&settings)).await;
    let warm: Vec<String> = (0..20).map(|number| format!("W{number}")).collect();
    fetch(&world, &warm, CONCURRENCY).await;

    let peak = Peak::from_now_on();
    let symbols: Vec<String> = (0..SYMBOLS).map(|number| format!("S{number}")).collect();
    let left = fetch(&world, &symbols, CONCURRENCY).await;
    let growth = peak.check("a mix of faults");

    let hits = upstream.hits();
    let kinds: HashSet<Fault> = hits.iter().map(|(_, fault)| *fault).collect();
    eprintln!("{} faults of {} kinds", hits.len(), kinds.len());
    assert!(hits.len() >= 15 && kinds.len() >= 12, "{hits:?}");
    for heavy in [Fault::EndlessChunks, Fault::GzipBomb, Fault::RowBomb] {
        assert!(kinds.contains(&heavy), "{heavy:?} was not drawn: {hits:?}");
    }
    let mut wrong: Vec<String> = growth.err().into_iter().collect();
    let mut by_the_unasked = 0;
    for task in &left.tasks {
        wrong.extend(check_task(task).err());
        let faults: Vec<Fault> = hits
            .iter()
            .filter(|(symbol, _)| *symbol == task.symbol)
            .map(|(_, fault)| *fault)
            .collect();
        let class = task.class.as_deref();
        let is_explained = class.is_none() || faults.iter().any(|f| f.expected().allows(class));
        if !is_explained && class == Some("bad_payload") {
            // Its request met an answer that was there before it.
            by_the_unasked += 1;
        } else if !is_explained {
            wrong.push(format!("{faults:?}: {task:?}"));
        }
        let expected = if class.is_none() {
            right(&task.symbol, faults.contains(&Fault::NanTexts))
        } else {
            Vec::new()
        };
        if stored(&world, &task.symbol).await != expected {
            wrong.push(format!("{} {faults:?}: not what is right", task.symbol));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let unasked = hits
        .iter()
        .filter(|(_, fault)| *fault == Fault::AnswersUnasked);
    assert!(by_the_unasked <= unasked.count(), "{:?}", left.told());
}
