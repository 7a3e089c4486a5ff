//! The figures the program exists for, each against a goal and a limit measured in the same run.
//!
//! `cargo bench` runs all of them, `cargo bench -- parse store` only some. docs/benchmarks.md keeps
//! the results; nothing here is a test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a program for developers that measures real time and stops at the first surprise"
)]

mod cache;
mod end_to_end;
mod fan_out;
mod indicators;
mod lateness;
mod many;
mod parse;
mod process;
mod samples;
mod store;
mod support;
mod watch;
mod year;

use support::Figures;

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|part| name.contains(part));
    let mut figures = Figures::default();
    if wants("parse") {
        parse::measure(&mut figures);
    }
    if wants("cache") {
        cache::measure(&mut figures);
    }
    if wants("indicators") {
        indicators::measure(&mut figures);
    }
    if wants("store") {
        store::measure(&mut figures);
    }
    if wants("pool") {
        store::measure_pool(&mut figures);
    }
    if wants("backfill") {
        end_to_end::measure(&mut figures);
    }
    if wants("fan_out") {
        fan_out::measure(&mut figures);
    }
    if wants("politeness") {
        fan_out::measure_politeness(&mut figures);
    }
    if wants("process") {
        process::measure(&mut figures);
    }
    if wants("samples") {
        samples::measure(&mut figures);
    }
    if wants("year") {
        year::measure(&mut figures);
    }
    lateness::measure(&mut figures, wants);
    many::measure(&mut figures, wants);
    figures.print();
}
