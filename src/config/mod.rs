//! The configuration file, and from all that was typed and read to what is meant.

mod file;
mod key;
mod resolve;
mod state;

pub use file::File;
pub use resolve::{resolve, resolve_with};
