//! The configuration files, and from all that was typed and read to what is meant.

mod file;
mod key;
mod locate;
mod open;
mod proxy;
mod query;
mod resolve;
mod state;

pub(crate) use file::nearest;
pub use file::{File, WORKING_DIRECTORY_KEYS};
pub use key::KEY_VARIABLE;
pub use locate::locate;
pub use resolve::{resolve, resolve_with};
