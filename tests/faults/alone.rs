//! Each fault alone, at 100 %: its symbol ends in time and with the right class, and the other
//! symbols of the same upstream are stored as if nothing were wrong.

use std::collections::HashMap;
use std::time::Duration;

use super::memory::{Peak, is_alone, runtime};
use super::{AMPLE_TIMEOUT, ATTEMPTS, Always, FaultUpstream, REQUEST_TIMEOUT, Router, SLACK};
use super::{check_task, fetch, right, settings, stored, world, yahoo};
use crate::support::fault_upstream::{Expected, Fault};
use finstage::domain::FaultClass;
use finstage::store::TaskRow;

/// Symbols beside the victim.
const OTHERS: [&str; 3] = ["A", "B", "C"];

/// Tasks at a time.
const CONCURRENCY: usize = 8;

#[test]
fn each_fault_alone_has_its_class_in_time_and_touches_neither_other_symbols_nor_the_memory() {
    let name =
        "each_fault_alone_has_its_class_in_time_and_touches_neither_other_symbols_nor_the_memory";
    if is_alone(&format!("{}::{name}", module_path!())) {
        runtime().block_on(each_fault());
    }
}

async fn each_fault() {
    let mut upstreams = Vec::new();
    let mut providers = HashMap::new();
    let (mut victims, mut others) = (Vec::new(), Vec::new());
    for (number, fault) in Fault::ALL.iter().enumerate() {
        let name = format!("F{number}");
        let upstream = FaultUpstream::start(Always {
            fault: Some(*fault),
            victim: name.clone(),
        })
        .await;
        let mut settings = settings(upstream.base_url());
        if !fault.is_slow() {
            settings.request_timeout = AMPLE_TIMEOUT;
        }
        // Room for the `Retry-After` of a second.
        settings.cooldown.max = Duration::from_secs(2);
        providers.insert(name.clone(), yahoo(&settings));
        upstreams.push(upstream);
        if !fault.is_at_accept() {
            others.extend(OTHERS.map(|other| format!("{name}.{other}")));
        }
        victims.push(name);
    }
    let good = FaultUpstream::start(Always {
        fault: None,
        victim: String::new(),
    })
    .await;
    providers.insert("WARM".to_owned(), yahoo(&settings(good.base_url())));
    let world = world(Router(providers)).await;
    let warm: Vec<String> = (0..20).map(|number| format!("WARM.{number}")).collect();
    fetch(&world, &warm, CONCURRENCY).await;

    let peak = Peak::from_now_on();
    // The others come in between: a victim's connections are theirs, too.
    let symbols: Vec<String> = victims.iter().chain(&others).cloned().collect();
    let left = fetch(&world, &symbols, CONCURRENCY).await;
    let growth = peak.check("each fault alone");

    let mut wrong: Vec<String> = growth.err().into_iter().collect();
    for task in &left.tasks {
        wrong.extend(check_task(task).err());
        let number = task.symbol[1..].split('.').next().unwrap();
        let fault = Fault::ALL[number.parse::<usize>().unwrap()];
        let is_victim = !task.symbol.contains('.');
        let verdict = if is_victim {
            check_victim(fault, task)
        } else if task.outcome == "succeeded" {
            Ok(())
        } else {
            Err(format!("{} beside {fault:?}: {task:?}", task.symbol))
        };
        wrong.extend(verdict.err());
        let expected = if task.outcome == "succeeded" {
            right(&task.symbol, is_victim && fault == Fault::NanTexts)
        } else {
            Vec::new()
        };
        if stored(&world, &task.symbol).await != expected {
            wrong.push(format!("{} ({fault:?}): not what is right", task.symbol));
        }
    }
    for (upstream, fault) in upstreams.iter().zip(Fault::ALL) {
        if upstream.hits().is_empty() {
            wrong.push(format!("{fault:?} was never done"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn check_victim(fault: Fault, task: &TaskRow) -> Result<(), String> {
    let told = |what: &str| Err(format!("{fault:?}: {what}: {task:?}"));
    let expected = fault.expected();
    if !expected.allows(task.class.as_deref()) {
        return told("another class");
    }
    let calls = u32::try_from(task.calls).unwrap();
    let asked = match (fault, expected) {
        // A second try would come too late, or bring the same.
        (Fault::UnavailableForLong, _)
        | (_, Expected::Fails(FaultClass::BadPayload | FaultClass::NotFound)) => Some(1),
        (_, Expected::Fails(FaultClass::Outage)) => Some(ATTEMPTS),
        _ => None,
    };
    if asked.is_some_and(|asked| asked != calls) {
        return told("asked not often enough, or too often");
    }
    let waits = [
        Fault::TooManyRetryAfter,
        Fault::UnavailableBriefly,
        Fault::UnavailableUntil,
    ];
    if waits.contains(&fault) && task.duration_ms < 1_000 {
        return told("did not wait as it was asked to");
    }
    // Ended by the bound on the request: no sooner, and not much later.
    let took = Duration::from_millis(u64::try_from(task.duration_ms).unwrap());
    let expected = REQUEST_TIMEOUT * ATTEMPTS;
    if fault.is_slow() && !(expected..expected + SLACK).contains(&took) {
        return told("not ended by the request's timeout");
    }
    Ok(())
}
