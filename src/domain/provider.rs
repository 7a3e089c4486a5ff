//! Whom prices come from: the providers there are, and the order in which a schedule asks them.

use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::Session;

/// A session's bar is final this long after its close, where nothing else is known.
pub(super) const SETTLING: SignedDuration = SignedDuration::from_mins(30);

/// Hour of New York at which Tiingo's row of the day is final: exchanges send corrections until
/// then, and it may be published no earlier.
pub const TIINGO_FINAL_HOUR: i8 = 20;

const NEW_YORK: &str = "America/New_York";

/// So much later than it is due a published row is missed: nobody publishes to the second.
const PUBLISHING: SignedDuration = SignedDuration::from_mins(30);

/// Somebody prices can be asked from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Provider {
    /// Yahoo Finance: everything, without a key.
    Yahoo,
    /// Tiingo's end-of-day prices: shares and funds traded in the US, with a key.
    Tiingo,
    /// Binance's daily klines: pairs of crypto currencies, without a key.
    Binance,
}

impl Provider {
    /// All providers.
    pub const ALL: [Self; 3] = [Self::Yahoo, Self::Tiingo, Self::Binance];

    /// The name used in schedules.toml, in the database and in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yahoo => "yahoo",
            Self::Tiingo => "tiingo",
            Self::Binance => "binance",
        }
    }

    /// When this provider's bar of a session is final.
    pub fn final_at(self, session: &Session) -> Timestamp {
        let settled = session.close.saturating_add(SETTLING);
        let settled = settled.unwrap_or(Timestamp::MAX);
        match self {
            Self::Yahoo | Self::Binance => settled,
            Self::Tiingo => evening(session.date).map_or(settled, |evening| evening.max(settled)),
        }
    }

    /// From when on this provider's bar of a session is missed.
    pub fn missed_at(self, session: &Session) -> Timestamp {
        let final_at = self.final_at(session);
        match self {
            Self::Yahoo | Self::Binance => final_at,
            Self::Tiingo => final_at.saturating_add(PUBLISHING).unwrap_or(final_at),
        }
    }

    /// The provider of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// When Tiingo's row of a session is final.
fn evening(date: Date) -> Option<Timestamp> {
    let zone = TimeZone::get(NEW_YORK).ok()?;
    let evening = date.at(TIINGO_FINAL_HOUR, 0, 0, 0).to_zoned(zone).ok()?;
    Some(evening.timestamp())
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The providers a schedule asks, in this order: at least one, each once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Providers {
    first: Provider,
    others: [Option<Provider>; Provider::ALL.len() - 1],
}

impl Default for Providers {
    fn default() -> Self {
        Self::only(Provider::Yahoo)
    }
}

impl Providers {
    /// One provider and nobody else.
    pub const fn only(first: Provider) -> Self {
        Self {
            first,
            others: [None; Provider::ALL.len() - 1],
        }
    }

    /// These providers in this order; `None` when there is none or one stands there twice.
    pub fn try_new(list: &[Provider]) -> Option<Self> {
        let (first, rest) = list.split_first()?;
        let mut all = Self::only(*first);
        for (place, provider) in rest.iter().enumerate() {
            if all.iter().any(|held| held == *provider) {
                return None;
            }
            *all.others.get_mut(place)? = Some(*provider);
        }
        Some(all)
    }

    /// Who is asked first.
    pub fn first(self) -> Provider {
        self.first
    }

    /// All of them, in order.
    pub fn iter(self) -> impl Iterator<Item = Provider> {
        std::iter::once(self.first).chain(self.others.into_iter().flatten())
    }

    /// How many they are.
    pub fn count(self) -> usize {
        self.iter().count()
    }

    /// The place of the provider of that name; `None` when it is not among them.
    pub fn place_of(self, name: &str) -> Option<usize> {
        self.iter().position(|provider| provider.as_str() == name)
    }
}

impl fmt::Display for Providers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.iter().map(Provider::as_str).collect();
        f.pad(&names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_final_and_missed_when_its_provider_has_it() {
        let session = |date: Date, close: &str| Session {
            date,
            open: Timestamp::UNIX_EPOCH,
            close: close.parse().unwrap(),
        };
        let at = |time: &str| time.parse::<Timestamp>().unwrap();
        let friday = session(jiff::civil::date(2026, 11, 20), "2026-11-20T21:00:00Z");
        for provider in [Provider::Yahoo, Provider::Binance] {
            assert_eq!(provider.final_at(&friday), at("2026-11-20T21:30:00Z"));
            assert_eq!(provider.missed_at(&friday), at("2026-11-20T21:30:00Z"));
        }
        let tiingo = Provider::Tiingo;
        assert_eq!(tiingo.final_at(&friday), at("2026-11-21T01:00:00Z"));
        assert_eq!(tiingo.missed_at(&friday), at("2026-11-21T01:30:00Z"));
        let summer = session(jiff::civil::date(2026, 7, 2), "2026-07-02T20:00:00Z");
        assert_eq!(tiingo.final_at(&summer), at("2026-07-03T00:00:00Z"));
    }

    #[test]
    fn a_list_of_providers_has_each_once_and_keeps_its_order() {
        use Provider::{Binance, Tiingo, Yahoo};
        let all = Providers::try_new(&[Tiingo, Yahoo, Binance]).unwrap();
        assert_eq!(all.to_string(), "tiingo, yahoo, binance");
        assert_eq!((all.place_of("yahoo"), all.place_of("x")), (Some(1), None));
        assert_eq!(Providers::try_new(&[]), None);
        assert_eq!(Providers::try_new(&[Yahoo, Tiingo, Yahoo]), None);
        assert_eq!(Providers::default().to_string(), "yahoo");
        for provider in Provider::ALL {
            assert_eq!(Provider::from_name(provider.as_str()), Some(provider));
        }
    }
}
