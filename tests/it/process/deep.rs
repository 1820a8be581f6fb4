//! `verify --deep` as users meet it.

use rusqlite::Connection;

use super::support::{Place, desk, run};

#[test]
fn a_deep_check_needs_no_key_and_sends_nothing() {
    let place = Place::new();
    let simulator = desk(120, 0);
    place.backfill(&simulator).expect(0);
    simulator.clear_requests();
    let deep = "verify --deep --to sqlite:support.db";
    let whole = run(&mut place.command(deep)).expect(0);
    assert!(
        whole
            .stdout
            .contains("Every stored row is as it was written"),
        "{}",
        whole.stdout
    );
    whole.expect_error(&["Checking the file", "120 tickets", "this sends nothing"]);
    assert!(
        whole.stdout.contains("there is no API key"),
        "{}",
        whole.stdout
    );
    let json = run(&mut place.command(&format!("{deep} --json")))
        .expect(0)
        .json();
    assert_eq!(json["outcome"], "whole");
    assert_eq!(json["deep"]["tickets"], 120);
    assert_eq!(json["requests"], 0);
    let store = Connection::open(place.path("support.db")).unwrap();
    let edit = "UPDATE messages SET content = 'something else' WHERE rowid = 5 RETURNING ticket_id";
    let id: String = store.query_row(edit, [], |row| row.get(0)).unwrap();
    drop(store);
    let damaged = run(&mut place.command(deep)).expect(3);
    for part in [
        "The store is damaged",
        &id,
        "messages or attachments",
        "--repair",
    ] {
        assert!(damaged.stdout.contains(part), "{part}: {}", damaged.stdout);
    }
    assert!(
        !damaged.stdout.contains("something else"),
        "{}",
        damaged.stdout
    );
    let json = run(&mut place.command(&format!("{deep} --json")))
        .expect(3)
        .json();
    assert_eq!(json["outcome"], "damaged");
    assert_eq!(json["deep"]["damaged"][0]["id"], id.as_str());
    assert_eq!(simulator.requests().len(), 0);
    // A repair reads from the desk, so it needs the key.
    let repair = "verify --deep --repair --to sqlite:support.db --rate-limit none";
    run(&mut place.command(repair))
        .expect(2)
        .expect_error(&["no API key"]);
    // With a key, the counts come after.
    let both =
        run(&mut place.command_at(&simulator, &format!("{deep} --rate-limit none"))).expect(3);
    assert!(both.stdout.contains("counts"), "{}", both.stdout);
    let mended = run(&mut place.command_at(&simulator, repair)).expect(0);
    assert!(
        mended.stdout.contains("1 of them damaged"),
        "{}",
        mended.stdout
    );
    run(&mut place.command(deep)).expect(0);
}

#[test]
fn a_damaged_row_is_not_published_and_the_error_names_it() {
    let place = Place::new();
    let simulator = desk(120, 0);
    place.backfill(&simulator).expect(0);
    let store = Connection::open(place.path("support.db")).unwrap();
    let edit = "UPDATE tickets SET message_count = message_count + 1 WHERE rowid = 5 RETURNING id";
    let id: String = store.query_row(edit, [], |row| row.get(0)).unwrap();
    drop(store);
    let publish = "publish --from sqlite:support.db --to parquet:desk";
    let refused = run(&mut place.command(publish)).expect(1);
    refused.expect_error(&[
        "nothing was published",
        &id,
        "verify --repair",
        "sync --full",
    ]);
    assert!(!place.path("desk/current").exists());
    let full = "sync --full --to sqlite:support.db --rate-limit none";
    run(&mut place.command_at(&simulator, full)).expect(0);
    run(&mut place.command(publish)).expect(0);
}
