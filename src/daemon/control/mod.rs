//! The control socket: what other processes may ask of a running daemon.
//!
//! One connection, one request: a line of JSON; the answer is a line of JSON, and for a run that is
//! waited for a second one at its end.

mod answer;
pub mod client;
mod ended;
mod place;
pub mod protocol;
pub(super) mod server;

pub(super) use answer::status;
pub use place::{candidates, place};
