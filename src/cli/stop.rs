//! Why there are no arguments.

use crate::error::Error;

/// Why there are no [`Args`](super::Args): the text to show instead.
#[derive(Debug)]
pub enum Stop {
    /// Help or the version, asked for, or a command line that cannot be read.
    Text(clap::Error),
    /// A configuration file that cannot be read, or a secret where none belongs.
    Error(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}
