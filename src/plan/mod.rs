//! What a run will ask for, and how far it came: pure.

mod announced;
pub mod beside;
pub mod closing;
pub mod coverage;
mod lanes;
pub mod losses;
mod requests;
mod slice;
pub mod verify;

pub use announced::{Announced, Expected, Told};
pub use lanes::lanes;
pub use requests::{confirmed_requests, requests};
pub use slice::{Position, Slice, SliceState};
