//! `finstage explain`.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::{Exit, Outcome, next, output};
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

pub(super) fn run(args: &Args) -> Outcome {
    let cron = CronExpr::try_new(&args.cron).map_err(|error| {
        output::complain(&error.to_string());
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
