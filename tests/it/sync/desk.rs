//! A desk of the last three hundred days that was copied yesterday, what happens on it, and a sync of it.

use chrono::TimeDelta;
use mava_export::error::{ExitCode, Result};
use mava_export::report::{CountedWindow, Step, SyncSummary};
use mava_export::settings::{Spend, Sync, Whole};
use mava_export::simulator::{Quirks, SimulatorSpec, Ticket, World, WorldSpec};
use mava_export::sync;
use mava_export::table::{RunKind, instant_text};

use crate::support::{Desk, NOW};

/// A desk of the last 300 days, up to yesterday.
pub(crate) fn recent(tickets: usize) -> World {
    generated(7, tickets, 2.0)
}

/// Another one, without messages.
pub(crate) fn terse(tickets: usize) -> World {
    generated(11, tickets, 0.0)
}

pub(crate) fn generated(seed: u64, tickets: usize, mean_messages: f64) -> World {
    World::generate(&WorldSpec {
        seed,
        tickets,
        from: NOW - TimeDelta::days(300),
        until: NOW - TimeDelta::days(1) - TimeDelta::minutes(30),
        mean_messages,
    })
}

/// A desk that is to be copied, on the day before.
pub(crate) async fn opened(world: World, quirks: Quirks) -> Desk {
    let mut desk = Desk::open(SimulatorSpec {
        quirks,
        ..SimulatorSpec::new(world)
    })
    .await;
    let yesterday = NOW - TimeDelta::days(1);
    desk.set_now(yesterday);
    desk.settings.since = NOW - TimeDelta::days(301);
    desk.settings.until = None;
    desk
}

/// A desk that was copied yesterday.
pub(crate) async fn copied(world: World, quirks: Quirks) -> Desk {
    let desk = opened(world, quirks).await;
    let (_, exit_code) = desk.backfill().await.expect("a backfill");
    assert_eq!(exit_code, ExitCode::Complete);
    desk.set_now(NOW);
    desk
}

pub(crate) fn settings(desk: &Desk) -> Sync {
    Sync {
        kind: RunKind::Backfill,
        since: None,
        // Otherwise desks as small as those of tests are read in full.
        whole: Whole::Never,
        spend: Spend::requests(40),
        has_messages: true,
        max_lanes: 4,
        allow_deletions: false,
        store: desk.settings.store.clone(),
    }
}

pub(crate) async fn sync_with(desk: &Desk, settings: &Sync) -> Result<(SyncSummary, ExitCode)> {
    sync::sync(&desk.context()?, settings).await
}

pub(crate) async fn sync(desk: &Desk) -> (SyncSummary, ExitCode) {
    sync_with(desk, &settings(desk)).await.expect("a sync")
}

