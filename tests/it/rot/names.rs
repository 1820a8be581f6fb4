//! Names that somebody gave to what the API gives as bare ids are no damage and no difference.

use mava_export::error::ExitCode;

use super::{copied, full_sync, meddle, verify};
use crate::support::Desk;

fn names(desk: &Desk) -> Vec<String> {
    desk.column("SELECT id || ' ' || ifnull(name, '?') || ' ' || snapshot_id FROM tags ORDER BY id")
}

/// Names every tag of the store by its id.
fn name_all(desk: &mut Desk) {
    let ids = desk.column("SELECT id FROM tags");
    assert!(ids.len() > 2, "{ids:?}");
    desk.settings.store.metrics.names.tags = ids
        .into_iter()
        .map(|id| (id.clone(), format!("the {id}")))
        .collect();
}

#[tokio::test]
async fn a_sync_names_tags_once_and_neither_verify_nor_the_next_sync_finds_anything() {
    let mut desk = copied(150).await;
    assert_eq!(
        desk.number("SELECT count(*) FROM tags WHERE name IS NOT NULL"),
        0
    );
    name_all(&mut desk);
    let (told, code) = verify(&desk, true, false).await.expect("ends");
    assert_eq!(code, ExitCode::Complete, "{told:?}");
    assert!(
        told.remarks.iter().any(|words| words.contains("[names]")),
        "{told:?}"
    );
    let (summary, code) = full_sync(&desk).await.expect("ends");
    assert_eq!(code, ExitCode::Complete, "{summary:?}");
    assert_eq!(summary.summary.tickets_changed, 0);
    let named = names(&desk);
    // The run between the backfill and the sync.
    assert!(
        named
            .iter()
            .all(|row| row.contains(" the ") && row.ends_with(" 2")),
        "{named:?}"
    );
    let (told, code) = verify(&desk, true, false).await.expect("ends");
    assert_eq!(code, ExitCode::Complete, "{told:?}");
    assert!(
        told.differences.is_empty() && told.remarks.is_empty(),
        "{told:?}"
    );
    full_sync(&desk).await.expect("ends");
    let (told, code) = verify(&desk, false, true).await.expect("ends");
    assert_eq!(code, ExitCode::Complete, "{told:?}");
    assert_eq!(names(&desk), named);
    assert_eq!(
        desk.column("SELECT kind FROM snapshots ORDER BY id"),
        ["backfill", "metrics", "sync", "sync"]
    );
    // Without names, the store is the desk again.
    desk.settings.store.metrics.names.tags.clear();
    full_sync(&desk).await.expect("ends");
    desk.assert_whole("without names");
}

#[tokio::test]
async fn a_name_edited_by_hand_is_found_and_mended_by_what_was_given() {
    let mut desk = copied(60).await;
    name_all(&mut desk);
    full_sync(&desk).await.expect("ends");
    assert_eq!(
        meddle(
            &desk.path(),
            "UPDATE tags SET name = 'other' WHERE id = (SELECT min(id) FROM tags)"
        ),
        1
    );
    let (told, code) = verify(&desk, true, false).await.expect("ends");
    assert_eq!(code, ExitCode::Incomplete, "{told:?}");
    let (told, code) = verify(&desk, false, true).await.expect("ends");
    assert_eq!(code, ExitCode::Complete, "{told:?}");
    assert!(names(&desk).iter().all(|row| row.contains(" the ")));
    assert!(desk.audit().is_whole());
}
