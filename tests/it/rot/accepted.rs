//! What only the store knows, and what the desk does not have any more: kept as it is found, and told
//! once.

use mava_export::error::ExitCode;

use super::{audit, copied, meddle, verify};
use crate::support::Desk;

/// A desk from which one ticket is gone, so that only the store has it; and its id.
async fn with_a_gone_ticket() -> (Desk, String) {
    let desk = copied(200).await;
    let id = desk
        .simulator
        .with_world(|world| world.id_at(77).expect("a ticket"));
    desk.simulator.with_world(|world| world.remove(&id));
    let (_, exit_code) = verify(&desk, false, true).await.expect("ends");
    assert_eq!(exit_code, ExitCode::Complete);
    assert!(audit(&desk.path()).unwrap().is_whole());
    (desk, id)
}

/// A repair that says what it could only keep, and after which the store is as it says.
async fn kept(desk: &Desk, words: &[&str]) {
    assert!(!audit(&desk.path()).unwrap().is_whole());
    let (found, exit_code) = verify(desk, false, true).await.expect("ends");
    assert_eq!(exit_code, ExitCode::Incomplete, "{found:#?}");
    for word in words {
        let mut remarks = found.remarks.iter();
        assert!(
            remarks.any(|remark| remark.contains(word)),
            "{word}: {found:#?}"
        );
    }
    let last = "SELECT outcome FROM snapshots ORDER BY id DESC LIMIT 1";
    assert_eq!(desk.column(last), ["incomplete"]);
    let left = audit(&desk.path()).unwrap();
    assert!(left.is_whole(), "{left:?}");
    let (found, exit_code) = verify(desk, true, false).await.expect("ends");
    assert_eq!(exit_code, ExitCode::Complete, "{found:#?}");
}

#[tokio::test]
async fn a_damaged_ticket_that_is_gone_from_the_desk_is_kept_and_told_once() {
    for damage in [
        "UPDATE tickets SET status = 'Spam' WHERE id = '{id}'",
        "UPDATE tickets SET extra_json = CAST(x'C328' AS TEXT) WHERE id = '{id}'",
        "UPDATE tickets SET created_at = 'once' WHERE id = '{id}'",
        "DELETE FROM messages WHERE ticket_id = '{id}'",
        "DELETE FROM tickets WHERE id = '{id}'",
        "UPDATE messages SET content = CAST(x'FF' AS TEXT), created_at = '9' WHERE ticket_id = '{id}'",
    ] {
        let (desk, id) = with_a_gone_ticket().await;
        assert!(
            meddle(&desk.path(), &damage.replace("{id}", &id)) > 0,
            "{damage}"
        );
        kept(&desk, &[&id, "does not send"]).await;
        let gone = desk.column("SELECT id FROM tickets WHERE deleted_at IS NOT NULL");
        assert_eq!(gone, [id], "{damage}");
        let unread = desk.number(
            "SELECT count(*) FROM tickets WHERE created_at NOT LIKE '2024-__-__T__:__:__.___Z'",
        );
        assert_eq!(unread, 0, "{damage}");
        assert_eq!(desk.live_ids(), desk.world_ids());
    }
}

#[tokio::test]
async fn a_damaged_history_is_kept_and_told_once() {
    let desk = copied(200).await;
    let id = desk
        .simulator
        .with_world(|world| world.id_at(50).expect("a ticket"));
    desk.simulator
        .with_world(|world| world.edit(&id, |ticket| ticket.status = "Waiting".into()));
    desk.backfill().await.expect("completes");
    let versions = desk.number("SELECT count(*) FROM ticket_history");
    for damage in [
        "UPDATE ticket_history SET status = 'Spam' WHERE ticket_id = '{id}' AND valid_until IS NOT NULL",
        "UPDATE ticket_history SET tags_json = CAST(x'FF' AS TEXT) WHERE ticket_id = '{id}' AND valid_until IS NOT NULL",
        "UPDATE ticket_history SET category_id = 'nobody' WHERE ticket_id = '{id}' AND valid_until IS NOT NULL",
    ] {
        meddle(&desk.path(), &damage.replace("{id}", &id));
        kept(&desk, &["the history of 1 did not match"]).await;
        assert_eq!(
            desk.number("SELECT count(*) FROM ticket_history"),
            versions,
            "{damage}"
        );
        desk.rows();
    }
    // A version whose time cannot be read is none.
    let damage = "UPDATE ticket_history SET valid_from = '2' WHERE ticket_id = '{id}' AND valid_until IS NOT NULL";
    meddle(&desk.path(), &damage.replace("{id}", &id));
    kept(&desk, &["the history of 1 did not match"]).await;
    assert_eq!(
        desk.number("SELECT count(*) FROM ticket_history"),
        versions - 1
    );
}

#[tokio::test]
async fn names_that_nobody_sends_any_more_are_kept_and_told_once() {
    let desk = copied(200).await;
    for damage in [
        "UPDATE snapshots SET range_until = '2824-07-01T00:00:00.000Z' WHERE id = 1",
        "UPDATE snapshots SET started_at = 'then', outcome = 'complet' WHERE id = 1",
        "UPDATE customers SET snapshot_id = 1, name = 'x' WHERE id NOT IN (SELECT customer_id FROM tickets WHERE customer_id IS NOT NULL)",
    ] {
        if meddle(&desk.path(), damage) == 0 {
            continue;
        }
        assert!(!audit(&desk.path()).unwrap().is_whole(), "{damage}");
        let (found, _) = verify(&desk, false, true).await.expect("ends");
        assert!(
            audit(&desk.path()).unwrap().is_whole(),
            "{damage}: {found:#?}"
        );
        let (found, exit_code) = verify(&desk, true, false).await.expect("ends");
        assert_eq!(exit_code, ExitCode::Complete, "{damage}: {found:#?}");
        desk.assert_whole(damage);
    }
    // What syncs go by is forgotten, and what they know less they read again.
    meddle(
        &desk.path(),
        "INSERT INTO _sync VALUES ('complete_ms', 99999999999999)",
    );
    verify(&desk, false, true).await.expect("ends");
    assert_eq!(desk.number("SELECT count(*) FROM _sync"), 0);
    assert!(audit(&desk.path()).unwrap().is_whole());
}
