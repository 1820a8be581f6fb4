//! What policies come to: kept up with each page, computed anew where policies are others, and read by the view at the
//! present instant.

use mava_export::metrics::schedule::{Span, Week};
use mava_export::metrics::{Policy, Schedule, SlaMetric, SlaResult, TicketSla, judge};
use mava_export::normalize::TicketRows;
use mava_export::store::Renewed;
use mava_export::table::{Instant, parse_instant};
use rusqlite::Row;

use super::metrics::shaped;
use super::world::{Desk, at, seal, ticket};

const HOUR: i64 = 3_600_000;

pub(crate) fn policy(name: &str, metric: SlaMetric, hours: i64) -> Policy {
    Policy {
        name: name.to_owned(),
        metric,
        within_ms: hours * HOUR,
        priority: Vec::new(),
        category: Vec::new(),
    }
}

pub(super) fn policies() -> Vec<Policy> {
    let urgent = Policy {
        priority: vec![3, 4],
        ..policy("urgent", SlaMetric::FirstReply, 1)
    };
    vec![
        policy("never", SlaMetric::Resolution, 24 * 3_000),
        policy("replies", SlaMetric::FirstReply, 4),
        policy("resolutions", SlaMetric::Resolution, 48),
        urgent,
    ]
}

/// Nine to five on workdays in Berlin.
fn office() -> Schedule {
    let spans = [Span::parse("09:00-17:00").unwrap()];
    let week: Week = std::array::from_fn(|day| match day {
        0..5 => spans.to_vec(),
        _ => Vec::new(),
    });
    Schedule::weekly(chrono_tz::Tz::Europe__Berlin, &week, &Default::default())
}

/// The present, which the view goes by.
fn now(desk: &Desk) -> Instant {
    let text = desk.text("SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now')");
    parse_instant(&text.unwrap()).unwrap()
}

fn renew(desk: &mut Desk, policies: &[Policy]) -> Option<Renewed> {
    let now = now(desk);
    desk.store.promise_by(policies.to_vec());
    let renewed = desk.store.renew_metrics(now, &|_, _| true).unwrap();
    assert!(desk.store.has_current_metrics().unwrap());
    assert_eq!(desk.store.promises_behind(policies).unwrap(), None);
    renewed
}

fn rows(desk: &Desk) -> String {
    desk.text(
        "SELECT group_concat(substr(ticket_id, -1) || ' ' || policy || ' ' || snapshot_id, ', ' ORDER BY ticket_id, policy)
         FROM _ticket_slas",
    )
    .unwrap_or_default()
}

#[track_caller]
fn assert_whole(desk: &Desk) {
    let audit = desk.store.audit(&|_| true).unwrap();
    assert!(audit.is_whole(), "{audit:?}");
}

fn instant(row: &Row<'_>, name: &str) -> Option<Instant> {
    let text: Option<String> = row.get(name).unwrap();
    text.map(|text| parse_instant(&text).unwrap())
}

/// Each row of the view, and what the program makes of the stored row at the instant that the view was read.
fn viewed(desk: &Desk, schedule: &Schedule) -> Vec<(SlaResult, SlaResult)> {
    let look = desk.look();
    let mut select = look
        .prepare(
            "SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now') AS read_at, seen.*, held.stopped_at,
                 held.elapsed_ms AS held_ms
             FROM sla_results AS seen JOIN _ticket_slas AS held USING (ticket_id, policy)",
        )
        .unwrap();
    let both = select.query_map([], |row| {
        let held = TicketSla {
            ticket_id: row.get("ticket_id")?,
            policy: row.get("policy")?,
            metric: row.get("metric")?,
            started_at: instant(row, "started_at").unwrap(),
            due_at: instant(row, "due_at"),
            met_at: instant(row, "met_at"),
            stopped_at: instant(row, "stopped_at"),
            elapsed_ms: row.get("held_ms")?,
        };
        let read_at = instant(row, "read_at").unwrap();
        let seen = SlaResult {
            ticket_id: held.ticket_id.clone(),
            policy: held.policy.clone(),
            metric: held.metric.clone(),
            started_at: held.started_at,
            due_at: held.due_at,
            met_at: held.met_at,
            elapsed_ms: row.get("elapsed_ms")?,
            is_breached: row.get("is_breached")?,
        };
        Ok((seen, judge(&held, schedule, read_at)))
    });
    both.unwrap().map(Result::unwrap).collect()
}

