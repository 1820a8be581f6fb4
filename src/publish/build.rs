//! Builds a snapshot where nobody looks: files of what changed, links to the rest, the changes,
//! the manifest.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use super::changes::{self, Found};
use super::directory::Linked;
use super::failure::Stop;
use super::file::TableFile;
use super::job::{Done, Job};
use super::manifest::{self, ChangesFile, File, Lack, Manifest, Run};
use super::months::{self, Month, Others};
use super::old::Old;
use super::owner::Owner;
use super::parent::Parent;
use super::place::Place;
use super::relation::Relation;
use super::tally::Shared;
use super::work;
use super::{Options, directory, layout, schema};
use crate::error::Error;
use crate::report::Publishing;
use crate::store::{Damage, Reader, Store};
use crate::table::{Instant, Record, Snapshot, TABLES, Ticket, all_tables, instant_text};

type Result<T> = std::result::Result<T, Stop>;

/// Damaged rows that an error names at most.
const NAMED: usize = 10;

/// What a snapshot is built from.
pub(super) struct Build<'a> {
    pub(super) place: &'a Place,
    pub(super) store: &'a Store,
    pub(super) owner: &'a Owner,
    pub(super) options: &'a Options,
    pub(super) latest: &'a Snapshot,
    pub(super) name: &'a str,
    pub(super) is_demo: bool,
    /// Whether the filesystem refuses to set permissions.
    pub(super) lacks_modes: bool,
    pub(super) cancel: &'a CancellationToken,
    pub(super) progress: &'a (dyn Fn(Publishing) + Sync),
}

/// A snapshot that is whole, but not yet in its place.
#[derive(Debug)]
pub(super) struct Built {
    /// Where it lies.
    pub(super) directory: PathBuf,
    pub(super) manifest: Manifest,
    /// Unchanged files that could not be linked, since the filesystem has no links.
    pub(super) copied: usize,
    /// Those that could not be linked, since they are another user's.
    pub(super) foreign: usize,
    /// Unchanged files that were linked.
    pub(super) linked: usize,
    /// Bytes of the manifest.
    pub(super) manifest_bytes: u64,
}

impl Built {
    /// Whether it tells the same as its parent: then it need not be.
    pub(super) fn is_same_as(&self, parent: &Parent) -> bool {
        self.manifest.snapshot_id == parent.manifest.snapshot_id
            && self.manifest.totals == parent.manifest.totals
            && self.manifest.changes.is_empty()
    }

    /// Whether a row differs from the parent's other than in the runs' own records, and in what is made of all
    /// others: there time passes.
    pub(super) fn has_data_changes(&self) -> bool {
        let mut tables = TABLES
            .iter()
            .filter(|table| table.name != Snapshot::TABLE.name);
        let changes = &self.manifest.changes;
        tables.any(|table| changes.iter().any(|file| file.table == table.name))
    }
}

/// What is to be done: the files to be made, and those of the parent that stay.
struct Plan<'p> {
    jobs: Vec<Job<'p>>,
    unchanged: Vec<&'p File>,
}

/// What the store has now.
#[derive(Default)]
struct Held {
    relations: Vec<Relation>,
    months: Vec<Month>,
    /// Months in which rows may be others although none of their tickets changed.
    others: Others,
    /// Views that have other columns than the parent's files.
    wider: BTreeSet<&'static str>,
}

impl Held {
    /// Months in which a ticket changed since the parent, those included whose tickets have all moved to others;
    /// and months in which none did.
    fn months<'m>(&'m self, parent: Option<&'m Parent>) -> (BTreeSet<&'m str>, BTreeSet<&'m str>) {
        let is_unchanged =
            |month: &&Month| parent.is_some_and(|parent| month.is_as_in(&parent.manifest));
        let (unchanged, changed): (Vec<&Month>, Vec<&Month>) =
            self.months.iter().partition(is_unchanged);
        let names = |months: Vec<&'m Month>| -> BTreeSet<&'m str> {
            months.iter().map(|month| month.name.as_str()).collect()
        };
        let (mut changed, unchanged) = (names(changed), names(unchanged));
        let before = parent.map(|parent| parent.manifest.files.as_slice());
        let before = before.unwrap_or_default().iter();
        let before = before.filter_map(|file| file.created_month.as_deref());
        changed.extend(before.filter(|month| !unchanged.contains(month)));
        (changed, unchanged)
    }

    /// Whether rows of a month may be others although none of its tickets changed.
    fn is_other(&self, relation: &Relation, month: &str) -> bool {
        let name = relation.name();
        self.wider.contains(name) || self.others.has(name, month)
    }
}

