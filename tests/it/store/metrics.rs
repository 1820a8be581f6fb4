//! Metrics: kept up with each page as computing all of them would make them, and computed anew where they
//! have to be.

use std::collections::BTreeSet;
use std::path::Path;

use chrono::TimeDelta;
use mava_export::metrics::Schedule;
use mava_export::metrics::schedule::{Span, Week};
use mava_export::normalize::TicketRows;
use mava_export::store::{Renewed, Store};
use mava_export::table::{
    Instant, Message, Record, RunKind, Table, TicketEvent, TicketMetrics, TicketSla, instant_text,
};
use proptest::prelude::*;
use rusqlite::Connection;
use rusqlite::types::Value;

use super::slas::policies;
use super::world::{Desk, at, message, open, seal, spec, ticket, without_thread};

/// What takes all metrics away, as in a store that an earlier version wrote.
const WIPE: &str = "DELETE FROM ticket_events; DELETE FROM ticket_metrics; DELETE FROM _metrics;
    DELETE FROM _ticket_slas;
    UPDATE _ticket_index SET metrics_hash = NULL;";

/// The content of the tables, without which run wrote it.
fn stored(connection: &Connection) -> Vec<String> {
    let read = |table: &Table| -> Vec<String> {
        let names: Vec<&str> = table.content.iter().map(|column| column.name).collect();
        let sql = format!(
            "SELECT {} FROM {} ORDER BY {}",
            names.join(", "),
            table.name,
            table.key.join(", ")
        );
        let mut select = connection.prepare(&sql).unwrap();
        let rows = select.query_map([], |row| {
            let cells = (0..names.len()).map(|index| row.get::<_, Value>(index));
            let cells = cells.map(|cell| cell.map(|cell| format!("{cell:?}")));
            cells.collect::<rusqlite::Result<Vec<_>>>()
        });
        rows.unwrap().map(|row| row.unwrap().join(" ")).collect()
    };
    let mut rows = read(TicketMetrics::TABLE);
    rows.extend(read(TicketEvent::TABLE));
    rows.extend(read(TicketSla::TABLE));
    rows
}

/// The same of a copy of the store, in which all of it was computed anew.
fn anew(desk: &Desk) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("anew.db");
    desk.look()
        .execute("VACUUM INTO ?1", [path.to_str().unwrap()])
        .unwrap();
    wipe(&path);
    let mut store = measured(&path);
    renew(&mut store).expect("something to do");
    stored(store.connection())
}

fn wipe(path: &Path) {
    Connection::open(path).unwrap().execute_batch(WIPE).unwrap();
}

fn renew(store: &mut Store) -> Option<Renewed> {
    store.renew_metrics(at("2026-02-01"), &|_, _| true).unwrap()
}

/// A store that counts business hours on Wednesdays.
fn measured(path: &Path) -> Store {
    let mut store = open(path).unwrap();
    on_wednesdays(&mut store);
    store
}

/// January 1st 2025, on which the tickets of these tests are created, was one.
fn on_wednesdays(store: &mut Store) {
    let mut week = Week::default();
    week[2] = vec![Span::parse("00:00-00:30").unwrap()];
    let schedule = Schedule::weekly(chrono_tz::Tz::UTC, &week, &BTreeSet::new());
    store.measure_by(schedule, "wednesdays".to_owned());
    store.promise_by(policies());
}

const STATUSES: [&str; 5] = ["Open", "Pending", "Resolved", "Spam", "Resolved"];

/// A ticket in one of many states.
pub(super) fn shaped(number: i64, shape: u16) -> TicketRows {
    let mut rows = ticket(number);
    let pick = |shift: u16, of: u16| usize::from((shape >> shift) % of);
    let created_at = rows.ticket.created_at;
    let status = STATUSES[pick(0, 5)];
    rows.ticket.status = Some(status.to_owned());
    rows.ticket.priority = Some(i64::try_from(pick(2, 4)).unwrap() + 1);
    rows.ticket.assigned_agent_id =
        [None, Some("agent-1"), Some("agent-2")][pick(4, 3)].map(str::to_owned);
    rows.ticket.csat = [None, Some(1), Some(5)][pick(6, 3)];
    if status == "Resolved" {
        let time = TimeDelta::minutes(i64::try_from(pick(8, 40)).unwrap());
        rows.ticket.resolution_time_ms = Some(time.num_milliseconds());
        rows.ticket.resolved_at = Some(created_at + time);
    }
    rows.tags.truncate(pick(5, 3));
    let id = rows.ticket.id.clone();
    let count = pick(9, 7);
    let messages: Vec<Message> = (0..count)
        .map(|place| said(&id, place, created_at, pick(7, 9) + place))
        .collect();
    rows.ticket.message_count = Some(i64::try_from(count).unwrap());
    let thread = rows.thread.as_mut().unwrap();
    thread.messages = messages;
    thread.attachments.clear();
    match pick(11, 5) {
        0 => without_thread(rows),
        _ => seal(rows),
    }
}

