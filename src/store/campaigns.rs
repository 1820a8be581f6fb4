//! Bulk changes on the track: values that turned up where nobody should be working, and the windows
//! that are still to be listed by them.

use rusqlite::params;

use super::Store;
use crate::error::Result;
use crate::mava::RESOLVED;
use crate::table::instant_text;
use crate::window::Window;

/// What a bulk change changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// A tag was added.
    Tag,
    /// The category was replaced.
    Category,
}

impl Field {
    /// The word it is stored and told by.
    pub fn word(self) -> &'static str {
        match self {
            Self::Tag => "tag",
            Self::Category => "category",
        }
    }

    fn of(word: &str) -> Self {
        match word {
            "tag" => Self::Tag,
            _ => Self::Category,
        }
    }
}

/// A field's value (an id).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Group {
    /// The field.
    pub field: Field,
    /// The value.
    pub value: String,
}

/// A window that is still to be listed by a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignWindow {
    /// By what.
    pub group: Group,
    /// The window of creation.
    pub window: Window,
    /// Where its next page begins, in milliseconds since 1970.
    pub position_ms: i64,
}

/// Instants of creation, in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instants(Vec<i64>);

impl Instants {
    fn new(mut instants: Vec<i64>) -> Self {
        instants.sort_unstable();
        Self(instants)
    }

    /// How many lie in `window`.
    pub fn count_in(&self, window: &Window) -> u64 {
        let before = |instant: crate::table::Instant| {
            let end_ms = instant.timestamp_millis();
            self.0.partition_point(|at_ms| *at_ms < end_ms)
        };
        let count = before(window.until()).saturating_sub(before(window.from()));
        u64::try_from(count).unwrap_or(u64::MAX)
    }
}

