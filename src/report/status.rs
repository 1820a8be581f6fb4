//! What a store holds and how fresh it is.

use serde::{Deserialize, Serialize, Serializer};

use super::{CountedWindow, PublishedSnapshot, Step, Unseen};
use crate::store::Partial;
use crate::table::{Instant, instant_text};

/// A store at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// The store's path.
    pub store: String,
    /// Its size in bytes, side files included.
    pub store_bytes: u64,
    /// When it was looked at.
    #[serde(serialize_with = "instant")]
    pub as_of: Instant,
    /// Rows per table for people, in the order of the documentation.
    pub tables: Vec<TableRows>,
    /// Tickets that are not flagged as deleted.
    pub tickets: i64,
    /// How many of those were read how recently; one entry per [`Freshness::HOURS`].
    pub freshness: Vec<Freshness>,
    /// Live tickets whose threads no run has read, of a store that has threads.
    pub threads_unread: i64,
    /// Rejects that stand in the store and that nobody accepted.
    pub rejects_standing: i64,
    /// Those that somebody accepted.
    pub rejects_accepted: i64,
    /// The last snapshots, newest first, without the unfinished one.
    pub snapshots: Vec<SnapshotStatus>,
    /// Snapshots in all.
    pub snapshot_count: i64,
    /// The last sync, step by step.
    pub last_sync: Option<LastSync>,
    /// The run that is under way or was interrupted.
    pub unfinished: Option<Unfinished>,
    /// Ranges that a run began and that neither it nor a later one has read in full.
    pub partial: Vec<PartialRange>,
    /// The Parquet snapshots in the directory, newest first; none of a store without one.
    pub published: Vec<PublishedSnapshot>,
}

/// A directory of snapshots whose store lies elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DirectoryStatus {
    /// Always `None`: nothing in the directory says where it is.
    pub store: Option<String>,
    /// The directory.
    pub directory: String,
    /// Its Parquet snapshots, newest first.
    pub published: Vec<PublishedSnapshot>,
}

/// The last sync that ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LastSync {
    /// Its number.
    pub snapshot_id: i64,
    /// Its steps in order.
    pub steps: Vec<Step>,
    /// Everything that happened before this was seen, but for what may be unseen; `None` where nothing was yet.
    #[serde(serialize_with = "optional_instant")]
    pub complete_until: Option<Instant>,
    /// Whether the store holds a part of the desk, and the sync kept that up.
    pub is_of_part: bool,
    /// Whether it proved that it read all that it was to read.
    pub is_proven: bool,
    /// Whether it read the whole desk, so that it sees nothing late.
    pub is_full: bool,
    /// Ratings that the API counted and the store lacked; `None` where they were not counted.
    pub ratings_outstanding: Option<i64>,
    /// Windows of bulk changes of a tag or category that are still to be listed.
    pub bulk_change_windows: usize,
    /// What may have changed on the desk without being seen; `None` of a sync that did not say.
    pub may_be_unseen: Option<Vec<Unseen>>,
    /// In how many syncs like that every ticket is read again; `None` where never, or of a sync that did not
    /// say.
    pub syncs_for_all: Option<u64>,
    /// What it remarked: deletions that were not believed, filters that are ignored, caps reached.
    pub remarks: Vec<String>,
}

/// How many rows a table has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableRows {
    /// Its name.
    pub table: String,
    /// Its rows.
    pub rows: i64,
}

/// How many tickets were read from the API in the last hours, changed or not.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Freshness {
    /// So many hours.
    pub within_hours: u32,
    /// Tickets read in them, those flagged as deleted left out.
    pub tickets: i64,
    /// Their share of all tickets, 0 to 1; 1 in an empty store.
    pub share: f64,
}

impl Freshness {
    /// The spans that are looked at: a day, a week, 30 and 90 days.
    pub const HOURS: [u32; 4] = [24, 7 * 24, 30 * 24, 90 * 24];

    /// One entry per [`Freshness::HOURS`], given how many of `total` tickets were read within each.
    pub fn shares(within: [i64; 4], total: i64) -> Vec<Self> {
        Self::HOURS
            .into_iter()
            .zip(within)
            .map(|(hours, tickets)| Self::new(hours, tickets, total))
            .collect()
    }

