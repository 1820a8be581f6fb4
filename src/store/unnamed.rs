//! Tags and custom attributes of which only the id is known.

use rusqlite::{Connection, Row};

use super::Store;
use crate::error::Result;
use crate::metrics::Names;

/// What has no name, what most tickets have first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unnamed {
    /// Tags.
    pub tags: Vec<Nameless>,
    /// Custom attributes of tickets and customers.
    pub attributes: Vec<Nameless>,
}

/// A tag or a custom attribute without a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nameless {
    /// Its id.
    pub id: String,
    /// Live tickets that have it.
    pub tickets: u64,
    /// Customers of live tickets that have it.
    pub customers: u64,
    /// At most three: of a tag ids of its newest tickets, of an attribute its most frequent values, cut.
    pub examples: Vec<String>,
}

/// Characters of an example that are kept.
const LONGEST: usize = 200;

const TAGS: &str = "
WITH held AS (
    SELECT tag_id AS id, tickets.id AS ticket_id, row_number() OVER (
        PARTITION BY tag_id ORDER BY tickets.created_at DESC, tickets.id) AS place
    FROM ticket_tags JOIN tickets ON tickets.id = ticket_tags.ticket_id JOIN tags ON tags.id = tag_id
    WHERE tickets.deleted_at IS NULL AND tags.name IS NULL
)
SELECT id, max(place) AS tickets, 0,
    max(iif(place = 1, ticket_id, NULL)), max(iif(place = 2, ticket_id, NULL)), max(iif(place = 3, ticket_id, NULL))
FROM held GROUP BY id ORDER BY tickets DESC, id";

const ATTRIBUTES: &str = "
WITH held AS MATERIALIZED (
    SELECT attribute_id AS id, label, value, ticket_id, NULL AS customer_id
    FROM ticket_attributes JOIN tickets ON tickets.id = ticket_id
    WHERE tickets.deleted_at IS NULL AND attribute_id IS NOT NULL
    UNION ALL
    SELECT attribute_id, label, value, NULL, customer_id FROM customer_attributes
    WHERE attribute_id IS NOT NULL
        AND customer_id IN (SELECT customer_id FROM tickets WHERE deleted_at IS NULL)
), unnamed AS (
    SELECT id, count(DISTINCT ticket_id) AS tickets, count(DISTINCT customer_id) AS customers
    FROM held GROUP BY id HAVING max(label) IS NULL
), example AS (
    SELECT id, value, row_number() OVER (PARTITION BY id ORDER BY count(*) DESC, value) AS place
    FROM held WHERE trim(value) <> '' AND id IN (SELECT id FROM unnamed) GROUP BY id, value
)
SELECT id, tickets, customers,
    (SELECT value FROM example WHERE example.id = unnamed.id AND place = 1),
    (SELECT value FROM example WHERE example.id = unnamed.id AND place = 2),
    (SELECT value FROM example WHERE example.id = unnamed.id AND place = 3)
FROM unnamed ORDER BY tickets + customers DESC, id";

impl Store {
    /// What has no name in the store, nor one of `names`. Deleted tickets are left out.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn unnamed(&self, names: &Names) -> Result<Unnamed> {
        let look = |sql, named: &dyn Fn(&str) -> bool| -> rusqlite::Result<Vec<Nameless>> {
            let mut found = read(&self.connection, sql)?;
            found.retain(|one| !named(&one.id));
            Ok(found)
        };
        let look = || -> rusqlite::Result<Unnamed> {
            Ok(Unnamed {
                tags: look(TAGS, &|id| names.tags.contains_key(id))?,
                attributes: look(ATTRIBUTES, &|id| names.attributes.contains_key(id))?,
            })
        };
        look().map_err(|error| self.failed("look for what has no name", error))
    }
}

fn read(connection: &Connection, sql: &str) -> rusqlite::Result<Vec<Nameless>> {
    connection.prepare(sql)?.query_map([], nameless)?.collect()
}

fn nameless(row: &Row<'_>) -> rusqlite::Result<Nameless> {
    let count = |place: usize| -> rusqlite::Result<u64> {
        let count: i64 = row.get(place)?;
        Ok(u64::try_from(count).unwrap_or(0))
    };
    let text = |place: usize| -> rusqlite::Result<Option<String>> {
        let bytes = row.get_ref(place)?.as_bytes_or_null()?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
    };
    let examples = [3, 4, 5].map(text).into_iter();
    let examples = examples.collect::<rusqlite::Result<Vec<_>>>()?;
    let cut = |text: String| text.chars().take(LONGEST).collect();
    Ok(Nameless {
        id: text(0)?.unwrap_or_default(),
        tickets: count(1)?,
        customers: count(2)?,
        examples: examples.into_iter().flatten().map(cut).collect(),
    })
}
