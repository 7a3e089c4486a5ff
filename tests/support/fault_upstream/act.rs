//! Doing each fault to a connection.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::bytes::{BROTLI_BOMB, Parts, chart, error, gzip, gzip_bomb_head};
use super::fault::Fault;

/// Pace of what comes a byte at a time: far below every timeout here, so that only a bound on the
/// whole ends it.
const DRIP: Duration = Duration::from_millis(20);

/// Bytes of what is called endless.
const ENDLESS_BYTES: usize = 1 << 30;

/// Written again and again; never a copy of its own for an answer.
static BLANKS: [u8; 64 << 10] = [b' '; 64 << 10];
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// What becomes of a connection after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The next request may come.
    KeepAlive,
    /// FIN.
    Close,
    /// RST.
    Reset,
    /// The next request is met with RST.
    KeepUntilAsked,
}

/// One answer: a status, headers, and a body with its length.
pub(super) fn response(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = body.len();
    let mut bytes =
        format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// A good answer.
pub(super) fn good(symbol: &str) -> Vec<u8> {
    response(
        "200 OK",
        "content-type: application/json\r\n",
        chart(symbol),
    )
}

/// Does `fault` to a question for `symbol` that was read off `stream`.
pub(super) async fn act(fault: Fault, symbol: &str, stream: &mut TcpStream) -> io::Result<Next> {
    if let Some(bytes) = written(fault, symbol) {
        stream.write_all(&bytes).await?;
    } else {
        performed(fault, symbol, stream).await?;
    }
    Ok(match fault {
        Fault::ResetInBody => Next::Reset,
        Fault::StaleKeepAlive => Next::KeepUntilAsked,
        Fault::ClosesUnanswered
        | Fault::ClosesInHeaders
        | Fault::ClosesInBody
        | Fault::ChunksCutOff
        | Fault::EndlessBody => Next::Close,
        _ => Next::KeepAlive,
    })
}

/// The bytes of a fault that is just bytes.
fn written(fault: Fault, symbol: &str) -> Option<Vec<u8>> {
    by_status(fault, symbol)
        .or_else(|| by_framing(fault, symbol))
        .or_else(|| by_encoding(fault, symbol))
        .or_else(|| by_body(fault, symbol).map(|body| response("200 OK", "", body)))
}

fn by_status(fault: Fault, symbol: &str) -> Option<Vec<u8>> {
    let finance = r#"{"finance":{"result":null,"error":{"code":"Unauthorized","description":"Invalid Crumb"}}}"#;
    let consent = "location: https://consent.example.com/v2/collectConsent?key=SECRET\r\n";
    let itself = format!("location: /v8/finance/chart/{symbol}\r\n");
    let (status, headers, body) = match fault {
        Fault::TooMany | Fault::TooManyForAWhile => {
            ("429 Too Many Requests", "", "Too Many Requests\r\n")
        }
        Fault::TooManyRetryAfter => ("429 Too Many Requests", "retry-after: 1\r\n", "Edge"),
        Fault::InternalError => ("500 Internal Server Error", "", "internal error"),
        Fault::BadGateway => ("502 Bad Gateway", "", "<html><h1>502</h1></html>"),
        Fault::Unavailable => ("503 Service Unavailable", "", "upstream connect error"),
        Fault::UnavailableBriefly => ("503 Service Unavailable", "retry-after: 1\r\n", "busy"),
        Fault::UnavailableUntil => (
            "503 Service Unavailable",
            "date: Thu, 01 Jan 2026 00:00:00 GMT\r\nretry-after: Thu, 01 Jan 2026 00:00:01 GMT\r\n",
            "busy",
        ),
        Fault::UnavailableForLong => ("503 Service Unavailable", "retry-after: 3600\r\n", ""),
        Fault::Unauthorized => ("401 Unauthorized", "", finance),
        Fault::Forbidden => ("403 Forbidden", "", "<html>Forbidden</html>"),
        Fault::ConsentRedirect => ("302 Found", consent, "<html>Moved</html>"),
        Fault::RedirectLoop => ("301 Moved Permanently", itself.as_str(), ""),
        Fault::Status999 => ("999 Request denied", "", "Unable to process request"),
        Fault::NoContent => return Some(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()),
        Fault::NotModified => return Some(b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec()),
        Fault::PartialContent => {
            let headers = "content-range: bytes 0-99/100\r\n";
            return Some(response("206 Partial Content", headers, chart(symbol)));
        }
        Fault::SwitchingProtocols => {
            let head =
                "HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n";
            return Some(head.as_bytes().to_vec());
        }
        _ => return None,
    };
    Some(response(status, headers, body))
}

fn by_framing(fault: Fault, symbol: &str) -> Option<Vec<u8>> {
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let body = chart(symbol);
    let half = &body[..body.len() / 2];
    let length = body.len();
    let text = match fault {
        Fault::ClosesInHeaders => "HTTP/1.1 200 OK\r\ncontent-le".to_owned(),
        Fault::ClosesUnanswered => String::new(),
        Fault::ClosesInBody | Fault::ResetInBody => {
            format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{half}")
        }
        Fault::ChunksCutOff => format!("{CHUNKED}{:x}\r\n{half}\r\n", half.len()),
        Fault::BadChunkSize => format!("{CHUNKED}zz\r\n{half}\r\n"),
        Fault::HugeLength => "HTTP/1.1 200 OK\r\ncontent-length: 1099511627776\r\n\r\n".to_owned(),
        Fault::TwoLengths => format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\ncontent-length: 7\r\n\r\n{body}"
        ),
        Fault::HugeHeader => {
            let value = "x".repeat(1 << 20);
            return Some(response("200 OK", &format!("x-long: {value}\r\n"), body));
        }
        Fault::ManyHeaders => {
            let headers: Vec<String> = (0..1_000).map(|n| format!("x-{n}: {n}\r\n")).collect();
            return Some(response("200 OK", &headers.concat(), body));
        }
        Fault::HeaderWithoutColon => {
            return Some(response("200 OK", "this is no header\r\n", body));
        }
        Fault::NoStatusLine => format!("{body}\r\n"),
        Fault::StaleKeepAlive => return Some(good(symbol)),
        Fault::TwoAnswers => return Some([good(symbol), good(symbol)].concat()),
        _ => return None,
    };
    Some(text.into_bytes())
}

