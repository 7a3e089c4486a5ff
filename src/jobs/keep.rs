//! What becomes of an answer: judged, told, stored.

use std::sync::Arc;

use jiff::civil::Date;

use super::previous::{newest_before, previous_session};
use super::splice::{Standing, scale_of};
use super::told::{tell, tell_notes};
use super::validation::{Against, Judgement, judge};
use super::{Done, Services, alerts, store_fault};
use crate::domain::{
    ActionKind, CorporateAction, DailyBar, FaultClass, Flagged, PriceSnapshot, Quote,
    SessionCalendar, Symbol,
};
use crate::store::{Answer, Covers, Instrument, Known, Written};
use crate::telemetry::events;
use crate::upstream::{Chart, Fault};

/// A restated series may lose so many of its rows to the quarantine, in parts of all; with more of
/// them the old series is better.
const MOST_KEPT_OUT: f64 = 0.1;

/// A price alone is not believed when it is farther than this from the newest close, relative.
const FAR_QUOTE: f64 = 0.25;

/// What of an answer is kept, and what its bars say about the time they span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// The latest price only: the symbol's bars are nobody's business yet.
    Quote,
    /// The bars only: they are a piece of the past.
    Piece(Covers),
    /// Everything: the bars reach until now.
    Series(Covers),
}

/// An answer whose bad rows have been taken out.
pub(super) struct Judged {
    chart: Chart,
    judgement: Judgement,
    restated: Option<String>,
    standing: Standing,
    sessions: Option<Arc<SessionCalendar>>,
}

impl Judged {
    /// Judges an answer against stored bars on its scale.
    pub(super) fn new(
        symbol: &Symbol,
        mut chart: Chart,
        known: &Known,
        stored: &[DailyBar],
        services: &Services,
    ) -> Self {
        let sessions = sessions_of(symbol, &chart, services);
        let believed = on_scale_of(&chart, known);
        let against = Against {
            stored,
            believed: &believed,
            instrument: known.instrument.as_ref(),
            sessions: sessions.as_deref(),
            now: services.clock.now(),
        };
        let judgement = judge(&mut chart, &against);
        Self {
            chart,
            judgement,
            restated: None,
            standing: Standing::Keeps,
            sessions,
        }
    }

    /// The same, for what its provider may do to the stored series.
    pub(super) fn standing(self, standing: Standing) -> Self {
        Self { standing, ..self }
    }

    /// The same, as the answer that restates the whole series.
    pub(super) fn restated(self, reason: String) -> Self {
        Self {
            restated: Some(reason),
            ..self
        }
    }

    /// The same without the dates nobody has asked about.
    pub(super) fn only(mut self, is_asked: impl Fn(Date) -> bool) -> Self {
        self.chart.bars.retain(|bar| is_asked(bar.trading_date));
        let flagged = &mut self.judgement.flagged;
        flagged.retain(|one| is_asked(one.bar.trading_date));
        self
    }

    pub(super) fn has_bars(&self) -> bool {
        !self.chart.bars.is_empty()
    }

    pub(super) fn rows_kept_out(&self) -> u64 {
        self.judgement.kept_out().count() as u64
    }

    /// Keeps the rows that are not believed, and nothing else of the answer.
    pub(super) async fn hold(&self, symbol: &Symbol, services: &Services) -> Result<(), Fault> {
        let rows: Vec<Flagged> = self.judgement.kept_out().cloned().collect();
        let now = services.clock.now();
        let held = services.store.hold(symbol, &rows, self.chart.source, now);
        held.await.map(drop).map_err(store_fault)
    }

    /// Whether its price is not believed, is on another scale than the stored bars, or so far from
    /// them that a chart should say so, too.
    pub(super) fn has_doubtful_quote(&self, known: &Known) -> bool {
        let Some(newest) = known.bars.iter().rev().find(|bar| bar.is_final) else {
            return self.judgement.doubtful_quote.is_some();
        };
        let is_far = |price: f64| (price / newest.close - 1.0).abs() > FAR_QUOTE;
        self.judgement.doubtful_quote.is_some()
            || newest_before(&self.chart, known).is_none()
            || self.chart.price.is_some_and(|latest| is_far(latest.price))
    }

    /// A restated series that contradicts itself is refused: half of it on another scale is worse
    /// than all of it on the old one.
    pub(super) fn check_whole(&self, symbol: &Symbol) -> Result<(), Fault> {
        let out = self.judgement.kept_out().count();
        let rows = self.chart.bars.len() + out;
        #[allow(clippy::cast_precision_loss, reason = "a series has thousands of rows")]
        let share = out as f64 / rows.max(1) as f64;
        let Some(first) = self.judgement.kept_out().next() else {
            return Ok(());
        };
        if share <= MOST_KEPT_OUT {
            return Ok(());
        }
        let reason = format!(
            "restated, but {out} of {rows} rows are not to be believed; the first, {}: {}: {}",
            first.bar.trading_date, first.rule, first.reason
        );
        events::DataAnswerRefused {
            provider: self.chart.source,
            symbol: symbol.as_str(),
            reason: &reason,
        }
        .emit();
        Err(Fault::new(FaultClass::BadPayload, reason))
    }
}

/// What was taken in from quarantine, on the scale of the answer.
fn on_scale_of(chart: &Chart, known: &Known) -> Vec<DailyBar> {
    if known.believed.is_empty() {
        return Vec::new();
    }
    let scale = scale_of(chart, known);
    let bars = known.believed.iter().map(|bar| DailyBar {
        open: bar.open * scale,
        high: bar.high * scale,
        low: bar.low * scale,
        close: bar.close * scale,
        ..*bar
    });
    bars.collect()
}

