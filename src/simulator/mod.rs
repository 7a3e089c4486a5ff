//! An upstream with faults on loopback that speaks as Yahoo, Tiingo and Binance do, of one and the
//! same market: for demonstrations, soak runs and tests.
//!
//! Prices are generated from `(seed, symbol, date)` and nothing else: the same bars on every
//! machine, at every start, in every window. Yahoo's habits are kept, the awkward ones included:
//! the newest bar stamped with the market's time, all-null rows, `range=max` silently in quarters,
//! text bodies with 429.

mod answer;
mod binance;
mod closings;
mod hash;
mod history;
mod json;
mod market;
mod markets;
mod options;
mod query;
mod reserved;
mod server;
mod spark;
mod stats;
#[cfg(test)]
mod tests;
mod tiingo;
mod walk;
mod zone;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use options::{Fault, Options, UnknownFault};
pub use reserved::RESERVED;
pub use stats::Stats;

use answer::World;
use server::Server;
use stats::{Ledger, Limiter};

use crate::clock::Clock;

/// How long answers under way may take after a stop was asked for.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// A running simulator. Dropping it asks it to stop, without waiting.
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    ledger: Arc<Ledger>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Simulator {
    /// Checks the options, binds the address and starts to serve.
    ///
    /// Fails with [`io::ErrorKind::InvalidInput`] telling every wrong option, when the address is
    /// taken, and when the system has no time zone database.
    pub async fn start(options: Options, clock: Clock) -> io::Result<Self> {
        options.check()?;
        let world = World::load(options.seed)?;
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let limiter = options
            .limit_rps
            .and_then(|rps| Limiter::new(rps, options.limit_burst));
        let ledger = Arc::new(Ledger::new(limiter));
        let stop = CancellationToken::new();
        let router = server::router(Arc::new(Server {
            world,
            ledger: Arc::clone(&ledger),
            options,
            clock,
            stop: stop.clone(),
        }));
        // Without it the last packet of a large answer may wait 40 ms for an acknowledgement.
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        let serve =
            axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
        let serving = TaskTracker::new().spawn(async move {
            // It ends only by the token: errors of accept are retried inside.
            let _ = serve.await;
        });
        Ok(Self {
            address,
            ledger,
            stop,
            serving,
        })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was asked and answered so far.
    pub fn stats(&self) -> Stats {
        self.ledger.stats()
    }

    /// Stops the server when cancelled, also while [`Simulator::wait`] owns it.
    pub fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Stops: no new connections, answers under way are finished, after 2 s abandoned.
    pub async fn stop(mut self) {
        self.drain().await;
    }

    /// Serves until the stop token is cancelled or the server fails.
    pub async fn wait(mut self) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            _ = &mut self.serving => return,
        }
        self.drain().await;
    }

    async fn drain(&mut self) {
        self.stop.cancel();
        if tokio::time::timeout(STOP_GRACE, &mut self.serving)
            .await
            .is_err()
        {
            self.serving.abort();
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
