//! Which table lies where in a snapshot, and in which order its rows are.

use std::path::PathBuf;

use super::relation::Relation;
use crate::table::{LIVE_TICKETS, Record, TICKETS_WIDE, Table, Ticket, all_tables};

/// The month whose directory holds the file of a table that is cut by month and has no row at all:
/// one like any other, since engines that take `created_month` for a column read text from it, and
/// pandas fails where there is none. A file of that month with rows takes its place.
const NO_MONTH: &str = "1970-01";

/// The directory of the changes within a snapshot.
pub(super) const CHANGES: &str = "changes";

/// Whether a table is cut by the month in which its rows' ticket was created.
pub(super) fn is_monthly(table: &Table) -> bool {
    is_by_ticket(table) || table.key.first() == Some(&"ticket_id")
}

/// Whether a table has one row per ticket, named by the ticket's `id`.
fn is_by_ticket(table: &Table) -> bool {
    [Ticket::TABLE, LIVE_TICKETS, TICKETS_WIDE]
        .iter()
        .any(|known| known.name == table.name)
}

/// The column that names the ticket of a row, in a table that is cut by month.
pub(super) fn ticket_column(table: &Table) -> &'static str {
    if is_by_ticket(table) {
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

/// Whether a file of an image can lie at this place within a snapshot of any version: at the one that
/// its table and month make. A manifest may hold any text, and a path is followed wherever it leads.
pub(super) fn is_image_path(table: &str, month: Option<&str>, path: &str) -> bool {
    let by_month = |month: &str| format!("{table}/created_month={month}/{table}.parquet");
    is_name(table)
        && match month {
            Some(month) => is_month(month) && path == by_month(month),
            None => path == format!("{table}/{table}.parquet") || path == by_month(NO_MONTH),
        }
}

/// Whether a path is that of a table's file of changes.
pub(super) fn is_changes_path(table: &str, path: &str) -> bool {
    is_name(table) && path == format!("{CHANGES}/{table}.parquet")
}

/// Whether this version puts the file of a table and month at this place.
pub(super) fn is_placed_so(table: &str, month: Option<&str>, found: &str) -> bool {
    let known = all_tables().find(|known| known.name == table);
    is_image_path(table, month, found)
        && known.is_some_and(|table| {
            (month.is_none() || is_monthly(table)) && path(table, month).to_str() == Some(found)
        })
}

/// A word that leads nowhere.
fn is_name(text: &str) -> bool {
    let is_inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    !text.is_empty() && text.bytes().all(is_inside)
}

/// The beginning of an instant's text, of any year: it leads nowhere either.
fn is_month(text: &str) -> bool {
    let is_inside = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+');
    !text.is_empty() && text.bytes().all(is_inside)
}

/// The columns that the rows of a file are sorted by. None for what belongs to tickets: it is in the
/// order in which they were created, which is a column of theirs.
pub(super) fn sorted_by(table: &Table) -> &'static [&'static str] {
    if is_by_ticket(table) {
        &["created_at", "id"]
    } else if is_monthly(table) {
        &[]
    } else {
        table.key
    }
}

/// The place of a table's changes within a snapshot.
pub(super) fn changes_path(table: &Table) -> PathBuf {
    PathBuf::from(format!("{CHANGES}/{}.parquet", table.name))
}

/// All rows of a table in the order of their key.
pub(super) fn rows_sql(relation: &Relation) -> String {
    let key = relation.table.key.join(", ");
    format!("{} ORDER BY {key}", select(relation))
}

/// The rows of one ticket: a thread in its own order, everything else in that of its key.
pub(super) fn ticket_rows_sql(relation: &Relation) -> String {
    let table = relation.table;
    let column = ticket_column(table);
    let is_placed = table.columns().any(|column| column.name == "position");
    let mut order: Vec<&str> = match is_placed && !table.key.contains(&"position") {
        true => vec!["position"],
        false => Vec::new(),
    };
    order.extend(table.key.iter().filter(|key| **key != column));
    let select = select(relation);
    match order.is_empty() {
        true => format!("{select} WHERE {column} = ?1"),
        false => format!("{select} WHERE {column} = ?1 ORDER BY {}", order.join(", ")),
    }
}

fn select(relation: &Relation) -> String {
    let names: Vec<String> = relation
        .columns()
        .map(|column| format!("\"{}\"", column.name))
        .collect();
    format!("SELECT {} FROM {}", names.join(", "), relation.source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hangs_on_a_ticket_is_cut_by_month() {
        let monthly: Vec<&str> = all_tables()
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
                "ticket_history",
                "ticket_metrics",
                "ticket_events",
                "live_tickets",
                "live_messages",
                "tickets_wide",
                "sla_results"
            ]
        );
    }

    #[test]
    fn a_thread_is_in_its_own_order() {
        let order = |name: &str| {
            let table = all_tables().find(|table| table.name == name);
            let sql = ticket_rows_sql(&Relation::of(table.expect(name)));
            sql.split_once(" WHERE ").expect("a condition").1.to_owned()
        };
        assert_eq!(order("tickets"), "id = ?1");
        assert_eq!(order("messages"), "ticket_id = ?1 ORDER BY position, id");
        assert_eq!(order("live_messages"), order("messages"));
        assert_eq!(order("tickets_wide"), order("tickets"));
        assert_eq!(order("sla_results"), "ticket_id = ?1 ORDER BY policy");
        assert_eq!(
            order("message_attachments"),
            "ticket_id = ?1 ORDER BY message_id, position"
        );
    }

    #[test]
    fn every_path_that_is_made_is_known_and_no_other() {
        for table in all_tables() {
            let months: &[Option<&str>] = match is_monthly(table) {
                true => &[Some("2026-10"), None],
                false => &[None],
            };
            for month in months {
                let made = path(table, *month);
                let made = made.to_str().expect("text");
                assert!(is_image_path(table.name, *month, made), "{made}");
                assert!(is_placed_so(table.name, *month, made), "{made}");
            }
            let made = changes_path(table);
            assert!(is_changes_path(table.name, made.to_str().expect("text")));
        }
        for (table, month, path) in [
            ("tags", None, "../../../x"),
            ("tags", None, ""),
            ("tags", None, "/etc/passwd"),
            ("tags", None, "./tags/tags.parquet"),
            ("tags", None, "tags//tags.parquet"),
            ("tags", None, "tickets/tickets.parquet"),
            ("..", None, "../...parquet"),
            ("", None, "/.parquet"),
            ("a/b", None, "a/b/a/b.parquet"),
            (
                "tickets",
                Some(".."),
                "tickets/created_month=../tickets.parquet",
            ),
            (
                "tickets",
                Some("/../../x"),
                "tickets/created_month=/../../x/tickets.parquet",
            ),
            (
                "tickets",
                Some("2026-10"),
                "tickets/created_month=2026-11/tickets.parquet",
            ),
        ] {
            assert!(!is_image_path(table, month, path), "{path}");
            assert!(!is_placed_so(table, month, path), "{path}");
        }
        // Of a version that has other tables.
        let path = "macros/macros.parquet";
        assert!(is_image_path("macros", None, path) && !is_placed_so("macros", None, path));
        let path = "tags/created_month=2026-10/tags.parquet";
        assert!(is_image_path("tags", Some("2026-10"), path));
        assert!(!is_placed_so("tags", Some("2026-10"), path));
    }
}
