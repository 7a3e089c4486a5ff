//! `finstage explain`.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::{Exit, Globals, Outcome, next, open, output};
use crate::clock::Clock;
use crate::domain::{CronExpr, Trigger};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The expression: 5 fields, or 6 with seconds first
    cron: String,
    /// IANA name of the zone it is read in
    #[arg(long, short = 'z', default_value = "UTC")]
    timezone: String,
    /// Fires to show
    #[arg(short, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    n: u16,
    /// Fires after this instant instead of now
    #[arg(long, value_name = "T")]
    from: Option<Timestamp>,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Explanation<'e> {
    cron: &'e str,
    description: String,
    timezone: &'e str,
    daylight_saving: &'static str,
    fires: Vec<next::Row>,
}

pub(super) fn run(args: &Args, globals: &Globals) -> Outcome {
    let cron = CronExpr::try_new(&args.cron).map_err(|error| {
        output::complain(&error.to_string());
        if let Some(hint) = meant(&args.cron, globals) {
            output::say(&hint);
        }
        Exit::Usage
    })?;
    let zone = TimeZone::get(&args.timezone).map_err(|_| {
        output::complain(&format!(
            "there is no time zone `{}`; use an IANA name like America/New_York",
            args.timezone
        ));
        Exit::Usage
    })?;
    let rule = if cron.is_fixed_time() {
        "a fixed time: inside a gap it fires at the first instant after it, in a repeated hour once"
    } else {
        "an interval: it fires at every real matching instant, in a repeated hour twice"
    };
    let description = cron.describe();
    let trigger = Trigger::Cron(vec![cron.clone()]);
    let from = args.from.unwrap_or_else(|| Clock::system().now());
    let fires = next::fires(
        cron.as_str(),
        |at| trigger.next_after(at, &zone),
        &zone,
        from,
        args.n.into(),
    );
    if args.json {
        output::print_json(&Explanation {
            cron: cron.as_str(),
            description,
            timezone: &args.timezone,
            daylight_saving: rule,
            fires,
        });
    } else {
        output::print(&format!("{cron}: {description}\n{rule}\n"));
        next::show(&fires, false);
    }
    Ok(Exit::Success)
}

/// What somebody means who has not written a cron expression: another way to say when, or a
/// schedule by its name.
fn meant(text: &str, globals: &Globals) -> Option<String> {
    let first = text.split([' ', '+', '-', '=']).next().unwrap_or_default();
    let key = match first {
        "every" | "after" | "at" | "cron" => Some(first),
        "open" | "close" => Some("at"),
        _ => None,
    };
    let is_schedule = |id: &str| {
        let config = open::try_load(globals).ok();
        config.is_some_and(|(config, _)| config.schedule(id).is_some())
    };
    if is_schedule(text) {
        return Some(format!(
            "`{text}` is a schedule: `finstage next {text}` shows its fires, `finstage describe \
             {text}` what the file says of it"
        ));
    }
    let key = key.filter(|key| *key != "cron")?;
    Some(format!(
        "`{key}` is a key of a schedule beside `cron`: `finstage next ID` shows the fires of a \
         schedule that has it"
    ))
}
