//! One file of an image: its rows streamed from the store, compared with the parent's on the way.
//!
//! Memory: a batch and a row group of the file, a batch of the parent's, and the rows of one
//! ticket where they differ.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::path::PathBuf;

use rusqlite::Statement;

use super::cell::{self, Cell, Cells, Owned};
use super::changes::{self, Changes, Found};
use super::failure::Stop;
use super::file::{Closed, TableFile};
use super::layout;
use super::old::Old;
use super::relation::Relation;
use super::tally::Tally;
use crate::store::Reader;
use crate::table::Type;

type Result<T> = std::result::Result<T, Stop>;

/// Tickets of one month in the order of the image. `-` and `.` follow each other in ASCII.
const TICKETS: &str = "SELECT id, created_at FROM tickets
     WHERE created_at >= ?1 || '-' AND created_at < ?1 || '.' ORDER BY created_at, id";

/// Rows between two looks at whether to go on.
const ROWS_TOLD: u64 = 500;

/// A file to be made.
#[derive(Debug, Clone)]
pub(super) struct Job<'r> {
    pub(super) relation: &'r Relation,
    /// The month, of a table that is cut by month.
    pub(super) month: Option<String>,
    /// Where the file goes.
    pub(super) path: PathBuf,
    /// The directory that its changes go to; `None` without a parent.
    pub(super) changes: Option<PathBuf>,
    /// The parent's file, if it has one.
    pub(super) old: Option<PathBuf>,
    /// The parent's tickets of the month, if it has any.
    pub(super) old_tickets: Option<PathBuf>,
}

/// What came of a job.
#[derive(Debug)]
pub(super) struct Done {
    /// What the file holds; `None` where it has no row and was not made.
    pub(super) closed: Option<Closed>,
    /// When the first and the last of its tickets were created.
    pub(super) created: Option<(i64, i64)>,
    /// How it differs from the parent's.
    pub(super) found: Found,
    /// Whether the parent's file has other columns of custom attributes.
    pub(super) has_other_columns: bool,
}

/// Does a job.
///
/// # Errors
/// The store or the parent cannot be read, the file cannot be written, or the work was cancelled.
pub(super) fn run(job: &Job<'_>, reader: &Reader, tally: &Tally<'_>) -> Result<Done> {
    let mut work = Work {
        job,
        reader,
        tally,
        kinds: job.relation.columns().map(|column| column.kind).collect(),
        file: None,
        created: None,
        uncounted: 0,
        changes: job
            .changes
            .clone()
            .map(|stem| Changes::new(job.relation, stem, tally.file_mode())),
        has_other_columns: false,
    };
    match &job.month {
        Some(month) => work.month(month)?,
        None => work.all()?,
    }
    work.count_rows()?;
    if job.month.is_none() && work.file.is_none() {
        work.file = Some(TableFile::create(
            &job.path,
            job.relation,
            tally.file_mode(),
        )?);
    }
    Ok(Done {
        closed: work.file.map(TableFile::close).transpose()?,
        created: work.created,
        found: match work.changes {
            Some(changes) => changes.close()?,
            None => Found::default(),
        },
        has_other_columns: work.has_other_columns,
    })
}

struct Work<'a> {
    job: &'a Job<'a>,
    reader: &'a Reader,
    tally: &'a Tally<'a>,
    kinds: Vec<Type>,
    file: Option<TableFile>,
    created: Option<(i64, i64)>,
    uncounted: u64,
    changes: Option<Changes<'a>>,
    has_other_columns: bool,
}

