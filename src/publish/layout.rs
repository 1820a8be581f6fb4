//! Which table lies where in a snapshot, and in which order its rows are.

use std::path::PathBuf;

use crate::table::{Record, Table, Ticket};

/// The month whose directory holds the file of a table that is cut by month and has no row at all:
/// one like any other, since engines that take `created_month` for a column read text from it, and
/// pandas fails where there is none. A file of that month with rows takes its place.
const NO_MONTH: &str = "1970-01";

/// Whether a table is cut by the month in which its rows' ticket was created.
pub(super) fn is_monthly(table: &Table) -> bool {
    table.name == Ticket::TABLE.name || table.key.first() == Some(&"ticket_id")
}

/// The column that names the ticket of a row, in a table that is cut by month.
pub(super) fn ticket_column(table: &Table) -> &'static str {
    if table.name == Ticket::TABLE.name {
        "id"
    } else {
        "ticket_id"
    }
}

/// A file's place within a snapshot.
pub(super) fn path(table: &Table, month: Option<&str>) -> PathBuf {
    let name = table.name;
    PathBuf::from(match (is_monthly(table), month) {
        (false, _) => format!("{name}/{name}.parquet"),
        (true, Some(month)) => format!("{name}/created_month={month}/{name}.parquet"),
        (true, None) => format!("{name}/created_month={NO_MONTH}/{name}.parquet"),
    })
}

/// The columns that the rows of a file are sorted by. None for what hangs on tickets: it is in the
/// order in which they were created, which is a column of theirs.
pub(super) fn sorted_by(table: &Table) -> &'static [&'static str] {
    if table.name == Ticket::TABLE.name {
        &["created_at", "id"]
    } else if is_monthly(table) {
        &[]
    } else {
        table.key
    }
}

/// The place of a table's changes within a snapshot.
pub(super) fn changes_path(table: &Table) -> PathBuf {
    PathBuf::from(format!("changes/{}.parquet", table.name))
}

/// All rows of a table in the order of their key.
pub(super) fn rows_sql(table: &Table) -> String {
    format!("{} ORDER BY {}", select(table), table.key.join(", "))
}

/// The rows of one ticket: a thread in its own order, everything else in that of its key.
pub(super) fn ticket_rows_sql(table: &Table) -> String {
    let column = ticket_column(table);
    let is_placed = table.columns().any(|column| column.name == "position");
    let mut order: Vec<&str> = match is_placed && !table.key.contains(&"position") {
        true => vec!["position"],
        false => Vec::new(),
    };
    order.extend(table.key.iter().filter(|key| **key != column));
    match order.is_empty() {
        true => format!("{} WHERE {column} = ?1", select(table)),
        false => format!(
            "{} WHERE {column} = ?1 ORDER BY {}",
            select(table),
            order.join(", ")
        ),
    }
}

fn select(table: &Table) -> String {
    let names: Vec<&str> = table.columns().map(|column| column.name).collect();
    format!("SELECT {} FROM {}", names.join(", "), table.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::TABLES;

    #[test]
    fn what_hangs_on_a_ticket_is_cut_by_month() {
        let monthly: Vec<&str> = TABLES
            .iter()
            .filter(|table| is_monthly(table))
            .map(|table| table.name)
            .collect();
        assert_eq!(
            monthly,
            [
                "tickets",
                "messages",
                "message_attachments",
                "ticket_attributes",
                "ticket_tags",
                "ticket_discord_users",
                "ticket_history"
            ]
        );
    }

    #[test]
    fn a_thread_is_in_its_own_order() {
        let order = |name: &str| {
            let table = TABLES.iter().find(|table| table.name == name);
            let sql = ticket_rows_sql(table.expect(name));
            sql.split_once(" WHERE ").expect("a condition").1.to_owned()
        };
        assert_eq!(order("tickets"), "id = ?1");
        assert_eq!(order("messages"), "ticket_id = ?1 ORDER BY position, id");
        assert_eq!(
            order("message_attachments"),
            "ticket_id = ?1 ORDER BY message_id, position"
        );
    }
}
