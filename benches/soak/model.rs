//! The pieces of the model test.

#[path = "../../tests/it/model/case.rs"]
pub(crate) mod case;
#[path = "../../tests/it/model/chronicle.rs"]
mod chronicle;
#[path = "../../tests/it/model/desk.rs"]
mod desk;
#[path = "../../tests/it/model/judge.rs"]
mod judge;
#[path = "../../tests/it/model/run.rs"]
mod run;
#[path = "../../tests/it/model/tally.rs"]
pub(crate) mod tally;
#[path = "../../tests/it/model/weather.rs"]
mod weather;