impl<'a> Work<'a> {
    /// A table in the order of its key, both sides merged.
    fn all(&mut self) -> Result<()> {
        let relation = self.job.relation;
        let mut statement = self.prepare(&layout::rows_sql(relation))?;
        let mut rows = statement.query([]).map_err(|error| self.failed(error))?;
        let mut old = self.old()?;
        while let Some(row) = rows.next().map_err(|error| self.failed(error))? {
            let row = cell::from_sqlite(row, &self.kinds).map_err(|error| self.failed(error))?;
            self.write(&row)?;
            let Some(changes) = &mut self.changes else {
                continue;
            };
            // What the parent has before this row is gone.
            let mut before = None;
            while let Some(parents) = old.as_ref().and_then(Old::row) {
                match relation.key(&parents).cmp(relation.key(&row)) {
                    Ordering::Less => changes.delete(&parents)?,
                    Ordering::Equal => {
                        before = Some(parents == row);
                        break;
                    }
                    Ordering::Greater => break,
                }
                advance(&mut old)?;
            }
            match before {
                None => changes.insert(&row)?,
                Some(is_same) => {
                    if !is_same {
                        changes.update(&row)?;
                    }
                    advance(&mut old)?;
                }
            }
        }
        if let Some(changes) = &mut self.changes {
            while let Some(parents) = old.as_ref().and_then(Old::row) {
                changes.delete(&parents)?;
                advance(&mut old)?;
            }
        }
        Ok(())
    }

