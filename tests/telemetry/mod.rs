//! The log as those see it who are called by it: its schema, its documents, its alerts.

mod alerts;
mod dashboard;
mod documents;
mod emitted;
mod heard;
mod life;
mod resources;
mod schema;
mod secrets;
mod seen;
mod tools;
