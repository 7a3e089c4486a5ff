//! Answers kept for a short while: [`Cache::get_or_set`] over memory and, when wanted, a Redis that
//! several processes share.
//!
//! - A value is `Hit(bytes)` or `Absent`: that there is nothing is worth keeping too.
//! - However many ask for a key at once, one loads. An error reaches all who waited for it and is
//!   not kept; a loader that is cancelled or panics leaves its turn to the next.
//! - An entry is as old as its answer: reading it, or copying it from Redis into memory, never
//!   makes it younger.
//! - Whatever happens to Redis, a call to it ends within its timeout, and while Redis is away there
//!   are no calls: memory and the loader go on alone.
//!
//! This module knows neither the log nor the configuration: both are handed in.

mod counts;
mod flights;
mod front;
mod key;
mod memory;
mod remote;
mod settings;
mod value;

pub use counts::Counts;
pub use front::{Cache, LoadError, Terms};
pub use key::Key;
pub use remote::address::{Address, AddressError};
pub use settings::{Backend, RemoteSettings, Settings};
pub use value::{Given, Loaded, Source, Value};

use std::time::Duration;

/// Hears of what operators should know. Called at a change, not at each call.
pub trait Observer: Send + Sync {
    /// The shared backend cannot be used, for this reason; it is left alone but for one try every
    /// few seconds.
    fn lost(&self, reason: &str);

    /// The shared backend is used again, after so long.
    fn back(&self, away: Duration);
}
