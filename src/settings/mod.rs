//! What a run works with, resolved once from flags, environment, configuration file and defaults.

mod command;
mod connection;
mod metrics;
mod naming;
mod output;
mod query;
mod run;
mod simulated;
mod spend;
mod store;

pub use command::Command;
pub use connection::{BudgetSettings, Connection, RateLimit, RetrySettings, Timeouts};
pub use metrics::{Hours, MetricsSettings, WEEKDAYS};
pub use naming::Naming;
pub use output::{LogFormat, LogLevel, Output, When};
pub use query::{AnswerForm, Query, QueryFormat, Question};
pub use run::{Backfill, Sync, Verify};
pub use simulated::{Demo, Live, Simulation, World};
pub use spend::Spend;
pub use store::{Accept, PublishSettings, RejectSelection, STORE_FILE, StoreSettings};

pub use crate::mava::Filters;
pub use crate::metrics::{Names, Policy, SlaMetric};
pub use crate::refresh::Whole;
