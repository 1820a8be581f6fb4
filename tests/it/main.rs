//! The one integration test binary.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "what these tests share lies outside the test functions that clippy knows"
)]

#[cfg(test)]
mod backfill;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod process;
#[cfg(test)]
mod simulator;
#[cfg(test)]
mod store;
#[cfg(test)]
mod support;
