//! Prices: exact, final once final, never lost.

use finstage::domain::{AllTimeHigh, DailyBar};
use finstage::store::{Answer, Store, Written};
use jiff::Timestamp;
use jiff::civil::Date;

use super::derived::newest_snapshot;
use crate::support::database::Database;
use crate::support::random::Random;
use crate::support::values::{answer, at, bar, day, provisional, quote, symbol};

pub(super) fn now() -> Timestamp {
    at("2026-11-23T22:00:00Z")
}

/// Saves as the jobs do: what is known, then what it changes.
pub(super) async fn save(store: &Store, name: &str, answer: &Answer) -> Written {
    let symbol = symbol(name);
    let known = store.known(&symbol, 12).await.unwrap();
    store.save(&symbol, answer, &known, now()).await.unwrap()
}

pub(super) async fn save_bars(store: &Store, bars: &[DailyBar]) -> Written {
    save(store, "AAPL", &answer(bars, None)).await
}

pub(super) async fn stored(store: &Store) -> Vec<DailyBar> {
    let (from, to) = (day("1900-01-01"), day("2200-01-01"));
    store.bars(&symbol("AAPL"), from, to).await.unwrap()
}

pub(super) async fn high(store: &Store) -> Option<AllTimeHigh> {
    store.known(&symbol("AAPL"), 1).await.unwrap().high
}

/// Any positive finite number, of all magnitudes alike.
fn any_price(random: &mut Random) -> f64 {
    loop {
        let price = f64::from_bits(random.word()).abs();
        if price.is_finite() && price > 0.0 {
            return price;
        }
    }
}

fn any_bar(random: &mut Random, trading_date: Date) -> DailyBar {
    DailyBar {
        trading_date,
        open: any_price(random),
        high: any_price(random),
        low: any_price(random),
        close: any_price(random),
        adj_close: random.chance(80).then(|| -any_price(random)),
        volume: random
            .chance(80)
            .then(|| i64::from_ne_bytes(random.word().to_ne_bytes())),
        is_final: random.chance(50),
    }
}

fn bits(bar: &DailyBar) -> [u64; 5] {
    let adjusted = bar.adj_close.unwrap_or(f64::NAN);
    [bar.open, bar.high, bar.low, bar.close, adjusted].map(f64::to_bits)
}

pub(super) async fn any_finite_price_survives_bit_for_bit(database: Database) {
    let store = database.migrated().await;
    let mut random = Random::named(1, "prices");
    let mut date = day("1962-01-02");
    let mut bars = Vec::new();
    while date < day("2100-12-31") {
        bars.push(any_bar(&mut random, date));
        date = date.saturating_add(jiff::Span::new().days(random.between(1, 40)));
    }
    assert!(bars.len() > 2_000, "more than two chunks");
    let written = save_bars(&store, &bars).await;
    assert_eq!(written.bars, bars.len() as u64);
    let found = stored(&store).await;
    assert_eq!(found.len(), bars.len());
    for (found, bar) in found.iter().zip(&bars) {
        assert_eq!(bits(found), bits(bar), "{bar:?}");
        let rest = |bar: &DailyBar| (bar.trading_date, bar.volume, bar.is_final);
        assert_eq!(rest(found), rest(bar));
    }
    let known = store.known(&symbol("AAPL"), 12).await.unwrap();
    assert_eq!(
        known.bars,
        bars[bars.len() - 12..],
        "the newest, oldest first"
    );
    assert_eq!(save_bars(&store, &bars).await, Written::default());
}

pub(super) async fn the_same_answer_twice_writes_nothing(database: Database) {
    let store = database.migrated().await;
    let bars = [
        bar("2026-11-19", 10.0),
        bar("2026-11-20", 11.0),
        provisional("2026-11-23", 12.0),
    ];
    let answer = answer(&bars, Some(quote("2026-11-23T15:00:00Z", 12.0)));
    let first = save(&store, "AAPL", &answer).await;
    assert_eq!(first.bars, 3);
    assert_eq!(first.others, 5, "instrument, quote, two snapshots, high");
    assert_eq!(save(&store, "AAPL", &answer).await, Written::default());
    let known = store.known(&symbol("AAPL"), 12).await.unwrap();
    assert_eq!(known.bars, bars);
    assert_eq!(known.quote, answer.quote);
    assert_eq!(known.instrument.as_ref(), Some(&answer.instrument));
}

pub(super) async fn a_correction_is_stored(database: Database) {
    let store = database.migrated().await;
    save_bars(&store, &[bar("2026-11-19", 10.0), bar("2026-11-20", 11.0)]).await;
    let corrected = [bar("2026-11-19", 10.5), bar("2026-11-20", 11.0)];
    assert_eq!(save_bars(&store, &corrected).await.bars, 1);
    assert_eq!(stored(&store).await, corrected);
    assert_eq!(save_bars(&store, &corrected).await, Written::default());
    let newest = [bar("2026-11-20", 11.5)];
    save_bars(&store, &newest).await;
    let snapshot = newest_snapshot(&store).await.unwrap();
    assert_eq!(snapshot.close, 11.5, "the snapshot follows");
}

pub(super) async fn a_provisional_bar_becomes_final_and_never_back(database: Database) {
    let store = database.migrated().await;
    save_bars(&store, &[provisional("2026-11-23", 10.0)]).await;
    assert!(newest_snapshot(&store).await.is_none());
    assert_eq!(high(&store).await, None, "highs are of final bars");
    assert_eq!(
        save_bars(&store, &[provisional("2026-11-23", 10.2)])
            .await
            .bars,
        1
    );
    assert_eq!(
        save_bars(&store, &[bar("2026-11-23", 10.2)]).await.bars,
        1,
        "only the flag"
    );
    assert_eq!(high(&store).await.unwrap().price, 11.2);
    let back = save_bars(&store, &[provisional("2026-11-23", 99.0)]).await;
    assert_eq!(back, Written::default());
    assert_eq!(stored(&store).await, [bar("2026-11-23", 10.2)]);
}

