//! Which symbols a provider can have, told by their form alone.

use super::{Provider, Symbol};

/// Longest ticker of a US share.
const MAX_TICKER_BYTES: usize = 12;

/// Quotes of the pairs Yahoo spells like share classes: `BTC-USD` is no share, `BRK-B` is.
const CRYPTO_QUOTES: [&str; 8] = ["USD", "USDT", "USDC", "EUR", "GBP", "JPY", "KRW", "BTC"];

/// Quoted units of Yahoo's pairs, and what Binance quotes them in.
const BINANCE_QUOTES: [(&str, &str); 8] = [
    ("USD", "USDT"),
    ("USDT", "USDT"),
    ("USDC", "USDC"),
    ("EUR", "EUR"),
    ("GBP", "GBP"),
    ("BTC", "BTC"),
    ("ETH", "ETH"),
    ("BNB", "BNB"),
];

/// Letters of a base currency.
const MAX_BASE_BYTES: usize = 12;

impl Provider {
    /// Whether the provider may know `symbol`; of one it cannot have nothing is ever asked.
    pub fn can_have(self, symbol: &Symbol) -> bool {
        match self {
            Self::Yahoo => true,
            Self::Tiingo => us_ticker(symbol).is_some(),
            Self::Binance => binance_pair(symbol).is_some(),
        }
    }
}

/// The ticker of a symbol: letters, digits and the hyphen of a share class (`BRK-B`), spelled as
/// Yahoo does. `None` for what end-of-day prices of US shares cannot have: indices (`^`), currencies
/// and futures (`=`), other countries (`.`), pairs of crypto currencies.
pub fn us_ticker(symbol: &Symbol) -> Option<&str> {
    let text = symbol.as_str();
    let is_plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let is_pair = text
        .rsplit_once('-')
        .is_some_and(|(_, quote)| CRYPTO_QUOTES.contains(&quote));
    let begins_well = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
    (is_plain && begins_well && !is_pair && text.len() <= MAX_TICKER_BYTES).then_some(text)
}

/// Base and quote, as Binance has them, of the pair Yahoo spells `BASE-QUOTE`; `None` for everything
/// else.
pub fn binance_pair(symbol: &Symbol) -> Option<(String, &'static str)> {
    let (base, quoted) = symbol.as_str().rsplit_once('-')?;
    let is_plain = base.bytes().all(|b| b.is_ascii_alphanumeric());
    if base.is_empty() || !is_plain || base.len() > MAX_BASE_BYTES {
        return None;
    }
    let base = base.to_ascii_uppercase();
    let known = BINANCE_QUOTES
        .into_iter()
        .find(|(yahoo, _)| *yahoo == quoted);
    let (_, quote) = known.filter(|(_, quote)| *quote != base)?;
    Some((base, quote))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_provider_has_what_its_market_has() {
        let has = |text: &str| {
            let symbol = Symbol::try_new(text).unwrap();
            Provider::ALL.map(|provider| provider.can_have(&symbol))
        };
        assert_eq!(has("AAPL"), [true, true, false]);
        assert_eq!(has("BRK-B"), [true, true, false]);
        assert_eq!(has("005930.KS"), [true, false, false]);
        assert_eq!(has("^GSPC"), [true, false, false]);
        assert_eq!(has("BTC-USD"), [true, false, true]);
        assert_eq!(has("BTC-KRW"), [true, false, false]);
    }
}
