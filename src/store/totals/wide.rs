//! `tickets_wide` and `customers_wide`: views with a column for each custom attribute that was ever seen.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, params};

/// Columns of one view at most: SQLite takes 2,000.
const MOST_COLUMNS: usize = 1_000;

/// Whose attributes a view has.
struct Owner {
    /// The view.
    view: &'static str,
    /// The table of its attributes, and the column in it that names the row.
    attributes: &'static str,
    id: &'static str,
    /// The view's text up to the columns of attributes, and after them.
    head: &'static str,
    tail: &'static str,
}

const OWNERS: [Owner; 2] = [
    Owner {
        view: "tickets_wide",
        attributes: "ticket_attributes",
        id: "ticket_id",
        head: "CREATE VIEW tickets_wide AS
SELECT o.*,
    coalesce(c.name, o.category_id) AS category_name,
    coalesce(a.name, a.email, o.assigned_agent_id) AS agent_name,
    coalesce(p.name, p.email, o.customer_id) AS customer_name,
    (SELECT group_concat(name, ', ') FROM (
        SELECT coalesce(g.name, x.tag_id) AS name FROM ticket_tags AS x LEFT JOIN tags AS g ON g.id = x.tag_id
        WHERE x.ticket_id = o.id ORDER BY 1)) AS tag_names",
        tail: "
FROM tickets AS o
LEFT JOIN categories AS c ON c.id = o.category_id
LEFT JOIN agents AS a ON a.id = o.assigned_agent_id
LEFT JOIN customers AS p ON p.id = o.customer_id
WHERE o.deleted_at IS NULL",
    },
    Owner {
        view: "customers_wide",
        attributes: "customer_attributes",
        id: "customer_id",
        head: "CREATE VIEW customers_wide AS
SELECT o.*",
        tail: "
FROM customers AS o",
    },
];

/// What a column shows: the attribute of a label, or one without a label by its id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Attribute {
    Label(String),
    Id(String),
}

/// A column of one.
struct Column {
    name: String,
    /// The name that it would have if no other had it.
    wanted: String,
    attribute: Attribute,
}

impl Attribute {
    /// Of a row's label and id; none of neither.
    fn of(label: Option<String>, id: Option<String>) -> Option<Self> {
        match label {
            Some(label) => Some(Self::Label(label)),
            None => id.map(Self::Id),
        }
    }

    /// Its label and its id, one of which it has.
    fn parts(&self) -> (Option<&str>, Option<&str>) {
        match self {
            Self::Label(label) => (Some(label), None),
            Self::Id(id) => (None, Some(id)),
        }
    }

    /// The column that it is to have, before names that clash are told apart. `names` are those of ids.
    fn column(&self, names: &BTreeMap<String, String>) -> String {
        let text = match self {
            Self::Label(label) => label,
            Self::Id(id) => names.get(id).unwrap_or(id),
        };
        format!("attr_{}", slug(text))
    }
}

