//! `params` of the job `indicators`: which indicators, whether history is kept, what is told.

use std::ops::Range;
use std::sync::Arc;

use crate::config::problem::suggestion;
use crate::config::reader::{At, Table, Wish};
use crate::domain::{IndicatorChoice, IndicatorParameters, JobKind, VwapAnchor};
use crate::indicators::{IndicatorSet, SetProblem, Signal};

/// Told in the log where a schedule does not say which: rare, and of weight.
const TOLD: [Signal; 2] = [Signal::GoldenCross, Signal::DeadCross];

/// What the job works out: the default set, and what `params` says over it. `None` for other jobs.
pub(super) fn read(table: &Table<'_>, job: Option<JobKind>) -> Option<Arc<IndicatorChoice>> {
    let params = table.table("params");
    if job != Some(JobKind::Indicators) {
        if let (Some(params), Some(job)) = (params, job) {
            let message = format!("job `{job}` in {} takes no `params`", table.name());
            let hint = "they go with job = \"indicators\"; remove them";
            params.context().error(params.span(), message, hint);
        }
        return None;
    }
    let mut choice = IndicatorChoice {
        tell: TOLD.iter().map(|signal| signal.name()).collect(),
        ..IndicatorChoice::default()
    };
    if let Some(params) = params {
        read_params(&params, &mut choice);
    }
    Some(Arc::new(choice))
}

fn read_params(params: &Table<'_>, choice: &mut IndicatorChoice) {
    let before = params.context().count();
    let (sma, ema) = (params.wholes("sma"), params.wholes("ema"));
    let wish = &mut choice.parameters;
    let values = |list: &[At<u32>]| list.iter().map(|at| at.value).collect();
    if let Some(list) = &sma {
        wish.sma = values(list);
    }
    if let Some(list) = &ema {
        wish.ema = values(list);
    }
    lay_over(&mut wish.rsi, params.whole_or_off("rsi").as_ref());
    lay_over(&mut wish.atr, params.whole_or_off("atr").as_ref());
    lay_over(&mut wish.adx, params.whole_or_off("adx").as_ref());
    let volume_sma = params.whole_or_off("volume_sma");
    lay_over(&mut wish.volume_sma, volume_sma.as_ref());
    wish.obv = params.flag("obv").unwrap_or(wish.obv);
    read_tables(params, wish);
    choice.history = params.flag("history").unwrap_or_default();
    if let Some(tell) = told(params) {
        choice.tell = tell;
    }
    params.finish(&[]);
    let is_whole = params.context().count() == before;
    let Err(problems) = IndicatorSet::try_new(wish) else {
        return;
    };
    for problem in problems {
        // Beside a value that could not be read these two may only follow from that.
        let may_follow = matches!(
            problem,
            SetProblem::SlowNotSlower { .. } | SetProblem::Empty
        );
        if may_follow && !is_whole {
            continue;
        }
        let lists = (sma.as_deref(), ema.as_deref());
        let span = place(&problem, params, lists);
        params.context().error(span, problem.to_string(), "");
    }
}

/// Those that take more than one number.
fn read_tables(params: &Table<'_>, wish: &mut IndicatorParameters) {
    match params.table_or_off("bollinger") {
        Some(Wish::Off) => wish.bollinger = None,
        Some(Wish::Is(table)) => {
            let (mut period, mut deviations) = wish.bollinger.unwrap_or((20, 2.0));
            period = table.whole("period").unwrap_or(period);
            let any = f64::MIN..=f64::MAX;
            deviations = table.number("deviations", any).unwrap_or(deviations);
            table.finish(&[]);
            wish.bollinger = Some((period, deviations));
        }
        None => {}
    }
    match params.table_or_off("macd") {
        Some(Wish::Off) => wish.macd = None,
        Some(Wish::Is(table)) => {
            let (fast, slow, signal) = wish.macd.unwrap_or((12, 26, 9));
            wish.macd = Some((
                table.whole("fast").unwrap_or(fast),
                table.whole("slow").unwrap_or(slow),
                table.whole("signal").unwrap_or(signal),
            ));
            table.finish(&[]);
        }
        None => {}
    }
    match params.table_or_off("stochastic") {
        Some(Wish::Off) => wish.stochastic = None,
        Some(Wish::Is(table)) => {
            let (k, d) = wish.stochastic.unwrap_or((14, 3));
            wish.stochastic = Some((table.whole("k").unwrap_or(k), table.whole("d").unwrap_or(d)));
            table.finish(&[]);
        }
        None => {}
    }
    match params.text_or_off("vwap") {
        Some(Wish::Off) => wish.vwap = None,
        Some(Wish::Is(text)) => {
            wish.vwap = text.value.parse().ok();
            if wish.vwap.is_none() {
                let names = VwapAnchor::ALL.map(VwapAnchor::name);
                let message = format!("`vwap` cannot be `{}`", text.value);
                let hint = suggestion(text.value, &names);
                params.context().error(text.span, message, hint);
            }
        }
        None => {}
    }
}

fn lay_over(period: &mut Option<u32>, wish: Option<&Wish<u32>>) {
    match wish {
        Some(Wish::Off) => *period = None,
        Some(Wish::Is(number)) => *period = Some(*number),
        None => {}
    }
}

/// The names of the signals to tell; each must be one.
fn told(params: &Table<'_>) -> Option<Vec<&'static str>> {
    let texts = params.texts("tell")?;
    let names: Vec<&str> = Signal::ALL.iter().map(|signal| signal.name()).collect();
    let mut told = Vec::with_capacity(texts.len());
    for At { value, span } in texts {
        match value.parse::<Signal>() {
            Ok(signal) => told.push(signal.name()),
            Err(_) => params.context().error(
                span,
                format!("there is no signal `{value}`"),
                suggestion(value, &names),
            ),
        }
    }
    Some(told)
}

/// Periods as the file lists them.
type List<'l> = Option<&'l [At<u32>]>;

/// Where what is wrong stands: the number itself in a list, else the value of its key.
fn place(
    problem: &SetProblem,
    params: &Table<'_>,
    (sma, ema): (List<'_>, List<'_>),
) -> Range<usize> {
    let in_list = |field: &str, number: u32| {
        let list = match field {
            "sma" => sma,
            "ema" => ema,
            _ => None,
        };
        let mut found = list?.iter().rev().filter(|at| at.value == number);
        found.next().map(|at| at.span.clone())
    };
    match problem {
        SetProblem::Period { field, given } => {
            in_list(field, *given).unwrap_or_else(|| key_place(params, field))
        }
        SetProblem::Duplicate { field, period } => {
            in_list(field, *period).unwrap_or_else(|| key_place(params, field))
        }
        SetProblem::TooMany { field, .. } => key_place(params, field),
        SetProblem::SlowNotSlower { .. } => params.place("macd"),
        SetProblem::Deviations { .. } => params.place("bollinger"),
        SetProblem::Empty => params.span(),
    }
}

/// The place of the key a field belongs to.
fn key_place(params: &Table<'_>, field: &str) -> Range<usize> {
    const KEYS: [&str; 9] = [
        "sma",
        "ema",
        "rsi",
        "bollinger",
        "macd",
        "stochastic",
        "atr",
        "adx",
        "volume_sma",
    ];
    let own = field.split('.').next().unwrap_or(field);
    let key = KEYS.into_iter().find(|key| *key == own);
    key.map_or_else(|| params.span(), |key| params.place(key))
}
