//! What several suites use.

pub(crate) mod random;
pub(crate) mod recordings;
