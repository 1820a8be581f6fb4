//! A command, as meant.

use std::path::Path;

use clap_complete::Shell;

use super::connection::{BudgetSettings, Connection};
use super::metrics::MetricsSettings;
use super::naming::Naming;
use super::query::Query;
use super::run::{Backfill, Sync, Verify};
use super::simulated::{Demo, Simulation};
use super::store::{Accept, StoreSettings};

/// A command, as meant.
#[derive(Debug, Clone)]
pub enum Command {
    /// Copy the desk's history into a store.
    Backfill {
        /// The API.
        connection: Connection,
        /// What to copy.
        backfill: Backfill,
    },
    /// Show what a backfill would do.
    PlanBackfill {
        /// The API.
        connection: Connection,
        /// What would be copied.
        backfill: Backfill,
    },
    /// Bring a store up to date.
    Sync {
        /// The API.
        connection: Connection,
        /// How.
        sync: Sync,
    },
    /// Show what a sync would do.
    PlanSync {
        /// What may be sent.
        budget: BudgetSettings,
        /// How.
        sync: Sync,
    },
    /// Show what a store holds.
    Status(StoreSettings),
    /// Count the API against a store.
    Verify {
        /// The API; `None` where no key is given and none is needed.
        connection: Option<Connection>,
        /// What to compare.
        verify: Verify,
    },
    /// Publish a store.
    Publish(StoreSettings),
    /// Ask a store.
    Query(Query),
    /// List what has no name.
    Names(Naming),
    /// Accept rejects.
    Accept(Accept),
    /// Compare an answer of the API with what we expect.
    Probe(Connection),
    /// A simulated desk, a backfill, a look at the result.
    Demo(Demo),
    /// The simulated Mava alone.
    Simulate(Simulation),
    /// Print a completion script.
    Completions(Shell),
}

impl Command {
    /// The directory of snapshots that was named, of a command that was given one.
    pub fn directory(&self) -> Option<&Path> {
        let store = match self {
            Self::Backfill { backfill, .. } | Self::PlanBackfill { backfill, .. } => {
                &backfill.store
            }
            Self::Sync { sync, .. } | Self::PlanSync { sync, .. } => &sync.store,
            Self::Verify { verify, .. } => &verify.store,
            Self::Status(store) | Self::Publish(store) => store,
            Self::Query(query) => return query.directory.as_deref(),
            Self::Names(naming) => return naming.directory.as_deref(),
            Self::Accept(accept) => &accept.store,
            Self::Probe(_) | Self::Demo(_) | Self::Simulate(_) | Self::Completions(_) => {
                return None;
            }
        };
        let target = store.publish.as_ref()?;
        Some(&target.directory)
    }

    /// Sets how the metrics of its store are computed.
    pub fn measure_by(&mut self, metrics: MetricsSettings) {
        let store = match self {
            Self::Backfill { backfill, .. } | Self::PlanBackfill { backfill, .. } => {
                &mut backfill.store
            }
            Self::Sync { sync, .. } | Self::PlanSync { sync, .. } => &mut sync.store,
            Self::Verify { verify, .. } => &mut verify.store,
            Self::Status(store) | Self::Publish(store) => store,
            Self::Accept(accept) => &mut accept.store,
            Self::Demo(demo) => &mut demo.store,
            Self::Query(query) => {
                query.metrics = metrics;
                return;
            }
            Self::Names(naming) => {
                naming.metrics = metrics;
                return;
            }
            Self::Probe(_) | Self::Simulate(_) | Self::Completions(_) => return,
        };
        store.metrics = metrics;
    }

    /// How it reaches the API, where it does.
    pub fn connection(&self) -> Option<&Connection> {
        match self {
            Self::Backfill { connection, .. }
            | Self::PlanBackfill { connection, .. }
            | Self::Sync { connection, .. }
            | Self::Probe(connection) => Some(connection),
            Self::Verify { connection, .. } => connection.as_ref(),
            Self::PlanSync { .. }
            | Self::Status(_)
            | Self::Publish(_)
            | Self::Query(_)
            | Self::Names(_)
            | Self::Accept(_)
            | Self::Demo(_)
            | Self::Simulate(_)
            | Self::Completions(_) => None,
        }
    }
}
