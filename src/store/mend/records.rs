//! The records of runs, made readable again.

use chrono::TimeDelta;
use rusqlite::{Connection, params};

use super::super::sums::RowHashes;
use super::super::{runs, salvage};
use super::Attempt;
use crate::table::{Instant, Outcome, Record, RunKind, Snapshot, instant_text};

/// Runs whose record is not as it was written: made readable, and claiming no more than the tickets
/// that are stored.
pub(super) fn mend_runs(connection: &Connection, now: Instant) -> Attempt<Vec<String>> {
    let ids: Vec<i64> = connection
        .prepare("SELECT id FROM snapshots ORDER BY id")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let (oldest, newest): (Option<i64>, Option<i64>) = connection.query_row(
        "SELECT min(created_at_ms), max(created_at_ms) FROM _ticket_index",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let at = |ms: Option<i64>| ms.and_then(Instant::from_timestamp_millis).unwrap_or(now);
    let stored = [at(oldest), at(newest) + TimeDelta::milliseconds(1)];
    let mut hashes = RowHashes::new(connection, Snapshot::TABLE)?;
    let mut remarks = Vec::new();
    for id in ids {
        if mend_run(connection, &mut hashes, id, stored, now)? {
            remarks.push(format!(
                "the record of run {id} was damaged; it is kept as it was found, for no more than the time \
                 of the tickets that are stored"
            ));
        }
    }
    // Entries of runs that are gone.
    connection.execute(
        "DELETE FROM _row_hashes WHERE table_name = 'snapshots'
             AND id NOT IN (SELECT CAST(id AS TEXT) FROM snapshots)",
        [],
    )?;
    Ok(remarks)
}

/// Makes the record of one run readable, with tickets stored from `first` until `last`; whether that was
/// needed.
fn mend_run(
    connection: &Connection,
    hashes: &mut RowHashes<'_>,
    id: i64,
    [first, last]: [Instant; 2],
    now: Instant,
) -> Attempt<bool> {
    let word = id.to_string();
    let found = hashes.sum(&word)?;
    let known = hashes.known(&word)?;
    let is_finished: bool = connection.query_row(
        "SELECT finished_at IS NOT NULL FROM snapshots WHERE id = ?1",
        [id],
        |row| row.get(0),
    )?;
    // The record of a run that is not over has no hash yet.
    let is_over = is_finished || known.is_some();
    if found.is_some() && (found == known || !is_over) {
        return Ok(false);
    }
    let (from, until) = range_of(connection, id)?;
    // An instant that cannot be read and has to be there: when the run is taken to have begun.
    salvage::clean(connection, Snapshot::TABLE, "id", &word, now)?;
    let from = from.map_or(first, |from| from.max(first));
    let until = until.map_or(last, |until| until.min(last));
    let (outcome, kind) = words_of(connection, id)?;
    connection.execute(
        "UPDATE snapshots SET outcome = ?2, kind = ?3, range_from = ?4, range_until = ?5
         WHERE id = ?1",
        params![
            id,
            outcome.word(),
            kind.word(),
            instant_text(from),
            instant_text(until.max(from))
        ],
    )?;
    match is_over {
        true => {
            connection.execute(
                "UPDATE snapshots SET finished_at = coalesce(finished_at, started_at)
                 WHERE id = ?1",
                [id],
            )?;
            hashes.seal(&word, true)?;
        }
        false => runs::end(connection, id, Outcome::Superseded, now)?,
    }
    Ok(true)
}

/// The outcome and the kind of a run, as far as they can be read; else an incomplete backfill.
fn words_of(connection: &Connection, id: i64) -> rusqlite::Result<(Outcome, RunKind)> {
    connection.query_row(
        "SELECT outcome, kind FROM snapshots WHERE id = ?1",
        [id],
        |row| {
            let word = |place| row.get::<_, String>(place).unwrap_or_default();
            let outcome = match Outcome::of(&word(0)) {
                Some(ended @ (Outcome::Complete | Outcome::WithRejects | Outcome::Superseded)) => {
                    ended
                }
                _ => Outcome::Incomplete,
            };
            Ok((outcome, RunKind::of(&word(1)).unwrap_or(RunKind::Backfill)))
        },
    )
}

/// The ends of a run's range, as far as they can be read.
fn range_of(
    connection: &Connection,
    id: i64,
) -> rusqlite::Result<(Option<Instant>, Option<Instant>)> {
    connection.query_row(
        "SELECT range_from, range_until FROM snapshots WHERE id = ?1",
        [id],
        |row| {
            let read = |index: usize| -> rusqlite::Result<Option<Instant>> {
                let text = row.get_ref(index)?.as_str().ok();
                Ok(text.and_then(crate::wire::usual_instant))
            };
            Ok((read(0)?, read(1)?))
        },
    )
}
