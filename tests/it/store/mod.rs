//! The store on real files.

mod files;
mod held;
mod metrics;
mod model;
mod names;
mod pages;
mod runs;
mod schema;
pub(crate) mod slas;
mod totals;
mod wide;
pub(crate) mod world;
