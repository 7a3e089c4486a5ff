//! Prices.

use crate::telemetry::catalogue::events;

events! {
    /// Rows of an answer broke a validation rule and were not stored.
    DataRowsRejected<'a> {
        "data.rows_rejected", "FS5001", DEBUG, "rows broke a validation rule and were not stored",
        action: "Look at the symbol at the provider; stored good rows are untouched.",
        "provider": provider: &'a str,
        "task.symbol": symbol: &'a str,
        "rows": rows: u64,
        "first_date": first_date: &'a str,
        "first_reason": first_reason: &'a str,
    }
    /// The upstream restated a series (a split); the whole series is fetched again.
    DataRestated<'a> {
        "data.restated", "FS5002", INFO, "series restated by the upstream, fetched again",
        action: "None.",
        "task.symbol": symbol: &'a str,
        "reason": reason: &'a str,
    }
    /// Rows that may be right were kept out of the prices; said once while they are held.
    DataRowsHeld<'a> {
        "data.rows_held", "FS5003", WARN, "doubtful rows are held in quarantine, not stored",
        action: "Look at `finstage quarantine list`; release rows that are right, dismiss others.",
        "provider": provider: &'a str,
        "task.symbol": symbol: &'a str,
        "rows": rows: u64,
        "first_date": first_date: &'a str,
        "rule": rule: &'a str,
        "reason": reason: &'a str,
    }
    /// A whole answer was refused: of another instrument, or a restatement that contradicts itself.
    DataAnswerRefused<'a> {
        "data.answer_refused", "FS5004", WARN, "answer refused, nothing of it is stored",
        action: "Compare the symbol at the provider with what is stored; if the instrument has really changed, release the row of rule V9.",
        "provider": provider: &'a str,
        "task.symbol": symbol: &'a str,
        "reason": reason: &'a str,
    }
    /// Rows held in quarantine were confirmed by later answers, and are stored now.
    DataRowsReleased<'a> {
        "data.rows_released", "FS5005", INFO, "held rows were confirmed and are stored now",
        action: "None.",
        "provider": provider: &'a str,
        "task.symbol": symbol: &'a str,
        "rows": rows: u64,
    }
    /// The upstream has corrected final bars; the old values are kept in `bar_revisions`.
    DataBarsCorrected<'a> {
        "data.bars_corrected", "FS5006", DEBUG, "final bars were corrected by the upstream",
        action: "None.",
        "provider": provider: &'a str,
        "task.symbol": symbol: &'a str,
        "bars": bars: u64,
    }
    /// The latest price was not stored: its bar is doubtful, or it is far from the newest close.
    DataQuoteDoubted<'a> {
        "data.quote_doubted", "FS5007", DEBUG, "latest price not stored",
        action: "None; the bar in quarantine says why.",
        "task.symbol": symbol: &'a str,
        "reason": reason: &'a str,
    }
    /// A bar came for a day without a session; it is stored, and noted in quarantine.
    DataNoSession<'a> {
        "data.no_session", "FS5008", DEBUG, "a bar on a day without a session, stored all the same",
        action: "If the market traded, correct [calendars.CODE]; else ask the provider.",
        "provider": provider: &'a str,
        "task.symbol": symbol: &'a str,
        "first_date": first_date: &'a str,
        "reason": reason: &'a str,
    }
    /// Many symbols of one calendar lack a session: it was closed, or the upstream has a hole.
    DataSystemicGap<'a> {
        "data.systemic_gap", "FS5020", WARN, "many symbols of a calendar lack the same session",
        action: "Was the market closed? Then list the day under [calendars.CALENDAR] holidays; else the upstream lacks it, and fill_gaps asks again.",
        tells: SYSTEMIC_GAP,
        "calendar": calendar: &'a str,
        "session": session: &'a str,
        "symbols.missing": symbols_missing: u64,
        "symbols.watched": symbols_watched: u64,
        "share_percent": share_percent: u64,
        "older_sessions": older_sessions: u64,
    }
    /// A symbol was not found on several trading days while others answered: it counts as delisted.
    DataSymbolDelisted<'a> {
        "data.symbol_delisted", "FS5021", WARN, "symbol not found for days while others answer; called delisted",
        action: "Take it out of schedules.toml, or correct it; until then it is asked for once a week.",
        "task.symbol": symbol: &'a str,
        "not_found": not_found: u64,
        "trading_days": trading_days: u64,
        "since": since: &'a str,
    }
    /// A symbol that was called delisted has answered.
    DataSymbolReturned<'a> {
        "data.symbol_returned", "FS5022", INFO, "a symbol that was called delisted answers again",
        action: "None.",
        "task.symbol": symbol: &'a str,
        "delisted_at": delisted_at: &'a str,
    }
    /// No calendar is known for an exchange: gaps of its symbols are not looked for.
    DataCalendarUnknown<'a> {
        "data.calendar_unknown", "FS5023", INFO, "no calendar known for this exchange; its symbols' gaps are not looked for",
        action: "Name a `calendar` in the symbol's schedule.",
        "task.symbol": symbol: &'a str,
        "exchange": exchange: &'a str,
        "instrument_type": instrument_type: &'a str,
    }
    /// Sessions of a series lack their bar.
    DataGapsFound<'a> {
        "data.gaps_found", "FS5024", DEBUG, "sessions lack their bar",
        action: "None by itself; fill_gaps asks again, `finstage gaps` lists them.",
        "task.symbol": symbol: &'a str,
        "calendar": calendar: &'a str,
        "sessions": sessions: u64,
        "first": first: &'a str,
        "last": last: &'a str,
    }
    /// Sessions were asked for as often as the ladder says: nobody traded on them.
    DataNoTradeConfirmed<'a> {
        "data.no_trade_confirmed", "FS5025", DEBUG, "sessions without a bar count as days without trade",
        action: "None; `finstage backfill` asks once more.",
        "task.symbol": symbol: &'a str,
        "sessions": sessions: u64,
    }
}