/// A message of one kind or another.
fn said(id: &str, place: usize, created_at: Instant, kind: usize) -> Message {
    let place = i64::try_from(place).unwrap();
    let sent_at = created_at + TimeDelta::minutes(7 * place);
    let mut message = message(id, place, sent_at);
    match kind % 5 {
        0 | 1 => {}
        2 => {
            message.sender_type = Some("agent".to_owned());
            message.sender_reference_type = Some("ClientMember".to_owned());
            message.sender_id = Some("agent-1".to_owned());
        }
        3 => message.message_type = Some("InternalNote".to_owned()),
        _ => {
            message.sender_type = Some("system".to_owned());
            message.message_type = Some("StatusAction".to_owned());
            message.action_log_from = Some("Open".to_owned());
            message.action_log_to = Some("Resolved".to_owned());
        }
    }
    message
}

/// How a run ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Finished,
    /// Killed; the next one goes on with it.
    Killed,
    /// A ticket was found gone.
    Deleted(i64),
    /// And it was not believed.
    TakenBack(i64),
    /// Instants of resolution are left out from now on, or not any more.
    Doubted(bool),
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        2 => Just(End::Finished),
        2 => Just(End::Killed),
        2 => (0..6i64).prop_map(End::Deleted),
        2 => (0..6i64).prop_map(End::TakenBack),
        1 => any::<bool>().prop_map(End::Doubted),
    ]
}

fn lived(desk: &mut Desk, night: i64, read: &[(i64, u16)], end: End) {
    let now = at("2026-01-01") + TimeDelta::days(night);
    let text = instant_text(now);
    let run = desk.begin(&text);
    let mut seen = BTreeSet::new();
    let tickets: Vec<TicketRows> = read
        .iter()
        .filter(|(number, _)| seen.insert(*number))
        .map(|(number, shape)| shaped(*number, *shape))
        .collect();
    desk.page(&run, &tickets, &text);
    let gone = |number: i64| [format!("ticket-{number:05}")];
    match end {
        End::Killed => {
            // What is open is closed before it is opened again.
            desk.store = open(&desk.directory.path().join("other.db")).unwrap();
            desk.store = measured(&desk.path());
            return;
        }
        End::Finished => {}
        End::Deleted(number) => {
            desk.store
                .mark_deleted(run.snapshot_id, &gone(number), now)
                .unwrap();
        }
        End::TakenBack(number) => {
            desk.store
                .mark_deleted(run.snapshot_id, &gone(number), now)
                .unwrap();
            desk.store.unmark_deleted(run.snapshot_id).unwrap();
        }
        End::Doubted(doubts) => {
            desk.store
                .doubt_resolutions(run.snapshot_id, doubts)
                .unwrap();
        }
    }
    desk.finish(&run, &text);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_kept_up_is_what_all_of_it_computed_anew_would_be(
        nights in proptest::collection::vec(
            (proptest::collection::vec((0..6i64, any::<u16>()), 0..6), end()), 1..10)
    ) {
        let mut desk = Desk::new();
        on_wednesdays(&mut desk.store);
        // Without a ticket there is nothing to do but to note it.
        prop_assert_eq!(renew(&mut desk.store), None);
        for (night, (read, end)) in (0i64..).zip(nights) {
            lived(&mut desk, night, &read, end);
            prop_assert!(desk.store.has_current_metrics().unwrap());
            let kept = stored(&desk.look());
            if desk.number("SELECT count(*) FROM tickets") > 0 {
                prop_assert_eq!(kept, anew(&desk), "night {}", night);
            }
            desk.assert_references_hold();
        }
    }
}

