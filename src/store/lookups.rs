//! Categories and agents as the API lists them, once a run.

use rusqlite::{Connection, params};

use super::failure::Failure;
use super::rejects::Rejects;
use super::sums::RowHashes;
use super::{Store, slices};
use crate::error::Result;
use crate::table::{Agent, Category, Record, Reject};

type Attempt<T> = std::result::Result<T, Failure>;

/// What a run read of categories and agents.
#[derive(Debug, Default)]
pub struct LookupsCommit<'a> {
    /// The run (`snapshots.id`).
    pub snapshot_id: i64,
    /// The list of categories; `None` where it could not be read.
    pub categories: Option<&'a [Category]>,
    /// The list of agents; `None` where it could not be read.
    pub agents: Option<&'a [Agent]>,
    /// Entries and values of both that could not be represented.
    pub rejects: &'a [Reject],
    /// Characters that became U+FFFD.
    pub replaced_characters: i64,
    /// Requests it took, retries included.
    pub requests: i64,
}

impl Store {
    /// Stores the lists of categories and agents, and that this run has them where both came: a
    /// resumed run reads them again otherwise.
    ///
    /// A list is the authority on what it names, except that a known name is not lost to a
    /// missing one. A category that is not listed any more is archived, unless the list is empty,
    /// which tells more of the answer than of the desk, or there are rejects: what is missing may
    /// be among them.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn commit_lookups(&mut self, lookups: &LookupsCommit<'_>) -> Result<()> {
        let snapshot_id = lookups.snapshot_id;
        self.in_transaction("write categories and agents", |connection| {
            let categories = lookups.categories.unwrap_or_default();
            write_categories(connection, snapshot_id, categories)?;
            if !categories.is_empty() && lookups.rejects.is_empty() {
                archive_others(connection, snapshot_id, categories)?;
                connection.execute(
                    "UPDATE _runs SET has_categories = 1 WHERE snapshot_id = ?1",
                    [snapshot_id],
                )?;
            }
            write_agents(connection, snapshot_id, lookups.agents.unwrap_or_default())?;
            let mut rejects = Rejects::new(connection, snapshot_id, false)?;
            let came = [
                lookups.categories.map(|_| "categories"),
                lookups.agents.map(|_| "agents"),
            ];
            let came: Vec<&str> = came.into_iter().flatten().collect();
            rejects.replace_lists(&came, lookups.rejects)?;
            connection.execute(
                "UPDATE snapshots SET rejects = rejects + ?2,
                     replaced_characters = replaced_characters + ?3 WHERE id = ?1",
                [snapshot_id, rejects.growth, lookups.replaced_characters],
            )?;
            slices::add_requests(connection, snapshot_id, lookups.requests)?;
            if lookups.categories.is_some() && lookups.agents.is_some() {
                connection.execute(
                    "UPDATE _runs SET has_lookups = 1 WHERE snapshot_id = ?1",
                    [snapshot_id],
                )?;
            }
            Ok(())
        })
    }
}

fn write_categories(
    connection: &Connection,
    snapshot_id: i64,
    categories: &[Category],
) -> Attempt<()> {
    let mut upsert = connection.prepare(
        "INSERT INTO categories (id, name, is_archived, snapshot_id) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (id) DO UPDATE SET name = coalesce(excluded.name, name),
             is_archived = coalesce(excluded.is_archived, is_archived),
             snapshot_id = excluded.snapshot_id
         WHERE coalesce(excluded.name, name) IS NOT name
             OR coalesce(excluded.is_archived, is_archived) IS NOT is_archived",
    )?;
    let mut hashes = RowHashes::new(connection, Category::TABLE)?;
    for category in categories {
        let was_whole = is_whole_or_none::<Category>(&mut hashes, &category.id)?;
        let values = params![
            category.id,
            category.name,
            category.is_archived,
            snapshot_id
        ];
        let changed = upsert.execute(values)?;
        if changed > 0 || !was_whole {
            hashes.seal(&category.id, was_whole || category.name.is_some())?;
        }
    }
    Ok(())
}

/// Archives what only tickets named after the run's list of categories had come whole: the next
/// list would say the same, and so change rows on a desk that did not. A category made meanwhile
/// is put right by that list.
pub(super) fn archive_unlisted(connection: &Connection, snapshot_id: i64) -> Attempt<()> {
    let unlisted = "is_archived IS NULL
         AND (SELECT has_categories FROM _runs WHERE snapshot_id = ?1) = 1";
    archive(connection, snapshot_id, unlisted, [snapshot_id])
}

/// Archives every category that is not one of `listed`.
fn archive_others(connection: &Connection, snapshot_id: i64, listed: &[Category]) -> Attempt<()> {
    let ids: Vec<&str> = listed.iter().map(|row| row.id.as_str()).collect();
    let others = "is_archived IS NOT 1 AND id NOT IN (SELECT value FROM json_each(?1))";
    let ids = serde_json::Value::from(ids).to_string();
    archive(connection, snapshot_id, others, [ids])
}

fn write_agents(connection: &Connection, snapshot_id: i64, agents: &[Agent]) -> Attempt<()> {
    let mut upsert = connection.prepare(
        "INSERT INTO agents (id, name, email, wallet_address, snapshot_id)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (id) DO UPDATE SET name = coalesce(excluded.name, name),
             email = excluded.email, wallet_address = excluded.wallet_address,
             snapshot_id = excluded.snapshot_id
         WHERE coalesce(excluded.name, name) IS NOT name OR excluded.email IS NOT email
             OR excluded.wallet_address IS NOT wallet_address",
    )?;
    let mut hashes = RowHashes::new(connection, Agent::TABLE)?;
    for agent in agents {
        let was_whole = is_whole_or_none::<Agent>(&mut hashes, &agent.id)?;
        let changed = upsert.execute(params![
            agent.id,
            agent.name,
            agent.email,
            agent.wallet_address,
            snapshot_id
        ])?;
        if changed > 0 || !was_whole {
            hashes.seal(&agent.id, was_whole || agent.name.is_some())?;
        }
    }
    Ok(())
}

/// Whether nothing is stored that the list does not name and that is not as it was written.
fn is_whole_or_none<R: Record>(hashes: &mut RowHashes<'_>, id: &str) -> rusqlite::Result<bool> {
    Ok(match hashes.stored::<R>(id, None)? {
        Some(stored) => stored.sum.is_some() && stored.sum == hashes.known(id)?,
        None => true,
    })
}

/// Archives the categories that `which` selects, which has `values`.
fn archive(
    connection: &Connection,
    snapshot_id: i64,
    which: &str,
    values: impl rusqlite::Params,
) -> Attempt<()> {
    let ids: Vec<String> = connection
        .prepare(&format!("SELECT id FROM categories WHERE {which}"))?
        .query_map(values, |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut hashes = RowHashes::new(connection, Category::TABLE)?;
    let mut update = connection
        .prepare("UPDATE categories SET is_archived = 1, snapshot_id = ?2 WHERE id = ?1")?;
    for id in ids {
        let was_whole = hashes.is_whole(&id)?;
        update.execute(params![id, snapshot_id])?;
        hashes.seal(&id, was_whole)?;
    }
    Ok(())
}