#[test]
fn the_view_says_of_odd_tickets_what_the_program_does_at_the_same_instant() {
    for (schedule, hours) in [(office(), "office"), (Schedule::round_the_clock(), "24/7")] {
        let mut desk = Desk::new();
        desk.store.measure_by(schedule.clone(), hours.to_owned());
        renew(&mut desk, &policies());
        // Some of them hours old, so that clocks of them run.
        let recent = now(&desk) - chrono::TimeDelta::hours(30);
        let tickets: Vec<TicketRows> = (0..400)
            .map(|number| {
                let shape = u16::try_from(number * 7_919 % 65_536).unwrap();
                let mut rows = shaped(number, shape);
                if number % 2 == 0 {
                    let moved = recent - rows.ticket.created_at;
                    rows.ticket.created_at += moved;
                    rows.ticket.resolved_at = rows.ticket.resolved_at.map(|at| at + moved);
                    for message in rows.thread.iter_mut().flat_map(|it| &mut it.messages) {
                        message.created_at = message.created_at.map(|at| at + moved);
                    }
                }
                seal(rows)
            })
            .collect();
        desk.run(&tickets, "2026-01-01");
        let both = viewed(&desk, &schedule);
        assert_eq!(
            i64::try_from(both.len()).unwrap(),
            desk.number("SELECT count(*) FROM sla_results")
        );
        for (seen, judged) in &both {
            assert_eq!(seen, judged);
        }
        let count = |is_breached| {
            both.iter()
                .filter(|(seen, _)| seen.is_breached == is_breached)
                .count()
        };
        for is_breached in [None, Some(false), Some(true)] {
            assert!(count(is_breached) > 10, "{hours} {is_breached:?}");
        }
        assert!(
            both.iter()
                .any(|(seen, _)| seen.elapsed_ms > 0 && seen.met_at.is_none())
        );
        assert_whole(&desk);
    }
}

#[test]
fn other_policies_are_computed_anew_once_and_none_leave_nothing() {
    let mut desk = Desk::new();
    let mut spam = ticket(3);
    spam.ticket.status = Some("Spam".to_owned());
    desk.run(&[ticket(1), ticket(2), seal(spam)], "2026-01-01");
    assert_eq!(renew(&mut desk, &[]), None);
    assert_eq!(desk.number("SELECT count(*) FROM _openings"), 0);
    let replies = policy("replies", SlaMetric::FirstReply, 4);
    let told = desk
        .store
        .promises_behind(std::slice::from_ref(&replies))
        .unwrap();
    assert!(told.expect("told").contains("[[sla]]"));
    let renewed = renew(&mut desk, std::slice::from_ref(&replies)).expect("something to do");
    assert_eq!(
        (renewed.snapshot_id, renewed.tickets, renewed.changed),
        (2, 3, 2)
    );
    assert_eq!(rows(&desk), "1 replies 2, 2 replies 2");
    assert_eq!(desk.number("SELECT count(*) FROM _openings"), 1);
    assert_eq!(renew(&mut desk, std::slice::from_ref(&replies)), None);
    // Another one beside it leaves its rows alone.
    let both = [replies, policy("resolutions", SlaMetric::Resolution, 8)];
    assert_eq!(renew(&mut desk, &both).expect("something to do").changed, 2);
    assert_eq!(
        rows(&desk),
        "1 replies 2, 1 resolutions 3, 2 replies 2, 2 resolutions 3"
    );
    assert_whole(&desk);
    renew(&mut desk, &both[1..]).expect("something to do");
    assert_eq!(rows(&desk), "1 resolutions 3, 2 resolutions 3");
    assert_whole(&desk);
    // A deleted ticket has none, and has them again when it is back.
    let run = desk.begin("2026-01-02");
    let gone = ["ticket-00001".to_owned()];
    desk.store
        .mark_deleted(run.snapshot_id, &gone, at("2026-01-02"))
        .unwrap();
    assert_eq!(rows(&desk), "2 resolutions 3");
    desk.store.unmark_deleted(run.snapshot_id).unwrap();
    assert_eq!(rows(&desk), "1 resolutions 5, 2 resolutions 3");
    desk.finish(&run, "2026-01-02");
    renew(&mut desk, &[]).expect("something to do");
    assert_eq!(rows(&desk), "");
    assert_eq!(desk.number("SELECT count(*) FROM _openings"), 0);
    assert_whole(&desk);
}

