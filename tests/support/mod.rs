//! What several suites use.

pub(crate) mod answering;
pub(crate) mod database;
pub(crate) mod disk;
pub(crate) mod fault_upstream;
pub(crate) mod lines;
pub(crate) mod random;
pub(crate) mod recordings;
pub(crate) mod redis;
pub(crate) mod schema;
pub(crate) mod tally;
pub(crate) mod values;
