//! Names that the configuration gives to tags that the API gives as bare ids.
//!
//! `_named_tags` holds the tags whose name is one of these, so that it can be taken back: a name that the API
//! gives is not touched, and goes before one that somebody gave.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::super::Store;
use super::super::failure::Failure;
use super::super::sums::RowHashes;
use crate::error::Result;
use crate::metrics::{Names, Policy};
use crate::table::{Record, Tag};

type Attempt<T> = std::result::Result<T, Failure>;

impl Store {
    /// From now on tags that the API gives as bare ids have these names.
    pub fn name_by(&mut self, names: Names) {
        self.measuring.names = names.into();
    }

    /// What is to be said where metrics are not those of these business hours, this zone, these policies and
    /// names: see [`metrics_behind`](Self::metrics_behind), [`totals_behind`](Self::totals_behind),
    /// [`promises_behind`](Self::promises_behind) and [`names_behind`](Self::names_behind).
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn behind(
        &self,
        (hours, zone): (&str, Tz),
        policies: &[Policy],
        names: &Names,
    ) -> Result<Vec<&'static str>> {
        let behind = [
            match self.metrics_behind(hours)? {
                None => self.totals_behind(zone)?,
                told => told,
            },
            self.promises_behind(policies)?,
            self.names_behind(names)?,
        ];
        Ok(behind.into_iter().flatten().collect())
    }

    /// In one sentence, that the names in the store are not these; `None` where they are, and of a store of
    /// an older version.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn names_behind(&self, names: &Names) -> Result<Option<&'static str>> {
        if self.require_current_schema().is_err() {
            return Ok(None);
        }
        let are_current = are_current(&self.connection, names)
            .map_err(|error| self.failed("look how tags were named", error))?;
        Ok((!are_current).then_some(
            "names in this store are not yet those of [names] in the configuration: the next backfill, sync \
             or publish writes them",
        ))
    }
}

/// Whether the tags that are stored have these names. A store of which no metrics were computed yet has none.
pub(super) fn are_current(connection: &Connection, names: &Names) -> rusqlite::Result<bool> {
    let stored: Option<String> = connection
        .prepare_cached("SELECT names FROM _metrics WHERE id = 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(stored.unwrap_or_default() == names.fingerprint())
}

/// Notes that the tags that are stored have these names.
pub(super) fn note(connection: &Connection, names: &Names) -> rusqlite::Result<()> {
    connection
        .execute("UPDATE _metrics SET names = ?1", [names.fingerprint()])
        .map(drop)
}

/// A tag that is to have another name.
pub(super) struct Renaming {
    id: String,
    /// `None`: no name any more.
    name: Option<String>,
}

/// The tags that do not have the name that they should.
pub(super) fn due(
    connection: &Connection,
    names: &BTreeMap<String, String>,
) -> rusqlite::Result<Vec<Renaming>> {
    let mut select = connection.prepare(
        "SELECT tags.id, tags.name, known.name FROM tags LEFT JOIN _named_tags AS known USING (id)
         WHERE tags.name IS NULL OR known.id IS NOT NULL ORDER BY tags.id",
    )?;
    let mut rows = select.query([])?;
    let mut due = Vec::new();
    while let Some(row) = rows.next()? {
        // One that cannot be read is damage, and for a repair to see to.
        let Ok(id) = row.get::<_, String>(0) else {
            continue;
        };
        let given = names.get(&id);
        let is_right = [1, 2].into_iter().all(|place| {
            let stored = row
                .get_ref(place)
                .ok()
                .and_then(|it| it.as_str_or_null().ok());
            stored.is_some_and(|stored| stored == given.map(String::as_str))
        });
        if !is_right {
            due.push(Renaming {
                name: given.cloned(),
                id,
            });
        }
    }
    Ok(due)
}

/// Gives these tags their names, as the run `snapshot_id`.
pub(super) fn rename(
    connection: &Connection,
    snapshot_id: i64,
    renamings: &[Renaming],
) -> Attempt<()> {
    let mut hashes = RowHashes::new(connection, Tag::TABLE)?;
    let mut update = connection
        .prepare("UPDATE tags SET name = ?2, snapshot_id = ?3 WHERE id = ?1 AND name IS NOT ?2")?;
    let mut note =
        connection.prepare("INSERT OR REPLACE INTO _named_tags (id, name) VALUES (?1, ?2)")?;
    let mut forget = connection.prepare(FORGET)?;
    for Renaming { id, name } in renamings {
        let was_whole = hashes.is_whole(id)?;
        if update.execute(params![id, name, snapshot_id])? > 0 {
            hashes.seal(id, was_whole)?;
        }
        match name {
            Some(name) => note.execute([id, name])?,
            None => forget.execute([id])?,
        };
    }
    // What is left of tags that are not there any more.
    connection.execute(
        "DELETE FROM _named_tags WHERE id NOT IN (SELECT id FROM tags)",
        [],
    )?;
    Ok(())
}

const FORGET: &str = "DELETE FROM _named_tags WHERE id = ?1";

/// Gives names to the tags of pages.
pub(in crate::store) struct TagNames<'c> {
    names: &'c BTreeMap<String, String>,
    may_be_named: CachedStatement<'c>,
    note: CachedStatement<'c>,
    forget: CachedStatement<'c>,
}

impl<'c> TagNames<'c> {
    pub(in crate::store) fn new(
        connection: &'c Connection,
        names: &'c BTreeMap<String, String>,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            names,
            may_be_named: connection.prepare_cached(
                "SELECT name IS NULL OR EXISTS (SELECT 1 FROM _named_tags AS known WHERE known.id = tags.id)
                 FROM tags WHERE id = ?1",
            )?,
            note: connection.prepare_cached(
                "INSERT INTO _named_tags (id, name) VALUES (?1, ?2)
                 ON CONFLICT (id) DO UPDATE SET name = excluded.name WHERE name <> excluded.name",
            )?,
            forget: connection.prepare_cached(FORGET)?,
        })
    }

    /// The tag that is to be stored in place of one that was sent, where somebody gave it a name and the API
    /// never did.
    pub(in crate::store) fn named(&mut self, sent: &Tag) -> rusqlite::Result<Option<Tag>> {
        if sent.name.is_some() {
            self.forget.execute([&sent.id])?;
            return Ok(None);
        }
        let Some(name) = self.names.get(&sent.id) else {
            return Ok(None);
        };
        let may_be_named = self
            .may_be_named
            .query_row([&sent.id], |row| row.get(0))
            .optional()?;
        if !may_be_named.unwrap_or(true) {
            return Ok(None);
        }
        self.note.execute([&sent.id, name])?;
        Ok(Some(Tag {
            name: Some(name.clone()),
            ..sent.clone()
        }))
    }
}
