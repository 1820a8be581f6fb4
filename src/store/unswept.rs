//! What the next sync must not leave out: creations whose list by resolution time no sync since the last
//! complete one has read to its end.

use rusqlite::Connection;

use super::Store;
use super::values::{set_value, value};
use crate::error::Result;
use crate::window::Window;

/// Its bounds, by name.
const FROM: &str = "unswept_from_ms";
const UNTIL: &str = "unswept_until_ms";

impl Store {
    /// All of it, as one range.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn unswept(&self) -> Result<Option<Window>> {
        unswept(&self.connection).map_err(|error| self.failed("read what no sync has read", error))
    }

    /// Adds a range to it, until a sync is complete.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn commit_unswept(&mut self, range: Window) -> Result<()> {
        self.in_transaction("store what no sync has read", |connection| {
            let known = unswept(connection)?;
            let all = known.map_or(range, |known| known.hull(range));
            set_value(connection, FROM, all.from().timestamp_millis())?;
            set_value(connection, UNTIL, all.until().timestamp_millis())?;
            Ok(())
        })
    }
}

fn unswept(connection: &Connection) -> rusqlite::Result<Option<Window>> {
    let bounds = value(connection, FROM)?.zip(value(connection, UNTIL)?);
    Ok(bounds.and_then(|(from_ms, until_ms)| Window::from_millis(from_ms, until_ms)))
}

/// Everything has been read.
pub(super) fn forget(connection: &Connection) -> rusqlite::Result<()> {
    if unswept(connection)?.is_some() {
        set_value(connection, FROM, 0)?;
        set_value(connection, UNTIL, 0)?;
    }
    Ok(())
}