/// A text in small letters, each run of other characters than letters and digits as one `_`, none at either end.
fn slug(text: &str) -> String {
    let text = text.to_lowercase();
    let words = text.split(|character: char| !character.is_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join("_")
}

/// Adds the columns of attributes that were not seen before, and makes the views that have others than they should.
/// `names` are those of attributes that come without a label.
pub(super) fn renew(
    connection: &Connection,
    names: &BTreeMap<String, String>,
) -> rusqlite::Result<()> {
    for owner in &OWNERS {
        let columns = owner.columns(connection, names)?;
        let wanted = owner.sql(&columns);
        let made: Option<String> = connection.query_row(
            "SELECT (SELECT sql FROM sqlite_schema WHERE type = 'view' AND name = ?1)",
            [owner.view],
            |row| row.get(0),
        )?;
        if made.as_ref() != Some(&wanted) {
            connection.execute_batch(&format!("DROP VIEW IF EXISTS {}; {wanted};", owner.view))?;
        }
    }
    Ok(())
}

impl Owner {
    /// All columns in order, those that are new stored.
    fn columns(
        &self,
        connection: &Connection,
        names: &BTreeMap<String, String>,
    ) -> rusqlite::Result<Vec<Column>> {
        let mut known = self.known(connection)?;
        let mut taken: BTreeSet<String> = known.iter().map(|one| one.name.clone()).collect();
        let mut insert = connection.prepare_cached(
            "INSERT INTO _wide_columns (owner, place, name, wanted, label, attribute_id)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        for attribute in self.seen(connection)? {
            let wanted = attribute.column(names);
            let mut own = known.iter().filter(|one| one.attribute == attribute);
            let is_named = matches!(&attribute, Attribute::Id(id) if names.contains_key(id));
            // A name that was given later gets a column beside the one of the id.
            let has_one = match is_named {
                true => own.any(|one| one.wanted == wanted),
                false => own.next().is_some(),
            };
            if has_one || known.len() >= MOST_COLUMNS {
                continue;
            }
            let mut numbers = 2..;
            let mut name = wanted.clone();
            while !taken.insert(name.clone()) {
                name = format!("{wanted}_{}", numbers.next().unwrap_or_default());
            }
            let (label, id) = attribute.parts();
            let place = i64::try_from(known.len()).unwrap_or(i64::MAX);
            insert.execute(params![self.view, place, name, wanted, label, id])?;
            known.push(Column {
                name,
                wanted,
                attribute,
            });
        }
        Ok(known)
    }

    fn known(&self, connection: &Connection) -> rusqlite::Result<Vec<Column>> {
        let mut statement = connection.prepare_cached(
            "SELECT name, wanted, label, attribute_id FROM _wide_columns
             WHERE owner = ?1 AND coalesce(label, attribute_id) IS NOT NULL ORDER BY place",
        )?;
        let mut rows = statement.query([self.view])?;
        let mut known = Vec::new();
        while let Some(row) = rows.next()? {
            if let Some(attribute) = Attribute::of(row.get(2)?, row.get(3)?) {
                known.push(Column {
                    name: row.get(0)?,
                    wanted: row.get(1)?,
                    attribute,
                });
            }
        }
        Ok(known)
    }

    /// The attributes that there are, in the order in which they stand.
    fn seen(&self, connection: &Connection) -> rusqlite::Result<Vec<Attribute>> {
        let mut statement = connection.prepare(&format!(
            "SELECT label, CASE WHEN label IS NULL THEN attribute_id END, min({})
             FROM {} GROUP BY 1, 2 ORDER BY 3, 1, 2",
            self.id, self.attributes
        ))?;
        let rows = statement.query_map([], |row| Ok(Attribute::of(row.get(0)?, row.get(1)?)))?;
        let rows: Vec<Option<Attribute>> = rows.collect::<rusqlite::Result<_>>()?;
        Ok(rows.into_iter().flatten().collect())
    }

    /// The text of the view.
    fn sql(&self, columns: &[Column]) -> String {
        let mut sql = self.head.to_owned();
        for Column {
            name, attribute, ..
        } in columns
        {
            let which = match attribute {
                Attribute::Label(label) => format!("v.label = {}", quoted(label)),
                Attribute::Id(id) => format!("v.label IS NULL AND v.attribute_id = {}", quoted(id)),
            };
            sql.push_str(&format!(
                ",\n    (SELECT v.value FROM {} AS v WHERE v.{} = o.id AND {which} ORDER BY v.position LIMIT 1) AS \"{name}\"",
                self.attributes, self.id
            ));
        }
        sql.push_str(self.tail);
        sql
    }
}

/// A text in SQL.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_named_by_the_letters_and_digits_of_its_label() {
        for (label, expected) in [
            ("Plan", "plan"),
            ("  Order-No. (EU) ", "order_no_eu"),
            ("Größe", "größe"),
            ("a__b", "a_b"),
            ("'; DROP TABLE tickets; --", "drop_table_tickets"),
            ("\"", ""),
        ] {
            assert_eq!(slug(label), expected, "{label}");
        }
    }
}
