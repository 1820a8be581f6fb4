//! The store on real files.

mod files;
mod model;
mod pages;
mod runs;
mod schema;
pub(crate) mod world;
