//! The one integration test binary.

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