fn by_encoding(fault: Fault, symbol: &str) -> Option<Vec<u8>> {
    let body = chart(symbol);
    let mut packed = gzip(body.as_bytes());
    let length = packed.len();
    let (encoding, body) = match fault {
        Fault::TruncatedGzip => {
            packed.truncate(length / 2);
            ("gzip", packed)
        }
        Fault::CorruptGzip => {
            packed[length - 8] ^= 1;
            ("gzip", packed)
        }
        Fault::FalseGzip => ("gzip", body.into_bytes()),
        Fault::BrotliBomb => ("br", BROTLI_BOMB.to_vec()),
        Fault::StackedEncodings => ("gzip, gzip", gzip(&packed)),
        _ => return None,
    };
    Some(response(
        "200 OK",
        &format!("content-encoding: {encoding}\r\n"),
        body,
    ))
}

fn by_body(fault: Fault, symbol: &str) -> Option<Vec<u8>> {
    let mut parts = Parts::of(symbol);
    match fault {
        Fault::WrongSymbol => parts = Parts::of("OTHER"),
        Fault::WrongGranularity => parts.granularity = "3mo".into(),
        Fault::DuplicateKeys => parts.more_meta = r#","symbol":"OTHER""#.into(),
        Fault::LongCurrency => parts.currency = "USD ".repeat(1 << 18),
        Fault::BareNan => parts.rows[3][1] = "NaN".into(),
        Fault::NanTexts => {
            for row in super::bytes::NAN_ROWS {
                for column in 1..=5 {
                    let text = if column == 2 { "Infinity" } else { "NaN" };
                    parts.rows[row][column] = format!("\"{text}\"");
                }
            }
        }
        Fault::HugePrices => {
            parts.last_price = "1e300".into();
            for row in &mut parts.rows {
                row[1..=5].fill("1e300".into());
            }
        }
        _ => return strange(fault, symbol),
    }
    Some(parts.json().into_bytes())
}

