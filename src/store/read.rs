//! What a store says about itself: snapshots, progress, rows, size, freshness.

use chrono::TimeDelta;
use rusqlite::{Connection, OptionalExtension, Row, ToSql};

use super::failure::Failure;
use super::lock::beside;
use super::sums::RowHashes;
use super::{Store, bind};
use crate::error::Result;
use crate::table::{Instant, Outcome, Record, RunKind, Snapshot, TABLES, parse_instant};

/// How far an unfinished run came.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// What it was asked for and its counts so far.
    pub snapshot: Snapshot,
    /// Pages stored.
    pub pages: i64,
    /// Slices with pages left to read.
    pub open_slices: i64,
    /// Slices proven complete.
    pub sealed_slices: i64,
    /// Slices given up.
    pub unverified_slices: i64,
    /// How much of the range's time was read; of a slice paged by offset nothing until it ends.
    pub covered: TimeDelta,
    /// How long the range is.
    pub length: TimeDelta,
}

/// How recently the live tickets were read in full; each count includes the ones before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    /// Live tickets.
    pub live: i64,
    /// Read within 24 hours.
    pub within_day: i64,
    /// Within 7 days.
    pub within_week: i64,
    /// Within 30 days.
    pub within_month: i64,
    /// Within 90 days.
    pub within_quarter: i64,
}

impl Freshness {
    /// Read within 24 hours, 7, 30 and 90 days.
    pub fn within(&self) -> [i64; 4] {
        [
            self.within_day,
            self.within_week,
            self.within_month,
            self.within_quarter,
        ]
    }
}

impl Store {
    /// The newest snapshots, newest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn snapshots(&self, limit: u32) -> Result<Vec<Snapshot>> {
        select(&self.connection, "ORDER BY id DESC LIMIT ?1", [limit])
            .map_err(|failure| self.failed("read snapshots", failure))
    }

    /// The kind of every run, oldest first, also where nothing else of its record can be read.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn kinds(&self) -> Result<Vec<String>> {
        let read = || -> rusqlite::Result<Vec<String>> {
            let mut statement = self
                .connection
                .prepare("SELECT CAST(kind AS BLOB) FROM snapshots ORDER BY id")?;
            let kinds = statement.query_map([], |row| {
                let kind: Vec<u8> = row.get(0)?;
                Ok(String::from_utf8_lossy(&kind).into_owned())
            })?;
            kinds.collect()
        };
        read().map_err(|error| self.failed("read the kinds of runs", error))
    }

    /// Whether a run is over by its hash, whatever its record says: only then it gets one.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn has_ended(&self, snapshot_id: i64) -> Result<bool> {
        RowHashes::new(&self.connection, Snapshot::TABLE)
            .and_then(|mut hashes| hashes.known(&snapshot_id.to_string()))
            .map(|known| known.is_some())
            .map_err(|error| self.failed("read a run", error))
    }

    /// The unfinished run, if there is one.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn progress(&self) -> Result<Option<Progress>> {
        progress(&self.connection).map_err(|failure| self.failed("read progress", failure))
    }

    /// Rows of each table for people, in the order of the documentation.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn row_counts(&self) -> Result<Vec<(&'static str, i64)>> {
        TABLES
            .iter()
            .map(|table| {
                let sql = format!("SELECT count(*) FROM {}", table.name);
                let count = self.connection.query_row(&sql, [], |row| row.get(0))?;
                Ok((table.name, count))
            })
            .collect::<rusqlite::Result<_>>()
            .map_err(|error| self.failed("count rows", error))
    }

    /// Bytes on disk, the write-ahead log included.
    ///
    /// # Errors
    /// The file cannot be looked at.
    pub fn size_bytes(&self) -> Result<u64> {
        let file = std::fs::metadata(&self.path).map_err(|error| {
            crate::error::Error::failed(format!("cannot look at {}", self.path.display()))
                .because(error)
        })?;
        let log = std::fs::metadata(beside(&self.path, "-wal"));
        Ok(file.len() + log.map_or(0, |log| log.len()))
    }

    /// How recently the live tickets were read.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn freshness(&self, now: Instant) -> Result<Freshness> {
        let since = |days| (now - TimeDelta::days(days)).timestamp_millis();
        self.connection
            .query_row(
                "SELECT count(*), count(*) FILTER (WHERE verified_at_ms >= ?1),
                     count(*) FILTER (WHERE verified_at_ms >= ?2),
                     count(*) FILTER (WHERE verified_at_ms >= ?3),
                     count(*) FILTER (WHERE verified_at_ms >= ?4)
                 FROM _ticket_index WHERE is_deleted = 0",
                [since(1), since(7), since(30), since(90)],
                |row| {
                    Ok(Freshness {
                        live: row.get(0)?,
                        within_day: row.get(1)?,
                        within_week: row.get(2)?,
                        within_month: row.get(3)?,
                        within_quarter: row.get(4)?,
                    })
                },
            )
            .map_err(|error| self.failed("read freshness", error))
    }
}

