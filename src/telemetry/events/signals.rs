//! Indicators and their signals.

use crate::telemetry::catalogue::events;

events! {
    /// A bar raised a signal a schedule wants told; a log alert goes by its kind.
    SignalRaised<'a> {
        "signal.raised", "FS5201", INFO, "signal raised",
        action: "None for the operator; which kinds are told stands under params.tell.",
        tells: SIGNAL,
        "signal": signal: &'a str,
        "task.symbol": symbol: &'a str,
        "kind": kind: &'a str,
        "trading_date": trading_date: &'a str,
        "close": close: f64,
        "set": set: &'a str,
    }
    /// A correction made a signal untrue that was told lately.
    SignalWithdrawn<'a> {
        "signal.withdrawn", "FS5202", INFO, "signal withdrawn, a bar was corrected",
        action: "None; `finstage signals --withdrawn` lists them.",
        "task.symbol": symbol: &'a str,
        "kind": kind: &'a str,
        "trading_date": trading_date: &'a str,
        "set": set: &'a str,
    }
    /// Runs computed symbols for the first time, or again after corrections; told once a run.
    IndicatorsComputed<'a> {
        "indicators.computed", "FS5203", INFO, "indicators computed from the first bar, or after a correction",
        action: "None; `finstage signals` lists the signals.",
        "set": set: &'a str,
        "symbols_new": symbols_new: u64,
        "symbols_corrected": symbols_corrected: u64,
        "signals_raised": signals_raised: u64,
        "signals_withdrawn": signals_withdrawn: u64,
    }
    /// What was stored to go on from did not fit the bars: computed from the first bar instead.
    IndicatorsStateLost<'a> {
        "indicators.state_lost", "FS5204", WARN, "stored state of indicators unusable, computed from the first bar",
        action: "None, the values are right; look for who changed the database if it comes again.",
        "task.symbol": symbol: &'a str,
        "reason": reason: &'a str,
    }
    /// Stored bars no indicator accepts were left out.
    IndicatorsBarsRefused<'a> {
        "indicators.bars_refused", "FS5205", WARN, "stored bars were left out of the indicators",
        action: "Look at the bars with `finstage bars`; correct them by a backfill.",
        "task.symbol": symbol: &'a str,
        "bars": bars: u64,
        "first_date": first_date: &'a str,
    }
}
