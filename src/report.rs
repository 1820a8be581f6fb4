//! What a run says of itself: its progress while it runs and its summary at the end. Values only;
//! `terminal` shows them.

mod accept;
mod names;
mod probe;
mod published;
mod status;
mod verify;

use std::time::Duration;

pub use accept::{Acceptance, KeptReject};
pub use names::{NamelessAttribute, NamelessTag, NamesMissing};
pub use probe::{Finding, Probe, Verdict};
pub use published::{Published, PublishedSnapshot, Publishing, TableChanges};
use serde::Serialize;
pub use status::{
    DirectoryStatus, Freshness, LastSync, PartialRange, SnapshotStatus, Status, TableRows,
    Unfinished,
};
pub use verify::{Damaged, Deep, Difference, Refused, Repair, Verification, VerifyOutcome};

use crate::error::Error;
use crate::refresh::SyncStep;
pub use crate::refresh::{Unseen, What};
pub use crate::store::WindowStep;
use crate::table::{Ending, RunKind};
use crate::window::Window;

/// A run's progress at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    /// The run's snapshot.
    pub run: i64,
    /// Tickets read so far, those of an earlier, interrupted part of the run included.
    pub tickets_read: u64,
    /// Of those, read before this process took the run up.
    pub tickets_resumed: u64,
    /// Tickets expected in all, as far as the API has announced them; `None` until every window
    /// has announced its count.
    pub tickets_expected: Option<u64>,
    /// Requests sent by this process, retries included.
    pub requests: u64,
    /// Of the budget's period that ends now: requests sent by everyone who shares the ledger.
    pub budget_used: u32,
    /// What the budget allows in one period; `None` when it is lifted.
    pub budget_limit: Option<u32>,
    /// Pages in flight.
    pub lanes: usize,
    /// Slices sealed, and slices in all.
    pub slices_sealed: usize,
    /// Slices in all, so far.
    pub slices: usize,
    /// Why nothing moves just now, if nothing does: a sentence such as
    /// `the API asked for a pause of 12 s`.
    pub waiting: Option<String>,
}

/// What one run did, for people and, as JSON, for machines.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// What the run was begun to do.
    pub kind: RunKind,
    /// The snapshot this run wrote.
    pub snapshot_id: i64,
    /// How it ended.
    pub outcome: Ending,
    /// Start of the range, RFC 3339.
    pub range_from: String,
    /// End of the range, exclusive, RFC 3339.
    pub range_until: String,
    /// The filters, `None` when unfiltered.
    pub filters: Option<serde_json::Value>,
    /// Whether it went on from an earlier, interrupted run.
    pub is_resumed: bool,
    /// Tickets read by the run, and of them new, changed and unchanged.
    pub tickets_read: i64,
    /// Of those, read before this process took the run up: what it sent and how long it took were for
    /// the others.
    pub tickets_resumed: i64,
    /// New to the store.
    pub tickets_new: i64,
    /// Changed since the store last saw them.
    pub tickets_changed: i64,
    /// Found gone from the API.
    pub tickets_deleted: i64,
    /// Rows in the store after the run.
    pub tickets_stored: i64,
    /// Messages in the store after the run.
    pub messages_stored: i64,
    /// Requests sent by this process, retries included.
    pub requests: u64,
    /// Of those, answered 429.
    pub requests_limited: u64,
    /// Of those, sent again after a fault.
    pub retries: u64,
    /// Bytes of response bodies, decompressed.
    pub bytes: u64,
    /// Seconds this process took.
    pub elapsed_s: f64,
    /// Values and tickets that this run saw and that are kept raw in `rejects`.
    pub rejects: i64,
    /// Rejects that stand in the store, of any run, and that nobody accepted.
    pub rejects_standing: i64,
    /// Those that somebody accepted.
    pub rejects_accepted: i64,
    /// Characters stored as U+FFFD.
    pub replaced_characters: i64,
    /// Slices that could not be proven complete: the window and why.
    pub unverified: Vec<Unverified>,
    /// Its windows, with what the API counted at the end of each and what is stored.
    pub windows: Vec<CountedWindow>,
    /// Remarks the reader should know: fall-backs used, lookups that failed.
    pub remarks: Vec<String>,
    /// The store's path.
    pub store: String,
    /// Its size in bytes.
    pub store_bytes: u64,
}

