//! Metrics of tickets: computed where rows of a ticket changed, and written where they differ.

mod case;
mod current;
mod names;
mod openings;
mod renew;
mod rows;

use std::sync::Arc;

use chrono_tz::{IANA_TZDB_VERSION, Tz};
use rusqlite::Connection;

use self::case::Cases;
use self::rows::Rows;
use crate::metrics::{Case, Measured, Names, Policy, Schedule, measure_with};
use crate::normalize::{Hash, ThreadRows};
use crate::table::{Ticket, TicketVersion};

pub use renew::Renewed;

pub(super) use current::is_current;
pub(super) use names::TagNames;
pub(super) use renew::remember;

/// By which business hours and names metrics are computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Measuring {
    pub(super) schedule: Arc<Schedule>,
    /// What tells them from others.
    pub(super) hours: String,
    /// The zone of local days.
    pub(super) zone: Tz,
    /// Of tags that the API gives as bare ids.
    pub(super) names: Arc<Names>,
    /// What is promised.
    pub(super) policies: Arc<[Policy]>,
}

/// What tells a zone from others: with the version of the zones' tables, since another one may count
/// otherwise.
pub(super) fn zone_text(zone: Tz) -> String {
    match zone {
        Tz::UTC => Tz::UTC.name().to_owned(),
        zone => format!("{} {IANA_TZDB_VERSION}", zone.name()),
    }
}

/// What is stored of hours that are round the clock.
pub(super) const ROUND_THE_CLOCK: &str = "24/7";

impl Default for Measuring {
    fn default() -> Self {
        Self {
            schedule: Arc::new(Schedule::round_the_clock()),
            hours: ROUND_THE_CLOCK.to_owned(),
            zone: Tz::UTC,
            names: Arc::default(),
            policies: Arc::default(),
        }
    }
}

impl Measuring {
    fn measure(&self, case: &Case<'_>) -> Measured {
        measure_with(case, &self.schedule, &self.policies)
    }
}

/// Computes and writes the metrics of tickets one by one.
pub(super) struct Metrics<'c> {
    connection: &'c Connection,
    /// Whether totals were told that they are of the past.
    has_touched: bool,
    measuring: &'c Measuring,
    cases: Cases<'c>,
    rows: Rows<'c>,
}

impl<'c> Metrics<'c> {
    pub(super) fn new(
        connection: &'c Connection,
        snapshot_id: i64,
        measuring: &'c Measuring,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            has_touched: false,
            measuring,
            cases: Cases::new(connection)?,
            rows: Rows::new(connection, snapshot_id)?,
        })
    }

    /// Writes those of a ticket that is new: all of it is at hand, and nothing stored yet. Returns the
    /// hash that the index is to have of them.
    pub(super) fn add(
        &mut self,
        ticket: &Ticket,
        thread: Option<&ThreadRows>,
        version: &TicketVersion,
    ) -> rusqlite::Result<Hash> {
        self.touch()?;
        let measured = case::at_hand(ticket, thread, version, self.measuring);
        self.rows.insert(&measured)
    }

    /// Computes those of a ticket from what is stored, and writes what differs; returns whether anything did.
    /// Of a ticket without a row nothing is known.
    pub(super) fn refresh(&mut self, id: &str) -> rusqlite::Result<bool> {
        self.touch()?;
        match self.measured(id)? {
            Some(measured) => self.rows.write(&measured),
            None => Ok(false),
        }
    }

    /// Totals follow from what is written here, and from the row of the ticket that it is written for.
    fn touch(&mut self) -> rusqlite::Result<()> {
        if !self.has_touched {
            self.connection
                .prepare_cached("UPDATE _totals SET made_of = '' WHERE made_of <> ''")?
                .execute([])?;
            self.has_touched = true;
        }
        Ok(())
    }

    /// Whether those of a ticket are as its other rows make them.
    pub(super) fn are_right(&mut self, id: &str) -> rusqlite::Result<bool> {
        match self.measured(id)? {
            Some(measured) => self.rows.are(&measured),
            None => Ok(true),
        }
    }

    fn measured(&mut self, id: &str) -> rusqlite::Result<Option<Measured>> {
        let stored = self.cases.read(id)?;
        Ok(stored.map(|stored| stored.with(|case| self.measuring.measure(case))))
    }
}
