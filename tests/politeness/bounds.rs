//! The bound on a whole request holds for its body, too: real sockets, real time.

use std::sync::Arc;
use std::time::Duration;

use finstage::clock::{Clock, monotonic};
use finstage::domain::FaultClass;
use finstage::telemetry::Meter;
use finstage::upstream::{Budget, CallCounts, ChartRequest, MarketData as _, Yahoo};
use jiff::Timestamp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::settings;
use crate::support::values::symbol;

/// Sends a byte of an endless body every few milliseconds: no wait between two of them is long.
async fn trickle(mut stream: TcpStream) -> std::io::Result<()> {
    let mut request = [0; 4_096];
    let _ = stream.read(&mut request).await?;
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n";
    stream.write_all(head).await?;
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    loop {
        tick.tick().await;
        stream.write_all(b" ").await?;
    }
}

#[tokio::test]
async fn a_body_that_trickles_in_is_cut_off_when_the_request_has_taken_too_long() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = settings();
    settings.base_url = format!("http://{}", listener.local_addr().unwrap());
    settings.request_timeout = Duration::from_millis(250);
    settings.retry.max_attempts = 1;
    let server = async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // It ends when the client hangs up.
            let _ = trickle(stream).await;
        }
    };
    let yahoo = Yahoo::new(&settings, Clock::system(), Meter::default()).unwrap();
    let request = ChartRequest {
        symbol: symbol("A"),
        from: Timestamp::UNIX_EPOCH,
        to: Timestamp::UNIX_EPOCH,
    };
    let counts = Arc::new(CallCounts::default());
    let budget = Budget::starting_now(Duration::from_mins(1), Arc::clone(&counts));
    let start = monotonic();
    let answer = tokio::select! {
        answer = yahoo.chart(&request, &budget) => answer,
        () = server => unreachable!(),
    };
    let fault = answer.unwrap_err();
    assert_eq!(fault.class, FaultClass::Outage, "{fault}");
    assert_eq!(fault.message, "no answer within 250ms");
    let took = start.elapsed();
    assert!(
        (Duration::from_millis(250)..Duration::from_secs(5)).contains(&took),
        "{took:?}"
    );
    assert_eq!(counts.calls(), 1);
}
