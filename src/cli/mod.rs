//! The command line as typed.
//!
//! Each option is defined once, here: its flag, its default, its help and the parser of its value.
//! Its environment variable (`MAVA_EXPORT_` and the flag) and its key in the configuration file
//! (the flag with `_`) follow from the flag, and a value from the file is read by the same parser:
//! it takes the place of the default. So the order flags, environment, file, default is clap's own,
//! and no option can exist in one place and be missing from another.

mod commands;
mod completions;
mod entries;
mod environment;
mod help;
mod line;
mod options;
mod query;
mod stop;
mod target;
mod typed;
mod value;

pub use commands::{
    AcceptArgs, Args, BackfillArgs, Command, DemoArgs, NamesArgs, PlanCommand, ProbeArgs,
    PublishArgs, SimulateArgs, StatusArgs, SyncArgs, VerifyArgs,
};
pub use completions::completions;
pub use entries::{OptionEntry, options};
pub(crate) use entries::{config_key, visit};
pub use environment::KEY_VARIABLE;
pub(crate) use environment::command;
pub use line::Line;
pub use options::{
    ApiArgs, DepthArgs, FetchArgs, FilterArgs, FromArgs, LiveArgs, OutputArgs, RangeArgs,
    RejectArgs, RepairArgs, ServerArgs, SnapshotArgs, StoreArgs, SyncingArgs, WorldArgs,
    WritingArgs,
};
pub use query::{AnswerArgs, QueryArgs, SourceArgs};
pub use stop::Stop;
pub use target::Target;
pub(crate) use value::word;
pub use value::{Limit, Origin, Rate, Status};

#[cfg(test)]
mod tests;
