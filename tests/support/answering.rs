//! A server on loopback that answers each request as a test says, and remembers what it was asked.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Status and body for a path with its query; `None` never answers. The number of requests before
/// it comes with it.
type Script = dyn Fn(usize, &str) -> Option<(u16, String)> + Send + Sync;

pub(crate) struct Answering {
    pub(crate) base_url: String,
    asked: Arc<Mutex<Vec<String>>>,
    count: watch::Sender<usize>,
    _server: JoinSet<()>,
}

impl Answering {
    pub(crate) async fn start(
        script: impl Fn(usize, &str) -> Option<(u16, String)> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let (asked, count) = (Arc::default(), watch::Sender::new(0));
        let script: Arc<Script> = Arc::new(script);
        let mut server = JoinSet::new();
        server.spawn(serve(listener, Arc::clone(&asked), count.clone(), script));
        Self {
            base_url,
            asked,
            count,
            _server: server,
        }
    }

    /// The paths asked for so far, commas as they were meant.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// The symbols of each batch asked for so far.
    pub(crate) fn batches(&self) -> Vec<String> {
        let asked = self.asked();
        let symbols = asked
            .iter()
            .filter_map(|path| path.split("symbols=").nth(1));
        symbols
            .map(|symbols| symbols.split('&').next().unwrap().to_owned())
            .collect()
    }

    /// Waits until so many requests have come.
    pub(crate) async fn has_come(&self, count: usize) {
        let mut seen = self.count.subscribe();
        seen.wait_for(|seen| *seen >= count).await.unwrap();
    }
}

async fn serve(
    listener: TcpListener,
    asked: Arc<Mutex<Vec<String>>>,
    count: watch::Sender<usize>,
    script: Arc<Script>,
) {
    let mut unanswered = Vec::new();
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let path = path(&mut stream).await;
        let before = {
            let mut asked = asked.lock().unwrap();
            asked.push(path.clone());
            asked.len() - 1
        };
        match script(before, &path) {
            Some((status, body)) => {
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
                );
                // Whoever has gone away meanwhile needs no answer.
                let _ = stream.write_all((head + &body).as_bytes()).await;
            }
            None => unanswered.push(stream),
        }
        count.send_modify(|count| *count += 1);
    }
}

async fn path(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.unwrap());
    }
    let request = String::from_utf8(request).unwrap();
    let path = request.split(' ').nth(1).unwrap();
    path.replace("%2C", ",")
}
