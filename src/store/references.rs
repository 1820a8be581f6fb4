//! Categories, agents and tags as tickets name them: rows that only ever learn.
//!
//! Where only an id was sent, a row without a name is made, so that the foreign key holds; what
//! is known is never overwritten by what was not sent.

use std::sync::LazyLock;

use rusqlite::{CachedStatement, Connection};

use super::bind;
use crate::table::{Agent, Category, Record, Table, Tag};

static CATEGORY: LazyLock<String> = LazyLock::new(|| learn_sql(Category::TABLE));
static AGENT: LazyLock<String> = LazyLock::new(|| learn_sql(Agent::TABLE));
static TAG: LazyLock<String> = LazyLock::new(|| learn_sql(Tag::TABLE));

/// Inserts a row, or fills in and renews what the new one knows; touches nothing where it brings
/// no news.
fn learn_sql(table: &Table) -> String {
    let facts = || {
        table
            .content
            .iter()
            .filter(|column| !table.key.contains(&column.name))
    };
    let set = bind::list(facts(), |_, column| {
        format!("{0} = coalesce(excluded.{0}, {0})", column.name)
    });
    let news: Vec<String> = facts()
        .map(|column| format!("coalesce(excluded.{0}, {0}) IS NOT {0}", column.name))
        .collect();
    format!(
        "{} ON CONFLICT (id) DO UPDATE SET {set}, snapshot_id = excluded.snapshot_id WHERE {}",
        bind::insert_sql(table),
        news.join(" OR ")
    )
}

/// Notes what tickets refer to.
pub(super) struct References<'c> {
    snapshot_id: i64,
    category: CachedStatement<'c>,
    agent: CachedStatement<'c>,
    tag: CachedStatement<'c>,
}

impl<'c> References<'c> {
    pub(super) fn new(connection: &'c Connection, snapshot_id: i64) -> rusqlite::Result<Self> {
        Ok(Self {
            snapshot_id,
            category: connection.prepare_cached(&CATEGORY)?,
            agent: connection.prepare_cached(&AGENT)?,
            tag: connection.prepare_cached(&TAG)?,
        })
    }

    pub(super) fn category(&mut self, category: &Category) -> rusqlite::Result<()> {
        learn(&mut self.category, category, self.snapshot_id)
    }

    pub(super) fn category_id(&mut self, id: &str) -> rusqlite::Result<()> {
        learn_id(&mut self.category, Category::TABLE, id, self.snapshot_id)
    }

    pub(super) fn agent(&mut self, agent: &Agent) -> rusqlite::Result<()> {
        learn(&mut self.agent, agent, self.snapshot_id)
    }

    pub(super) fn agent_id(&mut self, id: &str) -> rusqlite::Result<()> {
        learn_id(&mut self.agent, Agent::TABLE, id, self.snapshot_id)
    }

    pub(super) fn tag(&mut self, tag: &Tag) -> rusqlite::Result<()> {
        learn(&mut self.tag, tag, self.snapshot_id)
    }
}

fn learn<R: Record>(
    statement: &mut CachedStatement<'_>,
    record: &R,
    snapshot_id: i64,
) -> rusqlite::Result<()> {
    let count = bind::bind(statement, record)?;
    statement.raw_bind_parameter(count + 1, snapshot_id)?;
    statement.raw_execute().map(drop)
}

/// The row of which only the id, the first column, is known.
fn learn_id(
    statement: &mut CachedStatement<'_>,
    table: &Table,
    id: &str,
    snapshot_id: i64,
) -> rusqlite::Result<()> {
    statement.clear_bindings();
    statement.raw_bind_parameter(1, id)?;
    statement.raw_bind_parameter(table.content.len() + 1, snapshot_id)?;
    statement.raw_execute().map(drop)
}
