//! `--to parquet:DIR`, `publish` and what `status` says of it.

use std::fs;

use super::support::{BACKFILL, Place, desk, run};

/// A backfill that is published.
fn backfill() -> String {
    BACKFILL.replace("sqlite:support.db", "parquet:desk")
}

#[test]
fn a_backfill_to_a_directory_ends_with_a_snapshot() {
    let simulator = desk(150, 0);
    let place = Place::new();
    let ended = run(&mut place.command_at(&simulator, &backfill())).expect(0);
    assert!(
        ended.stdout.contains("Backfill complete"),
        "{}",
        ended.stdout
    );
    assert!(
        ended.stdout.contains("Published snapshot 000001"),
        "{}",
        ended.stdout
    );
    assert!(place.path("desk/store.sqlite").exists());
    assert!(place.path("desk/current/tickets").is_dir());

    // The same again: one JSON value for machines.
    let words = format!("{} --json", backfill());
    let summary = run(&mut place.command_at(&simulator, &words))
        .expect(0)
        .json();
    assert_eq!(summary["outcome"], "complete");
    assert_eq!(summary["published"]["snapshot"], "000002");
    assert_eq!(summary["published"]["parent"], "000001");

    let again = run(&mut place.command("publish --to parquet:desk")).expect(0);
    assert!(
        again.stdout.contains("nothing was written"),
        "{}",
        again.stdout
    );
    let again = run(&mut place.command("publish --to parquet:desk --keep-snapshots 1 --json"));
    let again = again.expect(0).json();
    assert_eq!(again["is_new"], false);
    assert_eq!(again["removed"], serde_json::json!(["000001"]));
}

#[test]
fn a_store_is_published_to_a_directory_of_its_own_and_status_lists_what_lies_there() {
    let simulator = desk(150, 0);
    let place = Place::new();
    place.backfill(&simulator).expect(0);
    let publish = "publish --from sqlite:support.db --to parquet:out/desk";
    run(&mut place.command(publish)).expect(0);
    assert!(!place.path("out/desk/store.sqlite").exists());
    place.backfill(&simulator).expect(0);
    let published = run(&mut place.command(&format!("{publish} --json")))
        .expect(0)
        .json();
    assert_eq!(published["snapshot"], "000002");
    // The store lies elsewhere: its snapshots are listed all the same, and both where it is named.
    let apart = run(&mut place.command("status --to parquet:out/desk")).expect(0);
    for part in ["000002 current", "--from"] {
        assert!(apart.stdout.contains(part), "{}", apart.stdout);
    }
    let from = "status --from sqlite:support.db --to parquet:out/desk --json";
    let both = run(&mut place.command(from)).expect(0).json();
    assert_eq!(both["tickets"], 150);
    assert_eq!(both["published"].as_array().unwrap().len(), 2);
    fs::rename(
        place.path("support.db"),
        place.path("out/desk/store.sqlite"),
    )
    .unwrap();

    let status = "status --to parquet:out/desk";
    let told = run(&mut place.command(&format!("{status} --json")))
        .expect(0)
        .json();
    let snapshots = told["published"].as_array().unwrap();
    assert_eq!(snapshots.len(), 2);
    assert_eq!(snapshots[0]["snapshot"], "000002");
    assert_eq!(snapshots[0]["is_current"], true);
    for snapshot in snapshots {
        let number = |key: &str| snapshot[key].as_u64().unwrap();
        assert_eq!(
            number("bytes"),
            number("bytes_own") + number("bytes_shared")
        );
        assert!(number("bytes_own") < number("bytes_shared"), "{snapshot}");
    }
    let told = run(&mut place.command(status)).expect(0);
    assert!(told.stdout.contains("000002 current"), "{}", told.stdout);
}

#[test]
fn a_sync_to_a_directory_ends_with_a_snapshot_of_what_changed() {
    let simulator = desk(150, 0);
    let place = Place::new();
    run(&mut place.command_at(&simulator, &backfill())).expect(0);
    simulator.with_world(|world| {
        let id = world.tickets().last().unwrap().id.clone();
        let other = |priority| if priority == Some(3) { 1 } else { 3 };
        world
            .edit(&id, |ticket| ticket.priority = Some(other(ticket.priority)))
            .unwrap();
    });
    let sync = "sync --to parquet:desk --rate-limit none --retry-pause 5ms --full";
    let told = run(&mut place.command_at(&simulator, &format!("{sync} --json")));
    let told = told.expect(0).json();
    assert_eq!(told["outcome"], "complete");
    assert_eq!(told["published"]["snapshot"], "000002");
    let changes = told["published"]["changes"].as_array().unwrap();
    let of = |table: &str| changes.iter().find(|change| change["table"] == table);
    assert_eq!(of("tickets").unwrap()["updated"], 1, "{changes:?}");
    assert!(of("messages").is_none(), "{changes:?}");
    // Nothing changed: nothing but the list of runs is written, and it says so.
    let told = run(&mut place.command_at(&simulator, sync)).expect(0);
    assert!(
        told.stdout.contains("Published snapshot 000003"),
        "{}",
        told.stdout
    );
    assert!(told.stdout.contains("nothing changed"), "{}", told.stdout);
}

