//! Instants of resolution are stored only as long as resolution times lead to them.

use mava_export::simulator::Quirks;
use mava_export::store::{OpenOptions, Store};

use super::*;

const INSTANTS: &str = "SELECT id || ' ' || coalesce(resolved_at, '') FROM tickets ORDER BY id";

/// Tickets known since their creation, and tickets of which nobody knows what was before; by a sync
/// that plans, and by one that reads the whole desk.
#[tokio::test]
async fn resolution_times_that_are_something_else_leave_no_instants_behind() {
    for (resolution_time, age_days, full_below) in [
        (ResolutionTime::Seconds, 2, 0),
        (ResolutionTime::BusinessHours, 2, 0),
        (ResolutionTime::BusinessHours, 40, 0),
        (ResolutionTime::Seconds, 2, 60),
        (ResolutionTime::Seconds, 40, 60),
    ] {
        let quirks = Quirks {
            resolution_time,
            ..Quirks::default()
        };
        let mut world = recent(if full_below == 0 { 2_500 } else { 300 });
        let created_at = now() - TimeDelta::days(age_days);
        let open = world.insert_burst(created_at, 80);
        let desk = copied(world, quirks).await;
        for id in &open[..60] {
            edit(&desk, id, |ticket| ticket.resolve(now()));
        }
        let stored = "SELECT count(*) FROM tickets WHERE resolved_at IS NOT NULL";
        assert!(desk.number(stored) > 0);
        let settings = Sync {
            full_below,
            ..settings(&desk)
        };
        let (summary, exit_code) = sync_with(&desk, &settings).await.expect("a sync");
        assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
        let is_full = summary.steps.iter().any(|step| step.step.word() == "full");
        assert_eq!(is_full, full_below > 0, "{summary:?}");
        let remarks = &summary.summary.remarks;
        let is_told = |remark: &String| remark.contains("resolved_at is left empty");
        assert!(remarks.iter().any(is_told), "{remarks:?}");
        assert_eq!(desk.number(stored), 0);
        assert_current(&desk);
        // What is written later has none either, and what is not is left alone.
        edit(&desk, &open[70], |ticket| ticket.resolve(now()));
        let (summary, _) = sync_with(&desk, &settings).await.expect("a sync");
        assert_eq!(desk.number(stored), 0);
        let id = summary.summary.snapshot_id;
        let changed = desk.column(&format!("SELECT id FROM tickets WHERE snapshot_id = {id}"));
        assert_eq!(changed, [open[70].clone()], "{summary:?}");
    }
}

#[tokio::test]
async fn resolutions_from_before_the_first_read_cast_no_doubt_on_resolution_times() {
    let quirks = Quirks {
        resolution_time: ResolutionTime::First,
        ..Quirks::default()
    };
    let mut world = recent(300);
    let open = world.insert_burst(now() - TimeDelta::days(20), 60);
    for id in &open[..30] {
        world.edit(id, |ticket| {
            ticket.resolve(now() - TimeDelta::days(15));
            ticket.reopen(now() - TimeDelta::days(10));
        });
    }
    let desk = copied(world, quirks).await;
    let before = desk.column(INSTANTS);
    for id in &open {
        edit(&desk, id, |ticket| ticket.resolve(now()));
    }
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    let remarks = &summary.summary.remarks;
    let is_told = |remark: &String| remark.contains("resolution times");
    assert!(!remarks.iter().any(is_told), "{remarks:?}");
    let after = desk.column(INSTANTS);
    let changed = before.iter().filter(|line| !after.contains(line)).count();
    assert_eq!(changed, open.len());
}

#[tokio::test]
async fn instants_of_resolution_come_back_as_they_were() {
    let desk = copied(recent(300), Quirks::default()).await;
    let before = desk.column(INSTANTS);
    let options = OpenOptions {
        file_mode: None,
        now: now(),
    };
    let mut store = Store::open(&desk.path(), &options).expect("a store");
    let emptied = store.doubt_resolutions(1, true).expect("written");
    assert!(emptied > 200, "{emptied}");
    assert_eq!(store.doubt_resolutions(1, true).ok(), Some(0));
    assert_ne!(desk.column(INSTANTS), before);
    assert_eq!(store.doubt_resolutions(1, false).ok(), Some(emptied));
    assert_eq!(desk.column(INSTANTS), before);
}
