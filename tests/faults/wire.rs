//! Single questions: what is said of them, and how long they take.

use std::sync::Arc;
use std::time::Duration;

use finstage::clock::monotonic;
use finstage::domain::FaultClass;
use finstage::upstream::{Budget, CallCounts, Chart, ChartRequest, Fault as Failure, MarketData};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::log::Heard;
use super::{ATTEMPTS, Always, FaultUpstream, REQUEST_TIMEOUT, SATURDAY, SLACK, TASK_TIMEOUT};
use super::{settings, yahoo};
use crate::support::fault_upstream::Fault;
use crate::support::values::{at, symbol};

/// Asks the upstream at `base_url` for `X`; gives how many requests that took, too.
async fn ask(base_url: String) -> (Result<Chart, Failure>, u32) {
    ask_within(TASK_TIMEOUT, base_url).await
}

async fn ask_within(allowed: Duration, base_url: String) -> (Result<Chart, Failure>, u32) {
    let provider = yahoo(&settings(base_url));
    let counts = Arc::new(CallCounts::default());
    let budget = Budget::starting_now(allowed, Arc::clone(&counts));
    let request = ChartRequest {
        symbol: symbol("X"),
        from: at("2026-01-01T00:00:00Z"),
        to: at(SATURDAY),
    };
    let answer = provider.chart(&request, &budget).await;
    (answer, counts.calls())
}

async fn upstream(fault: Fault) -> FaultUpstream {
    FaultUpstream::start(Always {
        fault: Some(fault),
        victim: "X".to_owned(),
    })
    .await
}

#[tokio::test]
async fn an_answer_over_the_cap_is_told_once() {
    for fault in [Fault::EndlessBody, Fault::GzipBomb, Fault::HugeLength] {
        let (upstream, heard) = (upstream(fault).await, Heard::from_now_on());
        let (answer, calls) = ask(upstream.base_url()).await;
        let told = heard.lines("FS4004");
        assert_eq!(answer.unwrap_err().class, FaultClass::BadPayload);
        assert_eq!((calls, told.len()), (1, 1), "{fault:?}: {told:?}");
        assert!(
            told[0].contains("task.symbol=X cap_bytes=8388608"),
            "{told:?}"
        );
    }
}

#[tokio::test]
async fn a_payload_that_is_bad_but_not_large_is_not_told_as_large() {
    let (upstream, heard) = (upstream(Fault::WrongSymbol).await, Heard::from_now_on());
    let (answer, _) = ask(upstream.base_url()).await;
    assert_eq!(answer.unwrap_err().class, FaultClass::BadPayload);
    assert_eq!(heard.lines("FS4004"), [""; 0]);
}

#[tokio::test]
async fn a_redirect_is_told_with_its_host_and_without_its_address() {
    let cases = [
        (
            Fault::ConsentRedirect,
            "status=302 host=consent.example.com ",
        ),
        (Fault::RedirectLoop, "status=301 host=127.0.0.1 "),
    ];
    for (fault, expected) in cases {
        let (upstream, heard) = (upstream(fault).await, Heard::from_now_on());
        let (answer, calls) = ask(upstream.base_url()).await;
        assert_eq!(answer.unwrap_err().class, FaultClass::Blocked);
        let told = heard.lines("FS4005");
        assert!(told.iter().all(|line| line.contains(expected)), "{told:?}");
        assert_eq!(told.len(), usize::try_from(calls).unwrap());
        assert_eq!(upstream.asked("X"), calls, "a redirect was followed");
        assert_eq!(heard.lines("FS4006"), [""; 0]);
        let all = heard.all().join("\n");
        assert!(!all.contains("SECRET") && !all.contains("/v8/"), "{all}");
    }
}

