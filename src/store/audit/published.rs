//! What is looked at before rows are written into a snapshot.

use super::super::Reader;
use super::entry::{ENTRY, Entry};
use super::ticket::TicketAudit;
use super::{Audit, Auditing, Damage, NOT_ITS_METRICS, Stop, TICKETS_TOLD, metrics_to_hold};
use crate::error::{Error, ErrorKind, Result};
use crate::table::{Record, Ticket};

/// What `told` is called with now and then, and says whether to go on.
type Told<'a> = &'a dyn Fn() -> bool;

impl Reader {
    /// Tickets created in `month` (`2026-10`) that are not as they were written.
    ///
    /// # Errors
    /// [`Interrupted`](ErrorKind::Interrupted) where `told` says so; the store cannot be read.
    pub fn damaged_tickets(&self, month: &str, told: Told<'_>) -> Result<Vec<Damage>> {
        let work = || -> std::result::Result<Vec<Damage>, Stop> {
            let connection = self.connection();
            let mut look = TicketAudit::new(connection)?;
            let mut metrics = metrics_to_hold(connection, self.measuring())?;
            let mut select = connection.prepare(&format!(
                "SELECT tickets.id, _ticket_index.id, {ENTRY} FROM tickets
                 LEFT JOIN _ticket_index USING (id)
                 WHERE created_at >= ?1 || '-' AND created_at < ?1 || '.'"
            ))?;
            let mut damaged = Vec::new();
            let mut rows = select.query([month])?;
            let mut count = 0u64;
            while let Some(row) = rows.next()? {
                let id: String = row.get(0)?;
                let wrong = match row.get::<_, Option<String>>(1)? {
                    Some(_) => look.look(&id, &Entry::read(row, 2)?)?.words(),
                    None => vec!["no hash is known of the row"],
                };
                if !wrong.is_empty() {
                    damaged.push(ticket(id, wrong));
                } else if let Some(metrics) = &mut metrics
                    && !metrics.are_right(&id)?
                {
                    damaged.push(ticket(id, vec![NOT_ITS_METRICS]));
                }
                count += 1;
                if count.is_multiple_of(TICKETS_TOLD) && !told() {
                    return Err(Stop::Interrupted);
                }
            }
            Ok(damaged)
        };
        self.outcome(work())
    }

    /// Rows of tables that are not cut by month and are not as they were written; and tickets without
    /// a row.
    ///
    /// # Errors
    /// [`Interrupted`](ErrorKind::Interrupted) where `told` says so; the store cannot be read.
    pub fn damaged_rows(&self, told: Told<'_>) -> Result<Vec<Damage>> {
        let work = || -> std::result::Result<Vec<Damage>, Stop> {
            let connection = self.connection();
            let mut audit = Audit::default();
            let mut auditing = Auditing {
                connection,
                measuring: self.measuring(),
                audit: &mut audit,
                told: &|_| told(),
            };
            auditing.customers()?;
            auditing.small()?;
            auditing.rejects()?;
            let mut lost = connection
                .prepare("SELECT id FROM _ticket_index WHERE id NOT IN (SELECT id FROM tickets)")?;
            let mut rows = lost.query([])?;
            while let Some(row) = rows.next()? {
                audit
                    .damaged
                    .push(ticket(row.get(0)?, vec!["the row is missing"]));
            }
            Ok(audit.damaged)
        };
        self.outcome(work())
    }

    fn outcome<T>(&self, outcome: std::result::Result<T, Stop>) -> Result<T> {
        outcome.map_err(|stop| match stop {
            Stop::Interrupted => Error::new(ErrorKind::Interrupted, "interrupted while publishing"),
            Stop::Failed(failure) => self.explain("check the rows to publish", failure),
        })
    }
}

fn ticket(id: String, what: Vec<&'static str>) -> Damage {
    Damage {
        table: Ticket::TABLE.name,
        id,
        what,
        created_ms: Vec::new(),
    }
}
