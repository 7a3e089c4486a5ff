//! Job `indicators`, from the stored bars to values, signals and events: whatever happened to a
//! series, what stands in the tables is what one pass over it gives.

mod desk;
mod events;
mod memory;
mod series;
