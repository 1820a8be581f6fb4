//! The tables one after the other.

use rusqlite::{OptionalExtension, Row};

use super::super::sums::{self, RowHashes};
use super::super::totals;
use super::entry::{ENTRY, Entry};
use super::ticket::TicketAudit;
use super::{
    Auditing, CustomerAudit, Damage, NOT_ITS_METRICS, NOT_THE_TOTALS, Stop, TICKETS_TOLD,
    metrics_to_hold,
};
use crate::table::{
    Agent, Category, Customer, Record, Reject, Snapshot, Table, Tag, Ticket, TicketMetrics,
};

/// What lies in a column of text, whatever it is.
fn bytes<'r>(row: &'r Row<'_>, index: usize) -> rusqlite::Result<&'r [u8]> {
    Ok(row.get_ref(index)?.as_bytes().unwrap_or_default())
}

type Attempt = std::result::Result<(), Stop>;

const NO_MATCH: &str = "the row does not match its hash";
const MISSING: &str = "the row is missing";
const NOT_OURS: &str = "no hash is known of the row";

/// The creation of the newest live ticket that names a row, for each table whose rows are told by
/// tickets.
const TOLD_BY: [(&str, &str); 4] = [
    (
        "customers",
        "SELECT max(created_at_ms) FROM tickets JOIN _ticket_index USING (id)
         WHERE customer_id = ?1 AND is_deleted = 0",
    ),
    (
        "tags",
        "SELECT max(created_at_ms) FROM ticket_tags JOIN _ticket_index ON id = ticket_id
         WHERE tag_id = ?1 AND is_deleted = 0",
    ),
    (
        "categories",
        "SELECT max(created_at_ms) FROM tickets JOIN _ticket_index USING (id)
         WHERE category_id = ?1 AND is_deleted = 0",
    ),
    (
        "agents",
        "SELECT max(created_at_ms) FROM tickets JOIN _ticket_index USING (id)
         WHERE assigned_agent_id = ?1 AND is_deleted = 0",
    ),
];

