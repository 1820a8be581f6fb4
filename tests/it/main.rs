//! The one integration test binary.

#[cfg(test)]
mod backfill;
#[cfg(test)]
mod backlog;
#[cfg(test)]
mod budget;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod closing;
#[cfg(test)]
mod crowded;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod equality;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod filters;
#[cfg(test)]
mod found;
#[cfg(test)]
mod house;
#[cfg(test)]
mod measured;
#[cfg(test)]
mod model;
#[cfg(test)]
mod nights;
#[cfg(test)]
mod poison;
#[cfg(test)]
mod process;
#[cfg(test)]
mod publish;
#[cfg(test)]
mod quirks;
#[cfg(test)]
mod recognise;
#[cfg(test)]
mod resume;
#[cfg(test)]
mod rot;
#[cfg(test)]
mod second_look;
#[cfg(test)]
mod shapes;
#[cfg(test)]
mod simulator;
#[cfg(test)]
mod store;
#[cfg(test)]
mod support;
#[cfg(test)]
mod sync;
#[cfg(test)]
mod twins;
#[cfg(test)]
mod verify;
#[cfg(test)]
mod working;