/// Unfinished runs, newest first; more than one only if a hand other than ours wrote them.
pub(super) fn unfinished(connection: &Connection) -> std::result::Result<Vec<Snapshot>, Failure> {
    select(connection, "WHERE finished_at IS NULL ORDER BY id DESC", [])
}

/// Runs that have ended, in whatever way.
pub(super) fn ended(connection: &Connection) -> std::result::Result<Vec<Snapshot>, Failure> {
    select(connection, "WHERE finished_at IS NOT NULL AND ?1", [true])
}

/// Runs that may claim to have read their range: others are not even read, so that a damaged record of
/// theirs is in nobody's way. See [`Claim`](crate::plan::coverage::Claim).
pub(super) fn claims(connection: &Connection) -> std::result::Result<Vec<Snapshot>, Failure> {
    select(
        connection,
        "WHERE finished_at IS NOT NULL AND filters_json IS NULL AND kind NOT IN (?1, ?2) AND outcome <> ?3",
        [
            RunKind::Verify.word(),
            RunKind::Metrics.word(),
            Outcome::Superseded.word(),
        ],
    )
}

/// The snapshot of this number.
pub(super) fn snapshot(connection: &Connection, id: i64) -> std::result::Result<Snapshot, Failure> {
    select(connection, "WHERE id = ?1", [id])?
        .pop()
        .ok_or_else(|| Failure::Contradiction(format!("there is no run {id}")))
}

fn select<const N: usize, T: ToSql>(
    connection: &Connection,
    rest: &str,
    values: [T; N],
) -> std::result::Result<Vec<Snapshot>, Failure>
where
    [T; N]: rusqlite::Params,
{
    let mut statement = connection.prepare(&bind::select_sql(Snapshot::TABLE, rest))?;
    let snapshots = statement.query_map(values, from_row)?;
    Ok(snapshots.collect::<rusqlite::Result<_>>()?)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Snapshot> {
    Ok(Snapshot {
        id: row.get("id")?,
        kind: row.get("kind")?,
        outcome: row.get("outcome")?,
        started_at: instant(row, "started_at")?,
        finished_at: optional_instant(row, "finished_at")?,
        range_from: instant(row, "range_from")?,
        range_until: instant(row, "range_until")?,
        filters_json: row.get("filters_json")?,
        has_messages: row.get("has_messages")?,
        requests: row.get("requests")?,
        tickets_read: row.get("tickets_read")?,
        tickets_new: row.get("tickets_new")?,
        tickets_changed: row.get("tickets_changed")?,
        tickets_deleted: row.get("tickets_deleted")?,
        unverified_slices: row.get("unverified_slices")?,
        rejects: row.get("rejects")?,
        replaced_characters: row.get("replaced_characters")?,
        may_be_unseen_json: row.get("may_be_unseen_json")?,
    })
}

fn progress(connection: &Connection) -> std::result::Result<Option<Progress>, Failure> {
    let Some(snapshot) = unfinished(connection)?.into_iter().next() else {
        return Ok(None);
    };
    let length = snapshot.range_until - snapshot.range_from;
    let progress = connection
        .query_row(
            "SELECT coalesce(sum(pages), 0), count(*) FILTER (WHERE state = 'open'),
                 count(*) FILTER (WHERE state = 'sealed'),
                 count(*) FILTER (WHERE state = 'unverified'),
                 coalesce(sum(CASE WHEN state <> 'open' THEN until_ms
                     ELSE min(coalesce(position_ms, from_ms), until_ms) END - from_ms), 0)
             FROM _slices WHERE snapshot_id = ?1",
            [snapshot.id],
            |row| {
                Ok(Progress {
                    snapshot,
                    pages: row.get(0)?,
                    open_slices: row.get(1)?,
                    sealed_slices: row.get(2)?,
                    unverified_slices: row.get(3)?,
                    covered: TimeDelta::milliseconds(row.get(4)?),
                    length,
                })
            },
        )
        .optional()?;
    Ok(progress)
}

/// The instant in a column.
pub(super) fn instant(row: &Row<'_>, column: &str) -> rusqlite::Result<Instant> {
    let index = row.as_ref().column_index(column)?;
    parse_instant(row.get_ref(index)?.as_str()?).ok_or_else(|| {
        let error = "the text is no instant";
        rusqlite::Error::FromSqlConversionFailure(index, rusqlite::types::Type::Text, error.into())
    })
}

/// The instant in a column that may be NULL.
pub(super) fn optional_instant(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Instant>> {
    match row.get_ref(column)? {
        rusqlite::types::ValueRef::Null => Ok(None),
        _ => instant(row, column).map(Some),
    }
}