/// Every live ticket is stored with the status, the rating, the resolution time, the last change and as many
/// messages as it has on the desk, and nothing else is live.
#[track_caller]
pub(crate) fn assert_current(desk: &Desk) {
    let audit = desk.audit();
    assert!(audit.is_whole(), "{audit:?}");
    let mut expected: Vec<String> = desk.simulator.with_world(|world| {
        let line = |ticket: &Ticket| {
            let updated_at = ticket.updated_at.map(instant_text).unwrap_or_default();
            let csat = ticket.csat.map(|csat| csat.to_string()).unwrap_or_default();
            let time = desk.quirks.resolution_time.of(ticket);
            let time = time.map(|time| time.to_string()).unwrap_or_default();
            let messages = ticket.messages.iter();
            let messages = messages.filter(|message| !message.is_deleted).count();
            format!(
                "{} {} {updated_at} {csat} {time} {messages}",
                ticket.id, ticket.status
            )
        };
        world.tickets().map(line).collect()
    });
    expected.sort();
    let stored = desk.column(
        "SELECT id || ' ' || status || ' ' || coalesce(updated_at, '') || ' ' || coalesce(csat, '') || ' '
             || coalesce(resolution_time_ms, '') || ' ' || message_count FROM tickets WHERE deleted_at IS NULL ORDER BY id",
    );
    let wrong: Vec<_> = expected
        .iter()
        .zip(&stored)
        .filter(|(one, other)| one != other)
        .collect();
    assert_eq!(stored.len(), expected.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The ids of tickets that are so, in world order.
pub(crate) fn ids(desk: &Desk, is_so: impl Fn(&Ticket) -> bool) -> Vec<String> {
    desk.simulator.with_world(|world| {
        let tickets = world.tickets().filter(|ticket| is_so(ticket));
        tickets.map(|ticket| ticket.id.clone()).collect()
    })
}

/// Changes a ticket now.
pub(crate) fn edit(desk: &Desk, id: &str, change: impl FnOnce(&mut Ticket)) {
    desk.simulator.with_world(|world| {
        world
            .edit(id, |ticket| {
                ticket.updated_at = Some(NOW);
                change(ticket);
            })
            .expect("such a ticket");
    });
}

pub(crate) fn resolve(ticket: &mut Ticket) {
    ticket.status = "Resolved".into();
    ticket.resolution_time_ms = Some((NOW - ticket.created_at).num_milliseconds());
}

pub(crate) fn is_open(ticket: &Ticket) -> bool {
    ticket.status.as_ref() != "Resolved"
}

/// Resolved between so many days ago, and not rated.
pub(crate) fn is_resolved(ticket: &Ticket, from_days: i64, until_days: i64) -> bool {
    ticket.resolution_time_ms.is_some_and(|time| {
        let age = NOW - (ticket.created_at + TimeDelta::milliseconds(time));
        age >= TimeDelta::days(from_days) && age < TimeDelta::days(until_days)
    }) && ticket.csat.is_none()
        && ticket.origin.as_ref() != "telegram-group"
}

/// Opens tickets until so many are unresolved.
pub(crate) fn open_up(desk: &Desk, wanted: usize) {
    let have = ids(desk, is_open).len();
    let settled = ids(desk, |ticket| is_resolved(ticket, 1, 300));
    for id in settled.iter().take(wanted.saturating_sub(have)) {
        edit(desk, id, |ticket| {
            ticket.status = "Open".into();
            ticket.resolution_time_ms = None;
        });
    }
}

/// Copies a store that nobody has open.
#[expect(clippy::disallowed_methods, reason = "files of the test's own")]
pub(crate) fn copy(from: &std::path::Path, to: &std::path::Path) {
    for side in ["-wal", "-shm"] {
        let side = format!("{}{side}", to.display());
        if std::path::Path::new(&side).exists() {
            std::fs::remove_file(side).expect("removed");
        }
    }
    std::fs::copy(from, to).expect("copied");
}

/// Resolved, and created so many days ago at least.
pub(crate) fn is_old(ticket: &Ticket, days: i64) -> bool {
    !is_open(ticket) && NOW - ticket.created_at > TimeDelta::days(days)
}

/// Whether a remark says so.
pub(crate) fn has_remark(summary: &SyncSummary, part: &str) -> bool {
    let mut remarks = summary.summary.remarks.iter();
    remarks.any(|remark| remark.contains(part))
}

/// What is told of a step, where it is told.
pub(crate) fn step_of<'a>(summary: &'a SyncSummary, step: &str) -> Option<&'a Step> {
    summary.steps.iter().find(|one| one.step.word() == step)
}

/// What a step has sent.
pub(crate) fn requests_of(summary: &SyncSummary, step: &str) -> u64 {
    step_of(summary, step).map_or(0, |step| step.requests)
}

/// The first window that was closed of this step.
pub(crate) fn window_of<'a>(summary: &'a SyncSummary, step: &str) -> &'a CountedWindow {
    let mut windows = summary.summary.windows.iter();
    let window = windows.find(|window| window.step.to_string() == step);
    window.expect("a window of the step")
}
