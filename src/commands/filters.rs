//! Filters that can match nothing: a hint, since an id is easily mistyped.

use crate::error::{Error, Result};
use crate::settings::Filters;
use crate::store::Store;

/// What [`Filters::assigned_to`] holds for tickets of nobody.
const NOBODY: &str = "Unassigned";

/// A remark for each category, tag and agent that neither the lists just read nor any ticket in the
/// store knows. Where the store knows none of its kind at all, nothing can be told.
///
/// # Errors
/// The store cannot be read.
pub(super) fn unknown(store: &Store, filters: &Filters) -> Result<Vec<String>> {
    let mut remarks = Vec::new();
    for (flag, table, ids) in [
        ("--category", "categories", &filters.category),
        ("--tag", "tags", &filters.tag),
        ("--assigned-to", "agents", &filters.assigned_to),
    ] {
        let sql = format!("SELECT count(*), count(*) FILTER (WHERE id = ?1) FROM {table}");
        for id in ids.iter().filter(|id| *id != NOBODY) {
            let (all, same): (i64, i64) = store
                .connection()
                .query_row(&sql, [id], |row| Ok((row.get(0)?, row.get(1)?)))
                .map_err(|error| Error::failed("cannot look up the filters").because(error))?;
            if all > 0 && same == 0 {
                remarks.push(format!(
                    "{flag} {id} is none of the {all} {table} that are known: no ticket may match it; \
                     the filter takes an id, not a name"
                ));
            }
        }
    }
    Ok(remarks)
}
