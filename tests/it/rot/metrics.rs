//! Metrics of a store that an earlier version wrote, and of one that was edited by hand.

use mava_export::error::ExitCode;

use super::published::publish_to;
use super::{audit, copied, full_sync, meddle, verify};
use crate::support::Desk;
use crate::support::earlier::WITHOUT_TOTALS;

/// Takes away what the migration for metrics added.
fn before_metrics(desk: &Desk) {
    meddle(&desk.path(), WITHOUT_TOTALS);
    meddle(
        &desk.path(),
        "DROP VIEW sla_results; DROP TABLE _ticket_slas; DROP TABLE _openings; DROP TABLE ticket_events; DROP TABLE ticket_metrics; DROP TABLE _metrics; DROP TABLE _named_tags;
         ALTER TABLE _ticket_index DROP COLUMN metrics_hash; PRAGMA user_version = 14",
    );
}

/// Both tables, but for which run wrote them.
fn metrics(desk: &Desk) -> Vec<String> {
    let mut rows = desk.column(
        "SELECT ticket_id || ' ' || opened_by || ' ' || public_reply_count || ' ' || reopen_count || ' '
             || ifnull(first_reply_business_ms, 'none') || ' ' || ifnull(last_resolved_at, 'none')
         FROM ticket_metrics ORDER BY 1",
    );
    rows.extend(desk.column(
        "SELECT ticket_id || ' ' || position || ' ' || kind || ' ' || ifnull(to_value, 'none') || ' '
             || occurred_at || ' ' || source FROM ticket_events ORDER BY 1",
    ));
    rows
}

fn kinds(desk: &Desk) -> Vec<String> {
    desk.column("SELECT kind || ' ' || outcome FROM snapshots ORDER BY id")
}

#[tokio::test]
async fn a_store_of_the_release_before_gets_its_metrics_once_by_the_next_run_that_writes() {
    let desk = copied(150).await;
    let (rows, before) = (desk.rows(), metrics(&desk));
    assert!(before.len() > 200, "{}", before.len());
    before_metrics(&desk);
    let (summary, code) = full_sync(&desk).await.expect("ends");
    assert_eq!(code, ExitCode::Complete, "{summary:?}");
    let summary = summary.summary;
    assert_eq!((summary.tickets_changed, summary.tickets_new), (0, 0));
    assert_eq!(
        kinds(&desk),
        ["backfill complete", "metrics complete", "sync complete"]
    );
    assert_eq!(metrics(&desk), before);
    desk.rows().assert_equal(&rows, "brought up to date");
    assert_eq!(
        desk.number("SELECT count(*) FROM ticket_history WHERE snapshot_id > 1"),
        0
    );
    desk.assert_whole("brought up to date");
    // Once, and not again.
    full_sync(&desk).await.expect("ends");
    desk.backfill().await.expect("ends");
    assert_eq!(kinds(&desk).len(), 5);
    assert_eq!(
        desk.number("SELECT count(*) FROM ticket_metrics WHERE snapshot_id <> 2"),
        0
    );
}

#[tokio::test]
async fn a_backfill_that_was_cut_short_by_the_release_before_is_gone_on_with() {
    let mut desk = copied(150).await;
    let before = metrics(&desk);
    // As it was a moment before its end.
    meddle(
        &desk.path(),
        "UPDATE snapshots SET outcome = 'running', finished_at = NULL;
         DELETE FROM _row_hashes WHERE table_name = 'snapshots';
         INSERT INTO _runs (snapshot_id, is_until_open, has_lookups) VALUES (1, 0, 1)",
    );
    before_metrics(&desk);
    desk.settings.allow_deletions = true;
    let (summary, code) = desk.backfill().await.expect("ends");
    assert_eq!(code, ExitCode::Complete, "{summary:?}");
    assert!(
        summary.is_resumed && summary.snapshot_id == 1,
        "{summary:?}"
    );
    assert_eq!(kinds(&desk), ["backfill complete"]);
    assert_eq!(metrics(&desk), before);
    desk.assert_whole("gone on with");
}

#[tokio::test]
async fn metrics_edited_by_hand_are_found_not_published_and_mended() {
    let desk = copied(150).await;
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("desk");
    let right = metrics(&desk);
    let id = desk
        .column("SELECT ticket_id FROM ticket_events GROUP BY 1 HAVING count(*) > 1 LIMIT 1")
        .remove(0);
    for edit in [
        "UPDATE ticket_metrics SET public_reply_count = public_reply_count + 1 WHERE ticket_id = '{id}'",
        "UPDATE ticket_metrics SET snapshot_id = 7 WHERE ticket_id = '{id}'",
        "DELETE FROM ticket_metrics WHERE ticket_id = '{id}'",
        "DELETE FROM ticket_events WHERE ticket_id = '{id}' AND position = 1",
    ] {
        assert_eq!(
            meddle(&desk.path(), &edit.replace("{id}", &id)),
            1,
            "{edit}"
        );
        let found = audit(&desk.path()).unwrap();
        assert!(
            found
                .damaged
                .iter()
                .any(|row| row.table == "ticket_metrics" && row.id == id),
            "{edit}: {found:?}"
        );
        let (told, code) = verify(&desk, true, false).await.expect("ends");
        assert_eq!(code, ExitCode::Incomplete, "{edit}: {told:?}");
        let error = publish_to(&desk, &directory, true).expect_err("is refused");
        assert!(
            error.to_string().contains(&format!("ticket {id}")),
            "{edit}: {error}"
        );
        let requests = desk.simulator.requests().len();
        let (told, code) = verify(&desk, false, true).await.expect("ends");
        assert_eq!(code, ExitCode::Complete, "{edit}: {told:?}");
        let said = told
            .remarks
            .iter()
            .any(|remark| remark.contains("the metrics of 1 ticket"));
        assert!(said, "{edit}: {told:?}");
        // It counts; it reads no ticket again.
        let repair = told.repair.expect("a repair");
        assert_eq!((repair.tickets_read, repair.slices), (0, 0), "{edit}");
        assert!(desk.simulator.requests().len() > requests);
        assert_eq!(metrics(&desk), right, "{edit}");
        desk.assert_whole(edit);
    }
    publish_to(&desk, &directory, true).expect("publishes");
    assert!(desk.number("SELECT count(*) FROM snapshots WHERE kind = 'verify'") > 0);
}
