//! Categories, agents and tags as tickets name them: rows that only ever learn.
//!
//! Where only an id was sent, a row without a name is made, so that the foreign key holds; what
//! is known is never overwritten by what was not sent.

use std::collections::HashMap;
use std::sync::LazyLock;

use rusqlite::{CachedStatement, Connection};

use super::bind;
use super::metrics::TagNames;
use super::sums::RowHashes;
use crate::metrics::Names;
use crate::table::{Agent, Category, Cell, Record, Table, Tag};

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
    tag_names: TagNames<'c>,
    /// The names with which tags were last sent.
    sent: HashMap<String, Option<String>>,
}

impl<'c> References<'c> {
    pub(super) fn new(
        connection: &'c Connection,
        snapshot_id: i64,
        is_thorough: bool,
        names: &'c Names,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            snapshot_id,
            category: Learner::new(connection, &CATEGORY, is_thorough)?,
            agent: Learner::new(connection, &AGENT, is_thorough)?,
            tag: Learner::new(connection, &TAG, is_thorough)?,
            tag_names: TagNames::new(connection, &names.tags)?,
            sent: HashMap::new(),
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
        if self.sent.get(&tag.id) == Some(&tag.name) {
            return Ok(());
        }
        let named = self.tag_names.named(tag)?;
        let named = named.as_ref().unwrap_or(tag);
        self.tag.learn(&tag.id, named, self.snapshot_id)?;
        self.sent.insert(tag.id.clone(), tag.name.clone());
        Ok(())
    }
}

/// Learns rows of one table. Most tickets of a page name the same few, so what was learnt last of
/// each is kept: the same once more is no news.
struct Learner<'c, R> {
    learn: CachedStatement<'c>,
    hashes: RowHashes<'c>,
    /// Whether a row that is not as it was written is news.
    is_thorough: bool,
    learnt: HashMap<String, Option<R>>,
}

impl<'c, R: Record + Clone + PartialEq> Learner<'c, R> {
    fn new(connection: &'c Connection, sql: &str, is_thorough: bool) -> rusqlite::Result<Self> {
        Ok(Self {
            learn: connection.prepare_cached(sql)?,
            hashes: RowHashes::new(connection, R::TABLE)?,
            is_thorough,
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
        if let Some(was_whole) = self.news(id, Some(record))? {
            let count = bind::bind(&mut self.learn, record)?;
            self.learn.raw_bind_parameter(count + 1, snapshot_id)?;
            self.learn.raw_execute()?;
            // Where everything was sent, nothing damaged is left.
            let mut is_all = true;
            record.each_cell(|cell| is_all &= cell != Cell::Null);
            self.hashes.seal(id, was_whole || is_all)?;
        }
        self.learnt.insert(id.to_owned(), Some(record.clone()));
        Ok(())
    }

    /// The row of which only the id, the first column, is known.
    fn learn_id(&mut self, id: &str, snapshot_id: i64) -> rusqlite::Result<()> {
        if self.learnt.contains_key(id) {
            return Ok(());
        }
        if let Some(was_whole) = self.news(id, None)? {
            self.learn.clear_bindings();
            self.learn.raw_bind_parameter(1, id)?;
            self.learn
                .raw_bind_parameter(R::TABLE.content.len() + 1, snapshot_id)?;
            self.learn.raw_execute()?;
            self.hashes.seal(id, was_whole)?;
        }
        self.learnt.insert(id.to_owned(), None);
        Ok(())
    }

    /// Whether what was sent is to be written; if so, whether the row is as it was written before.
    fn news(&mut self, id: &str, sent: Option<&R>) -> rusqlite::Result<Option<bool>> {
        let Some(stored) = self.hashes.stored(id, sent)? else {
            return Ok(Some(true));
        };
        if !stored.differs && !self.is_thorough {
            return Ok(None);
        }
        let known = self.hashes.known(id)?;
        let was_whole = known.is_some() && known == stored.sum;
        Ok((stored.differs || !was_whole).then_some(was_whole))
    }
}
