//! What filters select of a store, in SQL and in the program.

use mava_export::mava::matches;
use mava_export::normalize::TicketRows;
use mava_export::settings::Filters;

use super::world::{Desk, seal, spec, tag, ticket};

/// A ticket with these words.
fn with(number: i64, set: impl FnOnce(&mut TicketRows)) -> TicketRows {
    let mut rows = ticket(number);
    set(&mut rows);
    seal(rows)
}

#[test]
fn sql_and_the_program_select_the_same_tickets() {
    let tickets = [
        ticket(1),
        with(2, |rows| rows.ticket.status = Some("open".into())),
        with(3, |rows| rows.ticket.status = None),
        with(4, |rows| rows.ticket.source_type = Some("WEB".into())),
        with(5, |rows| rows.ticket.source_type = Some("email".into())),
        with(6, |rows| rows.ticket.category_id = None),
        with(7, |rows| {
            rows.ticket.category_id = Some("Category-1".into())
        }),
        with(8, |rows| rows.ticket.assigned_agent_id = None),
        with(9, |rows| {
            rows.ticket.assigned_agent_id = Some("AGENT-1".into())
        }),
        with(10, |rows| rows.tags = vec![tag("tag-c", None)]),
        with(11, |rows| rows.tags = Vec::new()),
        with(12, |rows| rows.tags = vec![tag("TAG-A", None)]),
    ];
    let mut desk = Desk::new();
    let run = desk.begin("2026-01-01");
    desk.page(&run, &tickets, "2026-01-01");
    let words =
        |words: &[&str]| -> Vec<String> { words.iter().map(|word| (*word).to_owned()).collect() };
    let of = |set: fn(&mut Filters, Vec<String>), values: &[&str]| {
        let mut filters = Filters::default();
        set(&mut filters, words(values));
        filters
    };
    let mut selected = 0;
    for filters in [
        Filters::default(),
        of(|it, to| it.status = to, &["Open"]),
        of(|it, to| it.status = to, &["open", "Resolved"]),
        of(|it, to| it.origin = to, &["web"]),
        of(|it, to| it.origin = to, &["EMAIL", "discord"]),
        of(|it, to| it.category = to, &["category-1"]),
        of(|it, to| it.assigned_to = to, &["agent-1"]),
        of(|it, to| it.assigned_to = to, &["Unassigned"]),
        of(|it, to| it.tag = to, &["tag-a"]),
        of(|it, to| it.tag = to, &["tag-c", "TAG-A"]),
        Filters {
            status: words(&["Open"]),
            tag: words(&["tag-b"]),
            ..Filters::default()
        },
    ] {
        let expected: Vec<&str> = tickets
            .iter()
            .filter(|rows| matches(&filters, &[], &rows.ticket, &rows.tags))
            .map(|rows| rows.ticket.id.as_str())
            .collect();
        let held = desk.store.held(run.snapshot_id, spec().range, &filters);
        let held = held.expect("readable");
        let found: Vec<&str> = held
            .within(spec().range)
            .map(|one| one.id.as_str())
            .collect();
        assert_eq!(found, expected, "{filters:?}");
        selected += expected.len();
    }
    assert!(selected > 40, "{selected}");
}
