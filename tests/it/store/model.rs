//! Any sequence of pages equals the simplest model: the last writer of each ticket wins.

use std::collections::BTreeMap;

use mava_export::normalize::TicketRows;
use proptest::prelude::*;

use super::world::{Desk, message, reject, seal, spec, tag, ticket, without_thread};

/// One read of one ticket.
#[derive(Debug, Clone)]
struct Read {
    number: i64,
    status: u8,
    messages: i64,
    tags: u8,
    rejects: u8,
    has_thread: bool,
}

fn read() -> impl Strategy<Value = Read> {
    (0..5i64, 0..3u8, 0..4i64, 0..4u8, 0..4u8, any::<bool>()).prop_map(
        |(number, status, messages, tags, rejects, has_thread)| Read {
            number,
            status,
            messages,
            tags,
            rejects,
            has_thread,
        },
    )
}

/// What happens: a page, a ticket found gone, the end of a run.
#[derive(Debug, Clone)]
enum Step {
    Page(Vec<Read>),
    Gone(i64),
    NextRun,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop::collection::vec(read(), 0..5).prop_map(Step::Page),
        1 => (0..5i64).prop_map(Step::Gone),
        2 => Just(Step::NextRun),
    ]
}

fn rows(read: &Read) -> TicketRows {
    let mut rows = ticket(read.number);
    let id = rows.ticket.id.clone();
    rows.ticket.status = Some(format!("status-{}", read.status));
    rows.ticket.message_count = Some(read.messages);
    rows.tags = ["tag-1", "tag-2"]
        .into_iter()
        .enumerate()
        .filter(|(bit, _)| read.tags & (1 << bit) != 0)
        .map(|(_, id)| tag(id, None))
        .collect();
    rows.rejects = ["one", "two"]
        .into_iter()
        .enumerate()
        .filter(|(bit, _)| read.rejects & (1 << bit) != 0)
        .map(|(_, name)| reject(&format!("{id}-{name}"), Some(&id)))
        .collect();
    let thread = rows.thread.as_mut().unwrap();
    thread.messages = (0..read.messages)
        .map(|position| message(&id, position, rows.ticket.created_at))
        .collect();
    thread.attachments.truncate(usize::from(read.messages > 0));
    let rows = seal(rows);
    if read.has_thread {
        rows
    } else {
        without_thread(rows)
    }
}

/// What the store must hold of a ticket.
#[derive(Debug, Clone, PartialEq, Default)]
struct Held {
    status: String,
    messages: i64,
    message_count: Option<i64>,
    tags: String,
    rejects: i64,
    is_deleted: bool,
    versions: Vec<(String, String, Option<i64>, bool)>,
}

impl Held {
    fn take(&mut self, read: &Read) {
        self.status = format!("status-{}", read.status);
        if read.has_thread {
            self.messages = read.messages;
            self.message_count = Some(read.messages);
        }
        self.tags = ["", "tag-1", "tag-2", "tag-1,tag-2"][usize::from(read.tags)].to_owned();
        self.rejects = i64::from(read.rejects.count_ones());
        self.is_deleted = false;
        self.note();
    }

    fn note(&mut self) {
        let version = (
            self.status.clone(),
            self.tags.clone(),
            self.message_count,
            self.is_deleted,
        );
        if self.versions.last() != Some(&version) {
            self.versions.push(version);
        }
    }
}

fn held(desk: &Desk) -> BTreeMap<String, Held> {
    let look = desk.look();
    let mut statement = look
        .prepare(
            "SELECT t.id, t.status, (SELECT count(*) FROM messages WHERE ticket_id = t.id),
                 t.message_count,
                 coalesce((SELECT group_concat(tag_id) FROM (SELECT tag_id FROM ticket_tags
                     WHERE ticket_id = t.id ORDER BY tag_id)), ''),
                 (SELECT count(*) FROM rejects WHERE ticket_id = t.id), t.deleted_at IS NOT NULL
             FROM tickets t",
        )
        .unwrap();
    let mut versions = look
        .prepare(
            "SELECT status, coalesce((SELECT group_concat(value) FROM json_each(tags_json)), ''),
                 message_count, is_deleted
             FROM ticket_history WHERE ticket_id = ?1 ORDER BY valid_from",
        )
        .unwrap();
    let tickets = statement.query_map([], |row| {
        let id: String = row.get(0)?;
        let versions = versions
            .query_map([&id], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        Ok((
            id,
            Held {
                status: row.get(1)?,
                messages: row.get(2)?,
                message_count: row.get(3)?,
                tags: row.get(4)?,
                rejects: row.get(5)?,
                is_deleted: row.get(6)?,
                versions,
            },
        ))
    });
    tickets.unwrap().map(Result::unwrap).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_pages_equals_the_last_writer(
        steps in prop::collection::vec(step(), 0..16),
    ) {
        let mut desk = Desk::new();
        let mut model: BTreeMap<String, Held> = BTreeMap::new();
        let mut run = desk.begin("2026-01-01");
        for step in &steps {
            match step {
                Step::Page(reads) => {
                    let page: Vec<TicketRows> = reads.iter().map(rows).collect();
                    desk.page(&run, &page, "2026-01-01");
                    for (read, rows) in reads.iter().zip(&page) {
                        model.entry(rows.ticket.id.clone()).or_default().take(read);
                    }
                }
                Step::Gone(number) => {
                    let id = ticket(*number).ticket.id;
                    let now = spec().range.until();
                    desk.store.mark_deleted(run.snapshot_id, std::slice::from_ref(&id), now).unwrap();
                    if let Some(held) = model.get_mut(&id) {
                        held.is_deleted = true;
                        held.note();
                    }
                }
                Step::NextRun => {
                    desk.finish(&run, "2026-01-01");
                    run = desk.begin("2026-01-01");
                }
            }
            let snapshot = desk.store.snapshots(1).unwrap().remove(0);
            prop_assert_eq!(
                snapshot.rejects,
                desk.number(&format!("SELECT count(*) FROM _rejects_met WHERE snapshot_id = {}", run.snapshot_id))
            );
            prop_assert_eq!(
                snapshot.tickets_read,
                desk.number(&format!("SELECT count(*) FROM _ticket_index WHERE seen_snapshot = {}", run.snapshot_id))
            );
            prop_assert_eq!(
                snapshot.tickets_new + snapshot.tickets_changed + snapshot.tickets_deleted
                    >= desk.number(&format!("SELECT count(*) FROM tickets WHERE snapshot_id = {}", run.snapshot_id)),
                true
            );
        }
        prop_assert_eq!(held(&desk), model);
        desk.assert_references_hold();
    }
}
