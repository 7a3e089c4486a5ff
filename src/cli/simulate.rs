//! `finstage simulate`.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use super::{Exit, Outcome, open, output};
use crate::clock::Clock;
use crate::domain::parse_span;
use crate::simulator::{Fault, Options, RESERVED, Simulator};

#[derive(Debug, clap::Args)]
#[command(after_help = reserved())]
pub(super) struct Args {
    /// Loopback address to serve on
    #[arg(long, default_value = "127.0.0.1:8089")]
    listen: SocketAddr,
    /// Same seed, same prices and same faults
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Wait before each answer, e.g. 200ms
    #[arg(long, default_value = "0ms", value_parser = parse_span)]
    latency: Duration,
    /// Answer 429 above this many requests a second
    #[arg(long, value_name = "RPS")]
    limit_rps: Option<f64>,
    /// Requests above that rate that still pass at once
    #[arg(long, default_value_t = 5)]
    limit_burst: u32,
    /// Share of requests that meet a fault, 0 to 1
    #[arg(long, default_value_t = 0.0)]
    fault_rate: f64,
    /// Kinds of faults to draw from [default: all of them]
    #[arg(long, value_delimiter = ',', value_name = "KINDS")]
    faults: Vec<Fault>,
}

fn reserved() -> String {
    let kinds: Vec<&str> = Fault::ALL.iter().map(|fault| fault.as_str()).collect();
    let mut text = format!("Faults: {}\n\nSymbols that begin with\n", kinds.join(", "));
    for (prefix, meaning) in RESERVED {
        let _ = writeln!(text, "  {prefix:<9} {meaning}");
    }
    text.push_str("Every other symbol has made-up prices. Counts: GET /__stats");
    text
}

pub(super) fn run(args: &Args) -> Outcome {
    let faults = if args.faults.is_empty() {
        Fault::ALL.to_vec()
    } else {
        args.faults.clone()
    };
    let options = Options {
        listen: args.listen,
        seed: args.seed,
        latency: args.latency,
        limit_rps: args.limit_rps,
        limit_burst: args.limit_burst,
        fault_rate: args.fault_rate,
        faults,
    };
    open::runtime()?.block_on(async {
        let simulator = Simulator::start(options, Clock::system())
            .await
            .map_err(|error| {
                output::complain(&format!("the simulator cannot start: {error}"));
                if error.kind() == std::io::ErrorKind::InvalidInput {
                    Exit::Usage
                } else {
                    Exit::Unavailable
                }
            })?;
        let base = simulator.base_url();
        output::say(&format!(
            "simulated prices at {base}, counts at {base}/__stats\n\
             point finstage at it with [upstream.yahoo] base_url = \"{base}\" (it speaks as Tiingo and \
             Binance, too); Ctrl-C stops"
        ));
        let stop = simulator.stop_token();
        let signals = crate::daemon::stop_signal();
        tokio::select! {
            () = simulator.wait() => {}
            signal = signals => {
                stop.cancel();
                if let Err(error) = signal {
                    output::complain(&error.to_string());
                    return Err(Exit::Unavailable);
                }
            }
        }
        Ok(Exit::Success)
    })
}
