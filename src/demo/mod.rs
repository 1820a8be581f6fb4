//! The demo: an invented desk, the runs over it, and what is asked of its store.

mod desk;
mod earlier;
mod questions;

pub(crate) use desk::{Desk, first_day, simulated};
pub(crate) use earlier::{earlier, remove};
pub(crate) use questions::{QUESTIONS, ask};
