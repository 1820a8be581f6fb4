//! Stretches of business time, by which `sla_results` reads the clocks that run: from the first hours that are known
//! to a year ahead.

use chrono::TimeDelta;
use rusqlite::{Connection, OptionalExtension, params};

use super::super::Store;
use super::super::failure::Failure;
use super::Measuring;
use crate::error::Result;
use crate::metrics::Policy;
use crate::table::{Instant, instant_text};

type Attempt<T> = std::result::Result<T, Failure>;

/// How far ahead they are laid out.
const AHEAD: TimeDelta = TimeDelta::days(365);

/// They are laid out anew by a run that begins within so much of their end.
const LEFT: TimeDelta = TimeDelta::days(182);

impl Store {
    /// From now on metrics say what these policies come to.
    pub fn promise_by(&mut self, policies: Vec<Policy>) {
        self.measuring.policies = policies.into();
    }

    /// Lays out business time where that is not stored, by other hours, or ends soon. To be called where metrics are
    /// current.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn keep_openings(&mut self, now: Instant) -> Result<()> {
        let are_kept = are_kept(&self.connection, &self.measuring, now)
            .map_err(|error| self.failed("look at business time", error))?;
        if are_kept {
            return Ok(());
        }
        let measuring = self.measuring.clone();
        self.in_transaction("lay out business time", |connection| {
            keep(connection, &measuring, now)
        })
    }
}

/// The hours by which they should be laid out; none without a policy, which alone asks for them.
fn wanted(measuring: &Measuring) -> &str {
    match measuring.policies.is_empty() {
        true => "",
        false => &measuring.hours,
    }
}

fn are_kept(
    connection: &Connection,
    measuring: &Measuring,
    now: Instant,
) -> rusqlite::Result<bool> {
    let kept = connection
        .query_row(
            "SELECT openings = ?1 AND (openings_until_ms > ?2 OR openings = '') FROM _metrics WHERE id = 1",
            params![wanted(measuring), (now + LEFT).timestamp_millis()],
            |row| row.get(0),
        )
        .optional()?;
    Ok(kept.unwrap_or(true))
}

/// See [`Store::keep_openings`].
pub(super) fn keep(connection: &Connection, measuring: &Measuring, now: Instant) -> Attempt<()> {
    if are_kept(connection, measuring, now)? {
        return Ok(());
    }
    connection.execute("DELETE FROM _openings", [])?;
    let hours = wanted(measuring);
    let mut until = now + AHEAD;
    if !hours.is_empty() {
        let openings = measuring.schedule.openings(until);
        let mut insert = connection
            .prepare("INSERT INTO _openings (starts_at, ends_at, before_ms) VALUES (?1, ?2, ?3)")?;
        for one in &openings {
            insert.execute(params![
                instant_text(one.starts_at),
                instant_text(one.ends_at),
                one.before_ms
            ])?;
        }
        if measuring.schedule.is_round_the_clock() {
            until = openings.last().map_or(until, |last| last.ends_at);
        }
    }
    connection.execute(
        "UPDATE _metrics SET openings = ?1, openings_until_ms = ?2",
        params![hours, until.timestamp_millis()],
    )?;
    Ok(())
}