impl Store {
    /// Notes that a value turned up on a ticket.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn suspect(&mut self, group: &Group, ticket_id: &str, seen_at_ms: i64) -> Result<()> {
        self.in_transaction("note an unexpected value", |connection| {
            connection.execute(
                "INSERT OR REPLACE INTO _suspicions VALUES (?1, ?2, ?3, ?4)",
                params![group.field.word(), group.value, ticket_id, seen_at_ms],
            )?;
            Ok(())
        })
    }

    /// Values that turned up on at least `least` tickets since an instant; older notes go.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn suspects(&mut self, least: i64, since_ms: i64) -> Result<Vec<Group>> {
        self.in_transaction("look for bulk changes", |connection| {
            connection.execute("DELETE FROM _suspicions WHERE seen_at_ms < ?1", [since_ms])?;
            let mut statement = connection.prepare(
                "SELECT field, value FROM _suspicions
                 GROUP BY field, value HAVING count(*) >= ?1 ORDER BY field DESC, value",
            )?;
            let groups = statement.query_map([least], |row| {
                let word: String = row.get(0)?;
                Ok(Group {
                    field: Field::of(&word),
                    value: row.get(1)?,
                })
            })?;
            Ok(groups.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Forgets what was noted of a value.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn clear_suspect(&mut self, group: &Group) -> Result<()> {
        self.in_transaction("forget an unexpected value", |connection| {
            connection.execute(
                "DELETE FROM _suspicions WHERE field = ?1 AND value = ?2",
                params![group.field.word(), group.value],
            )?;
            Ok(())
        })
    }

    /// Windows that are still to be listed.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn campaigns(&self) -> Result<Vec<CampaignWindow>> {
        let read = || {
            let mut statement = self.connection.prepare(
                "SELECT field, value, from_ms, until_ms, position_ms FROM _campaigns
                 ORDER BY field DESC, value, from_ms DESC",
            )?;
            let rows = statement.query_map([], |row| {
                let word: String = row.get(0)?;
                let value = row.get(1)?;
                let group = Group {
                    field: Field::of(&word),
                    value,
                };
                Ok((group, row.get(2)?, row.get(3)?, row.get(4)?))
            })?;
            rows.collect::<rusqlite::Result<Vec<(Group, i64, i64, i64)>>>()
        };
        let rows = read().map_err(|error| self.failed("read bulk changes", error))?;
        Ok(rows
            .into_iter()
            .filter_map(|(group, from_ms, until_ms, position_ms)| {
                Some(CampaignWindow {
                    group,
                    window: Window::from_millis(from_ms, until_ms)?,
                    position_ms,
                })
            })
            .collect())
    }

    /// Stores where a window stands, in place of others of its value that it overlaps; `None` for one
    /// that is done.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn commit_campaign(
        &mut self,
        campaign: &CampaignWindow,
        position_ms: Option<i64>,
    ) -> Result<()> {
        let group = &campaign.group;
        self.in_transaction("store a bulk change", |connection| {
            let from_ms = campaign.window.from().timestamp_millis();
            let until_ms = campaign.window.until().timestamp_millis();
            match position_ms {
                Some(position_ms) => {
                    connection.execute(
                        "DELETE FROM _campaigns WHERE field = ?1 AND value = ?2
                             AND from_ms < ?4 AND until_ms > ?3",
                        params![group.field.word(), group.value, from_ms, until_ms],
                    )?;
                    connection.execute(
                        "INSERT INTO _campaigns VALUES (?1, ?2, ?3, ?4, ?5)",
                        params![
                            group.field.word(),
                            group.value,
                            from_ms,
                            until_ms,
                            position_ms
                        ],
                    )?
                }
                None => connection.execute(
                    "DELETE FROM _campaigns WHERE field = ?1 AND value = ?2 AND from_ms = ?3",
                    params![group.field.word(), group.value, from_ms],
                )?,
            };
            Ok(())
        })
    }

    /// How many live, resolved tickets created in `window` have the value. Walks the tickets of the
    /// window, so it is for short ones.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn group_count(&self, group: &Group, window: &Window) -> Result<u64> {
        let sql = match group.field {
            // `CROSS JOIN`: by creation, not by tag, of which there is no index.
            Field::Tag => {
                format!(
                    "SELECT count(*) FROM tickets AS t CROSS JOIN ticket_tags AS g
                 WHERE g.ticket_id = t.id AND g.tag_id = ?1 AND t.deleted_at IS NULL
                     AND t.status = '{RESOLVED}'
                     AND t.created_at >= ?2 AND t.created_at < ?3"
                )
            }
            Field::Category => {
                format!(
                    "SELECT count(*) FROM tickets INDEXED BY tickets_by_created_at
                 WHERE category_id = ?1 AND deleted_at IS NULL AND status = '{RESOLVED}'
                     AND created_at >= ?2 AND created_at < ?3"
                )
            }
        };
        self.connection
            .query_row(
                &sql,
                params![
                    group.value,
                    instant_text(window.from()),
                    instant_text(window.until())
                ],
                |row| row.get(0),
            )
            .map(|count: u32| count.into())
            .map_err(|error| self.failed("count a group", error))
    }

    /// When the live, resolved tickets that have the value were created. Walks the whole store once.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn group_instants(&self, group: &Group) -> Result<Instants> {
        let sql = match group.field {
            Field::Tag => {
                format!(
                    "SELECT i.created_at_ms FROM ticket_tags AS g
                     CROSS JOIN _ticket_index AS i ON i.id = g.ticket_id
                     CROSS JOIN tickets AS t ON t.id = g.ticket_id
                 WHERE g.tag_id = ?1 AND i.is_deleted = 0 AND t.status = '{RESOLVED}'"
                )
            }
            Field::Category => {
                format!(
                    "SELECT i.created_at_ms FROM tickets AS t
                     CROSS JOIN _ticket_index AS i ON i.id = t.id
                 WHERE t.category_id = ?1 AND i.is_deleted = 0 AND t.status = '{RESOLVED}'"
                )
            }
        };
        let read = || {
            let mut statement = self.connection.prepare(&sql)?;
            let instants = statement.query_map([&group.value], |row| row.get(0))?;
            instants.collect::<rusqlite::Result<Vec<i64>>>()
        };
        read()
            .map(Instants::new)
            .map_err(|error| self.failed("read a group", error))
    }

    /// All values known of both fields, tags first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn groups(&self) -> Result<Vec<Group>> {
        let read = || {
            let mut groups = Vec::new();
            for (field, sql) in [
                (Field::Tag, "SELECT id FROM tags ORDER BY id"),
                (Field::Category, "SELECT id FROM categories ORDER BY id"),
            ] {
                let mut statement = self.connection.prepare(sql)?;
                let ids = statement.query_map([], |row| row.get(0))?;
                for value in ids {
                    groups.push(Group {
                        field,
                        value: value?,
                    });
                }
            }
            Ok(groups)
        };
        read().map_err(|error: rusqlite::Error| self.failed("read the groups", error))
    }
}