#[test]
fn a_run_that_finds_nothing_changed_writes_none() {
    let mut desk = Desk::new();
    renew(&mut desk, &policies());
    let tickets: Vec<TicketRows> = (0..40)
        .map(|number| shaped(number, u16::try_from(number * 1_579).unwrap()))
        .collect();
    desk.run(&tickets, "2026-01-01");
    let before = rows(&desk);
    assert!(before.contains("replies 1"), "{before}");
    desk.run(&tickets, "2026-01-02");
    assert_eq!(renew(&mut desk, &policies()), None);
    assert_eq!(rows(&desk), before);
}

#[test]
fn business_time_is_laid_out_a_year_ahead_and_again_within_half_a_year_of_its_end() {
    let mut desk = Desk::new();
    desk.store.measure_by(office(), "office".to_owned());
    desk.store.promise_by(policies());
    let mut last = |now: &str| {
        desk.store.renew_metrics(at(now), &|_, _| true).unwrap();
        desk.text("SELECT max(starts_at) FROM _openings").unwrap()
    };
    assert_eq!(last("2026-01-01"), "2026-12-31T08:00:00.000Z");
    assert_eq!(last("2026-07-02"), "2026-12-31T08:00:00.000Z");
    assert_eq!(last("2026-07-04"), "2027-07-02T07:00:00.000Z");
    desk.store
        .measure_by(Schedule::round_the_clock(), "24/7".to_owned());
    desk.store
        .renew_metrics(at("2026-07-04"), &|_, _| true)
        .unwrap();
    assert_eq!(
        desk.text(
            "SELECT group_concat(starts_at || ' ' || ends_at || ' ' || before_ms) FROM _openings"
        )
        .as_deref(),
        Some("0001-01-01T00:00:00.000Z 9999-12-31T23:59:59.999Z 0")
    );
}

#[test]
fn rows_edited_by_hand_are_found_and_computed_again() {
    let mut desk = Desk::new();
    renew(&mut desk, &policies()[1..3]);
    desk.run(&[ticket(1), ticket(2)], "2026-01-01");
    let run = desk.begin("2026-01-03");
    let right = "1 replies 1, 1 resolutions 1, 2 replies 1, 2 resolutions 1";
    assert_eq!(rows(&desk), right);
    for edit in [
        "UPDATE _ticket_slas SET due_at = started_at WHERE ticket_id = 'ticket-00001' AND policy = 'replies'",
        "UPDATE _ticket_slas SET policy = 'others' WHERE ticket_id = 'ticket-00001' AND policy = 'replies'",
        "UPDATE _ticket_slas SET snapshot_id = 2 WHERE ticket_id = 'ticket-00001' AND policy = 'resolutions'",
        "DELETE FROM _ticket_slas WHERE ticket_id = 'ticket-00001' AND policy = 'replies'",
    ] {
        assert_eq!(desk.look().execute(edit, []).unwrap(), 1, "{edit}");
        let found = desk.store.audit(&|_| true).unwrap();
        let named: Vec<(&str, &str)> = found
            .damaged
            .iter()
            .map(|damage| (damage.table, damage.id.as_str()))
            .collect();
        assert_eq!(named, [("ticket_metrics", "ticket-00001")], "{edit}");
        let ids = ["ticket-00001", "ticket-00002"];
        assert_eq!(
            desk.store.mend_metrics(run.snapshot_id, &ids).unwrap(),
            1,
            "{edit}"
        );
        assert_whole(&desk);
    }
    assert_eq!(
        desk.number("SELECT count(*) FROM _ticket_slas WHERE policy IN ('replies', 'resolutions')"),
        4
    );
}
