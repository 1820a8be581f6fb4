//! A store of the release before: opened, brought up to date, and read again without a change.

use mava_export::error::{ErrorKind, ExitCode};
use mava_export::store::{OpenOptions, Store};
use mava_export::window;
use rusqlite::Connection;

use super::{audit, full_sync, strange, verify};
use crate::support::{BEFORE_UNSEEN, Desk, before_marks};

/// What migrations from 0008 on added, taken away again.
const BEFORE: &str = "
    ALTER TABLE rejects DROP COLUMN created_at;
    ALTER TABLE rejects DROP COLUMN accepted_at;
    ALTER TABLE _rejects_met DROP COLUMN place_ms;
    DROP TABLE _row_hashes;
    ALTER TABLE _ticket_index DROP COLUMN flags_hash;
    ALTER TABLE _ticket_index DROP COLUMN history_hash;
    ALTER TABLE _customer_index DROP COLUMN flags_hash;
    ALTER TABLE _rejects_met DROP COLUMN hash;
    DROP TABLE _windows;
    DROP TABLE _announced;
    ALTER TABLE _rejected DROP COLUMN seen_snapshot;
    DROP TABLE _file_mode;
    PRAGMA user_version = 7;";

fn downgrade(desk: &Desk) {
    before_marks(&desk.path());
    Connection::open(desk.path())
        .unwrap()
        .execute_batch(&format!("{BEFORE_UNSEEN} {BEFORE}"))
        .unwrap();
}

fn open(desk: &Desk) -> Store {
    let now = window::parse("2026-01-01").unwrap();
    Store::open(&desk.path(), &OpenOptions::new(now)).expect("opens")
}

#[tokio::test]
async fn a_store_of_the_release_before_is_read_again_without_a_change() {
    let desk = strange().await;
    let (rows, versions) = (
        desk.rows(),
        desk.number("SELECT count(*) FROM ticket_history"),
    );
    downgrade(&desk);
    // Only looked at, it is left as it is.
    let error = verify(&desk, true, false).await.expect_err("is refused");
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.help_text().unwrap().contains("publish"), "{error}");
    drop(open(&desk));
    assert!(
        audit(&desk.path()).unwrap().is_whole(),
        "{:?}",
        audit(&desk.path())
    );
    for is_full in [false, true] {
        let (changed, new, code) = match is_full {
            false => {
                let (summary, code) = desk.backfill().await.expect("ends");
                (summary.tickets_changed, summary.tickets_new, code)
            }
            true => {
                let (summary, code) = full_sync(&desk).await.expect("ends");
                let counts = summary.summary;
                (counts.tickets_changed, counts.tickets_new, code)
            }
        };
        // The rejects make it so.
        assert_eq!(code, ExitCode::Incomplete);
        assert_eq!((changed, new), (0, 0), "full: {is_full}");
        desk.rows().assert_equal(&rows, "read again");
        assert_eq!(desk.number("SELECT count(*) FROM ticket_history"), versions);
        assert!(
            audit(&desk.path()).unwrap().is_whole(),
            "{:?}",
            audit(&desk.path())
        );
    }
}

#[tokio::test]
async fn what_was_damaged_before_the_hashes_came_is_no_obstacle() {
    let desk = strange().await;
    downgrade(&desk);
    super::meddle(
        &desk.path(),
        "UPDATE ticket_history SET valid_from = 'then' WHERE ticket_id = (SELECT id FROM tickets WHERE rowid = 9);
         UPDATE tickets SET deleted_at = 'then' WHERE rowid = 19;
         UPDATE customers SET created_at = 'then' WHERE rowid = 9;
         UPDATE messages SET content = 'flipped' WHERE rowid = 9",
    );
    drop(open(&desk));
    assert!(audit(&desk.path()).unwrap().damaged.len() >= 4);
    verify(&desk, false, true).await.expect("ends");
    assert!(
        audit(&desk.path()).unwrap().is_whole(),
        "{:?}",
        audit(&desk.path())
    );
}