#[test]
fn a_deletion_that_is_taken_back_takes_its_event_back() {
    let mut desk = Desk::new();
    desk.run(&[ticket(1)], "2026-01-01");
    let run = desk.begin("2026-01-02");
    let before = desk.dump()["ticket_events"].clone();
    let ids = ["ticket-00001".to_owned()];
    desk.store
        .mark_deleted(run.snapshot_id, &ids, at("2026-01-02"))
        .unwrap();
    let deleted = "SELECT count(*) FROM ticket_events WHERE kind = 'deletion' AND to_value = '1'";
    assert_eq!(desk.number(deleted), 1);
    assert_eq!(desk.number("SELECT is_deleted FROM ticket_metrics"), 1);
    desk.store.unmark_deleted(run.snapshot_id).unwrap();
    assert_eq!(desk.dump()["ticket_events"], before);
    assert_eq!(desk.number("SELECT is_deleted FROM ticket_metrics"), 0);
    // An event that is gone has no row that could tell, but the ticket's own row does.
    assert_eq!(
        desk.number("SELECT snapshot_id FROM ticket_metrics"),
        run.snapshot_id
    );
}

#[test]
fn only_metrics_that_differ_are_written_again() {
    let mut desk = Desk::new();
    desk.run(&[ticket(1), ticket(2)], "2026-01-01");
    let mut other = ticket(1);
    other.ticket.email_subject = Some("Hello".to_owned());
    let mut resolved = ticket(2);
    resolved.ticket.status = Some("Resolved".to_owned());
    let counts = desk.run(&[seal(other), seal(resolved)], "2026-01-02");
    assert_eq!(counts.changed, 2);
    let of = |table: &str| {
        desk.text(&format!(
            "SELECT group_concat(snapshot_id) FROM {table} ORDER BY 1"
        ))
        .unwrap()
    };
    assert_eq!(of("ticket_metrics"), "1,2");
    assert_eq!(of("ticket_events"), "2");
}

#[test]
fn a_store_without_metrics_gets_them_by_a_run_of_its_own() {
    let mut desk = Desk::new();
    let tickets: Vec<TicketRows> = (0..20).map(|number| shaped(number, 7 * 997)).collect();
    desk.run(&tickets, "2026-01-01");
    let before = stored(&desk.look());
    wipe(&desk.path());
    assert!(!desk.store.has_current_metrics().unwrap());
    let words = desk.store.metrics_behind("24/7").unwrap().unwrap();
    assert!(words.contains("never computed"), "{words}");
    let renewed = renew(&mut desk.store).unwrap();
    assert_eq!(
        (renewed.snapshot_id, renewed.tickets, renewed.changed),
        (2, 20, 20)
    );
    assert_eq!(stored(&desk.look()), before);
    let run = desk.store.snapshots(1).unwrap().remove(0);
    assert!(run.is_of(RunKind::Metrics) && run.is_proven(), "{run:?}");
    assert_eq!(
        (run.tickets_read, run.tickets_changed, run.tickets_new),
        (20, 20, 0)
    );
    assert_eq!(run.range_from, tickets[0].ticket.created_at);
    // It claims to have read nothing.
    assert_eq!(
        desk.store.coverage().unwrap().map(|it| it.complete_at),
        Some(at("2025-07-01"))
    );
    // And what is current costs nothing.
    let changes = desk.store.connection().total_changes();
    assert_eq!(renew(&mut desk.store), None);
    assert_eq!(desk.store.connection().total_changes(), changes);
    assert_eq!(desk.store.metrics_behind("24/7").unwrap(), None);
}

#[test]
fn one_that_is_cut_short_is_gone_on_with() {
    let mut desk = Desk::new();
    let tickets: Vec<TicketRows> = (0..2_300).map(ticket).collect();
    desk.run(&tickets, "2026-01-01");
    wipe(&desk.path());
    let now = at("2026-02-01");
    let error = desk
        .store
        .renew_metrics(now, &|done, all| {
            assert_eq!(all, 2_300);
            done < 1_000
        })
        .unwrap_err();
    assert!(error.is_interruption());
    assert_eq!(desk.number("SELECT count(*) FROM ticket_metrics"), 1_000);
    let words = desk.store.metrics_behind("24/7").unwrap().unwrap();
    assert!(words.contains("only in part"), "{words}");
    desk.store = open(&desk.directory.path().join("other.db")).unwrap();
    desk.store = open(&desk.path()).unwrap();
    let begun = std::cell::Cell::new(None);
    let renewed = desk
        .store
        .renew_metrics(now, &|done, _| {
            begun.set(begun.get().or(Some(done)));
            true
        })
        .unwrap()
        .unwrap();
    assert_eq!((renewed.snapshot_id, renewed.tickets), (2, 1_300));
    assert_eq!(begun.get(), Some(1_000));
    let run = desk.store.snapshots(1).unwrap().remove(0);
    assert_eq!(
        (run.id, run.tickets_read, run.outcome.as_str()),
        (2, 2_300, "complete")
    );
    assert_eq!(desk.number("SELECT count(*) FROM ticket_metrics"), 2_300);
}

