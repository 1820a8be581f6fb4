//! `mava-export` keeps a complete, queryable copy of a Mava support desk.

pub mod error;
pub mod normalize;
pub mod plan;
pub mod simulator;
pub mod table;
pub mod window;
