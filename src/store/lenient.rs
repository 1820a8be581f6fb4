//! Columns of a row whose rows may be damaged: a value that cannot be read is none. Damage is for others to find, and
//! not to be in the way here.

use rusqlite::Row;
use rusqlite::types::ValueRef;

use crate::table::Instant;
use crate::wire::usual_instant;

/// A text; bytes that are no UTF-8 are replaced.
pub(super) fn text(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<String>> {
    Ok(match row.get_ref(index)? {
        ValueRef::Text(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    })
}

/// An integer.
pub(super) fn number(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<i64>> {
    Ok(row.get_ref(index)?.as_i64().ok())
}

/// Whether an integer is there that is not 0.
pub(super) fn flag(row: &Row<'_>, index: usize) -> rusqlite::Result<bool> {
    Ok(number(row, index)?.unwrap_or_default() != 0)
}

/// An instant in the usual form.
pub(super) fn instant(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<Instant>> {
    Ok(row.get_ref(index)?.as_str().ok().and_then(usual_instant))
}
