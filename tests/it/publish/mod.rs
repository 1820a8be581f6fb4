//! Parquet snapshots: what they hold, what they share, what tells one from the next.
#![expect(
    clippy::disallowed_methods,
    reason = "these tests look at the files of a snapshot"
)]

mod changes;
mod damage;
mod image;
mod kept;
mod links;
mod process;
pub(crate) mod readers;
mod sharing;
mod support;
mod views;
