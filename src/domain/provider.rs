//! Whom prices come from: the providers there are, and the order in which a schedule asks them.

use std::fmt;

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

    /// The provider of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
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

/// What prices have been adjusted for. Only one basis is stored; others are converted before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PriceBasis {
    /// For all splits until today, not for dividends: what is stored.
    SplitAdjusted,
    /// For nothing: as traded on the day.
    Raw,
}

#[cfg(test)]
mod tests {
    use super::*;

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
