//! The embedded calendars against the table they were made from, against known facts, and the
//! moments of their sessions against an oracle that looks at one day after another.

mod book;
mod facts;
mod moments;
mod rows;
