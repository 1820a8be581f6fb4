//! Totals beside the run that makes them: what it read while it went on, and what is published of them.

use mava_export::normalize::TicketRows;

use super::world::{Desk, at, seal, ticket};

#[track_caller]
fn assert_whole(desk: &Desk) {
    let audit = desk.store.audit(&|_| true).unwrap();
    assert!(audit.is_whole(), "{audit:?}");
}

fn created(desk: &Desk) -> String {
    desk.text(
        "SELECT group_concat(substr(starts_at, 12, 2), ' ') FROM hourly_volume WHERE created > 0",
    )
    .unwrap_or_default()
}

#[test]
fn what_a_run_read_of_the_hours_after_its_beginning_is_counted_by_the_next_one() {
    let mut desk = Desk::new();
    // Created at 07:30 and at 09:30.
    let tickets: Vec<TicketRows> = [450, 570].map(ticket).into();
    desk.run(&tickets, "2025-01-01T08:10:00Z");
    assert_eq!(created(&desk), "07");
    assert_whole(&desk);
    for (now, hours) in [
        ("2025-01-01T08:50:00Z", "07"),
        ("2025-01-01T12:00:00Z", "07 09"),
        ("2025-01-03T12:00:00Z", "07 09"),
    ] {
        desk.run(&tickets, now);
        assert_eq!(created(&desk), hours, "{now}");
        assert_whole(&desk);
    }
}

#[test]
fn a_desk_that_was_first_seen_after_midnight_is_of_the_day_on_which_that_was() {
    let mut desk = Desk::new();
    let run = desk.begin("2025-01-01T23:59:50Z");
    desk.page(&run, &[ticket(1)], "2025-01-02T00:00:05Z");
    desk.finish(&run, "2025-01-02T00:00:06Z");
    assert_whole(&desk);
    desk.run(&[ticket(1)], "2025-01-04T10:00:00Z");
    assert_whole(&desk);
    assert_eq!(
        desk.text("SELECT group_concat(DISTINCT backlog_source) FROM daily_metrics WHERE day > '2025-01-01'").unwrap(),
        "history"
    );
}

#[test]
fn while_a_run_goes_on_totals_are_those_of_the_run_before() {
    let mut desk = Desk::new();
    desk.run(&[ticket(1)], "2026-01-01");
    let totals = "SELECT group_concat(customer_id || tickets) FROM customer_metrics";
    let before = desk.text(totals);
    let run = desk.begin("2026-01-02");
    desk.page(&run, &[ticket(2), ticket(3)], "2026-01-02");
    desk.store
        .renew_metrics(at("2026-01-02"), &|_, _| true)
        .unwrap();
    desk.store.renew_totals().unwrap();
    assert_eq!(desk.text(totals), before);
    desk.finish(&run, "2026-01-02");
    assert_ne!(desk.text(totals), before);
    assert_whole(&desk);
}

#[test]
fn a_ticket_of_a_time_in_which_no_desk_was_makes_no_hours_of_half_a_century() {
    let mut desk = Desk::new();
    let mut old = ticket(2);
    old.ticket.created_at = at("1970-01-15");
    let old = seal(old);
    desk.run(&[ticket(1), old], "2025-01-01T12:00:00Z");
    for table in ["days", "hourly_volume"] {
        let first = format!("SELECT substr(min(starts_at), 1, 10) FROM {table}");
        assert_eq!(desk.text(&first).unwrap(), "2010-01-01", "{table}");
    }
    // It is counted where it is not told apart by those.
    assert_eq!(
        desk.text("SELECT sum(tickets) || '' FROM customer_metrics")
            .unwrap(),
        "2"
    );
    assert_whole(&desk);
    desk.run(&[], "2025-01-02T12:00:00Z");
    assert_whole(&desk);
}
