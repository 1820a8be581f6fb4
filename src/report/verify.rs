//! What a verification found: counts of the API and of the store, side by side.

use serde::{Serialize, Serializer};

use crate::table::{Instant, instant_text};
use crate::window::Window;

/// What a verification found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerifyOutcome {
    /// The counts agree.
    Equal,
    /// The counts agree, and a repair was asked for, but rejects stand.
    EqualWithRejects,
    /// The counts agree after a repair.
    Repaired,
    /// The counts agree after a repair, but rejects stand.
    RepairedWithRejects,
    /// The counts do not agree.
    Different,
    /// Rows are not as they were written; the counts agree, or nothing was counted.
    Damaged,
    /// Rows are as they were written, and nothing was counted.
    Whole,
    /// It was interrupted.
    Interrupted,
}

impl VerifyOutcome {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::EqualWithRejects => "equal_with_rejects",
            Self::Repaired => "repaired",
            Self::RepairedWithRejects => "repaired_with_rejects",
            Self::Different => "different",
            Self::Damaged => "damaged",
            Self::Whole => "whole",
            Self::Interrupted => "interrupted",
        }
    }
}

impl Serialize for VerifyOutcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// A verification.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verification {
    /// The store's path.
    pub store: String,
    /// What was found.
    pub outcome: VerifyOutcome,
    /// The history that was counted; tickets created later are left to the next run.
    #[serde(serialize_with = "window_texts")]
    pub windows: Vec<Window>,
    /// Counts compared, one for each window and value.
    pub counts: usize,
    /// What the store says of itself, where that was looked at.
    pub deep: Option<Deep>,
    /// Requests expected before anything was found to differ.
    pub requests_planned: u64,
    /// Requests sent, retries included.
    pub requests: u64,
    /// Where the two sides differ, narrowed in time.
    pub differences: Vec<Difference>,
    /// Groups that the API does not filter by: everything comes back whatever value is asked for.
    pub ignored: Vec<String>,
    /// Values that the API refuses to filter by.
    pub refused: Vec<Refused>,
    /// What the repair did, if there was one.
    pub repair: Option<Repair>,
    /// Rejects that stand in the store and that nobody accepted.
    pub rejects_standing: i64,
    /// Those that somebody accepted.
    pub rejects_accepted: i64,
    /// Remarks the reader should know.
    pub remarks: Vec<String>,
    /// Seconds it took.
    pub elapsed_s: f64,
}

/// A store held against itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deep {
    /// Tickets looked at, with all that belongs to them.
    pub tickets: u64,
    /// Other rows looked at.
    pub rows: u64,
    /// What is wrong with the file itself.
    pub file: Vec<String>,
    /// Rows that are not as they were written.
    pub damaged: Vec<Damaged>,
}

/// A row that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damaged {
    /// Its table; for what belongs to a ticket, `tickets`.
    pub table: String,
    /// Its key.
    pub id: String,
    /// What is wrong with it.
    pub what: Vec<String>,
}

impl Deep {
    /// Whether nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.file.is_empty() && self.damaged.is_empty()
    }
}

/// One count that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Start of the slice, inclusive.
    #[serde(serialize_with = "instant")]
    pub from: Instant,
    /// Its end, exclusive.
    #[serde(serialize_with = "instant")]
    pub until: Instant,
    /// By what was counted: `all`, `status`, `rating`, `category`, `tag`, `assignee` or `origin`.
    pub group: String,
    /// The value; empty for `all`.
    pub value: String,
    /// Its name, where the value is an id.
    pub name: Option<String>,
    /// Tickets in the store.
    pub store: u64,
    /// Tickets the API counts.
    pub api: u64,
    /// How many more the API counts.
    pub difference: i64,
}

/// A value that the API refuses to filter by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// The group.
    pub group: String,
    /// The value.
    pub value: String,
    /// Its name, where the value is an id.
    pub name: Option<String>,
    /// Tickets in the store that have it, none of which could be verified.
    pub store: u64,
    /// The API's words.
    pub reason: String,
}

/// What a repair did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repair {
    /// The snapshot it wrote.
    pub snapshot_id: i64,
    /// Slices read again.
    pub slices: usize,
    /// Tickets read again.
    pub tickets_read: i64,
    /// Of those, missing in the store.
    pub tickets_new: i64,
    /// Of those, written again.
    pub tickets_changed: i64,
    /// Tickets found gone from the API.
    pub tickets_deleted: i64,
    /// Tickets whose stored rows were not as they had been written.
    pub tickets_mended: i64,
    /// Whether nothing was left that could not be settled.
    pub is_complete: bool,
    /// What differs still.
    pub differences: Vec<Difference>,
    /// What is not as it was written still.
    pub damaged: Vec<Damaged>,
}

impl Difference {
    /// The slice.
    pub fn window(&self) -> Option<Window> {
        Window::new(self.from, self.until)
    }
}

fn instant<S: Serializer>(instant: &Instant, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(&instant_text(*instant))
}

fn window_texts<S: Serializer>(windows: &[Window], out: S) -> Result<S::Ok, S::Error> {
    out.collect_seq(windows.iter().map(ToString::to_string))
}
