//! Categories, agents and tags as tickets name them: rows that only ever learn.
//!
//! Where only an id was sent, a row without a name is made, so that the foreign key holds; what
//! is known is never overwritten by what was not sent.

use std::collections::HashMap;
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

/// Notes what the tickets of one page refer to.
pub(super) struct References<'c> {
    snapshot_id: i64,
    category: Learner<'c, Category>,
    agent: Learner<'c, Agent>,
    tag: Learner<'c, Tag>,
}

impl<'c> References<'c> {
    pub(super) fn new(connection: &'c Connection, snapshot_id: i64) -> rusqlite::Result<Self> {
        Ok(Self {
            snapshot_id,
            category: Learner::new(connection, &CATEGORY)?,
            agent: Learner::new(connection, &AGENT)?,
            tag: Learner::new(connection, &TAG)?,
        })
    }

    pub(super) fn category(&mut self, category: &Category) -> rusqlite::Result<()> {
        self.category
            .learn(&category.id, category, self.snapshot_id)
    }

    pub(super) fn category_id(&mut self, id: &str) -> rusqlite::Result<()> {
        self.category.learn_id(id, self.snapshot_id)
    }

    pub(super) fn agent(&mut self, agent: &Agent) -> rusqlite::Result<()> {
        self.agent.learn(&agent.id, agent, self.snapshot_id)
    }

    pub(super) fn agent_id(&mut self, id: &str) -> rusqlite::Result<()> {
        self.agent.learn_id(id, self.snapshot_id)
    }

    pub(super) fn tag(&mut self, tag: &Tag) -> rusqlite::Result<()> {
        self.tag.learn(&tag.id, tag, self.snapshot_id)
    }
}

/// Learns rows of one table. Most tickets of a page name the same few, so what was learnt last of
/// each is kept: the same once more is no news.
struct Learner<'c, R> {
    learn: CachedStatement<'c>,
    learnt: HashMap<String, Option<R>>,
}

impl<'c, R: Record + Clone + PartialEq> Learner<'c, R> {
    fn new(connection: &'c Connection, sql: &str) -> rusqlite::Result<Self> {
        Ok(Self {
            learn: connection.prepare_cached(sql)?,
            learnt: HashMap::new(),
        })
    }

    fn learn(&mut self, id: &str, record: &R, snapshot_id: i64) -> rusqlite::Result<()> {
        if self
            .learnt
            .get(id)
            .is_some_and(|last| last.as_ref() == Some(record))
        {
            return Ok(());
        }
        let count = bind::bind(&mut self.learn, record)?;
        self.learn.raw_bind_parameter(count + 1, snapshot_id)?;
        self.learn.raw_execute()?;
        self.learnt.insert(id.to_owned(), Some(record.clone()));
        Ok(())
    }

    /// The row of which only the id, the first column, is known.
    fn learn_id(&mut self, id: &str, snapshot_id: i64) -> rusqlite::Result<()> {
        if self.learnt.contains_key(id) {
            return Ok(());
        }
        self.learn.clear_bindings();
        self.learn.raw_bind_parameter(1, id)?;
        self.learn
            .raw_bind_parameter(R::TABLE.content.len() + 1, snapshot_id)?;
        self.learn.raw_execute()?;
        self.learnt.insert(id.to_owned(), None);
        Ok(())
    }
}
