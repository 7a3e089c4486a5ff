//! `after`: schedules that run after each run of another.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::config::problem::suggestion;
use crate::config::reader::{At, Table};
use crate::domain::{Schedule, ScheduleId, Symbol, Trigger};

/// Tells of names that are none, and of schedules that run after themselves.
pub(super) fn check(tables: &[(At<&str>, Table<'_>)]) {
    let names: Vec<&str> = tables.iter().map(|(name, _)| name.value).collect();
    let mut leaders: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, table) in tables.iter().filter(|(_, table)| table.has("after")) {
        let Some(leader) = table.text("after") else {
            continue;
        };
        if !names.contains(&leader.value) {
            let message = format!(
                "there is no schedule `{}` for {} to run after",
                leader.value,
                table.name()
            );
            let hint = suggestion(leader.value, &names);
            table.context().error(leader.span, message, hint);
            continue;
        }
        leaders.insert(name.value, leader.value);
    }
    let mut told: Vec<&str> = Vec::new();
    for (name, table) in tables {
        let Some(circle) = circle(name.value, &leaders) else {
            continue;
        };
        if told.contains(&name.value) {
            continue;
        }
        let span = table.place("after");
        let path = circle.join(" after ");
        let message = format!("`{}` would run after itself: {path}", name.value);
        let hint = "give one of them a cron, every or at instead";
        table.context().error(span, message, hint);
        told.extend(circle);
    }
}

/// The way from a schedule over its leaders back to itself, both ends included.
fn circle<'n>(name: &'n str, leaders: &BTreeMap<&'n str, &'n str>) -> Option<Vec<&'n str>> {
    let mut path = vec![name];
    let mut at = name;
    for _ in 0..leaders.len() {
        at = leaders.get(at).copied()?;
        path.push(at);
        if at == name {
            return Some(path);
        }
    }
    None
}

/// Gives the schedules that name no symbols those of the one they run after.
pub(super) fn inherit(schedules: &mut [Schedule]) {
    let named: HashMap<ScheduleId, Arc<[Symbol]>> = schedules
        .iter()
        .filter(|one| !one.symbols.is_empty())
        .map(|one| (one.id.clone(), Arc::clone(&one.symbols)))
        .collect();
    let leaders: HashMap<ScheduleId, ScheduleId> = schedules
        .iter()
        .filter_map(|one| match &one.trigger {
            Trigger::After(leader) => Some((one.id.clone(), leader.clone())),
            _ => None,
        })
        .collect();
    for schedule in schedules.iter_mut().filter(|one| one.symbols.is_empty()) {
        let mut at = &schedule.id;
        for _ in 0..=leaders.len() {
            if let Some(symbols) = named.get(at) {
                schedule.symbols = Arc::clone(symbols);
                break;
            }
            let Some(leader) = leaders.get(at) else { break };
            at = leader;
        }
    }
}
