//! What the operator chooses: where to listen, and how badly to behave.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use super::hash::unit;

/// How the simulator behaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Loopback address to listen on; port 0 takes a free one. Default `127.0.0.1:0`.
    pub listen: SocketAddr,
    /// Seed of all prices and faults. Default 1.
    pub seed: u64,
    /// Time before each answer that was admitted. Default zero.
    pub latency: Duration,
    /// Sustained requests per second before 429; unlimited by default.
    pub limit_rps: Option<f64>,
    /// Requests admitted at once after a rest, at least 1. Default 5.
    pub limit_burst: u32,
    /// Part of the admitted requests that meet a fault, 0 to 1. Default 0.
    pub fault_rate: f64,
    /// Kinds of faults drawn from. Default all.
    pub faults: Vec<Fault>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            seed: 1,
            latency: Duration::ZERO,
            limit_rps: None,
            limit_burst: 5,
            fault_rate: 0.0,
            faults: Fault::ALL.to_vec(),
        }
    }
}

impl Options {
    /// Tells every mistake at once, as an [`io::ErrorKind::InvalidInput`].
    pub(super) fn check(&self) -> io::Result<()> {
        let mut mistakes = Vec::new();
        if !self.listen.ip().is_loopback() {
            mistakes.push(format!("{} is not a loopback address", self.listen));
        }
        if let Some(rps) = self.limit_rps
            && interval(rps).is_none()
        {
            mistakes.push(format!("{rps:?} is not a rate: above 0 and finite"));
        }
        if self.limit_burst == 0 {
            mistakes.push("a burst of 0 would admit nothing".to_owned());
        }
        if !(0.0..=1.0).contains(&self.fault_rate) {
            mistakes.push(format!("fault rate {} is not in 0..=1", self.fault_rate));
        }
        if self.fault_rate > 0.0 && self.faults.is_empty() {
            mistakes.push("a fault rate without any fault to draw from".to_owned());
        }
        if mistakes.is_empty() {
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            mistakes.join("; "),
        ))
    }

    /// The fault that two draws decide on: the first whether, the second which.
    pub(super) fn fault(&self, (whether, which): (u64, u64)) -> Option<Fault> {
        if unit(whether) >= self.fault_rate {
            return None;
        }
        let kinds = u64::try_from(self.faults.len()).ok()?;
        let index = usize::try_from(which.checked_rem(kinds)?).ok()?;
        self.faults.get(index).copied()
    }
}

/// Time between two requests at a sustained rate; none when the rate is not a usable number.
pub(super) fn interval(rps: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(rps.recip())
        .ok()
        .filter(|interval| !interval.is_zero())
}

/// A way in which an answer is spoilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// HTTP 500 with a text.
    ServerError,
    /// HTTP 200 with an HTML page, "Will be right back…".
    Html,
    /// HTTP 200 without a body.
    Empty,
    /// HTTP 200 with the first half of the JSON, correctly delimited.
    Truncated,
    /// The connection is closed in the middle of the body.
    Reset,
    /// The body takes about 5 s to arrive.
    Slow,
    /// HTTP 429 although the rate was kept.
    TooMany,
    /// The answer is about another symbol.
    WrongSymbol,
}

impl Fault {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::ServerError,
        Self::Html,
        Self::Empty,
        Self::Truncated,
        Self::Reset,
        Self::Slow,
        Self::TooMany,
        Self::WrongSymbol,
    ];

    /// The name used on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ServerError => "server_error",
            Self::Html => "html",
            Self::Empty => "empty",
            Self::Truncated => "truncated",
            Self::Reset => "reset",
            Self::Slow => "slow",
            Self::TooMany => "too_many",
            Self::WrongSymbol => "wrong_symbol",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownFault(String);

impl fmt::Display for UnknownFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Fault::ALL.map(Fault::as_str).join(", ");
        write!(f, "`{}` is not a fault; there are {names}", self.0)
    }
}

impl std::error::Error for UnknownFault {}

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        Self::ALL
            .into_iter()
            .find(|fault| fault.as_str() == text)
            .ok_or_else(|| UnknownFault(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_read_back_from_its_name() {
        for fault in Fault::ALL {
            assert_eq!(fault.as_str().parse(), Ok(fault));
        }
        let error = "flood".parse::<Fault>().unwrap_err().to_string();
        assert!(error.contains("server_error, html"), "{error}");
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        Options::default().check().unwrap();
        let wrong = Options {
            listen: "192.0.2.1:80".parse().unwrap(),
            limit_rps: Some(1e-300),
            limit_burst: 0,
            fault_rate: f64::NAN,
            ..Options::default()
        };
        let error = wrong.check().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert_eq!(error.to_string().split("; ").count(), 4, "{error}");
        let nothing_to_draw = Options {
            fault_rate: 0.5,
            faults: Vec::new(),
            ..Options::default()
        };
        assert!(nothing_to_draw.check().is_err());
        assert_eq!(nothing_to_draw.fault((0, 0)), None);
    }

    #[test]
    fn unusable_rates_have_no_interval() {
        for rps in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(interval(rps), None, "{rps}");
        }
        assert_eq!(interval(4.0), Some(Duration::from_millis(250)));
    }
}