#[test]
fn an_unfinished_run_stays_so_and_writes_them() {
    let mut desk = Desk::new();
    let run = desk.begin("2026-01-01");
    desk.page(&run, &[ticket(1), ticket(2)], "2026-01-01");
    wipe(&desk.path());
    let renewed = renew(&mut desk.store).unwrap();
    assert_eq!((renewed.snapshot_id, renewed.changed), (run.snapshot_id, 2));
    assert_eq!(desk.number("SELECT count(*) FROM snapshots"), 1);
    let resumed = desk.begin("2026-01-02");
    assert!(resumed.is_resumed && resumed.superseded.is_empty());
    assert_eq!(resumed.snapshot.tickets_read, 2);
    desk.finish(&resumed, "2026-01-02");
}

#[test]
fn other_hours_are_computed_once_and_change_what_they_are_about() {
    let mut desk = Desk::new();
    let mut answered = ticket(1);
    if let Some(thread) = &mut answered.thread {
        thread.messages[2] = said(
            "ticket-00001",
            2,
            answered.ticket.created_at + TimeDelta::hours(1),
            2,
        );
    }
    desk.run(&[seal(answered), ticket(2)], "2026-01-01");
    let business =
        "SELECT first_reply_business_ms FROM ticket_metrics WHERE ticket_id = 'ticket-00001'";
    assert_eq!(desk.number(business), 74 * 60_000);
    on_wednesdays(&mut desk.store);
    desk.store.promise_by(Vec::new());
    let words = desk.store.metrics_behind("wednesdays").unwrap().unwrap();
    assert!(words.contains("other business hours"), "{words}");
    let renewed = renew(&mut desk.store).unwrap();
    assert_eq!((renewed.tickets, renewed.changed), (2, 1));
    // From 00:01 to 00:30.
    assert_eq!(desk.number(business), 29 * 60_000);
    assert_eq!(renew(&mut desk.store), None);
    assert_eq!(
        desk.text("SELECT group_concat(snapshot_id) FROM ticket_metrics")
            .unwrap(),
        "2,1"
    );
}

#[test]
fn what_is_edited_by_hand_is_found_and_computed_again() {
    let mut desk = Desk::new();
    let mut resolved = ticket(1);
    resolved.ticket.status = Some("Resolved".to_owned());
    desk.run(&[ticket(1), ticket(2)], "2026-01-01");
    desk.run(&[seal(resolved)], "2026-01-02");
    let right = stored(&desk.look());
    let begun = desk.begin_as(&spec(), "2026-01-03");
    for edit in [
        "UPDATE ticket_metrics SET reopen_count = 7 WHERE ticket_id = 'ticket-00001'",
        "UPDATE ticket_metrics SET waiting_since = 'soon' WHERE ticket_id = 'ticket-00001'",
        "DELETE FROM ticket_metrics WHERE ticket_id = 'ticket-00001'",
        "DELETE FROM ticket_events",
        "UPDATE ticket_events SET to_value = 'Spam'",
        "UPDATE ticket_metrics SET snapshot_id = 1 WHERE ticket_id = 'ticket-00001'",
        "UPDATE ticket_events SET snapshot_id = 1",
        "UPDATE ticket_events SET position = 3",
        "UPDATE ticket_events SET position = -1",
        "INSERT INTO ticket_events SELECT ticket_id, 9, kind, from_value, to_value, occurred_at,
             not_before, actor_type, actor_id, source, snapshot_id FROM ticket_events",
    ] {
        assert_eq!(desk.look().execute(edit, []).unwrap(), 1, "{edit}");
        let found = desk.store.audit(&|_| true).unwrap();
        let named: Vec<(&str, &str)> = found
            .damaged
            .iter()
            .map(|damage| (damage.table, damage.id.as_str()))
            .filter(|(table, _)| *table == "ticket_metrics")
            .collect();
        assert_eq!(
            named,
            [("ticket_metrics", "ticket-00001")],
            "{edit}: {found:?}"
        );
        let ids = ["ticket-00001", "ticket-00002"];
        let mended = desk.store.mend_metrics(begun.snapshot_id, &ids).unwrap();
        assert_eq!(mended, 1, "{edit}");
        assert_eq!(stored(&desk.look()), right, "{edit}");
    }
}
