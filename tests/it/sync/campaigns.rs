//! Bulk changes: what one sync meets of them tells where the rest is.

use mava_export::simulator::Quirks;
use mava_export::store::{CampaignWindow, Field, Group, OpenOptions, Store};
use mava_export::window::Window;

use super::*;

const DAY_MS: i64 = 86_400_000;

/// One bulk change adds a tag to tickets that were settled long ago; from the first two that a sync
/// meets it knows what to look for.
#[tokio::test]
async fn a_tag_added_to_many_old_tickets_is_read_in_within_days() {
    let desk = copied(recent(6_000), Quirks::default()).await;
    let old = ids(&desk, |ticket| is_resolved(ticket, 40, 250));
    let tag = desk.simulator.with_world(|world| {
        let directory = world.directory();
        directory.tags[0].id.clone()
    });
    for id in old.iter().step_by(3) {
        edit(&desk, id, |ticket| {
            if !ticket.tag_ids.contains(&tag) {
                ticket.tag_ids.push(tag.clone());
            }
        });
    }
    let tagged = desk.simulator.with_world(|world| {
        let tagged = world
            .tickets()
            .filter(|ticket| ticket.tag_ids.contains(&tag));
        i64::try_from(tagged.count()).expect("few")
    });
    let stored = || {
        desk.number(&format!(
            "SELECT count(*) FROM ticket_tags WHERE tag_id = '{tag}'"
        ))
    };
    assert!(tagged - stored() > 300, "{} of {tagged}", stored());
    for night in 0..7 {
        desk.set_now(NOW + TimeDelta::days(night));
        sync(&desk).await;
    }
    assert_eq!(stored(), tagged);
    assert_eq!(desk.number("SELECT count(*) FROM _campaigns"), 0);
}

#[tokio::test]
async fn values_on_tickets_that_are_worked_on_are_no_bulk_change() {
    let desk = copied(terse(1_200), Quirks::default()).await;
    let tags = desk.simulator.with_world(|world| {
        let tags = world.directory().tags.iter();
        tags.map(|tag| tag.id.clone()).collect::<Vec<_>>()
    });
    let open = ids(&desk, is_open);
    let young = ids(&desk, |ticket| !is_old(ticket, 5) && !is_open(ticket));
    for night in 0..12 {
        for (number, id) in open.iter().chain(&young).enumerate() {
            let tag = tags[(number + night) % tags.len()].clone();
            edit(&desk, id, |ticket| ticket.tag_ids = vec![tag]);
        }
        let hours = i64::try_from(night).expect("few") * 3;
        desk.set_now(NOW + TimeDelta::hours(hours * 8));
        sync(&desk).await;
        let found = desk.column("SELECT value FROM _campaigns");
        assert!(night > 1 || found.is_empty(), "night {night}: {found:?}");
    }
    assert_eq!(desk.number("SELECT count(*) FROM _campaigns"), 0);
}

#[tokio::test]
async fn a_window_of_a_bulk_change_takes_the_place_of_those_it_overlaps() {
    let desk = copied(terse(200), Quirks::default()).await;
    let options = OpenOptions {
        file_mode: None,
        now: NOW,
    };
    let mut store = Store::open(&desk.path(), &options).expect("a store");
    let group = Group {
        field: Field::Tag,
        value: "some".to_owned(),
    };
    for shift_ms in [0, DAY_MS, 2 * DAY_MS, 400 * DAY_MS] {
        let window = Window::from_millis(shift_ms, 300 * DAY_MS + shift_ms).expect("a window");
        let campaign = CampaignWindow {
            group: group.clone(),
            window,
            position_ms: shift_ms,
        };
        store
            .commit_campaign(&campaign, Some(shift_ms))
            .expect("written");
    }
    let positions: Vec<i64> = store
        .campaigns()
        .expect("read")
        .iter()
        .map(|campaign| campaign.position_ms)
        .collect();
    assert_eq!(positions, [400 * DAY_MS, 2 * DAY_MS]);
}
