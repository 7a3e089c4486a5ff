//! An upstream that answers wrongly: raw TCP and HTTP/1.1 by hand, so that nothing about it is
//! better than it says.

mod act;
pub(crate) mod bytes;
mod fault;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use act::{Next, act, good, until_gone};
pub(crate) use fault::{Expected, Fault};

/// Longest request read.
const MAX_REQUEST_BYTES: usize = 16 << 10;

/// Which questions are answered wrongly.
pub(crate) trait Plan: Send + Sync + 'static {
    /// What happens to the `nth` connection (from 0) as soon as it is accepted.
    fn at_accept(&self, nth: u64) -> Option<Fault>;

    /// What happens to the `nth` question (from 0) for `symbol`.
    fn at_request(&self, symbol: &str, nth: u32) -> Option<Fault>;
}

/// The server; it is gone when this is dropped.
pub(crate) struct FaultUpstream {
    address: SocketAddr,
    desk: Arc<Desk>,
    _accepting: JoinSet<()>,
}

struct Desk {
    plan: Box<dyn Plan>,
    seen: Mutex<Seen>,
}

/// What came, and what was done to it.
#[derive(Default)]
struct Seen {
    connections: u64,
    questions: HashMap<String, u32>,
    /// The symbol is empty for what was done before it was known.
    hits: Vec<(String, Fault)>,
}

impl FaultUpstream {
    /// Listens on a free port of loopback.
    pub(crate) async fn start(plan: impl Plan) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let desk = Arc::new(Desk {
            plan: Box::new(plan),
            seen: Mutex::default(),
        });
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, Arc::clone(&desk)));
        Self {
            address,
            desk,
            _accepting: accepting,
        }
    }

    /// What goes into `base_url`.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every fault done so far, with the symbol it was done to.
    pub(crate) fn hits(&self) -> Vec<(String, Fault)> {
        self.desk.seen.lock().unwrap().hits.clone()
    }

    /// How often `symbol` was asked for.
    pub(crate) fn asked(&self, symbol: &str) -> u32 {
        let seen = self.desk.seen.lock().unwrap();
        seen.questions.get(symbol).copied().unwrap_or_default()
    }
}

async fn accept(listener: TcpListener, desk: Arc<Desk>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted.unwrap();
                let desk = Arc::clone(&desk);
                // A client that breaks off is what many faults are for.
                connections.spawn(async move { drop(desk.serve(stream).await) });
            }
            Some(ended) = connections.join_next() => ended.unwrap(),
        }
    }
}

impl Desk {
    async fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        if let Some(fault) = self.fault_at_accept() {
            return before_reading(fault, &mut stream).await;
        }
        let mut next = Next::KeepAlive;
        while let Some(symbol) = read_request(&mut stream).await? {
            if next == Next::KeepUntilAsked {
                return stream.set_zero_linger();
            }
            next = if let Some(fault) = self.fault_at_request(&symbol) {
                act(fault, &symbol, &mut stream).await?
            } else {
                stream.write_all(&good(&symbol)).await?;
                Next::KeepAlive
            };
            match next {
                Next::KeepAlive | Next::KeepUntilAsked => {}
                Next::Close => {
                    stream.shutdown().await?;
                    return until_gone(&mut stream).await;
                }
                // With this set, dropping the connection resets it.
                Next::Reset => return stream.set_zero_linger(),
            }
        }
        Ok(())
    }

    fn fault_at_accept(&self) -> Option<Fault> {
        let mut seen = self.seen.lock().unwrap();
        let fault = self.plan.at_accept(seen.connections);
        seen.connections += 1;
        seen.hits.extend(fault.map(|fault| (String::new(), fault)));
        fault
    }

    fn fault_at_request(&self, symbol: &str) -> Option<Fault> {
        let mut seen = self.seen.lock().unwrap();
        let count = seen.questions.entry(symbol.to_owned()).or_default();
        let nth = *count;
        *count += 1;
        let fault = self.plan.at_request(symbol, nth);
        seen.hits
            .extend(fault.map(|fault| (symbol.to_owned(), fault)));
        fault
    }
}

async fn before_reading(fault: Fault, stream: &mut TcpStream) -> io::Result<()> {
    match fault {
        Fault::NeverReads => std::future::pending().await,
        Fault::AnswersUnasked => {
            stream.write_all(&good("UNASKED")).await?;
            until_gone(stream).await
        }
        _ => stream.set_zero_linger(),
    }
}

/// The symbol of the next request; `None` when there is none.
async fn read_request(stream: &mut TcpStream) -> io::Result<Option<String>> {
    let mut request = Vec::new();
    let mut part = [0; 2_048];
    while !request.ends_with(b"\r\n\r\n") {
        let length = stream.read(&mut part).await?;
        if length == 0 || request.len() > MAX_REQUEST_BYTES {
            return Ok(None);
        }
        request.extend_from_slice(&part[..length]);
    }
    let request = String::from_utf8(request).expect("a request in ASCII");
    let path = request.split(' ').nth(1).unwrap_or_default();
    let symbol = path.strip_prefix("/v8/finance/chart/").expect(path);
    let symbol = symbol.split('?').next().unwrap_or_default();
    Ok(Some(symbol.to_owned()))
}
