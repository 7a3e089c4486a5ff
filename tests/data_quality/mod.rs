//! Can the stored prices be trusted? Answers as a provider sends them, through the parser, the jobs
//! and the store.

mod body;
mod desk;
mod generated;
mod injected;
mod quarantine;
mod restated;
