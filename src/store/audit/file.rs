//! The file itself: what SQLite finds wrong with it, and whether its tables are the program's.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::super::failure::Failure;
use super::super::migrate;

type Attempt<T> = std::result::Result<T, Failure>;

/// Problems of the file that are listed at most.
const MOST: u32 = 100;

/// What SQLite finds wrong with pages, indexes and columns, in its words.
pub(in crate::store) fn integrity(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(&format!("PRAGMA integrity_check({MOST})"))?;
    let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
    let mut found = Vec::new();
    for line in lines {
        let line = line?;
        // It puts several problems into one value.
        found.extend(
            line.lines()
                .filter(|line| *line != "ok" && !line.starts_with("*** in database"))
                .map(str::to_owned),
        );
    }
    Ok(found)
}

/// Rows that name a row which is not there: the table, the one it should be in, and how many.
pub(in crate::store) fn dangling(
    connection: &Connection,
) -> rusqlite::Result<Vec<(String, String, u64)>> {
    let mut statement = connection.prepare("PRAGMA foreign_key_check")?;
    let mut counts: BTreeMap<(String, String), u64> = BTreeMap::new();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        *counts.entry((row.get(0)?, row.get(2)?)).or_default() += 1;
    }
    Ok(counts
        .into_iter()
        .map(|((table, parent), count)| (table, parent, count))
        .collect())
}

/// Tables that do not have the columns they were made with, or whose indexes are not there.
pub(in crate::store) fn foreign_tables(connection: &Connection) -> Attempt<Vec<String>> {
    let mut fresh = Connection::open_in_memory()?;
    migrate::migrate(&mut fresh)?;
    let meant = layout(&fresh)?;
    let found = layout(connection)?;
    Ok(meant
        .iter()
        .filter(|(table, columns)| found.get(*table) != Some(*columns))
        .map(|(table, _)| table.clone())
        .collect())
}

/// Of each table: its columns and indexes, in words that are equal where they are.
fn layout(connection: &Connection) -> rusqlite::Result<BTreeMap<String, Vec<String>>> {
    let mut statement = connection.prepare(
        "SELECT t.name, 'column ' || quote(c.cid) || ' ' || quote(c.name) || ' ' || quote(c.type)
             || ' ' || c.\"notnull\" || ' ' || c.pk || ' ' || coalesce(c.dflt_value, '')
         FROM pragma_table_list AS t, pragma_table_xinfo(t.name) AS c
         WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite%'
         UNION ALL
         SELECT t.name, 'index ' || i.name || ' ' || i.\"unique\" || ' ' || i.origin || ' '
             || (SELECT group_concat(quote(x.name)) FROM pragma_index_info(i.name) AS x)
         FROM pragma_table_list AS t, pragma_index_list(t.name) AS i
         WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite%'
             AND (i.origin <> 'c' OR i.name LIKE '%\\_by\\_%' ESCAPE '\\')
         ORDER BY 1, 2",
    )?;
    let mut layout: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        layout.entry(row.get(0)?).or_default().push(row.get(1)?);
    }
    Ok(layout)
}
