//! What a run began and did not read stays visible until a later one has read it.

use mava_export::simulator::{Fault, Faults};

use super::support::{Place, desk, run, watch};

/// The ranges that `status` shows as not read in full.
fn partial(place: &Place) -> Vec<serde_json::Value> {
    let ended = run(&mut place.command("status --to sqlite:support.db --json")).expect(0);
    ended.json()["partial"].as_array().expect("a list").clone()
}

#[test]
fn a_range_given_up_for_another_stays_partial_until_it_is_read() {
    let simulator = desk(800, 0);
    let place = Place::new();
    let _arrivals = watch(&simulator, |request, _| {
        (request > 5).then_some(Fault::Unauthorized)
    });
    place.backfill(&simulator).expect(4);
    simulator.clear_hook();
    assert_eq!(partial(&place), Vec::<serde_json::Value>::new());
    let backfill = "backfill --since 2024-01-01 --until 2024-07-01 --to sqlite:support.db";
    for words in [
        // A part of it, and all of it with a filter: neither reads what is left.
        "backfill --since 2024-01-01 --until 2024-02-01 --to sqlite:support.db".to_owned(),
        format!("{backfill} --status open"),
    ] {
        run(&mut place.command_at(&simulator, &words)).expect(0);
        let left = partial(&place);
        assert!(!left.is_empty(), "{words}");
        for range in &left {
            assert_eq!(range["snapshot_id"], 1, "{range}");
            assert_eq!(range["kind"], "backfill", "{range}");
            let reason = range["reason"].as_str().expect("a reason");
            assert!(reason.contains("given up for another range"), "{range}");
            let from = range["range_from"].as_str().expect("an instant");
            assert!(from > "2024-01-01T00:00:00.000Z", "{range}");
        }
        assert_eq!(
            left.last().expect("one")["range_until"],
            "2024-07-01T00:00:00.000Z"
        );
    }
    let shown = run(&mut place.command("status --to sqlite:support.db")).expect(0);
    assert!(
        shown.stdout.contains("not read in full"),
        "{}",
        shown.stdout
    );
    let publish = "publish --from sqlite:support.db --to parquet:snapshots --json";
    run(&mut place.command(publish)).expect(0);
    assert_eq!(
        manifest(&place)["partial"],
        serde_json::json!(partial(&place))
    );

    run(&mut place.command_at(&simulator, backfill)).expect(0);
    assert_eq!(partial(&place), Vec::<serde_json::Value>::new());
    run(&mut place.command(publish)).expect(0);
    assert_eq!(manifest(&place)["partial"], serde_json::json!([]));
}

#[test]
fn a_range_that_was_not_proven_stays_partial_until_it_is() {
    let simulator = desk(300, 0);
    let place = Place::new();
    simulator.set_hook(Faults::always(|_| Fault::CountLies(7)));
    place.backfill(&simulator).expect(3);
    let left = partial(&place);
    assert!(!left.is_empty());
    let manifest_of = "publish --from sqlite:support.db --to parquet:snapshots --json";
    run(&mut place.command(manifest_of)).expect(0);
    assert_eq!(manifest(&place)["partial"], serde_json::json!(left));
    simulator.clear_hook();
    place.backfill(&simulator).expect(0);
    assert_eq!(partial(&place), Vec::<serde_json::Value>::new());
}

fn manifest(place: &Place) -> serde_json::Value {
    let text = std::fs::read(place.path("snapshots/current/manifest.json")).expect("a manifest");
    serde_json::from_slice(&text).expect("JSON")
}

#[test]
fn a_sync_says_what_earlier_runs_did_not_prove_and_a_quiet_one_does_not() {
    let simulator = desk(800, 0);
    let place = Place::new();
    let _arrivals = watch(&simulator, |request, _| {
        (request > 5).then_some(Fault::Unauthorized)
    });
    place.backfill(&simulator).expect(4);
    simulator.clear_hook();
    let part = "backfill --since 2024-01-01 --until 2024-02-01 --to sqlite:support.db";
    run(&mut place.command_at(&simulator, part)).expect(0);
    assert!(!partial(&place).is_empty());
    // Apart from what a sync keeps up, so that it goes on being partial.
    let sync = "sync --to sqlite:support.db";
    for (options, is_told) in [("", true), ("--quiet", false)] {
        let ended = run(&mut place.command_at(&simulator, &format!("{sync} {options}"))).expect(0);
        let is_there = ended
            .stdout
            .contains("not proven complete: status lists them");
        assert_eq!(is_there, is_told, "{}", ended.stdout);
        assert!(is_told || ended.stderr.is_empty(), "{}", ended.stderr);
    }
}
