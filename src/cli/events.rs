//! `finstage events`.

use clap::builder::PossibleValuesParser;
use serde::Serialize;

use super::{Exit, Outcome, output};
use crate::telemetry::events::catalogue;
use crate::telemetry::reference::{DOCUMENTS, message_id};
use crate::telemetry::{EventDef, Signal};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Codes (FS3203) or names (schedule.stale, or schedule for all of them); every event without
    #[arg(value_name = "CODE|NAME")]
    wanted: Vec<String>,
    /// Print a file made of the whole catalogue
    #[arg(long, value_name = "WHAT", conflicts_with_all = ["wanted", "json"],
          value_parser = PossibleValuesParser::new(DOCUMENTS.iter().map(|document| document.name)))]
    print: Option<String>,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Row {
    code: &'static str,
    event: &'static str,
    level: &'static str,
    msg: &'static str,
    meaning: &'static str,
    action: &'static str,
    fields: Vec<&'static str>,
    alert: Option<&'static str>,
    message_id: String,
}

pub(super) fn run(args: &Args) -> Outcome {
    let printed = args.print.as_deref();
    if let Some(document) = DOCUMENTS.iter().find(|it| Some(it.name) == printed) {
        output::print(document.text().trim_end_matches('\n'));
        return Ok(Exit::Success);
    }
    for wanted in &args.wanted {
        if !catalogue().any(|event| is_meant(event, wanted)) {
            output::complain(&unknown(wanted));
            return Err(Exit::Usage);
        }
    }
    let asked = |event: &&EventDef| {
        args.wanted.is_empty() || args.wanted.iter().any(|wanted| is_meant(event, wanted))
    };
    let events: Vec<&EventDef> = catalogue().filter(asked).collect();
    if args.json {
        let rows: Vec<Row> = events.into_iter().map(row).collect();
        output::print_json(&rows);
    } else if args.wanted.is_empty() {
        let rows = events.iter().map(|event| {
            [event.code, event.name, event.level_name(), event.message]
                .map(str::to_owned)
                .to_vec()
        });
        let head = ["code", "event", "level", "message"];
        output::print(&output::table(&head, &[], rows.collect()));
    } else {
        let texts: Vec<String> = events.into_iter().map(explain).collect();
        output::print(&texts.join("\n\n"));
    }
    Ok(Exit::Success)
}

/// Whether a word means the event: its code, its name, or the name's beginning up to a dot.
fn is_meant(event: &EventDef, wanted: &str) -> bool {
    let rest = event.name.strip_prefix(wanted);
    event.code.eq_ignore_ascii_case(wanted)
        || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn unknown(wanted: &str) -> String {
    let nearest = catalogue()
        .map(|event| event.name)
        .max_by(|a, b| strsim::jaro_winkler(a, wanted).total_cmp(&strsim::jaro_winkler(b, wanted)))
        .unwrap_or_default();
    format!(
        "there is no event `{wanted}`; did you mean `{nearest}`? `finstage events` lists them all"
    )
}

fn row(event: &EventDef) -> Row {
    Row {
        code: event.code,
        event: event.name,
        level: event.level_name(),
        msg: event.message,
        meaning: event.meaning,
        action: event.action,
        fields: event.fields.iter().map(|field| field.key).collect(),
        alert: event.signal.alert().map(|alert| alert.name),
        message_id: message_id(event),
    }
}

fn explain(event: &EventDef) -> String {
    let mut text = format!(
        "{} {} ({}): {}\n{}\nWhat to do: {}",
        event.code,
        event.name,
        event.level_name(),
        event.message,
        event.meaning,
        event.action
    );
    let fields: Vec<&str> = event.fields.iter().map(|field| field.key).collect();
    if !fields.is_empty() {
        text.push_str("\nFields: ");
        text.push_str(&fields.join(", "));
    }
    let part = match event.signal {
        Signal::None => None,
        Signal::Opens(alert) => Some(format!("raises {}", alert.name)),
        Signal::Closes(alert) => Some(format!("ends {}", alert.name)),
        Signal::Tells(alert) => Some(format!("raises {} for a while", alert.name)),
        Signal::Beats(alert) => Some(format!("its absence raises {}", alert.name)),
        Signal::Begins(_) => Some("ends whatever was open before".to_owned()),
    };
    if let Some(part) = part {
        text.push_str("\nAlert: ");
        text.push_str(&part);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_found_by_code_by_name_and_by_the_beginning_of_its_name() {
        let found = |wanted: &str| catalogue().filter(|event| is_meant(event, wanted)).count();
        assert_eq!(found("FS3203"), 1);
        assert_eq!(found("fs3203"), 1);
        assert_eq!(found("schedule.stale"), 1);
        assert!(found("schedule") >= 4);
        assert_eq!(found("sched"), 0);
        assert!(unknown("schedule.stale_").contains("`schedule.stale`"));
    }
}
