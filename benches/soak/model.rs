//! The model: whatever a desk looks like, whatever happens to it while it is read, and whatever copy
//! of it answers, a run that calls itself complete is, and nothing that is there is flagged as
//! deleted.
//!
//! ```text
//! a number ──► case ──► desk ──► run, in its weather ──► judge ──► tally
//!                                chronicle: all that was ever true
//! ```

pub(crate) mod case;
mod chronicle;
mod desk;
mod judge;
mod run;
pub(crate) mod tally;
mod weather;