/// The days the instrument's market trades on, by its exchange or its schedule.
fn sessions_of(
    symbol: &Symbol,
    chart: &Chart,
    services: &Services,
) -> Option<Arc<SessionCalendar>> {
    let instrument = Instrument {
        timezone: chart.zone.iana_name().unwrap_or("UTC").to_owned(),
        instrument_type: chart.instrument_type.clone(),
        exchange: chart.exchange.clone(),
        ..Instrument::default()
    };
    services.watch.calendar(symbol, &instrument)
}

/// Stores an answer; says which rows were kept out.
pub(super) async fn store(
    symbol: &Symbol,
    judged: Judged,
    known: &Known,
    keep: Keep,
    services: &Services,
) -> Result<Done, Fault> {
    let source = judged.chart.source;
    let now = services.clock.now();
    let settles_at = judged.chart.settles_at;
    let rejected: Vec<Flagged> = judged.judgement.kept_out().cloned().collect();
    let rows_rejected = rejected.len() as u64;
    let (chart, sessions) = (&judged.chart, judged.sessions.as_deref());
    let previous = previous_session(symbol, chart, known, sessions, services).await?;
    let answer = answer(judged, previous, keep, known);
    if answer.bars.is_empty() && answer.quote.is_none() {
        let mut written = Written::default();
        if keep != Keep::Quote && !rejected.is_empty() {
            let held = services.store.hold(symbol, &rejected, source, now).await;
            written.held = held.map_err(store_fault)?;
        }
        tell(symbol, source, &rejected, written);
        return Err(nothing_left(&rejected));
    }
    tell_notes(symbol, &answer, known);
    let written = services
        .store
        .save(symbol, &answer, known, now)
        .await
        .map_err(store_fault)?;
    tell(symbol, source, &rejected, written);
    if matches!(keep, Keep::Series(_)) && !answer.bars.is_empty() {
        services.freshness.fetched(symbol, now, settles_at);
    }
    // A price that is older than the one on record is no news to anybody.
    let newest = known.quote.as_ref().map(|quote| quote.market_time);
    let news = answer.quote.as_ref();
    if let Some(quote) = news.filter(|quote| newest.is_none_or(|at| quote.market_time >= at)) {
        alerts::judge(symbol, quote, previous, services).await;
    }
    Ok(Done {
        rows_written: written.rows(),
        rows_rejected,
    })
}

fn nothing_left(rejected: &[Flagged]) -> Fault {
    match rejected {
        [] => Fault::new(
            FaultClass::NoData,
            "the upstream has no session in this window",
        ),
        [first, ..] => {
            let message = format!(
                "all {} rows of the answer broke a validation rule; the first, {}: {}: {}",
                rejected.len(),
                first.bar.trading_date,
                first.rule,
                first.reason
            );
            Fault::new(FaultClass::BadPayload, message)
        }
    }
}

fn answer(judged: Judged, previous: Option<PriceSnapshot>, keep: Keep, known: &Known) -> Answer {
    let Judged {
        chart,
        judgement,
        restated,
        standing,
        ..
    } = judged;
    let source = chart.source;
    let mut quote = believed_quote(&chart, &judgement, previous, keep);
    let actions = actions(&chart);
    let mut instrument = Instrument {
        currency: chart.currency,
        timezone: chart.zone.iana_name().unwrap_or("UTC").to_owned(),
        instrument_type: chart.instrument_type,
        exchange: chart.exchange,
        first_trade_date: chart.first_trade_date,
    };
    let fills_only = standing == Standing::Fills;
    if let Some(recorded) = known.instrument.as_ref().filter(|_| fills_only) {
        instrument.clone_from(recorded);
        if let Some(quote) = &mut quote {
            quote.currency.clone_from(&instrument.currency);
        }
    }
    let covers = match keep {
        Keep::Quote => {
            return Answer {
                quote,
                instrument,
                source,
                ..Answer::default()
            };
        }
        Keep::Piece(covers) | Keep::Series(covers) => covers,
    };
    Answer {
        bars: chart.bars,
        quote,
        instrument,
        source,
        covers,
        flagged: judgement.flagged,
        actions,
        restated,
        fills_only,
    }
}

fn believed_quote(
    chart: &Chart,
    judgement: &Judgement,
    previous: Option<PriceSnapshot>,
    keep: Keep,
) -> Option<Quote> {
    if matches!(keep, Keep::Piece(_)) {
        return None;
    }
    let latest = chart.price?;
    if let Some(reason) = &judgement.doubtful_quote {
        events::DataQuoteDoubted {
            symbol: &chart.symbol,
            reason,
        }
        .emit();
        return None;
    }
    let trading_date = chart.zone.to_datetime(latest.market_time).date();
    Some(Quote {
        price: latest.price,
        market_time: latest.market_time,
        trading_date,
        currency: chart.currency.clone(),
        previous_close: latest
            .previous_close
            .or(previous.map(|session| session.close)),
        day_high: latest.day_high,
        day_low: latest.day_low,
        day_volume: latest.day_volume,
    })
}

fn actions(chart: &Chart) -> Vec<CorporateAction> {
    let all = [
        (ActionKind::Split, &chart.splits),
        (ActionKind::Dividend, &chart.dividends),
        (ActionKind::CapitalGain, &chart.capital_gains),
    ];
    all.into_iter()
        .flat_map(|(kind, list)| {
            list.iter()
                .map(move |&(date, value)| CorporateAction { date, kind, value })
        })
        .collect()
}