#[tokio::test]
async fn a_door_that_stays_shut_is_told_as_such() {
    for (fault, status) in [
        (Fault::Unauthorized, 401),
        (Fault::Forbidden, 403),
        (Fault::ForbiddenSilent, 403),
    ] {
        let (upstream, heard) = (upstream(fault).await, Heard::from_now_on());
        let (answer, calls) = ask(upstream.base_url()).await;
        assert_eq!(answer.unwrap_err().class, FaultClass::Blocked);
        let told = heard.lines("FS4006");
        let expected = format!("status={status} ");
        assert!(told.iter().all(|line| line.contains(&expected)), "{told:?}");
        assert_eq!(told.len(), usize::try_from(calls).unwrap());
        assert_eq!(heard.lines("FS4005"), [""; 0]);
    }
}

#[tokio::test]
async fn a_task_whose_time_is_up_ends_in_the_middle_of_a_slow_answer() {
    let allowed = REQUEST_TIMEOUT / 2;
    let slow = Fault::ALL.iter().filter(|fault| fault.is_slow());
    let questions = slow.map(|fault| async move {
        let upstream = upstream(*fault).await;
        let started = monotonic();
        let (answer, calls) = ask_within(allowed, upstream.base_url()).await;
        (*fault, answer.unwrap_err().class, calls, started.elapsed())
    });
    let ended = futures_util::future::join_all(questions).await;
    assert_eq!(ended.len(), 5);
    for (fault, class, calls, took) in ended {
        assert_eq!((class, calls), (FaultClass::Timeout, 1), "{fault:?}");
        assert!(
            took >= allowed && took < allowed + SLACK,
            "{fault:?}: {took:?}"
        );
    }
}

#[tokio::test]
async fn nobody_listening_is_an_outage() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (answer, calls) = ask(base_url).await;
    let failure = answer.unwrap_err();
    assert_eq!((failure.class, calls), (FaultClass::Outage, ATTEMPTS));
    let message = failure.message;
    assert!(
        message.starts_with("cannot connect to the upstream: "),
        "{message}"
    );
    assert!(!message.contains("127.0.0.1"), "{message}");
}

/// A place that lets nobody in: its queue is full and nobody takes from it.
async fn full_queue() -> (String, TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(connected) =
        tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await
    {
        waiting.push(connected.unwrap());
        assert!(waiting.len() < 64, "the queue takes everybody");
    }
    (format!("http://{address}"), listener, waiting)
}

#[tokio::test]
async fn a_connection_that_is_not_taken_up_is_an_outage_after_the_connect_timeout() {
    let (base_url, _listener, _waiting) = full_queue().await;
    let started = monotonic();
    let (answer, calls) = ask(base_url).await;
    let took = started.elapsed();
    let failure = answer.unwrap_err();
    assert_eq!((failure.class, calls), (FaultClass::Outage, ATTEMPTS));
    let expected = REQUEST_TIMEOUT / 2 * ATTEMPTS;
    assert!(took >= expected && took < expected * 2, "{took:?}");
    let message = failure.message;
    assert!(
        message.starts_with("cannot connect to the upstream: "),
        "{message}"
    );
}

#[tokio::test]
async fn a_handshake_that_does_not_get_on_is_an_outage_after_the_connect_timeout() {
    let upstream = upstream(Fault::NeverReads).await;
    let started = monotonic();
    let (answer, calls) = ask(upstream.base_url().replace("http:", "https:")).await;
    let took = started.elapsed();
    let failure = answer.unwrap_err();
    assert_eq!((failure.class, calls), (FaultClass::Outage, ATTEMPTS));
    let expected = REQUEST_TIMEOUT / 2 * ATTEMPTS;
    assert!(took >= expected && took < expected * 2, "{took:?}");
}

#[tokio::test]
async fn plain_text_where_encryption_was_asked_for_is_an_outage() {
    let upstream = upstream(Fault::AnswersUnasked).await;
    let (answer, calls) = ask(upstream.base_url().replace("http:", "https:")).await;
    let failure = answer.unwrap_err();
    assert_eq!((failure.class, calls), (FaultClass::Outage, ATTEMPTS));
    let message = failure.message;
    assert!(
        message.starts_with("cannot connect to the upstream: "),
        "{message}"
    );
    assert!(!message.contains("127.0.0.1"), "{message}");
}