/// What ended a run early.
#[derive(Debug)]
pub struct Stopped {
    /// Why.
    pub error: Error,
    /// What the run had done and keeps, where one had begun.
    pub kept: Option<Box<Summary>>,
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self { error, kept: None }
    }
}

impl From<Stopped> for Error {
    fn from(stopped: Stopped) -> Self {
        stopped.error
    }
}

/// What a sync did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SyncSummary {
    /// As of any run.
    #[serde(flatten)]
    pub summary: Summary,
    /// What happened before this has been seen, RFC 3339; it moves only when the steps that must
    /// not fail did not.
    pub complete_until: String,
    /// Its steps in order.
    pub steps: Vec<Step>,
    /// Ratings that the API counts and the store lacks; `None` where they were not counted.
    pub ratings_outstanding: Option<u64>,
    /// What may have changed on the desk without being seen, made of what was and was not read; empty where
    /// everything was; `None` of one that has not ended.
    pub may_be_unseen: Option<Vec<Unseen>>,
    /// In how many syncs like this one every ticket is read again; `None` where never.
    pub syncs_for_all: Option<u64>,
    /// Tickets that are not flagged as deleted.
    pub tickets: i64,
    /// How many of those were read how recently, as `status` tells it.
    pub freshness: Vec<Freshness>,
}

/// One step of a sync.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The step.
    pub step: SyncStep,
    /// Requests it took.
    pub requests: u64,
    /// Tickets it read that no step before it had.
    pub read: u64,
    /// Of those, new, changed or gone.
    pub changed: u64,
}

/// A window that ended with a count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CountedWindow {
    /// The part of the run that it belongs to.
    pub step: WindowStep,
    /// The range of creation.
    pub window: String,
    /// Tickets that the API counted in it.
    pub counted: u64,
    /// Live tickets of it that are stored; of a run with filters those that it met and that match.
    pub stored: u64,
    /// Tickets of it that came and could not be stored at all.
    pub rejected: u64,
    /// Whether the two sides agree, or the difference is explained.
    pub is_settled: bool,
    /// Why not, or what explains it.
    pub note: Option<String>,
}

/// A slice that could not be proven complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unverified {
    /// The slice's range.
    pub window: String,
    /// Why.
    pub reason: String,
}

/// What a run would do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// What is planned.
    pub kind: RunKind,
    /// Its windows, oldest first.
    pub windows: Vec<PlannedWindow>,
    /// Tickets in all.
    pub tickets: u64,
    /// Requests expected, lookups included.
    pub requests: u64,
    /// Seconds expected within the budget.
    pub seconds: u64,
    /// Requests this plan itself cost.
    pub requests_spent: u64,
    /// What the steps of a sync come to.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub sync: Option<PlannedSync>,
}

/// What a sync would come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedSync {
    /// Whether it reads the whole desk, so that nothing may be unseen.
    pub is_exact: bool,
    /// Requests that it may send; `None` for as many as it takes.
    pub allowance: Option<u64>,
    /// The option that says so.
    #[serde(skip)]
    pub asked: Option<String>,
    /// In how many syncs like this one every ticket is read again; `None` where never.
    pub syncs_for_all: Option<u64>,
    /// Requests that reading the whole desk takes.
    pub full_requests: u64,
    /// Seconds that takes within the budget.
    pub full_seconds: u64,
    /// The option with which every sync reads the whole desk.
    pub full_with: String,
}

/// One window of a [`Plan`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlannedWindow {
    /// The step of a sync that asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<SyncStep>,
    /// The range.
    #[serde(serialize_with = "window_text")]
    pub window: Window,
    /// Tickets the API counts in it.
    pub tickets: u64,
    /// Requests it will cost.
    pub requests: u64,
}

fn window_text<S: serde::Serializer>(window: &Window, out: S) -> Result<S::Ok, S::Error> {
    out.collect_str(window)
}

impl Summary {
    /// Tickets read that were stored already, unchanged.
    pub fn tickets_unchanged(&self) -> i64 {
        self.tickets_read - self.tickets_new - self.tickets_changed
    }

    /// How long this process took.
    pub fn elapsed(&self) -> Duration {
        Duration::try_from_secs_f64(self.elapsed_s).unwrap_or_default()
    }
}
