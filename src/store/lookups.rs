//! Categories and agents as the API lists them, once a run.

use rusqlite::{Connection, params};

use super::failure::Failure;
use super::{Store, slices};
use crate::error::Result;
use crate::table::{Agent, Category};

type Attempt<T> = std::result::Result<T, Failure>;

impl Store {
    /// Stores the lists of categories and agents, `None` where one could not be read, and that
    /// this run has them.
    ///
    /// The list is the authority on what it names, except that a known name is not lost to a
    /// missing one. A category that is not listed any more is archived, unless the list is empty,
    /// which tells more of the answer than of the desk.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn commit_lookups(
        &mut self,
        snapshot_id: i64,
        categories: Option<&[Category]>,
        agents: Option<&[Agent]>,
        requests: i64,
    ) -> Result<()> {
        self.in_transaction("write categories and agents", |connection| {
            write_categories(connection, snapshot_id, categories.unwrap_or_default())?;
            write_agents(connection, snapshot_id, agents.unwrap_or_default())?;
            slices::add_requests(connection, snapshot_id, requests)?;
            connection.execute(
                "UPDATE _runs SET has_lookups = 1 WHERE snapshot_id = ?1",
                [snapshot_id],
            )?;
            Ok(())
        })
    }
}

fn write_categories(
    connection: &Connection,
    snapshot_id: i64,
    categories: &[Category],
) -> Attempt<()> {
    if categories.is_empty() {
        return Ok(());
    }
    let mut upsert = connection.prepare(
        "INSERT INTO categories (id, name, is_archived, snapshot_id) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (id) DO UPDATE SET name = coalesce(excluded.name, name),
             is_archived = excluded.is_archived, snapshot_id = excluded.snapshot_id
         WHERE coalesce(excluded.name, name) IS NOT name
             OR excluded.is_archived IS NOT is_archived",
    )?;
    for category in categories {
        // The endpoint lists what is not archived, so no word about it means that.
        let is_archived = category.is_archived.unwrap_or(false);
        upsert.execute(params![
            category.id,
            category.name,
            is_archived,
            snapshot_id
        ])?;
    }
    let ids: Vec<&str> = categories.iter().map(|row| row.id.as_str()).collect();
    connection.execute(
        "UPDATE categories SET is_archived = 1, snapshot_id = ?2
         WHERE is_archived IS NOT 1 AND id NOT IN (SELECT value FROM json_each(?1))",
        params![serde_json::Value::from(ids).to_string(), snapshot_id],
    )?;
    Ok(())
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
    for agent in agents {
        upsert.execute(params![
            agent.id,
            agent.name,
            agent.email,
            agent.wallet_address,
            snapshot_id
        ])?;
    }
    Ok(())
}
