//! The summary of a run: what a backfill and a sync tell alike at their end.

use tokio::time::Instant as Moment;

use super::running::Running;
use super::windows::counted;
use crate::error::Result;
use crate::report::{Summary, Unverified};
use crate::store::Store;
use crate::table::{Ending, RunKind, Snapshot, instant_text};

/// What a run knows of itself beside what is stored and counted.
#[derive(Debug)]
pub(crate) struct Known {
    /// What it was begun to do.
    pub(crate) kind: RunKind,
    /// How it ended.
    pub(crate) outcome: Ending,
    /// Whether it went on from an earlier part.
    pub(crate) is_resumed: bool,
    /// Tickets that the earlier part had read.
    pub(crate) tickets_resumed: i64,
    /// What is not proven complete.
    pub(crate) unverified: Vec<Unverified>,
    pub(crate) remarks: Vec<String>,
    /// When this process began.
    pub(crate) began: Moment,
}

/// The summary of a run: what it knows, what `snapshot` keeps of it, what the store holds, what it sent.
///
/// # Errors
/// The store cannot be read.
pub(crate) fn summary(
    run: &Running<'_>,
    store: &Store,
    snapshot: &Snapshot,
    known: Known,
) -> Result<Summary> {
    let counters = run.context.client.counters();
    let standing = store.standing()?;
    let rows = store.row_counts()?;
    let stored = |name| {
        let found = rows.iter().find(|(table, _)| *table == name);
        found.map_or(0, |(_, count)| *count)
    };
    let filters = snapshot.filters_json.as_deref();
    Ok(Summary {
        kind: known.kind,
        snapshot_id: snapshot.id,
        outcome: known.outcome,
        range_from: instant_text(snapshot.range_from),
        range_until: instant_text(snapshot.range_until),
        filters: filters.and_then(|text| serde_json::from_str(text).ok()),
        is_resumed: known.is_resumed,
        tickets_read: snapshot.tickets_read,
        tickets_resumed: known.tickets_resumed,
        tickets_new: snapshot.tickets_new,
        tickets_changed: snapshot.tickets_changed,
        tickets_deleted: snapshot.tickets_deleted,
        tickets_stored: stored("tickets"),
        messages_stored: stored("messages"),
        requests: run.account.sent(),
        requests_limited: counters.limited(),
        retries: counters.retries(),
        bytes: counters.bytes(),
        elapsed_s: known.began.elapsed().as_secs_f64(),
        rejects: snapshot.rejects,
        rejects_standing: standing.open,
        rejects_accepted: standing.accepted,
        replaced_characters: snapshot.replaced_characters,
        unverified: known.unverified,
        windows: counted(store, snapshot.id)?,
        remarks: known.remarks,
        store: store.path().display().to_string(),
        store_bytes: store.size_bytes()?,
    })
}
