//! Instants of resolution are stored only as long as resolution times lead to them.

use mava_export::simulator::Quirks;
use mava_export::store::{OpenOptions, Store};

use super::*;

const INSTANTS: &str = "SELECT id || ' ' || coalesce(resolved_at, '') FROM tickets ORDER BY id";

/// Tickets known since their creation, and tickets of which nobody knows what was before; by a sync
/// that plans, and by one that reads the whole desk.
#[tokio::test]
async fn resolution_times_that_are_something_else_leave_no_instants_behind() {
    for (resolution_time, age_days, whole) in [
        (ResolutionTime::Seconds, 2, Whole::Never),
        (ResolutionTime::BusinessHours, 2, Whole::Never),
        (ResolutionTime::BusinessHours, 40, Whole::Never),
        (ResolutionTime::Seconds, 2, Whole::IfItFits),
        (ResolutionTime::Seconds, 40, Whole::IfItFits),
    ] {
        let quirks = Quirks {
            resolution_time,
            ..Quirks::default()
        };
        let mut world = recent(if whole == Whole::Never { 2_500 } else { 300 });
        let created_at = NOW - TimeDelta::days(age_days);
        let open = world.insert_burst(created_at, 80);
        let desk = copied(world, quirks).await;
        for id in &open[..60] {
            edit(&desk, id, |ticket| ticket.resolve(NOW));
        }
        let stored = "SELECT count(*) FROM tickets WHERE resolved_at IS NOT NULL";
        assert!(desk.number(stored) > 0);
        let settings = Sync {
            whole,
            ..settings(&desk)
        };
        let (summary, exit_code) = sync_with(&desk, &settings).await.expect("a sync");
        assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
        let is_full = step_of(&summary, "full").is_some();
        assert_eq!(is_full, whole == Whole::IfItFits, "{summary:?}");
        let remarks = &summary.summary.remarks;
        let is_told = |remark: &String| remark.contains("resolved_at is left empty");
        assert!(remarks.iter().any(is_told), "{remarks:?}");
        assert_eq!(desk.number(stored), 0);
        assert_current(&desk);
        // What is written later has none either, and what is not is left alone.
        edit(&desk, &open[70], |ticket| ticket.resolve(NOW));
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
    let open = world.insert_burst(NOW - TimeDelta::days(20), 60);
    for id in &open[..30] {
        world.edit(id, |ticket| {
            ticket.resolve(NOW - TimeDelta::days(15));
            ticket.reopen(NOW - TimeDelta::days(10));
        });
    }
    let desk = copied(world, quirks).await;
    let before = desk.column(INSTANTS);
    for id in &open {
        edit(&desk, id, |ticket| ticket.resolve(NOW));
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
        now: NOW,
    };
    let mut store = Store::open(&desk.path(), &options).expect("a store");
    let emptied = store.doubt_resolutions(1, true).expect("written");
    assert!(emptied > 200, "{emptied}");
    assert_eq!(store.doubt_resolutions(1, true).ok(), Some(0));
    assert_ne!(desk.column(INSTANTS), before);
    assert_eq!(store.doubt_resolutions(1, false).ok(), Some(emptied));
    assert_eq!(desk.column(INSTANTS), before);
}

#[tokio::test]
async fn resolution_times_of_another_meaning_cost_requests_but_no_change() {
    for resolution_time in [
        ResolutionTime::First,
        ResolutionTime::Seconds,
        ResolutionTime::BusinessHours,
    ] {
        let quirks = Quirks {
            resolution_time,
            ..Quirks::default()
        };
        let desk = copied(recent(6_000), quirks).await;
        let open = ids(&desk, is_open);
        let resolved = &open[..open.len() / 2];
        assert!(
            resolved.len() >= 20,
            "too few to judge by: {}",
            resolved.len()
        );
        for id in resolved {
            edit(&desk, id, |ticket| {
                ticket.reopened_at = None;
                ticket.resolve(NOW);
            });
        }
        let (summary, exit_code) = sync(&desk).await;
        assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
        assert_current(&desk);
        let is_told = summary
            .summary
            .remarks
            .iter()
            .any(|one| one.contains("resolution times"));
        let is_wrong = resolution_time != ResolutionTime::First;
        assert_eq!(is_told, is_wrong, "{summary:?}");
    }
}

#[tokio::test]
async fn resolution_times_of_the_first_resolution_are_noticed() {
    let quirks = Quirks {
        resolution_time: ResolutionTime::First,
        ..Quirks::default()
    };
    let desk = copied(terse(3_000), quirks).await;
    let resolved = ids(&desk, |ticket| is_old(ticket, 30));
    let again = &resolved[..30];
    for id in again {
        edit(&desk, id, |ticket| {
            ticket.first_resolution_time_ms = ticket.resolution_time_ms;
            ticket.reopen(NOW);
        });
    }
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    let said = "not those of the last resolution";
    assert!(!has_remark(&summary, said), "{summary:?}");
    let next = NOW + TimeDelta::days(1);
    desk.set_now(next);
    for id in again {
        edit(&desk, id, |ticket| {
            ticket.resolve(next - TimeDelta::hours(2))
        });
    }
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert!(has_remark(&summary, said), "{summary:?}");
    assert!(!has_remark(&summary, "one by one"), "{summary:?}");
    assert_current(&desk);
    let vouches = "SELECT count(*) FROM _vouches WHERE kind = 'resolution'";
    let before = desk.number(vouches);
    desk.set_now(next + TimeDelta::days(1));
    let (summary, _) = sync(&desk).await;
    assert!(has_remark(&summary, said), "{summary:?}");
    assert_eq!(desk.number(vouches), before);
}

#[tokio::test]
async fn ratings_are_counted_though_resolution_times_are_not_trusted() {
    let quirks = Quirks {
        resolution_time: ResolutionTime::Seconds,
        ..Quirks::default()
    };
    let desk = copied(terse(6_000), quirks).await;
    let open = ids(&desk, is_open);
    assert!(open.len() > 30, "{}", open.len());
    for id in &open {
        edit(&desk, id, |ticket| {
            ticket.reopened_at = None;
            ticket.resolve(NOW);
        });
    }
    let old = ids(&desk, |ticket| is_old(ticket, 50) && ticket.csat.is_none());
    for id in &old[..3] {
        edit(&desk, id, |ticket| ticket.csat = Some(4));
    }
    sync(&desk).await;
    desk.set_now(NOW + TimeDelta::days(1));
    let (summary, _) = sync(&desk).await;
    assert!(has_remark(&summary, "one by one"), "{summary:?}");
    assert!(summary.ratings_outstanding.is_some(), "{summary:?}");
}

#[tokio::test]
async fn tickets_of_one_resolution_time_in_changing_order_are_all_found() {
    let mut world = terse(2_000);
    let from = NOW - TimeDelta::hours(30);
    for number in 0..350_u32 {
        let created_at = from + TimeDelta::milliseconds(number.into());
        let id = mava_export::simulator::object_id(created_at, number.into());
        world.insert(Ticket::new(id, created_at));
    }
    let quirks = Quirks {
        has_shuffled_ties: true,
        ..Quirks::default()
    };
    let desk = copied(world, quirks).await;
    for id in ids(&desk, |ticket| is_open(ticket) && ticket.created_at >= from) {
        edit(&desk, &id, |ticket| {
            ticket.resolve(ticket.created_at + TimeDelta::hours(20));
        });
    }
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_current(&desk);
}
