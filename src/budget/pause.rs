//! A pause that the API asked for with a 429, and how the ledger keeps it.
//!
//! Two ends are kept. Requests are held back up to the first one, which is never further away than
//! the process that met the 429 may try. The second one is what the API asked for: a process that
//! may not wait as long ends at once and can say how long the pause lasts.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::millis;
use crate::table::Instant;

/// A pause, by the wall clock that processes share (Unix milliseconds).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// Nothing is sent before this.
    pub until_ms: i64,
    /// The end that the API asked for: the same, or later.
    pub asked_ms: i64,
}

impl Pause {
    /// One that begins at `now_ms` and for which the API asked for `asked`; nothing is held back for
    /// longer than `longest`.
    pub(super) fn of(asked: Duration, longest: Duration, now_ms: i64) -> Self {
        Self {
            until_ms: now_ms.saturating_add(millis(asked.min(longest))),
            asked_ms: now_ms.saturating_add(millis(asked)),
        }
    }

    /// The later end of both, each.
    pub(super) fn joined(self, other: Self) -> Self {
        Self {
            until_ms: self.until_ms.max(other.until_ms),
            asked_ms: self.asked_ms.max(other.asked_ms),
        }
    }

    /// How long it lasts as the API asked for it.
    pub fn left(&self, now_ms: i64) -> Duration {
        span(self.asked_ms.max(self.until_ms).saturating_sub(now_ms))
    }

    /// Whether it lasts longer than `longest`.
    pub(super) fn is_beyond(&self, longest: Duration, now_ms: i64) -> bool {
        self.left(now_ms) > longest
    }
}

/// An instant for people: `2026-01-31T09:05:00Z`.
pub(crate) fn instant_words(at_ms: i64) -> String {
    match Instant::from_timestamp_millis(at_ms) {
        Some(at) => at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        None => "the end of time".to_owned(),
    }
}

/// A time for people, in whole seconds: `12h 30m`.
pub(crate) fn time_words(time: Duration) -> String {
    humantime::format_duration(Duration::from_secs(time.as_secs())).to_string()
}

/// Milliseconds that are not negative.
pub(super) fn span(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

/// The pause that holds at `now_ms`, of whichever process.
///
/// One that was entered by a clock ahead of this one is moved to now. One that says only when it
/// ends, as releases before this one entered it, holds for `longest` at most. Both are changed in
/// the file too, so that the end does not move on with those who ask.
pub(super) fn in_force(
    connection: &Connection,
    longest: Duration,
    now_ms: i64,
) -> rusqlite::Result<Option<Pause>> {
    let known: Option<i64> =
        connection.query_row("SELECT MAX(until_ms) FROM closed", [], |row| row.get(0))?;
    let Some(until_ms) = known.filter(|until_ms| *until_ms > now_ms) else {
        return Ok(None);
    };
    let noted = connection
        .query_row(
            "SELECT made_ms, asked_ms FROM pauses WHERE until_ms = ?1",
            [until_ms],
            |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)),
        )
        .optional()?;
    let pause = match noted {
        Some((made_ms, asked_ms)) => {
            let ahead_ms = made_ms.saturating_sub(now_ms).max(0);
            Pause {
                until_ms: until_ms.saturating_sub(ahead_ms),
                asked_ms: asked_ms.saturating_sub(ahead_ms),
            }
        }
        None => Pause {
            until_ms: until_ms.min(now_ms.saturating_add(millis(longest))),
            asked_ms: until_ms,
        },
    };
    if pause.until_ms != until_ms {
        store(connection, pause, now_ms)?;
    }
    Ok(Some(pause).filter(|pause| pause.until_ms > now_ms))
}

/// Keeps a pause in place of any other.
pub(super) fn store(connection: &Connection, pause: Pause, now_ms: i64) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM closed", [])?;
    connection.execute("INSERT INTO closed VALUES (?1)", [pause.until_ms])?;
    connection.execute("DELETE FROM pauses", [])?;
    connection
        .execute(
            "INSERT INTO pauses (made_ms, until_ms, asked_ms) VALUES (?1, ?2, ?3)",
            params![now_ms, pause.until_ms, pause.asked_ms],
        )
        .map(drop)
}