/// Bodies that are no chart, or one that was damaged.
fn strange(fault: Fault, symbol: &str) -> Option<Vec<u8>> {
    let body = chart(symbol);
    let text = match fault {
        Fault::Empty => String::new(),
        Fault::WebPage => "<!doctype html><title>Yahoo</title>".to_owned(),
        Fault::RightBack => "Will be right back...\r\n".to_owned(),
        Fault::TruncatedJson => body[..body.len() * 2 / 3].to_owned(),
        Fault::TrailingGarbage => format!("{body}{body}"),
        Fault::ErrorWith200 => error("Not Found", "No data found, symbol may be delisted"),
        Fault::ErrorAsText => r#"{"chart":{"result":null,"error":"out of order"}}"#.to_owned(),
        Fault::LongError => error("Not Found", &"very ".repeat(200_000)),
        Fault::DeepNesting => "[".repeat(100_000),
        Fault::DeepUnknownKey => format!(r#"{{"chart":{{"unknown":{}"#, "[".repeat(100_000)),
        Fault::ByteOrderMark => format!("\u{feff}{body}"),
        Fault::UnequalColumns => body.replacen("\"low\":[", "\"low\":[1,", 1),
        Fault::InvalidUtf8 => {
            let mut bytes = body.into_bytes();
            let at = bytes.windows(3).position(|three| three == b"NMS").unwrap();
            bytes[at] = 0xFF;
            return Some(bytes);
        }
        Fault::NulBytes => return Some(vec![0; 4_096]),
        _ => return None,
    };
    Some(text.into_bytes())
}

/// Faults that take time, or more bytes than should be held.
async fn performed(fault: Fault, symbol: &str, stream: &mut TcpStream) -> io::Result<()> {
    let ok = "HTTP/1.1 200 OK\r\n";
    match fault {
        Fault::TooManyEndless => {
            stream
                .write_all(b"HTTP/1.1 429 Too Many Requests\r\n\r\n")
                .await?;
            endless(stream, &BLANKS).await
        }
        Fault::ForbiddenSilent => {
            stream
                .write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 9\r\n\r\n")
                .await?;
            until_gone(stream).await
        }
        Fault::EndlessHints => loop {
            stream
                .write_all(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n")
                .await?;
            tokio::time::sleep(DRIP).await;
        },
        Fault::SlowHeaders => {
            stream.write_all(ok.as_bytes()).await?;
            drip(stream, "x-slow: ").await
        }
        Fault::SlowBody => {
            let head = format!("{ok}content-length: 100000\r\n\r\n");
            stream.write_all(head.as_bytes()).await?;
            drip(stream, &chart(symbol)).await
        }
        Fault::NeverAnswers => until_gone(stream).await,
        Fault::HugeChunkSize => {
            let head = format!("{ok}transfer-encoding: chunked\r\n\r\n7fffffffffffffff\r\n");
            stream.write_all(head.as_bytes()).await?;
            endless(stream, &BLANKS).await
        }
        Fault::EndlessChunks => {
            let head = format!("{ok}transfer-encoding: chunked\r\n\r\n");
            stream.write_all(head.as_bytes()).await?;
            for _ in 0..ENDLESS_BYTES / BLANKS.len() {
                stream.write_all(b"10000\r\n").await?;
                stream.write_all(&BLANKS).await?;
                stream.write_all(b"\r\n").await?;
            }
            Ok(())
        }
        Fault::EndlessBody => {
            stream.write_all(format!("{ok}\r\n").as_bytes()).await?;
            endless(stream, &BLANKS).await
        }
        Fault::GzipBomb => {
            let head = format!("{ok}content-encoding: gzip\r\n\r\n");
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(&gzip_bomb_head()).await?;
            // 1 MB of these is 1 GB of those.
            for _ in 0..16 {
                stream.write_all(&ZEROS).await?;
            }
            Ok(())
        }
        Fault::ColumnBomb | Fault::RowBomb | Fault::DividendBomb => {
            let head = format!("{ok}transfer-encoding: chunked\r\n\r\n");
            stream.write_all(head.as_bytes()).await?;
            bomb(fault, symbol, stream).await?;
            stream.write_all(b"0\r\n\r\n").await
        }
        _ => unreachable!("{fault:?} is done before a request is read"),
    }
}

/// A chart with a thousand pieces in its middle, none of which is kept here.
async fn bomb(fault: Fault, symbol: &str, stream: &mut TcpStream) -> io::Result<()> {
    const HERE: &str = "@";
    let mut parts = Parts::of(symbol);
    match fault {
        Fault::ColumnBomb => parts.more_columns = HERE.into(),
        Fault::DividendBomb => parts.events = format!(r#""dividends":{{{HERE}"last":{{}}}}"#),
        _ => parts.rows[0][0].insert_str(0, HERE),
    }
    let json = parts.json();
    let (before, after) = json.split_once(HERE).unwrap();
    chunk(stream, before).await?;
    for piece in 0..1_000 {
        let text = match fault {
            Fault::ColumnBomb => ",{}".repeat(1_000),
            Fault::DividendBomb => {
                let entries: Vec<String> =
                    (0..100).map(|n| format!("\"{piece}.{n}\":{{}},")).collect();
                entries.concat()
            }
            _ => "1,".repeat(300),
        };
        chunk(stream, &text).await?;
    }
    chunk(stream, after).await
}

async fn chunk(stream: &mut TcpStream, text: &str) -> io::Result<()> {
    let chunk = format!("{:x}\r\n{text}\r\n", text.len());
    stream.write_all(chunk.as_bytes()).await
}

/// As many bytes as the other side will take, 1 GB at most.
async fn endless(stream: &mut TcpStream, block: &[u8]) -> io::Result<()> {
    for _ in 0..ENDLESS_BYTES / block.len() {
        stream.write_all(block).await?;
    }
    Ok(())
}

/// `text` again and again, a byte at a time.
async fn drip(stream: &mut TcpStream, text: &str) -> io::Result<()> {
    for byte in text.bytes().cycle() {
        stream.write_all(&[byte]).await?;
        tokio::time::sleep(DRIP).await;
    }
    Ok(())
}

/// Reads until the other side has gone.
pub(super) async fn until_gone(stream: &mut TcpStream) -> io::Result<()> {
    let mut rest = [0; 1_024];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}
