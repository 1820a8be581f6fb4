//! What a run will ask for, and how far it came: pure.

mod slice;

pub use slice::{Position, Slice, SliceState};
