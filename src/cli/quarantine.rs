//! `finstage quarantine`: the rows that were kept out of the prices, and what becomes of them.

use clap::Subcommand;

use super::{Exit, Globals, Outcome, open, output};
use crate::clock::Clock;
use crate::domain::{QuarantineState, Rule};
use crate::store::{Decision, QuarantineFilter, QuarantineRow};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, Subcommand)]
enum Deed {
    /// List the rows that are held, and those that are stored but noted
    List(ListArgs),
    /// Take held rows into the prices; what they replace is kept
    Release(DecideArgs),
    /// Say that rows are bad: they are not listed any more while they come as they are
    Dismiss(DecideArgs),
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Only this symbol
    #[arg(long)]
    symbol: Option<String>,
    /// Only rows that broke this rule
    #[arg(long, value_parser = Rule::ALL.map(Rule::as_str))]
    rule: Option<String>,
    /// Also rows that are stored and only noted, as those on days without a session (V4)
    #[arg(long)]
    noted: bool,
    /// Also those that are settled: released, superseded, dismissed; and noted ones
    #[arg(long)]
    all: bool,
    /// Rows to show; 0 for all
    #[arg(short, default_value_t = 50)]
    n: usize,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct DecideArgs {
    /// Numbers of the rows
    #[arg(required = true, value_name = "ID")]
    ids: Vec<i64>,
    /// Why; kept with the rows
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

pub(super) fn run(args: &Args, globals: &Globals) -> Outcome {
    let config = open::for_looking(globals)?;
    open::small_runtime()?.block_on(async {
        let store = open::store_for_reading(&config).await?;
        let now = Clock::system().now();
        let exit = match &args.deed {
            Deed::List(list) => {
                let symbol = match &list.symbol {
                    Some(text) => Some(open::stored_symbol(text, &store, &config).await?),
                    None => None,
                };
                let filter = QuarantineFilter {
                    symbol,
                    rule: list.rule.as_deref().and_then(Rule::from_name),
                    all: list.all,
                };
                let rows = store.quarantine(&filter).await;
                list_rows(rows.map_err(open::store_failed)?, list);
                Ok(Exit::Success)
            }
            Deed::Release(decide) => {
                let note = decide.note.as_deref();
                let decision = store.release(&decide.ids, note, now).await;
                told(decision.map_err(open::store_failed)?, "released")
            }
            Deed::Dismiss(decide) => {
                let note = decide.note.as_deref();
                let decision = store.dismiss(&decide.ids, note, now).await;
                told(decision.map_err(open::store_failed)?, "dismissed")
            }
        };
        store.close().await;
        exit
    })
}

fn told(decision: Decision, done: &str) -> Outcome {
    match decision {
        Decision::Done { rows, unread } => {
            for id in unread {
                output::print(&format!("{done} {id}, which cannot be read"));
            }
            for row in rows {
                let (id, symbol, date) = (row.id, &row.symbol, row.trading_date);
                output::print(&format!("{done} {id}: {symbol} {date} ({})", row.rule));
            }
            Ok(Exit::Success)
        }
        Decision::Refused(reasons) => {
            for reason in reasons {
                output::complain(&reason);
            }
            output::complain("nothing was changed");
            Err(Exit::Usage)
        }
    }
}

fn list_rows(mut rows: Vec<QuarantineRow>, args: &ListArgs) {
    let is_noted = |row: &QuarantineRow| row.state == QuarantineState::Noted.as_str();
    let noted = rows.iter().filter(|row| is_noted(row)).count();
    let with_noted = args.noted || args.all || args.rule.is_some();
    if !with_noted {
        rows.retain(|row| !is_noted(row));
    }
    if args.json {
        output::print_json(&rows);
        return;
    }
    if rows.is_empty() {
        output::say("nothing in quarantine");
    } else {
        let shown = output::first(&rows, args.n);
        show(shown);
        output::say_rest(rows.len() - shown.len());
    }
    if noted > 0 && !with_noted {
        output::say(&format!(
            "{noted} stored rows are noted as doubtful only; --noted shows them"
        ));
    }
}

fn show(rows: &[QuarantineRow]) {
    let price = |price: Option<f64>| price.map_or_else(|| "-".to_owned(), |p| p.to_string());
    let cells = rows.iter().map(|row| {
        vec![
            row.id.to_string(),
            row.symbol.clone(),
            row.trading_date.to_string(),
            row.rule.clone(),
            row.state.clone(),
            price(row.open),
            price(row.high),
            price(row.low),
            price(row.close),
            row.seen.to_string(),
            output::utc(row.last_seen),
            row.reason.clone(),
        ]
    });
    let head = [
        "id",
        "symbol",
        "date",
        "rule",
        "state",
        "open",
        "high",
        "low",
        "close",
        "seen",
        "last seen",
        "reason",
    ];
    let right = ["id", "open", "high", "low", "close", "seen"];
    output::print(&output::table(&head, &right, cells.collect()));
}
