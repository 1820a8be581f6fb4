//! `changes/` is exactly what tells an image from its parent.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use mava_export::metrics::Schedule;
use mava_export::metrics::SlaMetric;
use mava_export::metrics::schedule::Span;
use mava_export::normalize::TicketRows;
use mava_export::table::all_tables;
use proptest::prelude::*;

use super::support::{
    Row, Rows, Site, assert_same, image, key, moved, parquet_rows, ticket, with_status,
};
use crate::store::slas::policy;
use crate::store::world::{at, customer, message, seal, without_thread};

/// The changes of a snapshot applied to its parent's image. Each key occurs once, an insert is
/// new, an update differs, a deleted row is as it was.
fn applied(mut rows: Rows, snapshot: &Path) -> Rows {
    for table in all_tables() {
        let path = snapshot.join(format!("changes/{}.parquet", table.name));
        if !path.exists() {
            continue;
        }
        let of_table = rows.get_mut(table.name).unwrap();
        let mut seen = BTreeMap::new();
        let mut has_others = false;
        for mut row in parquet_rows(&path, table, true) {
            let operation = row.pop().unwrap();
            let key = key(table, &row);
            let before: Option<Row> = match operation.as_str() {
                "'delete'" => of_table.remove(&key),
                _ => of_table.insert(key.clone(), row.clone()),
            };
            // What was first seen since then was NULL.
            let before = before.map(|mut before| {
                before.resize(row.len(), "NULL".to_owned());
                before
            });
            match operation.as_str() {
                "'delete'" => {
                    assert_eq!(before.as_ref(), Some(&row), "{}", table.name);
                    assert!(!has_others, "{}: deleted rows come first", table.name);
                }
                "'insert'" => assert_eq!(before, None, "{}: {key:?}", table.name),
                "'update'" => {
                    let differs = before.is_some_and(|before| before != row);
                    assert!(differs, "{}: {key:?}", table.name);
                }
                other => panic!("{other}"),
            }
            has_others |= operation != "'delete'";
            assert_eq!(seen.insert(key, operation), None, "{}: twice", table.name);
        }
        assert!(!seen.is_empty(), "{}: a file without a row", table.name);
    }
    // And is, where no row is another.
    for (table, now) in image(snapshot) {
        let width = now.values().next().map_or(0, Vec::len);
        for row in rows.get_mut(&table).unwrap().values_mut() {
            row.resize(row.len().max(width), "NULL".to_owned());
        }
    }
    rows
}

#[test]
fn a_first_snapshot_has_no_changes_and_no_parent() {
    let mut site = Site::of(0..10, 2);
    let published = site.publish();
    assert!(published.changes.is_empty() && published.parent.is_none());
    let changes = site.snapshot("000001").join("changes");
    assert_eq!(std::fs::read_dir(changes).unwrap().count(), 0);
}

/// One step of the life of a desk.
#[derive(Debug, Clone)]
enum Step {
    Status(i64, u8),
    Move(i64, i64),
    Message(i64, bool),
    Reorder(i64),
    NoMessages(i64),
    Customer(i64, u8),
    Attributes(i64, u8),
    Delete(i64),
    New(i64),
}

const MONTHS: u32 = 4;
const TICKETS: i64 = 24;

fn step() -> impl Strategy<Value = Step> {
    let known = 0..TICKETS;
    prop_oneof![
        4 => (known.clone(), 0u8..3).prop_map(|(number, status)| Step::Status(number, status)),
        2 => (known.clone(), 0i64..200_000).prop_map(|(number, minutes)| Step::Move(number, minutes)),
        3 => (known.clone(), any::<bool>()).prop_map(|(number, more)| Step::Message(number, more)),
        2 => known.clone().prop_map(Step::Reorder),
        1 => known.clone().prop_map(Step::NoMessages),
        2 => (known.clone(), 0u8..3).prop_map(|(number, name)| Step::Customer(number, name)),
        2 => (known.clone(), 0u8..3).prop_map(|(number, value)| Step::Attributes(number, value)),
        2 => known.prop_map(Step::Delete),
        2 => (TICKETS..TICKETS * 2).prop_map(Step::New),
    ]
}

struct World {
    tickets: BTreeMap<i64, TicketRows>,
}

