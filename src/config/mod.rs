//! The configuration files, and from all that was typed and read to what is meant.

mod file;
mod key;
mod locate;
mod metrics;
mod names;
mod naming;
mod open;
mod parse;
mod proxy;
mod query;
mod resolve;
mod simulated;
mod sla;
mod state;

pub use file::{File, WORKING_DIRECTORY_KEYS};
pub use parse::parse;
pub use resolve::{resolve, resolve_with};
