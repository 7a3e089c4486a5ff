//! Answers by hand: good ones, compressed ones, and those that grow.

use std::fmt::Write as _;

use jiff::civil::{Date, Weekday, date};

/// Sessions of every symbol: weekdays, the last one Friday 2026-11-20.
pub(crate) const SESSIONS: usize = 30;

/// Rows whose prices are texts in [`chart_with_nan`].
pub(crate) const NAN_ROWS: [usize; 2] = [3, 7];

/// A bar as it must be stored: date, open, high, low, close, adjusted close, volume.
pub(crate) type Row = (Date, f64, f64, f64, f64, f64, i64);

/// The bars of a symbol: exact in float32, and no symbol's are another's.
pub(crate) fn rows(symbol: &str) -> Vec<Row> {
    let last = date(2026, 11, 20);
    let mut sessions = Vec::new();
    let mut day = last;
    while sessions.len() < SESSIONS {
        if !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) {
            sessions.push(day);
        }
        day = day.yesterday().unwrap();
    }
    sessions.reverse();
    let mut base = 0_u32;
    for byte in symbol.bytes() {
        base = base.wrapping_mul(31).wrapping_add(u32::from(byte));
    }
    let price = 16.0 + f64::from(base % 40_000) / 16.0;
    let row = |(index, day): (usize, &Date)| {
        let step = u32::try_from(index).unwrap();
        let close = price + f64::from(step) * 0.25;
        let volume = i64::from(1_000 + step + base % 977);
        let (open, high, low) = (close - 0.125, close + 1.0, close - 1.0);
        (*day, open, high, low, close, close - 0.5, volume)
    };
    sessions.iter().enumerate().map(row).collect()
}

/// Parts of a chart that faults replace.
pub(crate) struct Parts {
    pub(crate) symbol: String,
    pub(crate) granularity: String,
    pub(crate) currency: String,
    pub(crate) last_price: String,
    /// Behind the columns, within `quote`.
    pub(crate) more_columns: String,
    pub(crate) events: String,
    /// Behind the fields of `meta`.
    pub(crate) more_meta: String,
    pub(crate) rows: Vec<[String; 7]>,
}

impl Parts {
    /// The parts of a good answer.
    pub(crate) fn of(symbol: &str) -> Self {
        let texts = |row: &Row| {
            let (day, open, high, low, close, adjusted, volume) = *row;
            // 14:30 UTC is in New York's session, in summer and in winter.
            let opens = day.at(14, 30, 0, 0).in_tz("UTC").unwrap().timestamp();
            let second = opens.as_second().to_string();
            let prices = [open, high, low, close, adjusted].map(|price| price.to_string());
            let [open, high, low, close, adjusted] = prices;
            [second, open, high, low, close, adjusted, volume.to_string()]
        };
        Self {
            symbol: symbol.to_owned(),
            granularity: "1d".to_owned(),
            currency: "USD".to_owned(),
            last_price: rows(symbol)[SESSIONS - 1].4.to_string(),
            more_columns: String::new(),
            events: String::new(),
            more_meta: String::new(),
            rows: rows(symbol).iter().map(texts).collect(),
        }
    }

    /// The answer as JSON.
    pub(crate) fn json(&self) -> String {
        let column = |index: usize| {
            let values: Vec<&str> = self.rows.iter().map(|row| row[index].as_str()).collect();
            values.join(",")
        };
        let mut json = String::new();
        write!(
            json,
            r#"{{"chart":{{"result":[{{"meta":{{"currency":"{}","symbol":"{}","exchangeName":"NMS",
            "instrumentType":"EQUITY","firstTradeDate":345479400,"regularMarketTime":1795208400,
            "gmtoffset":-18000,"exchangeTimezoneName":"America/New_York","regularMarketPrice":{},
            "currentTradingPeriod":{{"regular":{{"timezone":"EST","start":1795185000,
            "end":1795208400,"gmtoffset":-18000}}}},"dataGranularity":"{}"{}}},"timestamp":[{}],
            "events":{{{}}},"indicators":{{"quote":[{{"open":[{}],"high":[{}],"low":[{}],"close":[{}],
            "volume":[{}]}}{}],"adjclose":[{{"adjclose":[{}]}}]}}}}],"error":null}}}}"#,
            self.currency,
            self.symbol,
            self.last_price,
            self.granularity,
            self.more_meta,
            column(0),
            self.events,
            column(1),
            column(2),
            column(3),
            column(4),
            column(6),
            self.more_columns,
            column(5),
        )
        .unwrap();
        json
    }
}

/// A good answer's JSON.
pub(crate) fn chart(symbol: &str) -> String {
    Parts::of(symbol).json()
}

/// The upstream's error object.
pub(crate) fn error(code: &str, description: &str) -> String {
    format!(
        r#"{{"chart":{{"result":null,"error":{{"code":"{code}","description":"{description}"}}}}}}"#
    )
}

/// gzip of `data` in stored blocks (RFC 1951, 3.2.4): nothing is compressed, all is valid.
pub(crate) fn gzip(data: &[u8]) -> Vec<u8> {
    let mut out = GZIP_HEADER.to_vec();
    let mut blocks = data.chunks(0xFFFF).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap();
        out.push(u8::from(blocks.peek().is_none()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    out.extend(crc32(data).to_le_bytes());
    out.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
    out
}

const GZIP_HEADER: [u8; 10] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF];

fn crc32(data: &[u8]) -> u32 {
    let step = |mut crc: u32, byte: &u8| {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
        crc
    };
    !data.iter().fold(!0, step)
}

/// How a gzip bomb begins; any number of zero bytes follows, each of which becomes 1,032.
///
/// One block with Huffman codes of its own: one bit for "258 bytes as before", one for "at
/// distance 1", both 0, and a first byte to repeat.
pub(crate) fn gzip_bomb_head() -> Vec<u8> {
    let mut bomb = GZIP_HEADER.to_vec();
    bomb.extend([
        0xED, 0xC0, 0x81, 0x00, 0x00, 0x00, 0x00, 0x80, 0xA0, 0xFD, 0xA9, 0x17, 0xA9,
    ]);
    bomb
}

/// 64 MB of zero bytes in brotli, as the reference encoder writes them at quality 9.
pub(crate) const BROTLI_BOMB: [u8; 52] = [
    0xcf, 0xff, 0xff, 0x7f, 0x00, 0x24, 0x00, 0xe2, 0xb1, 0x40, 0x72, 0xef, 0xff, 0xf9, 0xff, 0xff,
    0x0f, 0x80, 0x04, 0x40, 0x1c, 0x16, 0x80, 0xee, 0xfd, 0x3f, 0xff, 0xff, 0xff, 0x01, 0x90, 0x00,
    0x88, 0xc3, 0x02, 0xd0, 0xbd, 0xff, 0xe7, 0xff, 0xff, 0x3f, 0x00, 0x12, 0x00, 0x71, 0x58, 0x00,
    0xba, 0xf7, 0xff, 0x03,
];

#[test]
fn the_compressed_answers_are_what_they_say() {
    // "123456789" has the check value every description of CRC-32 gives.
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    let packed = gzip(b"abc");
    assert_eq!(packed[10..18], [1, 3, 0, 0xFC, 0xFF, b'a', b'b', b'c']);
    assert_eq!(rows("A").len(), SESSIONS);
    assert_ne!(rows("A")[0], rows("B")[0]);
}