pub(super) async fn an_absent_value_never_replaces_a_stored_one(database: Database) {
    let store = database.migrated().await;
    save_bars(&store, &[bar("2026-11-20", 10.0)]).await;
    let poorer = DailyBar {
        adj_close: None,
        volume: None,
        ..bar("2026-11-20", 10.0)
    };
    assert_eq!(save_bars(&store, &[poorer]).await, Written::default());
    let corrected = DailyBar {
        high: 12.0,
        ..poorer
    };
    assert_eq!(save_bars(&store, &[corrected]).await.bars, 1);
    let found = stored(&store).await;
    assert_eq!(
        (found[0].high, found[0].adj_close, found[0].volume),
        (12.0, Some(5.0), Some(1_000))
    );
    // The instrument's values as well.
    let mut nameless = answer(&[], None);
    nameless.instrument.currency = None;
    nameless.instrument.first_trade_date = None;
    assert_eq!(save(&store, "AAPL", &nameless).await, Written::default());
    let known = store.known(&symbol("AAPL"), 1).await.unwrap();
    assert_eq!(known.instrument, Some(answer(&[], None).instrument));
}

pub(super) async fn older_bars_join_the_stored_ones(database: Database) {
    let store = database.migrated().await;
    // More than the twelve that are read back.
    let dates: Vec<String> = (1..=28).map(|n| format!("2026-10-{n:02}")).collect();
    let bars: Vec<DailyBar> = dates.iter().map(|date| bar(date, 20.0)).collect();
    save_bars(&store, &bars[5..]).await;
    assert_eq!(high(&store).await.unwrap().covered_from, day("2026-10-06"));
    let mut wide = bars.clone();
    wide[2] = bar("2026-10-03", 90.0);
    let written = save_bars(&store, &wide).await;
    assert_eq!(
        written.bars, 5,
        "those that are stored are not written again"
    );
    assert_eq!(stored(&store).await, wide);
    let expected = AllTimeHigh {
        price: 91.0,
        trading_date: day("2026-10-03"),
        covered_from: day("2026-10-01"),
    };
    assert_eq!(high(&store).await, Some(expected));
    let snapshot = newest_snapshot(&store).await.unwrap();
    assert_eq!(snapshot.trading_date, day("2026-10-28"));
    assert_eq!(save_bars(&store, &wide).await, Written::default());
    // A window that ends before what is read back begins.
    let lone = bar("2026-09-01", 30.0);
    assert_eq!(save_bars(&store, &[lone]).await.bars, 1);
    assert_eq!(save_bars(&store, &[lone]).await, Written::default());
}

pub(super) async fn a_quote_never_goes_back_in_time(database: Database) {
    let store = database.migrated().await;
    let of = async |time: &str, price: f64| {
        let answer = answer(&[], Some(quote(time, price)));
        save(&store, "AAPL", &answer).await.others
    };
    assert_eq!(
        of("2026-11-23T15:00:00Z", 10.0).await,
        2,
        "with the instrument"
    );
    assert_eq!(of("2026-11-23T14:59:59Z", 9.0).await, 0);
    assert_eq!(of("2026-11-23T15:00:00Z", 10.0).await, 0);
    assert_eq!(
        of("2026-11-23T15:00:00Z", 10.1).await,
        1,
        "corrected at once"
    );
    assert_eq!(of("2026-11-23T15:00:01Z", 10.1).await, 1);
    let known = store.known(&symbol("AAPL"), 1).await.unwrap();
    assert_eq!(known.quote, Some(quote("2026-11-23T15:00:01Z", 10.1)));
}

pub(super) async fn the_source_of_a_series_is_that_of_its_newest_bar(database: Database) {
    let store = database.migrated().await;
    let of = async |name: &str, date: &str, source: &'static str| {
        let answer = Answer {
            source,
            ..answer(&[bar(date, 10.0)], None)
        };
        assert_eq!(save(&store, name, &answer).await.bars, 1);
    };
    of("A", "2026-11-19", "yahoo").await;
    of("A", "2026-11-20", "tiingo").await;
    of("B", "2026-11-19", "tiingo").await;
    of("B", "2026-11-20", "yahoo").await;
    // The newest day of one is an older day of another.
    of("C", "2026-11-19", "binance").await;
    let mut sources = store.newest_sources().await.unwrap();
    sources.sort();
    let expected = [("A", "tiingo"), ("B", "yahoo"), ("C", "binance")];
    let expected = expected.map(|(name, source)| (name.to_owned(), source.to_owned()));
    assert_eq!(sources, expected);
}

pub(super) async fn symbols_do_not_see_each_other(database: Database) {
    let store = database.migrated().await;
    // Names that differ in case or hold a wildcard of LIKE.
    let names = ["A_B", "AXB", "a_b", "A-B", "^A"];
    for (name, price) in names.iter().zip([1.0, 2.0, 3.0, 4.0, 5.0]) {
        let one = answer(
            &[bar("2026-11-20", 10.0 * price)],
            Some(quote("2026-11-20T21:00:00Z", price)),
        );
        assert_eq!(save(&store, name, &one).await.bars, 1, "{name}");
    }
    for (name, price) in names.iter().zip([1.0, 2.0, 3.0, 4.0, 5.0]) {
        let known = store.known(&symbol(name), 5).await.unwrap();
        assert_eq!(known.bars, [bar("2026-11-20", 10.0 * price)], "{name}");
        assert_eq!(known.quote.unwrap().price, price, "{name}");
    }
}
