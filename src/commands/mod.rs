//! One file a command: glue between the settings, the pipeline and the terminal.

mod backfill;

pub use backfill::{Context, backfill};
