//! The one integration test binary.

#[cfg(test)]
mod backfill;
#[cfg(test)]
mod equality;
#[cfg(test)]
mod model;
#[cfg(test)]
mod simulator;
#[cfg(test)]
mod support;
