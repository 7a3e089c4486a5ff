//! Can the stored prices be trusted? Answers as a provider sends them, through the parser, the jobs
//! and the store.

mod body;
mod decided;
mod desk;
mod generated;
mod injected;
mod previous;
mod quarantine;
mod restated;
