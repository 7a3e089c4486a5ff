//! Complete data: what is missing is found, asked for again, and told once; what is gone is told.

mod detection;
mod evening;
mod filling;
mod heard;
mod market;
mod presence;
mod systemic;
mod world;
