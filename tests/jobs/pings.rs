//! The address a schedule's runs report to.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use finstage::domain::{HeartbeatUrl, JobKind, RunOrigin};
use finstage::jobs::Assignment;
use finstage::runner::Admission;

use super::moody::moody;
use super::world::World;

/// A server that says yes to everything, and what it was asked for.
fn listener() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/uuid", listener.local_addr().unwrap());
    let (sender, asked) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap();
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let _ = sender.send(path);
        }
    });
    (url, asked)
}

async fn run(world: &World, url: &str, symbol: &str, origin: RunOrigin) {
    let assignment = Assignment::Job(JobKind::DailyBars);
    let mut spec = world.spec(assignment, &[symbol]).await;
    spec.origin = origin;
    Arc::make_mut(&mut spec.schedule).heartbeat_url = Some(HeartbeatUrl::new(url.to_owned()));
    world.runner.admit(spec, Admission::Beside).await.unwrap();
}

#[tokio::test]
async fn a_planned_run_reports_its_start_and_how_it_ended() {
    let (url, asked) = listener();
    let (_, world) = moody().await;
    run(&world, &url, "A", RunOrigin::Schedule).await;
    run(&world, &url, "DOWN1", RunOrigin::CatchUp).await;
    run(&world, &url, "B", RunOrigin::Manual).await;
    world.runner.drained().await;
    let asked: Vec<String> = asked.try_iter().collect();
    // The last word of a run never comes before its first; two runs may mix.
    let place = |path: &str| asked.iter().position(|asked| asked == path).expect(path);
    assert_eq!(asked.len(), 4, "{asked:?}");
    assert_eq!(asked[0], "/uuid/start");
    assert!(place("/uuid") > 0 && place("/uuid/fail") > 1, "{asked:?}");
}