impl Build<'_> {
    /// Builds the snapshot.
    pub(super) fn run(&self, parent: Option<&Parent>) -> Result<Built> {
        self.place.clean(self.owner)?;
        let directory = self.place.temporary(self.name);
        let spool = self.place.temporary(&format!("changes-{}", self.name));
        directory::create_directory(&directory, self.options.file_mode)?;
        let readers = self.store.readers(self.options.workers.max(1))?;
        let held = match readers.first() {
            Some(reader) => self.look(reader, parent)?,
            None => Held::default(),
        };
        let plan = self.plan(parent, &held, &directory, &spool);
        let shared = Shared {
            file_mode: self.options.file_mode,
            cancel: self.cancel,
            progress: self.progress,
        };
        let (damaged, readers) = work::check(&plan.jobs, readers, shared)?;
        if !damaged.is_empty() {
            return Err(self.damaged(&damaged).into());
        }
        let done = work::all(&plan.jobs, readers, shared)?;
        let mut built = Built {
            manifest: self.manifest(parent)?,
            directory,
            copied: 0,
            foreign: 0,
            linked: 0,
            manifest_bytes: 0,
        };
        for file in plan.unchanged {
            self.keep(&mut built, parent, file)?;
        }
        let found = self.collect(&mut built, parent, &plan.jobs, done)?;
        self.fill_empty(&mut built, parent, &held.relations)?;
        self.changes(&mut built, parent, &held.relations, found)?;
        self.complete(&mut built, parent, &held.months)?;
        Ok(built)
    }

    /// Looks at what is to be published.
    fn look(&self, reader: &Reader, parent: Option<&Parent>) -> Result<Held> {
        let mut held = Held {
            relations: months::relations(reader, self.latest.started_at)?,
            months: months::months(reader)?,
            ..Held::default()
        };
        if let Some(parent) = parent {
            held.others = months::others(reader, &parent.manifest)?;
            for relation in held.relations.iter().filter(|relation| relation.is_wide()) {
                let mut files = parent.manifest.files.iter();
                let file = files.find(|file| file.table == relation.name());
                if let Some(file) = file
                    && Old::open(&parent.path(file), relation)?.has_others()
                {
                    held.wider.insert(relation.name());
                }
            }
        }
        Ok(held)
    }

    /// What is told of rows that are not as they were written: nobody is to take them for the desk's.
    fn damaged(&self, damaged: &[Damage]) -> Error {
        let names: Vec<String> = damaged
            .iter()
            .take(NAMED)
            .map(|row| match row.table == Ticket::TABLE.name {
                true => format!("ticket {}", row.id),
                false => format!("{} {}", row.table, row.id),
            })
            .collect();
        let more = match damaged.len().checked_sub(NAMED) {
            None | Some(0) => String::new(),
            Some(more) => format!(" and {more} more"),
        };
        let store = self.store.path().display();
        Error::failed(format!(
            "nothing was published: {store} holds rows that are not as they were written: {}{more}",
            names.join(", ")
        ))
        .help(
            "mava-export verify --repair (or sync --full) on this store reads them again; then publish. \
             verify --deep lists all that is damaged",
        )
    }

    /// Writes the manifest.
    fn complete(&self, built: &mut Built, parent: Option<&Parent>, months: &[Month]) -> Result<()> {
        let manifest = &mut built.manifest;
        for file in &mut manifest.files {
            let mut months = months.iter();
            file.last_change = months
                .find(|month| {
                    file.table == Ticket::TABLE.name
                        && file.created_month.as_ref() == Some(&month.name)
                })
                .map(|month| month.last_change);
        }
        manifest.files.sort_by_key(|file| {
            let place = all_tables().position(|table| table.name == file.table);
            (place, file.created_month.clone())
        });
        let knew = parent.is_some_and(|parent| parent.lacks(Lack::HardLinks));
        if built.copied > 0 || (knew && built.linked == 0) {
            manifest.lacks.push(Lack::HardLinks);
        }
        if self.lacks_modes {
            manifest.lacks.push(Lack::Permissions);
        }
        let text = serde_json::to_string(manifest)
            .map_err(|error| Error::failed("the manifest is no JSON").because(error))?;
        let text = format!("{text}\n");
        built.manifest_bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
        let path = built.directory.join(manifest::NAME);
        directory::write(&path, &text, self.options.file_mode)?;
        Ok(())
    }

    /// Months that are as in the parent stay; of all others, and of all tables that are not cut by
    /// month, each file is made and compared.
    fn plan<'p>(
        &self,
        parent: Option<&'p Parent>,
        held: &'p Held,
        directory: &Path,
        spool: &Path,
    ) -> Plan<'p> {
        let mut plan = Plan {
            jobs: Vec::new(),
            unchanged: Vec::new(),
        };
        let files = parent.map(|parent| parent.manifest.files.as_slice());
        let files = files.unwrap_or_default();
        let (changed, unchanged) = held.months(parent);
        for relation in &held.relations {
            let table = relation.table;
            let mut months = vec![None];
            if layout::is_monthly(table) {
                let is_other = |month: &&str| held.is_other(relation, month);
                let (others, same): (BTreeSet<&str>, BTreeSet<&str>) =
                    unchanged.iter().copied().partition(is_other);
                months = changed.union(&others).copied().map(Some).collect();
                let stays = |file: &&File| {
                    let month = file.created_month.as_deref();
                    file.table == table.name && month.is_some_and(|month| same.contains(month))
                };
                plan.unchanged.extend(files.iter().filter(stays));
            }
            for month in months {
                let path_in = |table: &str| {
                    let parent = parent?;
                    parent.file(table, month).map(|file| parent.path(file))
                };
                let stem = format!("{}.{}", table.name, month.unwrap_or("all"));
                plan.jobs.push(Job {
                    relation,
                    month: month.map(str::to_owned),
                    path: directory.join(layout::path(table, month)),
                    changes: parent.map(|_| spool.join(stem)),
                    old: path_in(table.name),
                    old_tickets: path_in("tickets"),
                });
            }
        }
        plan
    }

    /// The manifest of an image without files yet.
    fn manifest(&self, parent: Option<&Parent>) -> Result<Manifest> {
        Ok(Manifest {
            snapshot: self.name.to_owned(),
            id: format!("{:032x}", self.options.token),
            store: self.owner.id().map(str::to_owned),
            snapshot_id: self.latest.id,
            created_at: instant_text(self.options.now),
            parent: parent.map(|parent| parent.name().to_owned()),
            parent_id: parent.map(|parent| parent.manifest.id.clone()),
            schema_version: self.store.schema_version()?,
            schema: schema::fingerprint(),
            totals: self.store.totals_made_of()?,
            is_demo: self.is_demo,
            run: Run::of(self.latest),
            partial: self.store.partial()?.into_iter().map(Into::into).collect(),
            lacks: Vec::new(),
            files: Vec::new(),
            changes: Vec::new(),
        })
    }

    /// Takes a file of the parent over.
    fn keep(&self, built: &mut Built, parent: Option<&Parent>, file: &File) -> Result<()> {
        let Some(parent) = parent else {
            return Ok(());
        };
        let linked = directory::link(
            &parent.path(file),
            &built.directory.join(&file.path),
            &self.options.filesystem,
            self.options.file_mode,
        )
        .map_err(|error| match parent.has(file) {
            true => Stop::Failed(error),
            false => Stop::Damaged(error),
        })?;
        match linked {
            Linked::Yes => built.linked += 1,
            Linked::Lacking => built.copied += 1,
            Linked::Foreign => built.foreign += 1,
        }
        built.manifest.files.push(File {
            is_unchanged: true,
            ..file.clone()
        });
        Ok(())
    }

    /// Enters what came of the jobs: a file that turned out as the parent's is the parent's.
    fn collect(
        &self,
        built: &mut Built,
        parent: Option<&Parent>,
        jobs: &[Job<'_>],
        done: Vec<Done>,
    ) -> Result<Vec<(&'static str, Found)>> {
        let mut found = Vec::new();
        for (job, done) in jobs.iter().zip(done) {
            let table = job.relation.table;
            let old = parent.and_then(|parent| parent.file(table.name, job.month.as_deref()));
            if let Some(old) = old
                && done.closed.is_some()
                && !done.has_other_columns
                && done.found.counts.total() == 0
            {
                directory::remove_file(&job.path)?;
                self.keep(built, parent, old)?;
            } else if let Some(closed) = done.closed {
                let text = |millis| Instant::from_timestamp_millis(millis).map(instant_text);
                built.manifest.files.push(File {
                    table: table.name.to_owned(),
                    path: shown(&layout::path(table, job.month.as_deref())),
                    created_month: job.month.clone(),
                    rows: closed.rows,
                    bytes: closed.bytes,
                    first_created_at: done.created.and_then(|(first, _)| text(first)),
                    last_created_at: done.created.and_then(|(_, last)| text(last)),
                    last_change: None,
                    is_unchanged: false,
                });
            }
            found.push((table.name, done.found));
        }
        Ok(found)
    }

    /// A table without a row has one file all the same, so that its columns can be read.
    fn fill_empty(
        &self,
        built: &mut Built,
        parent: Option<&Parent>,
        relations: &[Relation],
    ) -> Result<()> {
        for relation in relations {
            let table = relation.table;
            let mut files = built.manifest.files.iter();
            if files.any(|file| file.table == table.name) {
                continue;
            }
            if let Some(old) = parent.and_then(|parent| parent.file(table.name, None))
                && !relation.is_wide()
            {
                self.keep(built, parent, old)?;
                continue;
            }
            let path = layout::path(table, None);
            let file = built.directory.join(&path);
            let file = TableFile::create(&file, relation, self.options.file_mode)?;
            built.manifest.files.push(File {
                table: table.name.to_owned(),
                path: shown(&path),
                created_month: None,
                rows: 0,
                bytes: file.close()?.bytes,
                first_created_at: None,
                last_created_at: None,
                last_change: None,
                is_unchanged: false,
            });
        }
        Ok(())
    }

    /// One file of changes a table, where there are any.
    fn changes(
        &self,
        built: &mut Built,
        parent: Option<&Parent>,
        relations: &[Relation],
        found: Vec<(&'static str, Found)>,
    ) -> Result<()> {
        directory::create_directory(
            &built.directory.join(layout::CHANGES),
            self.options.file_mode,
        )?;
        if parent.is_none() {
            return Ok(());
        }
        for relation in relations {
            let table = relation.table;
            let path = layout::changes_path(table);
            let of_table: Vec<&Found> = found
                .iter()
                .filter(|(of, _)| *of == table.name)
                .map(|(_, found)| found)
                .collect();
            let (counts, closed) = changes::combine(
                relation,
                &of_table,
                &built.directory.join(&path),
                self.options.file_mode,
            )?;
            if let Some(closed) = closed {
                built.manifest.changes.push(ChangesFile {
                    table: table.name.to_owned(),
                    path: shown(&path),
                    bytes: closed.bytes,
                    inserted: counts.inserted,
                    updated: counts.updated,
                    deleted: counts.deleted,
                });
            }
        }
        Ok(())
    }
}

/// A path within a snapshot, as the manifest has it.
fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