impl Auditing<'_> {
    /// Tickets, and all that belongs to them.
    pub(super) fn tickets(&mut self) -> Attempt {
        let connection = self.connection;
        let mut look = TicketAudit::new(connection)?;
        let mut metrics = metrics_to_hold(connection, self.measuring)?;
        let mut index = connection.prepare(&format!(
            "SELECT id, {ENTRY} FROM _ticket_index ORDER BY id"
        ))?;
        let mut rows = index.query([])?;
        while let Some(row) = rows.next()? {
            let Ok(id) = row.get::<_, String>(0) else {
                self.problem("the index of tickets holds an id that cannot be read".to_owned());
                continue;
            };
            let entry = Entry::read(row, 1)?;
            let wrong = look.look(&id, &entry)?;
            if wrong.is_any() {
                self.audit.damaged.push(Damage {
                    table: Ticket::TABLE.name,
                    id,
                    what: wrong.words(),
                    created_ms: match entry.is_deleted {
                        true => Vec::new(),
                        false => Some(entry.created_ms)
                            .into_iter()
                            .chain(wrong.created_ms)
                            .collect(),
                    },
                });
            } else if let Some(metrics) = &mut metrics
                && !metrics.are_right(&id)?
            {
                self.audit.damaged.push(Damage {
                    table: TicketMetrics::TABLE.name,
                    id,
                    what: vec![NOT_ITS_METRICS],
                    created_ms: Vec::new(),
                });
            }
            self.audit.tickets += 1;
            if self.audit.tickets.is_multiple_of(TICKETS_TOLD) {
                self.go_on()?;
            }
        }
        self.go_on()
    }

    /// Tables that are made of all others, where those are whole.
    pub(super) fn totals(&mut self) -> Attempt {
        self.go_on()?;
        if !self.audit.damaged.is_empty() {
            return Ok(());
        }
        for table in totals::wrong(self.connection, self.measuring)? {
            self.audit.damaged.push(Damage {
                table,
                id: "all".to_owned(),
                what: vec![NOT_THE_TOTALS],
                created_ms: Vec::new(),
            });
        }
        Ok(())
    }

    /// Tickets that the index does not know.
    pub(super) fn strays(&mut self) -> Attempt {
        let connection = self.connection;
        let mut select = connection.prepare(
            "SELECT CAST(id AS BLOB), CAST(created_at AS BLOB) FROM tickets
             WHERE id NOT IN (SELECT id FROM _ticket_index)",
        )?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let id = String::from_utf8_lossy(bytes(row, 0)?).into_owned();
            let created_ms = std::str::from_utf8(bytes(row, 1)?)
                .ok()
                .and_then(crate::wire::usual_instant)
                .map(|at| at.timestamp_millis())
                .into_iter()
                .collect();
            self.audit.damaged.push(Damage {
                table: Ticket::TABLE.name,
                id,
                what: vec![NOT_OURS],
                created_ms,
            });
        }
        Ok(())
    }

    /// Customers and their attributes.
    pub(super) fn customers(&mut self) -> Attempt {
        let connection = self.connection;
        let mut look = CustomerAudit::new(connection)?;
        let mut ids = connection.prepare(
            "SELECT id FROM customers UNION SELECT id FROM _customer_index
             UNION SELECT id FROM _row_hashes WHERE table_name = 'customers'
             UNION SELECT customer_id FROM customer_attributes",
        )?;
        let mut rows = ids.query([])?;
        while let Some(row) = rows.next()? {
            self.audit.rows += 1;
            let Ok(id) = row.get::<_, String>(0) else {
                self.problem("customers hold an id that cannot be read".to_owned());
                continue;
            };
            if !look.is_whole(&id)? {
                self.row(Customer::TABLE, id, NO_MATCH)?;
            }
        }
        self.go_on()
    }

    /// Tables of few rows.
    pub(super) fn small(&mut self) -> Attempt {
        for table in [Tag::TABLE, Category::TABLE, Agent::TABLE] {
            let rows = format!("SELECT id FROM {}", table.name);
            self.small_table(table, &rows)?;
        }
        // The record of a run that is not over changes with each page.
        self.small_table(
            Snapshot::TABLE,
            "SELECT CAST(id AS TEXT) FROM snapshots WHERE finished_at IS NOT NULL",
        )
    }

    fn small_table(&mut self, table: &'static Table, rows: &str) -> Attempt {
        let connection = self.connection;
        let mut hashes = RowHashes::new(connection, table)?;
        let mut ids = connection.prepare(&format!(
            "{rows} UNION SELECT id FROM _row_hashes WHERE table_name = ?1"
        ))?;
        let mut rows = ids.query([table.name])?;
        while let Some(row) = rows.next()? {
            self.audit.rows += 1;
            let Ok(id) = row.get::<_, String>(0) else {
                self.problem(format!("{} hold an id that cannot be read", table.name));
                continue;
            };
            let words = match (hashes.sum(&id)?, hashes.known(&id)?) {
                (Some(found), Some(known)) if found == known => continue,
                (Some(_), None) => NOT_OURS,
                (None, _) if hashes.stored::<Tag>(&id, None)?.is_none() => MISSING,
                _ => NO_MATCH,
            };
            self.row(table, id, words)?;
        }
        self.go_on()
    }

    /// Values that could not be represented.
    pub(super) fn rejects(&mut self) -> Attempt {
        let connection = self.connection;
        let names: Vec<String> = Reject::TABLE
            .columns()
            .map(|column| format!("rejects.{}", column.name))
            .collect();
        let mut select = connection.prepare(&format!(
            "SELECT {}, met.hash, (SELECT created_at_ms FROM _ticket_index AS known
                 WHERE known.id = rejects.ticket_id AND known.is_deleted = 0),
                 (SELECT created_at_ms FROM _rejected AS other WHERE other.id = rejects.ticket_id)
             FROM rejects LEFT JOIN _rejects_met AS met ON met.reject_id = rejects.id",
            names.join(", ")
        ))?;
        let width = names.len();
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            self.audit.rows += 1;
            let known = sums::hash(row, width)?;
            if known.is_some() && sums::row_sum(row, Reject::TABLE)? == known {
                continue;
            }
            let id = bytes(row, 0)?;
            let (known, other): (Option<i64>, Option<i64>) =
                (row.get(width + 1)?, row.get(width + 2)?);
            self.audit.damaged.push(Damage {
                table: Reject::TABLE.name,
                id: String::from_utf8_lossy(id).into_owned(),
                what: vec![NO_MATCH],
                created_ms: known.or(other).into_iter().collect(),
            });
        }
        Ok(())
    }

    /// Single numbers that syncs go by.
    pub(super) fn values(&mut self) -> Attempt {
        let connection = self.connection;
        let mut select = connection.prepare(
            "SELECT name, value, hash FROM _sync
             LEFT JOIN _row_hashes ON table_name = ?1 AND id = name
             UNION SELECT id, NULL, NULL FROM _row_hashes
                 WHERE table_name = ?1 AND id NOT IN (SELECT name FROM _sync)",
        )?;
        let mut rows = select.query([sums::SYNC])?;
        while let Some(row) = rows.next()? {
            self.audit.rows += 1;
            let (Ok(name), value) = (row.get::<_, String>(0), row.get::<_, Option<i64>>(1)) else {
                self.problem("_sync holds a name that cannot be read".to_owned());
                continue;
            };
            let found = value
                .ok()
                .flatten()
                .map(|value| sums::value_sum(&name, value));
            if found.is_none() || found != sums::hash(row, 2)? {
                self.audit.damaged.push(Damage {
                    table: sums::SYNC,
                    id: name,
                    what: vec![NO_MATCH],
                    created_ms: Vec::new(),
                });
            }
        }
        Ok(())
    }

    fn row(&mut self, table: &'static Table, id: String, words: &'static str) -> Attempt {
        let told_by = TOLD_BY.iter().find(|(name, _)| *name == table.name);
        let created_ms = match told_by {
            Some((_, sql)) => self
                .connection
                .prepare_cached(sql)?
                .query_row([&id], |row| row.get::<_, Option<i64>>(0))
                .optional()?
                .flatten(),
            None => None,
        };
        self.audit.damaged.push(Damage {
            table: table.name,
            id,
            what: vec![words],
            created_ms: created_ms.into_iter().collect(),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_looked_at() {
        let by_ticket = |table: &Table| {
            table.name == Ticket::TABLE.name || table.key.first() == Some(&"ticket_id")
        };
        let others: Vec<&str> = crate::table::TABLES
            .iter()
            .filter(|table| !by_ticket(table))
            .map(|table| table.name)
            .collect();
        assert_eq!(
            others,
            [
                "customers",
                "customer_attributes",
                "tags",
                "categories",
                "agents",
                "snapshots",
                "rejects"
            ]
        );
        assert!(by_ticket(crate::table::TicketVersion::TABLE));
    }
}
