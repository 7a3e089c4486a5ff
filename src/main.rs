//! The `finstage` binary.

fn main() {}
