//! The rows that tell an image from its parent, table by table.
//!
//! Each job writes what it finds into files of its own, deleted rows apart from the others; in the
//! end they become one file a table, in which a key occurs once.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::cell::{Cell, Cells, Owned};
use super::failure::Stop;
use super::file::{Closed, TableFile};
use super::old::Old;
use super::relation::Relation;
use super::schema::OPERATION;
use crate::error::Result;

/// Rows by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) inserted: u64,
    pub(super) updated: u64,
    pub(super) deleted: u64,
}

impl Counts {
    pub(super) fn total(&self) -> u64 {
        self.inserted + self.updated + self.deleted
    }
}

/// What a job found, in files.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) counts: Counts,
    deletes: Option<PathBuf>,
    others: Option<PathBuf>,
}

/// Takes what one job finds.
pub(super) struct Changes<'r> {
    relation: &'r Relation,
    /// The directory that the files go to.
    stem: PathBuf,
    file_mode: u32,
    counts: Counts,
    deletes: Option<TableFile>,
    others: Option<TableFile>,
}

impl<'r> Changes<'r> {
    pub(super) fn new(relation: &'r Relation, stem: PathBuf, file_mode: u32) -> Self {
        Self {
            relation,
            stem,
            file_mode,
            counts: Counts::default(),
            deletes: None,
            others: None,
        }
    }

    /// A row that the parent does not have.
    pub(super) fn insert(&mut self, row: &Cells<'_>) -> Result<()> {
        self.counts.inserted += 1;
        self.other(row, "insert")
    }

    /// A row that the parent has with other values.
    pub(super) fn update(&mut self, row: &Cells<'_>) -> Result<()> {
        self.counts.updated += 1;
        self.other(row, "update")
    }

    /// A row of the parent that is no more.
    pub(super) fn delete(&mut self, row: &Cells<'_>) -> Result<()> {
        self.counts.deleted += 1;
        let path = self.stem.join("deletes.parquet");
        let file = open(&mut self.deletes, &path, self.relation, self.file_mode)?;
        file.push(with_operation(row, "delete"))
    }

    fn other(&mut self, row: &Cells<'_>, operation: &str) -> Result<()> {
        let path = self.stem.join("others.parquet");
        let file = open(&mut self.others, &path, self.relation, self.file_mode)?;
        file.push(with_operation(row, operation))
    }

    /// Closes the files.
    pub(super) fn close(self) -> Result<Found> {
        let deletes = self.stem.join("deletes.parquet");
        let others = self.stem.join("others.parquet");
        Ok(Found {
            counts: self.counts,
            deletes: close(self.deletes, deletes)?,
            others: close(self.others, others)?,
        })
    }
}

fn open<'f>(
    file: &'f mut Option<TableFile>,
    path: &Path,
    relation: &Relation,
    file_mode: u32,
) -> Result<&'f mut TableFile> {
    let opened = match file.take() {
        Some(opened) => opened,
        None => TableFile::create_changes(path, relation, file_mode)?,
    };
    Ok(file.insert(opened))
}

fn close(file: Option<TableFile>, path: PathBuf) -> Result<Option<PathBuf>> {
    file.map(|file| file.close().map(|_| path)).transpose()
}

fn with_operation<'a>(row: &'a Cells<'_>, operation: &'a str) -> impl Iterator<Item = Cell<'a>> {
    row.iter().copied().chain([Cell::Text(operation)])
}

/// Puts what all jobs found of one table into one file at `path`, deleted rows first; no file
/// where nothing changed. A row that one job saw go and another come, since its ticket moved to
/// another place, is one update, or no change at all.
///
/// # Errors
/// The file cannot be written.
pub(super) fn combine(
    relation: &Relation,
    found: &[&Found],
    path: &Path,
    file_mode: u32,
) -> std::result::Result<(Counts, Option<Closed>), Stop> {
    let deletes: Vec<&Path> = found
        .iter()
        .filter_map(|one| one.deletes.as_deref())
        .collect();
    let others: Vec<&Path> = found
        .iter()
        .filter_map(|one| one.others.as_deref())
        .collect();
    let mut combined = Combined {
        relation,
        path,
        file_mode,
        counts: Counts::default(),
        file: None,
    };
    let moved = moved(relation, &deletes, &others)?;
    let mut kept: HashMap<Vec<Owned>, Vec<Owned>> = HashMap::new();
    each_row(relation, &deletes, |row, _| {
        let key = key(relation, row);
        if moved.contains(&key) {
            kept.insert(key, owned(row));
            return Ok(());
        }
        combined.add(row, "delete")
    })?;
    each_row(relation, &others, |row, operation| {
        let before = match moved.is_empty() {
            true => None,
            false => kept.get(&key(relation, row)),
        };
        match before {
            None => combined.add(row, operation),
            Some(before) if *before == owned(row) => Ok(()),
            Some(_) => combined.add(row, "update"),
        }
    })?;
    let closed = combined.file.map(TableFile::close).transpose()?;
    Ok((combined.counts, closed))
}

struct Combined<'a> {
    relation: &'a Relation,
    path: &'a Path,
    file_mode: u32,
    counts: Counts,
    file: Option<TableFile>,
}

impl Combined<'_> {
    fn add(&mut self, row: &Cells<'_>, operation: &str) -> Result<()> {
        match operation {
            "insert" => self.counts.inserted += 1,
            "update" => self.counts.updated += 1,
            _ => self.counts.deleted += 1,
        }
        let file = open(&mut self.file, self.path, self.relation, self.file_mode)?;
        file.push(with_operation(row, operation))
    }
}

/// Keys that were both deleted and inserted. Memory: the keys deleted, which are few, since the
/// store keeps what is gone from the desk.
fn moved(
    relation: &Relation,
    deletes: &[&Path],
    others: &[&Path],
) -> std::result::Result<HashSet<Vec<Owned>>, Stop> {
    let mut deleted = HashSet::new();
    each_row(relation, deletes, |row, _| {
        deleted.insert(key(relation, row));
        Ok(())
    })?;
    let mut moved = HashSet::new();
    if !deleted.is_empty() {
        each_row(relation, others, |row, operation| {
            if operation == "insert" {
                moved.extend(deleted.take(&key(relation, row)));
            }
            Ok(())
        })?;
    }
    Ok(moved)
}

fn each_row(
    relation: &Relation,
    paths: &[&Path],
    mut see: impl FnMut(&Cells<'_>, &str) -> Result<()>,
) -> std::result::Result<(), Stop> {
    let mut names: Vec<&str> = relation.columns().map(|column| column.name).collect();
    names.push(OPERATION);
    for path in paths {
        let mut rows = Old::open_columns(path, &names)?;
        while let Some(mut row) = rows.row() {
            let operation = match row.pop() {
                Some(Cell::Text(operation)) => operation,
                _ => "",
            };
            see(&row, operation)?;
            rows.advance()?;
        }
    }
    Ok(())
}

/// A row's key.
pub(super) fn key(relation: &Relation, row: &Cells<'_>) -> Vec<Owned> {
    relation.key(row).map(|cell| cell.owned()).collect()
}

/// A row that outlives where it came from.
pub(super) fn owned(row: &Cells<'_>) -> Vec<Owned> {
    row.iter().map(|cell| cell.owned()).collect()
}
