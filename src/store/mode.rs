//! The permissions that a store remembers: those it was made with, or was last given.
//!
//! They are kept in the store, not read from its file: a file that somebody opened to more people must not
//! open the next snapshot to them too.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension};

use super::failure::Failure;
use super::options::OWNERS_ONLY;
use super::{Store, files};
use crate::derived;
use crate::error::Result;

/// The migration after which a store remembers its permissions.
const REMEMBERED: i32 = 11;

/// The most that is taken over from the file of an older store: nobody else may write to it. A
/// filesystem without permissions of its own shows more.
const TRUSTED: u32 = 0o664;

impl Store {
    /// The permissions of the store's files, and of those that are published from it.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn file_mode(&self) -> Result<u32> {
        remembered(&self.connection)
            .map(|mode| mode.unwrap_or(OWNERS_ONLY))
            .map_err(|error| self.failed("look for its permissions", error))
    }
}

/// Keeps the permissions that were asked for, where any were, and says so where the file is open to more
/// people than those that are kept let. `before` is the version that the store had: one that is older than
/// this memory was given its permissions by hand or by an earlier run, and keeps them.
pub(super) fn remember(
    connection: &Connection,
    path: &Path,
    asked: Option<u32>,
    before: i32,
) -> std::result::Result<(), Failure> {
    let found = derived::look(path).ok().flatten();
    let found = found.map_or(OWNERS_ONLY, |found| files::mode(&found));
    let known = remembered(connection)?;
    let is_older = (1..REMEMBERED).contains(&before);
    let adopted = (is_older && found & !TRUSTED == 0).then_some(found);
    let mode = asked.or(known).or(adopted).unwrap_or(OWNERS_ONLY);
    if known != Some(mode) {
        connection.execute(
            "INSERT INTO _file_mode (id, mode) VALUES (1, ?1)
             ON CONFLICT (id) DO UPDATE SET mode = excluded.mode",
            [mode],
        )?;
    }
    if found & !mode != 0 {
        tracing::warn!(
            "{} is open to more people ({found:04o}) than its runs were told ({mode:04o}): \
             chmod {mode:o} it, or give --file-mode {found:04o} once",
            path.display()
        );
    }
    Ok(())
}

fn remembered(connection: &Connection) -> rusqlite::Result<Option<u32>> {
    connection
        .query_row("SELECT mode FROM _file_mode WHERE id = 1", [], |row| {
            row.get(0)
        })
        .optional()
}