    /// `tickets` of `total` read within `within_hours`.
    pub fn new(within_hours: u32, tickets: i64, total: i64) -> Self {
        let whole = |count: i64| i32::try_from(count).map_or(f64::from(i32::MAX), f64::from);
        let share = match total {
            ..=0 => 1.0,
            _ => (whole(tickets) / whole(total)).clamp(0.0, 1.0),
        };
        Self {
            within_hours,
            tickets,
            share,
        }
    }
}

/// One finished run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SnapshotStatus {
    /// Its number.
    pub snapshot_id: i64,
    /// The command.
    pub kind: String,
    /// `complete`, `complete_with_rejects`, `incomplete` or `superseded`.
    pub outcome: String,
    /// When it began.
    #[serde(serialize_with = "instant")]
    pub started_at: Instant,
    /// When it ended.
    #[serde(serialize_with = "optional_instant")]
    pub finished_at: Option<Instant>,
    /// Start of the range asked for.
    #[serde(serialize_with = "instant")]
    pub range_from: Instant,
    /// End of the range asked for, exclusive.
    #[serde(serialize_with = "instant")]
    pub range_until: Instant,
    /// The filters of a filtered export.
    pub filters: Option<serde_json::Value>,
    /// Whether message threads were asked for.
    pub has_messages: bool,
    /// Requests sent, retries included.
    pub requests: i64,
    /// Tickets read.
    pub tickets_read: i64,
    /// Of those, new to the store.
    pub tickets_new: i64,
    /// Of those, changed.
    pub tickets_changed: i64,
    /// Tickets found gone from the API.
    pub tickets_deleted: i64,
    /// Slices that could not be proven complete.
    pub unverified_slices: i64,
    /// Values that could not be represented.
    pub rejects: i64,
    /// Its windows, with what the API counted at the end of each and what was stored of them.
    pub windows: Vec<CountedWindow>,
}

/// A range that is not read in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartialRange {
    /// The run that was to read it.
    pub snapshot_id: i64,
    /// Its kind.
    pub kind: String,
    /// Its filters, of a filtered run.
    pub filters: Option<serde_json::Value>,
    /// Start of the range, RFC 3339.
    pub range_from: String,
    /// Its end, exclusive, RFC 3339.
    pub range_until: String,
    /// Why it is not read in full.
    pub reason: String,
}

impl From<Partial> for PartialRange {
    fn from(partial: Partial) -> Self {
        let filters = partial.filters_json.as_deref();
        Self {
            snapshot_id: partial.snapshot_id,
            kind: partial.kind,
            filters: filters.and_then(|text| serde_json::from_str(text).ok()),
            range_from: instant_text(partial.window.from()),
            range_until: instant_text(partial.window.until()),
            reason: partial.reason,
        }
    }
}

/// A run that has not ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unfinished {
    /// Its number.
    pub snapshot_id: i64,
    /// The command.
    pub kind: String,
    /// When it began.
    #[serde(serialize_with = "instant")]
    pub started_at: Instant,
    /// Start of the range asked for.
    #[serde(serialize_with = "instant")]
    pub range_from: Instant,
    /// End of the range asked for, exclusive.
    #[serde(serialize_with = "instant")]
    pub range_until: Instant,
    /// The filters of a filtered export.
    pub filters: Option<serde_json::Value>,
    /// Tickets read so far.
    pub tickets_read: i64,
    /// Tickets expected in all, if every window has announced its count.
    pub tickets_expected: Option<i64>,
    /// Slices read to their end.
    pub slices_sealed: i64,
    /// Slices in all, so far.
    pub slices: i64,
    /// Whether a process is at it just now.
    pub is_running: bool,
}

fn instant<S: Serializer>(instant: &Instant, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(&instant_text(*instant))
}

fn optional_instant<S: Serializer>(instant: &Option<Instant>, out: S) -> Result<S::Ok, S::Error> {
    instant.map(instant_text).serialize(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freshness_is_a_share_of_all_tickets() {
        assert_eq!(Freshness::new(24, 1, 4).share, 0.25);
        assert_eq!(Freshness::new(24, 0, 0).share, 1.0);
        assert_eq!(Freshness::new(24, 5, 4).share, 1.0);
    }
}
