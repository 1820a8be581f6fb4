//! `mava-export` keeps a complete, queryable copy of a Mava support desk.

pub mod api;
pub mod budget;
pub mod cli;
pub mod commands;
pub mod config;
pub mod error;
pub mod extract;
pub mod normalize;
pub mod plan;
pub mod probe;
pub mod report;
pub mod settings;
pub mod simulator;
pub mod store;
pub mod table;
pub mod terminal;
pub mod window;
pub mod wire;