    /// A month of a table, ticket by ticket, in the order of creation: of the tickets that the
    /// store has, that the parent has, or both.
    fn month(&mut self, month: &str) -> Result<()> {
        let mut tickets = self.prepare(TICKETS)?;
        let mut tickets = tickets.query([month]).map_err(|error| self.failed(error))?;
        let mut statement = self.prepare(&layout::ticket_rows_sql(self.job.relation))?;
        let mut old = self.old()?;
        let mut old_tickets = match &self.job.old_tickets {
            Some(path) => Some(Old::open_columns(path, &["id", "created_at"])?),
            None => None,
        };
        let mut stored = self.next_ticket(&mut tickets)?;
        loop {
            let parents = old_tickets.as_ref().and_then(ticket_of);
            let order = match (&stored, &parents) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(stored), Some(parents)) => stored.cmp(parents),
            };
            if order != Ordering::Greater
                && let Some((created_at, id)) = &stored
            {
                let has_old = order == Ordering::Equal;
                let has_rows = self.ticket(&mut statement, id, old.as_mut().filter(|_| has_old))?;
                if has_rows {
                    let (first, _) = self.created.unwrap_or((*created_at, *created_at));
                    self.created = Some((first, *created_at));
                }
            } else if let (Some((_, id)), Some(old)) = (&parents, &mut old) {
                self.gone(id, old)?;
            }
            if order != Ordering::Greater {
                stored = self.next_ticket(&mut tickets)?;
            }
            if order != Ordering::Less {
                advance(&mut old_tickets)?;
            }
        }
    }

    fn next_ticket(&self, rows: &mut rusqlite::Rows<'_>) -> Result<Option<(i64, String)>> {
        let Some(row) = rows.next().map_err(|error| self.failed(error))? else {
            return Ok(None);
        };
        let cells = cell::from_sqlite(row, &[Type::Id, Type::Instant])
            .map_err(|error| self.failed(error))?;
        Ok(named(&cells))
    }

    /// Writes the rows of a ticket and notes how they differ from the parent's; whether there are
    /// any. Rows that are equal and in the same order, which is nearly all, are kept nowhere.
    fn ticket(
        &mut self,
        statement: &mut Statement<'_>,
        id: &str,
        mut old: Option<&mut Old>,
    ) -> Result<bool> {
        let relation = self.job.relation;
        let mut has_rows = false;
        let mut come = Vec::new();
        let mut gone = Vec::new();
        let mut rows = statement.query([id]).map_err(|error| self.failed(error))?;
        while let Some(row) = rows.next().map_err(|error| self.failed(error))? {
            has_rows = true;
            let row = cell::from_sqlite(row, &self.kinds).map_err(|error| self.failed(error))?;
            self.write(&row)?;
            if self.changes.is_none() {
                continue;
            }
            if let Some(old) = &mut old
                && let Some(parents) = row_of(relation, old, id)
            {
                let is_same = parents == row;
                if !is_same {
                    gone.push(changes::owned(&parents));
                }
                old.advance()?;
                if is_same {
                    continue;
                }
            }
            come.push(changes::owned(&row));
        }
        if let Some(old) = old {
            while let Some(parents) = row_of(relation, old, id) {
                gone.push(changes::owned(&parents));
                old.advance()?;
            }
        }
        self.settle(&come, &gone)?;
        Ok(has_rows)
    }

    /// Rows of one ticket that are not at the same place on both sides, compared by key.
    fn settle(&mut self, come: &[Vec<Owned>], gone: &[Vec<Owned>]) -> Result<()> {
        let relation = self.job.relation;
        let Some(changes) = &mut self.changes else {
            return Ok(());
        };
        let mut left: HashMap<Vec<Owned>, &Vec<Owned>> = gone
            .iter()
            .map(|row| (changes::key(relation, &cells(row)), row))
            .collect();
        for row in come {
            let row_cells = cells(row);
            match left.remove(&changes::key(relation, &row_cells)) {
                None => changes.insert(&row_cells)?,
                Some(before) if before == row => {}
                Some(_) => changes.update(&row_cells)?,
            }
        }
        for row in gone {
            let row_cells = cells(row);
            if left.contains_key(&changes::key(relation, &row_cells)) {
                changes.delete(&row_cells)?;
            }
        }
        Ok(())
    }

    /// A ticket that the parent has in this month and the store has not.
    fn gone(&mut self, id: &str, old: &mut Old) -> Result<()> {
        while let Some(row) = row_of(self.job.relation, old, id) {
            if let Some(changes) = &mut self.changes {
                changes.delete(&row)?;
            }
            old.advance()?;
        }
        Ok(())
    }

    fn write(&mut self, row: &Cells<'_>) -> Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(TableFile::create(
                &self.job.path,
                self.job.relation,
                self.tally.file_mode(),
            )?),
        };
        file.push(row.iter().copied())?;
        self.uncounted += 1;
        match self.uncounted >= ROWS_TOLD {
            true => self.count_rows(),
            false => Ok(()),
        }
    }

    fn count_rows(&mut self) -> Result<()> {
        self.tally.add(std::mem::take(&mut self.uncounted))
    }

    fn old(&mut self) -> Result<Option<Old>> {
        match (&self.job.old, &self.changes) {
            (Some(path), Some(_)) => {
                let old = Old::open(path, self.job.relation)?;
                self.has_other_columns = old.has_others();
                Ok(Some(old))
            }
            _ => Ok(None),
        }
    }

    fn prepare(&self, sql: &str) -> Result<Statement<'a>> {
        let prepared = self.reader.connection().prepare(sql);
        prepared.map_err(|error| self.failed(error))
    }

    fn failed(&self, error: rusqlite::Error) -> Stop {
        let what = format!("read {}", self.job.relation.name());
        self.reader.failed(&what, error).into()
    }
}

fn advance(old: &mut Option<Old>) -> Result<()> {
    old.as_mut().map_or(Ok(()), Old::advance)
}

/// The next of the parent's tickets.
fn ticket_of(old: &Old) -> Option<(i64, String)> {
    named(&old.row()?)
}

/// When a ticket was created, and its id.
fn named(row: &Cells<'_>) -> Option<(i64, String)> {
    match row.as_slice() {
        [Cell::Text(id), Cell::Integer(created_at), ..] => Some((*created_at, (*id).to_owned())),
        _ => None,
    }
}

/// The parent's next row, if it belongs to this ticket.
fn row_of<'o>(relation: &Relation, old: &'o Old, id: &str) -> Option<Cells<'o>> {
    let column = layout::ticket_column(relation.table);
    let row = old.row()?;
    let mut named = relation.columns().zip(&row);
    let is_its = named.any(|(found, cell)| found.name == column && *cell == Cell::Text(id));
    is_its.then_some(row)
}

fn cells(row: &[Owned]) -> Cells<'_> {
    row.iter().map(Owned::cell).collect()
}
