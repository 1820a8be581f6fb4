//! A second ticket under the id of another: what its rows would be, as one JSON text.
//!
//! Made of the rows and not of what was sent, so that it is the same whichever of the two came first:
//! the one that has to make way is there as rows only.

use crate::table::{Cell, Column, Instant, Reject, Table, instant_text};
use crate::wire::{TicketKey, whole_reject, write_text};

/// The column that is the same in all of a ticket's rows.
const TICKET_ID: &str = "ticket_id";

/// The rows of a ticket as JSON: an object of tables, each an array of rows, each an object of what
/// is not NULL.
#[derive(Debug, Default)]
pub struct Twin {
    json: String,
}

impl Twin {
    /// Begins a table. Its rows follow.
    pub fn table(&mut self, table: &Table) {
        self.json.push_str(match self.json.is_empty() {
            true => "{",
            false => "],",
        });
        write_text(&mut self.json, table.name);
        self.json.push_str(":[");
    }

    /// Adds a row of these columns to the table.
    pub fn row<'a>(&mut self, columns: &[Column], mut cells: impl FnMut(&mut dyn FnMut(Cell<'a>))) {
        if !self.json.ends_with('[') {
            self.json.push(',');
        }
        self.json.push('{');
        let mut columns = columns.iter();
        let json = &mut self.json;
        cells(&mut |cell| {
            let name = columns.next().map_or("", |column| column.name);
            if cell == Cell::Null || name == TICKET_ID {
                return;
            }
            if !json.ends_with('{') {
                json.push(',');
            }
            write_text(json, name);
            json.push(':');
            match cell {
                Cell::Null => {}
                Cell::Integer(number) => json.push_str(&number.to_string()),
                Cell::Text(text) => write_text(json, text),
                Cell::Instant(instant) => write_text(json, &instant_text(instant)),
            }
        });
        self.json.push('}');
    }

    /// The reject that keeps it, of a ticket created at `created_at`; the one that is stored was
    /// created at `stored_at`.
    pub fn reject(self, ticket_id: &str, created_at: Instant, stored_at: Instant) -> Reject {
        let reason = format!(
            "another ticket has this id: the one created {} is stored, this one was created {}",
            instant_text(stored_at),
            instant_text(created_at)
        );
        let key = TicketKey {
            id: Some(ticket_id.to_owned()),
            created_at: Some(created_at),
        };
        whole_reject(key, reason, (self.json + "]}").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Record, Tag};

    #[test]
    fn rows_are_json_without_what_is_null() {
        let tag = Tag {
            id: "a\"b".into(),
            name: None,
        };
        let mut twin = Twin::default();
        for rows in [2, 0, 1] {
            twin.table(Tag::TABLE);
            for _ in 0..rows {
                twin.row(Tag::TABLE.content, |take| tag.each_cell(take));
            }
        }
        let at = Instant::from_timestamp_millis;
        let reject = twin.reject("t1", at(2).expect("an instant"), at(1).expect("an instant"));
        let row = r#"{"id":"a\"b"}"#;
        assert_eq!(
            reject.raw_json,
            format!(r#"{{"tags":[{row},{row}],"tags":[],"tags":[{row}]}}"#)
        );
        assert_eq!((reject.path.as_str(), reject.created_at), ("", at(2)));
        insta::assert_snapshot!(reject.reason, @"another ticket has this id: the one created 1970-01-01T00:00:00.001Z is stored, this one was created 1970-01-01T00:00:00.002Z");
    }
}
