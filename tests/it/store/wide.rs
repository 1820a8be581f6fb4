//! `tickets_wide` and `customers_wide`: a column for each custom attribute that was ever seen.

use std::collections::BTreeMap;

use mava_export::normalize::TicketRows;
use mava_export::settings::Names;
use mava_export::table::{CustomerAttribute, TicketAttribute};

use super::world::{Desk, at, seal, ticket};

/// A ticket with these attributes: id, label and value.
fn with(number: i64, attributes: &[(&str, Option<&str>, &str)]) -> TicketRows {
    let mut rows = ticket(number);
    let places = (0..).zip(attributes);
    rows.attributes = places
        .map(|(position, (id, label, value))| TicketAttribute {
            ticket_id: rows.ticket.id.clone(),
            position,
            attribute_id: Some((*id).to_owned()),
            label: label.map(str::to_owned),
            value: Some((*value).to_owned()),
        })
        .collect();
    seal(rows)
}

/// The columns of attributes.
fn columns(desk: &Desk, view: &str) -> String {
    desk.text(&format!(
        "SELECT group_concat(name, ' ') FROM pragma_table_info('{view}') WHERE name LIKE 'attr%'"
    ))
    .unwrap_or_default()
}

#[test]
fn labels_that_clash_get_numbers_and_hostile_ones_are_but_text() {
    let mut desk = Desk::new();
    let hostile = "x\"; DROP TABLE tickets; --' \n\u{202e}";
    desk.run(
        &[
            with(
                1,
                &[("a", Some("Plan"), "gold"), ("b", Some("plan"), "silver")],
            ),
            with(
                2,
                &[
                    ("c", Some("id"), "7"),
                    ("d", Some(hostile), "evil"),
                    ("e", Some("…"), "dots"),
                ],
            ),
            // One that comes twice shows its first value.
            with(
                3,
                &[("f", Some("Plan"), "first"), ("f", Some("Plan"), "second")],
            ),
        ],
        "2026-01-01",
    );
    assert_eq!(
        columns(&desk, "tickets_wide"),
        "attr_plan attr_plan_2 attr_id attr_x_drop_table_tickets attr_"
    );
    let row = |number: i64| {
        desk.text(&format!(
            "SELECT id || ' ' || ifnull(attr_plan, '-') || ' ' || ifnull(attr_plan_2, '-') || ' '
                 || ifnull(attr_id, '-') || ' ' || ifnull(attr_x_drop_table_tickets, '-') || ' ' || ifnull(attr_, '-')
             FROM tickets_wide WHERE id = 'ticket-{number:05}'"
        ))
        .unwrap()
    };
    assert_eq!(row(1), "ticket-00001 gold silver - - -");
    assert_eq!(row(2), "ticket-00002 - - 7 evil dots");
    assert_eq!(row(3), "ticket-00003 first - - - -");
    assert_eq!(
        desk.text("SELECT category_name || ', ' || agent_name || ', ' || customer_name || ', ' || tag_names FROM tickets_wide LIMIT 1")
            .unwrap(),
        "category-1, agent-1, Ada, Beta, tag-a"
    );
}

#[test]
fn a_column_stays_when_nobody_has_the_attribute_any_more_and_a_deleted_ticket_has_no_row() {
    let mut desk = Desk::new();
    desk.run(
        &[with(1, &[("a", Some("Plan"), "gold")]), with(2, &[])],
        "2026-01-01",
    );
    desk.run(&[with(1, &[("b", Some("Seats"), "3")])], "2026-01-02");
    assert_eq!(columns(&desk, "tickets_wide"), "attr_plan attr_seats");
    assert_eq!(
        desk.text(
            "SELECT ifnull(attr_plan, '-') || attr_seats FROM tickets_wide WHERE attr_seats = 3"
        )
        .unwrap(),
        "-3"
    );
    let run = desk.begin("2026-01-03");
    desk.store
        .mark_deleted(
            run.snapshot_id,
            &["ticket-00001".to_owned()],
            at("2026-01-03"),
        )
        .unwrap();
    desk.finish(&run, "2026-01-03");
    assert_eq!(columns(&desk, "tickets_wide"), "attr_plan attr_seats");
    assert_eq!(
        desk.text("SELECT group_concat(id) FROM tickets_wide")
            .unwrap(),
        "ticket-00002"
    );
}

#[test]
fn an_attribute_without_a_label_has_a_column_by_its_id_and_another_by_the_name_that_it_is_given() {
    let mut desk = Desk::new();
    desk.run(&[with(1, &[("65f1", None, "gold")])], "2026-01-01");
    assert_eq!(columns(&desk, "tickets_wide"), "attr_65f1");
    // Also where the one before it looks like the new one with a number.
    for (day, name, expected) in [
        ("2026-01-02", "plan 2", "attr_65f1 attr_plan_2"),
        ("2026-01-03", "plan", "attr_65f1 attr_plan_2 attr_plan"),
        ("2026-01-04", "plan", "attr_65f1 attr_plan_2 attr_plan"),
        ("2026-01-05", "plan 2", "attr_65f1 attr_plan_2 attr_plan"),
    ] {
        desk.store.name_by(Names {
            tags: BTreeMap::new(),
            attributes: [("65f1".to_owned(), name.to_owned())].into(),
        });
        desk.run(&[with(1, &[("65f1", None, "gold")])], day);
        assert_eq!(columns(&desk, "tickets_wide"), expected, "{day}");
    }
    assert_eq!(
        desk.text("SELECT attr_65f1 || ' ' || attr_plan FROM tickets_wide")
            .unwrap(),
        "gold gold"
    );
}

#[test]
fn customers_have_theirs() {
    let mut desk = Desk::new();
    let mut rows = ticket(1);
    let customer = rows.customer.as_mut().unwrap();
    customer.attributes.push(CustomerAttribute {
        customer_id: customer.customer.id.clone(),
        position: 1,
        attribute_id: None,
        label: Some("Größe".to_owned()),
        value: Some("XL".to_owned()),
    });
    desk.run(&[seal(rows)], "2026-01-01");
    assert_eq!(columns(&desk, "customers_wide"), "attr_größe attr_name");
    assert_eq!(
        desk.text("SELECT id || ' ' || attr_name || ' ' || \"attr_größe\" FROM customers_wide")
            .unwrap(),
        "customer-1 Ada XL"
    );
}
