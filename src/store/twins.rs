//! A second ticket under the id of another, from its rows as they came or as they are stored.

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::bind;
use super::tickets::stored;
use crate::normalize::{TicketRows, Twin};
use crate::table::{
    Cell, Column, Instant, Message, MessageAttachment, Record, Reject, Table, Ticket,
    TicketAttribute, TicketDiscordUser, TicketTag, Type,
};

/// What belongs to a ticket, in the order of the text.
const CHILDREN: [&Table; 5] = [
    Message::TABLE,
    MessageAttachment::TABLE,
    TicketAttribute::TABLE,
    TicketTag::TABLE,
    TicketDiscordUser::TABLE,
];

/// Its values that could not be represented.
const VALUES: Table = Table {
    name: "rejects",
    description: "",
    key: &[],
    content: &[column("path"), column("raw_json")],
    bookkeeping: &[],
};

const fn column(name: &'static str) -> Column {
    Column {
        name,
        kind: Type::Text,
        is_nullable: false,
        description: "",
    }
}

/// One that came.
pub(super) fn of_rows(
    rows: &TicketRows,
    is_resolution_doubted: bool,
    stored_at: Instant,
) -> Reject {
    let mut twin = Twin::default();
    let ticket = stored(&rows.ticket, is_resolution_doubted);
    add(&mut twin, [ticket.as_ref()]);
    let thread = rows.thread.as_ref();
    add(&mut twin, thread.iter().flat_map(|thread| &thread.messages));
    let attachments = thread.map_or(&[][..], |thread| &thread.attachments);
    let mut attachments: Vec<&MessageAttachment> = attachments.iter().collect();
    attachments.sort_by(|one, other| {
        (&one.message_id, one.position).cmp(&(&other.message_id, other.position))
    });
    add(&mut twin, attachments);
    add(&mut twin, &rows.attributes);
    add(&mut twin, &rows.ticket_tags());
    add(&mut twin, &rows.discord_users);
    let mut values: Vec<(&str, &str)> = rows
        .rejects
        .iter()
        .map(|reject| (reject.path.as_str(), reject.raw_json.as_str()))
        .collect();
    values.sort_unstable();
    twin.table(&VALUES);
    for (path, raw_json) in values {
        twin.row(VALUES.content, |take| {
            take(Cell::Text(path));
            take(Cell::Text(raw_json));
        });
    }
    twin.reject(&rows.ticket.id, rows.ticket.created_at, stored_at)
}

/// One that is stored.
pub(super) fn of_store(
    connection: &Connection,
    id: &str,
    created_at: Instant,
    stored_at: Instant,
) -> rusqlite::Result<Reject> {
    let mut twin = Twin::default();
    read(connection, &mut twin, Ticket::TABLE, "WHERE id = ?1", id)?;
    for table in CHILDREN {
        let order = match table.key {
            // In the order of the thread, not of its ids.
            ["ticket_id", "id"] => "position".to_owned(),
            key => key.join(", "),
        };
        let rest = format!("WHERE ticket_id = ?1 ORDER BY {order}");
        read(connection, &mut twin, table, &rest, id)?;
    }
    let rest = "WHERE ticket_id = ?1 AND path <> '' ORDER BY path, raw_json";
    read(connection, &mut twin, &VALUES, rest, id)?;
    Ok(twin.reject(id, created_at, stored_at))
}

fn add<'r, R: Record + 'r>(twin: &mut Twin, records: impl IntoIterator<Item = &'r R>) {
    twin.table(R::TABLE);
    for record in records {
        twin.row(R::TABLE.content, |take| record.each_cell(take));
    }
}

fn read(
    connection: &Connection,
    twin: &mut Twin,
    table: &Table,
    rest: &str,
    id: &str,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(&bind::select_sql(table, rest))?;
    let mut rows = statement.query([id])?;
    twin.table(table);
    while let Some(row) = rows.next()? {
        let mut cells = Vec::with_capacity(table.content.len());
        for column in 0..table.content.len() {
            cells.push(match row.get_ref(column)? {
                ValueRef::Integer(number) => Cell::Integer(number),
                ValueRef::Text(text) => Cell::Text(std::str::from_utf8(text)?),
                _ => Cell::Null,
            });
        }
        twin.row(table.content, |take| {
            cells.iter().for_each(|cell| take(*cell))
        });
    }
    Ok(())
}
