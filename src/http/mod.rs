//! HTTP for those who watch a running daemon: `/metrics`, `/healthz`, `/readyz`. It reads, and never
//! schedules.

mod guard;
mod server;

use async_trait::async_trait;

pub use server::HttpServer;

/// How a daemon stands. The errors are reasons in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Whether it lives: a daemon that does not should be restarted.
    pub lives: Result<(), String>,
    /// Whether it does its work: its schedules are planned and its database can be used.
    pub is_ready: Result<(), String>,
}

/// What is looked at.
#[async_trait]
pub trait Watched: Send + Sync + 'static {
    /// All metrics in Prometheus's text format.
    async fn metrics(&self) -> String;

    /// Called every few seconds, whether somebody looks or not.
    fn tidy(&self);

    /// How the daemon stands.
    async fn health(&self) -> Health;
}
