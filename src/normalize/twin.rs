//! A second ticket under the id of another: what its rows would be, as one JSON text.
//!
//! Made of the rows and not of what was sent, so that it is the same whichever of the two came first:
//! the one that has to make way is there as rows only.

use super::marks::{Moved, Moving, is_marked_deleted};
use super::{Facts, Sent};
use crate::table::{
    Cell, Column, Instant, Message, Record, Reject, THREAD_FACTS, Table, Ticket, instant_text,
};
use crate::wire::{Entries, Json, TicketKey, usual_instant, whole_reject, with_json, write_text};

/// The column that is the same in all of a ticket's rows.
const TICKET_ID: &str = "ticket_id";

/// The last table of a text: the ticket's values that could not be represented.
const VALUES: &str = Reject::TABLE.name;

/// What of a text is made anew.
enum Anew<'m> {
    Nothing,
    /// What the columns of the ticket say of its thread.
    Facts(&'m Facts),
    /// What an earlier version left in `extra_json` of messages.
    Marks(&'m mut Moving),
}

/// The rows of a ticket as JSON: an object of tables, each an array of rows, each an object of what
/// is not NULL.
#[derive(Debug, Default)]
pub struct Twin {
    json: String,
}

impl Twin {
    /// Begins a table. Its rows follow.
    pub fn table(&mut self, table: &Table) {
        self.begin(table.name);
    }

    fn begin(&mut self, table: &str) {
        self.json.push_str(match self.json.is_empty() {
            true => "{",
            false => "],",
        });
        write_text(&mut self.json, table);
        self.json.push_str(":[");
    }

    /// Adds a row of these columns to the table.
    pub fn row<'a>(&mut self, columns: &[Column], mut cells: impl FnMut(&mut dyn FnMut(Cell<'a>))) {
        self.begin_row();
        let mut columns = columns.iter();
        cells(&mut |cell| {
            let name = columns.next().map_or("", |column| column.name);
            if name != TICKET_ID {
                self.cell(name, cell);
            }
        });
        self.json.push('}');
    }

    fn begin_row(&mut self) {
        if !self.json.ends_with('[') {
            self.json.push(',');
        }
        self.json.push('{');
    }

    fn cell(&mut self, name: &str, cell: Cell<'_>) {
        if cell == Cell::Null {
            return;
        }
        let json = &mut self.json;
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
    }

    /// Rows as they stand in a text, but for what is made anew. `None` where it is no text of ours.
    fn of_text(entries: &Entries<'_>, anew: &mut Anew<'_>) -> Option<Self> {
        let mut twin = Self::default();
        for (table, rows) in entries {
            twin.begin(table);
            let mut values = Vec::new();
            for row in objects(rows)? {
                match anew {
                    Anew::Marks(_) if table == VALUES => {
                        values.push((
                            text(row, "path")?.to_owned(),
                            text(row, "raw_json")?.to_owned(),
                        ));
                        continue;
                    }
                    _ => twin.begin_row(),
                }
                match anew {
                    Anew::Facts(facts) if table == Ticket::TABLE.name => twin.ticket(row, facts)?,
                    Anew::Marks(moving) if table == Message::TABLE.name => {
                        twin.message(row, &moving.next(text(row, "extra_json")))?;
                    }
                    _ => {
                        for (name, value) in row {
                            twin.cell(name, cell_of(value)?);
                        }
                    }
                }
                twin.json.push('}');
            }
            if let Anew::Marks(moving) = anew
                && table == VALUES
            {
                twin.values(values, std::mem::take(*moving));
            }
        }
        Some(twin)
    }

    fn ticket(&mut self, row: &Entries<'_>, facts: &Facts) -> Option<()> {
        let facts = facts.cells();
        for column in Ticket::TABLE.content {
            let place = THREAD_FACTS.iter().position(|name| *name == column.name);
            let fact = place.and_then(|place| facts.get(place));
            let cell = match (fact, value(row, column.name)) {
                (Some(fact), _) => *fact,
                (None, Some(value)) => cell_of(value)?,
                (None, None) => Cell::Null,
            };
            self.cell(column.name, cell);
        }
        Some(())
    }

    fn message(&mut self, row: &Entries<'_>, moved: &Moved) -> Option<()> {
        for column in Message::TABLE.content {
            let cell = match (moved.cell(column.name), value(row, column.name)) {
                (Some(cell), _) => cell,
                (None, Some(value)) => cell_of(value)?,
                (None, None) => Cell::Null,
            };
            self.cell(column.name, cell);
        }
        Some(())
    }

    /// The ticket's values that could not be represented, and those of its messages that are new among them.
    fn values(&mut self, mut values: Vec<(String, String)>, moving: Moving) {
        let new = moving.into_rejects(&values);
        values.extend(new.into_iter().map(|one| (one.path, one.raw_json)));
        values.sort_unstable();
        for (path, raw_json) in &values {
            self.begin_row();
            self.cell("path", Cell::Text(path));
            self.cell("raw_json", Cell::Text(raw_json));
            self.json.push('}');
        }
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

/// A second ticket as it is kept in `rejects`, with the columns about its thread made anew from its
/// messages; `None` where they are so already, where the thread was not read, and where the text is no
/// whole one.
pub(crate) fn recounted(reject: &Reject) -> Option<Reject> {
    made_anew(reject, |tables| {
        let ticket = objects(value(tables, Ticket::TABLE.name)?)?.next()?;
        // Counted, if only to 0, where the thread was read.
        value(ticket, "message_count")?;
        let mut facts = Facts::since(reject.created_at);
        for message in objects(value(tables, Message::TABLE.name)?)? {
            facts.add(&Sent {
                sender_type: text(message, "sender_type"),
                message_type: text(message, "message_type"),
                created_at: text(message, "created_at").and_then(usual_instant),
                is_deleted: is_marked_deleted(text(message, "extra_json")),
            });
        }
        Twin::of_text(tables, &mut Anew::Facts(&facts))
    })
}

/// A second ticket as it is kept in `rejects`, with the columns of its messages taken out of their
/// `extra_json`; `None` where there are none, and where the text is no whole one.
pub(crate) fn marked(reject: &Reject) -> Option<Reject> {
    made_anew(reject, |tables| {
        let values = objects(value(tables, VALUES)?)?;
        let paths = values.filter_map(|row| text(row, "path"));
        let ticket_id = reject.ticket_id.as_deref().unwrap_or_default();
        let mut moving = Moving::of(ticket_id, paths);
        Twin::of_text(tables, &mut Anew::Marks(&mut moving))
    })
}

/// A second ticket of which something was made anew; `None` where it is the same text then.
fn made_anew(reject: &Reject, make: impl FnOnce(&Entries<'_>) -> Option<Twin>) -> Option<Reject> {
    let json = with_json(&reject.raw_json, |read| {
        let Json::Object(tables) = read.value else {
            return None;
        };
        let as_it_is = Twin::of_text(&tables, &mut Anew::Nothing)?.json + "]}";
        match as_it_is == reject.raw_json {
            true => Some(make(&tables)?.json + "]}"),
            false => None,
        }
    });
    let json = json.ok()??;
    if json == reject.raw_json {
        return None;
    }
    let key = TicketKey {
        id: reject.ticket_id.clone(),
        created_at: reject.created_at,
    };
    Some(whole_reject(key, reject.reason.clone(), json.into()))
}

fn value<'e, 'a>(entries: &'e Entries<'a>, key: &str) -> Option<&'e Json<'a>> {
    entries
        .iter()
        .find_map(|(name, value)| (name == key).then_some(value))
}

fn text<'e>(entries: &'e Entries<'_>, key: &str) -> Option<&'e str> {
    match value(entries, key)? {
        Json::Text(text) => Some(text),
        _ => None,
    }
}

/// The objects of an array; `None` of anything else.
fn objects<'e, 'a>(value: &'e Json<'a>) -> Option<impl Iterator<Item = &'e Entries<'a>>> {
    let Json::Array(items) = value else {
        return None;
    };
    let objects = items.iter().map(|item| match item {
        Json::Object(entries) => Some(entries),
        _ => None,
    });
    Some(objects.collect::<Option<Vec<_>>>()?.into_iter())
}

fn cell_of<'e>(value: &'e Json<'_>) -> Option<Cell<'e>> {
    match value {
        Json::Integer(number) => Some(Cell::Integer(*number)),
        Json::Text(text) => Some(Cell::Text(text)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Tag;

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

    #[test]
    fn a_kept_ticket_is_recounted_from_its_messages_only_where_it_is_whole() {
        let kept = |facts: &str, messages: &str| Reject {
            id: "r1".into(),
            ticket_id: Some("t1".into()),
            path: String::new(),
            reason: "another ticket has this id".into(),
            raw_json: format!(
                r#"{{"tickets":[{{"id":"t1","email_subject":"\"message_count\":7","created_at":"1970-01-01T00:00:01.000Z"{facts},"extra_json":"{{}}"}}],"messages":[{messages}],"tags":[]}}"#
            ),
            created_at: Instant::from_timestamp_millis(1_000),
        };
        let reply = |second: u8, extra: &str| {
            format!(
                r#"{{"id":"m{second}","position":{second},"sender_type":"agent","created_at":"1970-01-01T00:00:0{second}.000Z"{extra}}}"#
            )
        };
        let messages = [
            reply(0, ""),
            reply(2, r#","extra_json":"{\"isDeleted\":true}""#),
            reply(3, ""),
        ]
        .join(",");
        let counted = |all: u8, reply: &str, waited: &str| {
            format!(
                r#","message_count":{all},"customer_message_count":0,"agent_message_count":{all},"system_message_count":0,"private_note_count":0,"first_agent_reply_at":"{reply}"{waited},"last_message_at":"1970-01-01T00:00:03.000Z","last_message_sender_type":"agent""#
            )
        };
        let earlier = kept(&counted(3, "1970-01-01T00:00:00.000Z", ""), &messages);
        let waited = r#","first_reply_time_ms":2000"#;
        let meant = kept(&counted(2, "1970-01-01T00:00:03.000Z", waited), &messages);
        let found = recounted(&earlier).expect("it counted otherwise");
        assert_eq!(found.raw_json, meant.raw_json);
        assert_ne!(found.id, earlier.id);
        assert_eq!(found.created_at, earlier.created_at);
        assert_eq!(recounted(&found), None);

        // Without a thread there is nothing to count.
        assert_eq!(recounted(&kept("", "")), None);
        let cut = earlier.raw_json.split_at(300).0;
        let spaced = earlier.raw_json.replace(r#"":["#, r#"": ["#);
        let strange = earlier
            .raw_json
            .replace(r#""position":0"#, r#""position":0.5"#);
        for raw in [cut, &spaced, &strange, "{}", "[]", r#"{"tickets":[]}"#, ""] {
            let other = Reject {
                raw_json: raw.into(),
                ..earlier.clone()
            };
            assert_eq!(recounted(&other), None, "{raw}");
        }
    }

    #[test]
    fn of_a_kept_ticket_columns_of_messages_are_taken_out_of_their_json_only_where_it_is_whole() {
        let kept = |messages: &str, values: &str| Reject {
            id: "r1".into(),
            ticket_id: Some("t1".into()),
            path: String::new(),
            reason: "another ticket has this id".into(),
            raw_json: format!(
                r#"{{"tickets":[{{"id":"t1","message_count":2}}],"messages":[{messages}],"tags":[],"rejects":[{values}]}}"#
            ),
            created_at: Instant::from_timestamp_millis(1_000),
        };
        // The second item that was sent is no message.
        let known = r#"{"path":"messages[1]","raw_json":"7"}"#;
        let earlier = kept(
            r#"{"id":"m0","position":0,"sender_type":"agent","content":"a","extra_json":"{\"actionLogTo\":[1.50],\"isDeleted\":true,\"senderReferenceType\":\"ClientMember\"}"},{"id":"m1","position":1,"extra_json":"{\"isEdited\":\"perhaps\",\"isRead\":true}"},{"id":"m2","position":2,"extra_json":"{\"isEdited\":false}"}"#,
            &format!(
                r#"{{"path":"csat","raw_json":"[]"}},{known},{{"path":"zeta","raw_json":"1"}}"#
            ),
        );
        let meant = kept(
            r#"{"id":"m0","position":0,"sender_type":"agent","sender_reference_type":"ClientMember","content":"a","is_deleted":1,"action_log_to":"[1.50]","extra_json":"{\"actionLogTo\":[1.50]}"},{"id":"m1","position":1,"extra_json":"{\"isEdited\":\"perhaps\",\"isRead\":true}"},{"id":"m2","position":2,"is_edited":0}"#,
            &format!(
                r#"{{"path":"csat","raw_json":"[]"}},{known},{{"path":"messages[2].isEdited","raw_json":"\"perhaps\""}},{{"path":"zeta","raw_json":"1"}}"#
            ),
        );
        let found = marked(&earlier).expect("it has some");
        assert_eq!(found.raw_json, meant.raw_json);
        assert_ne!(found.id, earlier.id);
        assert_eq!(found.created_at, earlier.created_at);
        assert_eq!(marked(&kept(r#"{"id":"m0","position":0}"#, known)), None);
        let cut = earlier.raw_json.split_at(300).0;
        let spaced = earlier.raw_json.replace(r#"":["#, r#"": ["#);
        for raw in [
            cut,
            &spaced,
            "{}",
            "[]",
            r#"{"messages":[],"rejects":[]}"#,
            "",
        ] {
            let other = Reject {
                raw_json: raw.into(),
                ..earlier.clone()
            };
            assert_eq!(marked(&other), None, "{raw}");
        }
    }
}
