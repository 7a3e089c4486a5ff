//! The simulator as its clients see it.

mod answers;
mod connections;
mod others;

/// A trading day, in the middle of New York's session.
const FRIDAY_NOON: &str = "2026-11-20T17:00:00Z";