impl World {
    /// Takes a step; the tickets it touched are read by the run, the others are left out.
    fn take(&mut self, step: &Step, deleted: &mut Vec<String>) -> Option<TicketRows> {
        let number = match step {
            Step::New(number) => {
                let fresh = ticket(*number, MONTHS);
                self.tickets.entry(*number).or_insert(fresh);
                return self.tickets.get(number).cloned();
            }
            Step::Delete(number) => {
                deleted.push(self.tickets.get(number)?.ticket.id.clone());
                return None;
            }
            Step::Status(number, _)
            | Step::Move(number, _)
            | Step::Message(number, _)
            | Step::Reorder(number)
            | Step::NoMessages(number)
            | Step::Customer(number, _)
            | Step::Attributes(number, _) => *number,
        };
        let mut rows = self.tickets.get(&number)?.clone();
        let created_at = rows.ticket.created_at;
        match step {
            Step::Status(_, status) => rows = with_status(rows, &format!("Status {status}")),
            Step::Move(_, minutes) => {
                rows = moved(
                    rows,
                    at("2025-01-01") + chrono::TimeDelta::minutes(*minutes),
                );
            }
            Step::Message(_, true) => {
                let thread = rows.thread.as_mut()?;
                let position = i64::try_from(thread.messages.len()).unwrap();
                let more = message(&rows.ticket.id, position, created_at);
                thread.messages.push(more);
            }
            Step::Message(_, false) => {
                let thread = rows.thread.as_mut()?;
                thread
                    .messages
                    .truncate(thread.messages.len().saturating_sub(1).max(1));
                let left: HashSet<_> = thread.messages.iter().map(|row| &row.id).collect();
                let is_left = |id: &String| left.contains(id);
                thread.attachments.retain(|row| is_left(&row.message_id));
            }
            Step::Reorder(_) => {
                let thread = rows.thread.as_mut()?;
                thread.messages.reverse();
                for (position, message) in (0..).zip(&mut thread.messages) {
                    message.position = position;
                }
            }
            Step::NoMessages(_) => return Some(without_thread(rows)),
            Step::Customer(_, name) => {
                let id = rows.ticket.customer_id.clone()?;
                rows.customer = Some(customer(&id, &format!("Name {name}")));
            }
            Step::Attributes(_, value) => {
                rows.attributes[0].label = Some(format!("label {}", number % 5));
                rows.attributes[0].value = Some(format!("value {value}"));
            }
            Step::New(_) | Step::Delete(_) => {}
        }
        let rows = seal(rows);
        self.tickets.insert(number, rows.clone());
        Some(rows)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Runs that change tickets in every way, some published before they end.
    #[test]
    fn the_changes_applied_to_the_parent_are_the_image(
        runs in prop::collection::vec(
            (prop::collection::vec(step(), 0..7), any::<bool>()), 1..5),
    ) {
        let mut site = Site::new();
        // One clock that runs on for most tickets, and one that is over for each that is resolved.
        site.desk.store.promise_by(vec![
            policy("replies", SlaMetric::FirstReply, 1),
            policy("resolutions", SlaMetric::Resolution, 24 * 366),
        ]);
        let mut world = World {
            tickets: (0..TICKETS).map(|number| (number, ticket(number, MONTHS))).collect(),
        };
        let all: Vec<TicketRows> = world.tickets.values().cloned().collect();
        site.run(&all);
        // Lays out when the desk is open.
        let now = at(&site.tick());
        site.desk.store.renew_metrics(now, &|_, _| true).unwrap();
        let mut parent = site.publish().snapshot;
        for (steps, is_published_early) in runs {
            let mut deleted = Vec::new();
            let now = site.tick();
            let run = site.desk.begin(&now);
            for (count, step) in steps.iter().enumerate() {
                let tickets: Vec<TicketRows> = world.take(step, &mut deleted).into_iter().collect();
                let now = site.tick();
                site.desk.page(&run, &tickets, &now);
                if is_published_early && count == steps.len() / 2 {
                    parent = assert_step(&mut site, &parent);
                }
            }
            let now = at(&site.tick());
            site.desk.store.mark_deleted(run.snapshot_id, &deleted, now).unwrap();
            let now = site.tick();
            site.desk.finish(&run, &now);
            parent = assert_step(&mut site, &parent);
        }
    }
}

fn assert_step(site: &mut Site, parent: &str) -> String {
    let before = image(&site.snapshot(parent));
    let published = site.publish();
    assert!(
        published.is_new,
        "each page and each end writes the run's own record"
    );
    assert_eq!(published.parent.as_deref(), Some(parent));
    site.assert_current();
    let after = applied(before, &site.snapshot(&published.snapshot));
    assert_same(&after, &site.stored(), "applied");
    published.snapshot
}

#[test]
fn metrics_that_are_computed_anew_are_changes_of_their_months_alone() {
    let mut site = Site::of(0..9, 3);
    site.publish();
    // A holiday in the first month: the files of the other two are linked.
    let spans = vec![Span::parse("00:00-24:00").unwrap()];
    let week = std::array::from_fn(|_| spans.clone());
    let holidays = [chrono::NaiveDate::from_ymd_opt(2025, 1, 1).unwrap()];
    let schedule = Schedule::weekly(chrono_tz::Tz::UTC, &week, &holidays.into());
    let resolved = with_status(ticket(0, 3), "Resolved");
    site.run(&[resolved]);
    site.publish();
    site.desk
        .store
        .measure_by(schedule, "no new year".to_owned());
    let now = at(&site.tick());
    let renewed = site.desk.store.renew_metrics(now, &|_, _| true).unwrap();
    assert!(renewed.unwrap().changed > 0);
    let published = site.publish();
    let tables: Vec<&str> = published
        .changes
        .iter()
        .map(|changes| changes.table.as_str())
        .collect();
    assert_eq!(tables, ["ticket_metrics", "snapshots"]);
    let rows = applied(image(&site.snapshot("000002")), &site.snapshot("000003"));
    assert_same(&rows, &site.stored(), "metrics anew");
    site.assert_current();
    assert!(published.files_unchanged > 0);
}