#[test]
fn what_cannot_be_published_is_named_and_nothing_is_made() {
    let place = Place::new();
    for (words, parts) in [
        ("publish", &["--to is missing", "parquet:desk"][..]),
        (
            "publish --to sqlite:a.db",
            &["what is published is Parquet"],
        ),
        (
            "publish --to parquet:desk",
            &[
                "no store in desk",
                "--from sqlite:FILE",
                "backfill --since DATE --to parquet:desk",
            ],
        ),
        (
            "publish --from sqlite:a.db --to parquet:desk",
            &["no store", "a.db"],
        ),
        (
            "publish --to parquet:desk --keep-snapshots 0",
            &["at least 1"],
        ),
    ] {
        let ended = run(&mut place.command(words)).expect(2);
        ended.expect_error(parts);
        assert!(place.files().is_empty(), "{words}: {:?}", place.files());
    }
}

#[test]
fn an_interrupted_backfill_publishes_nothing() {
    let simulator = desk(300, 0);
    let place = Place::new();
    let arrivals = super::support::watch(&simulator, |request, _| {
        (request > 3).then_some(mava_export::simulator::Fault::NeverAnswers)
    });
    let running = super::support::Running::start(&mut place.command_at(&simulator, &backfill()));
    super::support::wait_for(&arrivals, 4);
    running.signal("INT");
    running.end().expect(130);
    assert!(!place.path("desk/current").exists());
    assert!(place.path("desk/store.sqlite").exists());
}

#[test]
fn a_run_that_never_began_leaves_the_directory_to_another_store() {
    let simulator = desk(60, 0);
    let place = Place::new();
    run(&mut place.command_at(&simulator, "sync --to parquet:desk"))
        .expect(2)
        .expect_error(&["there is no store at", "--since"]);
    assert!(!place.path("desk").exists());
    let refused = run(place
        .command_at(&simulator, &backfill())
        .env("MAVA_API_KEY", "another-key"));
    refused.expect(4);
    assert!(place.path("desk/store.sqlite").exists());
    place.backfill(&simulator).expect(0);
    let publish = "publish --from sqlite:support.db --to parquet:desk";
    run(&mut place.command(publish)).expect(0);
    // And the other way round: the directory is now that store's.
    let before = fs::read_link(place.path("desk/current")).unwrap();
    let requests = super::support::watch(&simulator, |_, _| None);
    for words in [
        backfill(),
        "sync --to parquet:desk --since 2024-01-01".to_owned(),
        "sync --to parquet:desk".to_owned(),
    ] {
        run(&mut place.command_at(&simulator, &words))
            .expect(2)
            .expect_error(&["store that lies elsewhere", "publish --from sqlite:FILE"]);
    }
    assert!(requests.try_recv().is_err(), "nothing was asked for");
    assert_eq!(fs::read_link(place.path("desk/current")).unwrap(), before);
    run(&mut place.command(publish)).expect(0);
}

#[test]
fn a_file_is_no_directory_to_publish_to() {
    let simulator = desk(20, 0);
    let place = Place::new();
    place.backfill(&simulator).expect(0);
    fs::write(place.path("f5"), "mine").unwrap();
    for target in ["f5", "f5/desk"] {
        for words in [
            backfill().replace("parquet:desk", &format!("parquet:{target}")),
            format!("sync --to parquet:{target}"),
            format!("publish --to parquet:{target}"),
            format!("publish --from sqlite:support.db --to parquet:{target}"),
        ] {
            run(&mut place.command_at(&simulator, &words))
                .expect(2)
                .expect_error(&["f5 is a file, not a directory"]);
        }
    }
    assert_eq!(fs::read(place.path("f5")).unwrap(), b"mine");
}

#[test]
fn where_only_publishing_fails_nothing_has_to_be_read_again() {
    let simulator = desk(60, 0);
    let place = Place::new();
    fs::create_dir(place.path("desk")).unwrap();
    let lock = fs::File::create(place.path("desk/.publish-lock")).unwrap();
    lock.try_lock().unwrap();
    // Before the first request it costs nothing.
    let requests = super::support::watch(&simulator, |_, _| None);
    run(&mut place.command_at(&simulator, &backfill()))
        .expect(5)
        .expect_error(&["another run publishes to desk"]);
    assert!(requests.try_recv().is_err() && !place.path("desk/store.sqlite").exists());
    lock.unlock().unwrap();
    // Another publish begins meanwhile.
    super::support::watch(&simulator, move |number, _| {
        if number == 1 {
            lock.try_lock().unwrap();
        }
        None
    });
    let ended = run(&mut place.command_at(&simulator, &backfill())).expect(5);
    assert!(
        ended.stdout.contains("Backfill complete"),
        "{}",
        ended.stdout
    );
    let command = "mava-export publish --to parquet:desk";
    ended.expect_error(&["wait until it ends", "the run itself is over", command]);
    // And is over.
    let requests = super::support::watch(&simulator, |_, _| None);
    run(&mut place.command("publish --to parquet:desk")).expect(0);
    assert!(place.path("desk/current/tickets").is_dir());
    assert!(requests.try_recv().is_err());
}

#[test]
fn the_help_of_publish_says_what_it_takes() {
    let told = run(&mut Place::new().command("publish --help"))
        .expect(0)
        .stdout;
    assert!(told.contains("parquet:DIR; without --from"), "{told}");
    assert!(told.contains("backfill, sync and verify"), "{told}");
    assert!(!told.contains("The store, sqlite:FILE"), "{told}");
}

#[test]
fn a_run_that_was_published_before_it_read_anything_goes_on_in_its_directory() {
    let simulator = desk(20, 0);
    let place = Place::new();
    run(place
        .command_at(&simulator, &backfill())
        .env("MAVA_API_KEY", "another-key"))
    .expect(4);
    run(&mut place.command("publish --to parquet:desk")).expect(0);
    run(&mut place.command_at(&simulator, &backfill())).expect(0);
}
