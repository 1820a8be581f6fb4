//! Rejects that stand, and what a person says of them.

use mava_export::simulator::{Fault, Simulator};

use super::support::{Ended, Place, desk, run};

const BACKFILL: &str =
    "backfill --since 2024-01-01 --to sqlite:support.db --rate-limit none --json";

/// A sync that reads but a part of the desk.
const SYNC: &str = "sync --to sqlite:support.db --rate-limit none --max-requests 5 --json";

const ACCEPT: &str = "accept --to sqlite:support.db";

/// Two resolved tickets, by id.
fn resolved(simulator: &Simulator) -> [String; 2] {
    simulator.with_world(|world| {
        let mut found = world
            .tickets()
            .filter(|ticket| ticket.status == "Resolved")
            .map(|ticket| ticket.id.clone());
        [0; 2].map(|_| found.next().expect("enough of them"))
    })
}

/// Serves tickets with these priorities.
fn serve(simulator: &Simulator, priorities: &[(&str, &str)]) {
    let priorities: Vec<(String, String)> = priorities
        .iter()
        .map(|(id, word)| ((*id).to_owned(), (*word).to_owned()))
        .collect();
    simulator.set_hook(Box::new(move |request, _| {
        let priorities = priorities.clone();
        request.is_for_tickets().then(|| {
            Fault::edit_tickets(move |ticket| {
                let mut mine = priorities
                    .iter()
                    .filter(|(id, _)| ticket["id"] == id.as_str());
                if let Some((_, word)) = mine.next() {
                    ticket["priority"] = word.as_str().into();
                }
            })
        })
    }));
}

/// A store with two rejects that stand.
fn stored() -> (Simulator, Place, [String; 2]) {
    let simulator = desk(200, 0);
    let place = Place::new();
    let ids = resolved(&simulator);
    serve(&simulator, &[(&ids[0], "banana"), (&ids[1], "banana")]);
    let ended = run(&mut place.command_at(&simulator, BACKFILL))
        .expect(3)
        .json();
    assert_eq!(ended["outcome"], "complete_with_rejects");
    assert_eq!(
        (&ended["rejects"], &ended["rejects_standing"]),
        (&2.into(), &2.into())
    );
    (simulator, place, ids)
}

fn sync(place: &Place, simulator: &Simulator) -> Ended {
    run(&mut place.command_at(simulator, SYNC))
}

fn accept(place: &Place, rest: &str) -> Ended {
    run(&mut place.command(&format!("{ACCEPT} {rest}")))
}

#[test]
fn rejects_that_stand_are_told_by_every_run_until_they_are_accepted() {
    let (simulator, place, ids) = stored();
    for night in 0..8 {
        let told = sync(&place, &simulator).expect(3).json();
        assert_eq!(told["outcome"], "complete_with_rejects", "{night}");
        assert_eq!(told["rejects_standing"], 2, "{night}");
        assert_eq!(told["rejects_accepted"], 0, "{night}");
    }
    // Nothing is done without --yes.
    let listed = accept(&place, "").expect(0).stdout;
    for part in [
        &ids[0],
        &ids[1],
        "priority",
        "expected an integer",
        "2 rejects",
    ] {
        assert!(listed.contains(part), "{part}: {listed}");
    }
    assert!(!listed.contains("banana"), "{listed}");
    let shown = accept(&place, "--path priority").expect(0).stdout;
    assert!(
        shown.contains("with --yes, 2 rejects would be accepted"),
        "{shown}"
    );
    sync(&place, &simulator).expect(3);

    accept(&place, "--path priority --yes").expect(0);
    let told = sync(&place, &simulator).expect(0).json();
    assert_eq!(told["outcome"], "complete");
    assert_eq!(
        (&told["rejects_standing"], &told["rejects_accepted"]),
        (&0.into(), &2.into())
    );
    let full = run(&mut place.command_at(&simulator, &SYNC.replace("--json", "--full"))).expect(0);
    assert!(
        full.stdout.contains("2 rejects, accepted"),
        "{}",
        full.stdout
    );
    let status = run(&mut place.command("status --to sqlite:support.db"))
        .expect(0)
        .stdout;
    assert!(status.contains("2 rejects, accepted"), "{status}");
    let status = run(&mut place.command("status --to sqlite:support.db --json"))
        .expect(0)
        .json();
    assert_eq!(
        (&status["rejects_standing"], &status["rejects_accepted"]),
        (&0.into(), &2.into())
    );

    let undone = accept(&place, &format!("--ticket {} --undo --yes", ids[0])).expect(0);
    assert!(
        undone.stdout.contains("1 reject not accepted any more"),
        "{}",
        undone.stdout
    );
    let told = sync(&place, &simulator).expect(3).json();
    assert_eq!(
        (&told["rejects_standing"], &told["rejects_accepted"]),
        (&1.into(), &1.into())
    );
}

#[test]
fn another_value_is_another_reject_and_a_mended_ticket_has_none() {
    let (simulator, place, ids) = stored();
    accept(&place, "--reason integer --yes").expect(0);
    serve(&simulator, &[(&ids[0], "cherry"), (&ids[1], "banana")]);
    let full = &SYNC.replace("--json", "--full --json");
    let told = run(&mut place.command_at(&simulator, full))
        .expect(3)
        .json();
    assert_eq!(
        (&told["rejects_standing"], &told["rejects_accepted"]),
        (&1.into(), &1.into())
    );
    let listed = accept(&place, "--json").expect(0).json();
    let rejects = listed["rejects"].as_array().unwrap();
    let open: Vec<_> = rejects
        .iter()
        .filter(|one| one["accepted_at"].is_null())
        .collect();
    assert_eq!((rejects.len(), open.len()), (2, 1));
    assert_eq!(open[0]["ticket_id"], ids[0].as_str());
    simulator.clear_hook();
    let told = run(&mut place.command_at(&simulator, full))
        .expect(0)
        .json();
    assert_eq!(
        (&told["rejects_standing"], &told["rejects_accepted"]),
        (&0.into(), &0.into())
    );
    let listed = accept(&place, "").expect(0).stdout;
    assert!(listed.contains("no reject stands"), "{listed}");
}

#[test]
fn a_repair_counts_what_stands_and_names_its_end() {
    let (simulator, place, _) = stored();
    let verify = "verify --to sqlite:support.db --rate-limit none --repair";
    let ended = run(&mut place.command_at(&simulator, verify)).expect(3);
    assert!(
        ended
            .stdout
            .starts_with("The store and the API count the same, but rejects stand"),
        "{}",
        ended.stdout
    );
    let told = run(&mut place.command_at(&simulator, &format!("{verify} --json")))
        .expect(3)
        .json();
    assert_eq!(told["outcome"], "equal_with_rejects");
    // Without, it only compares.
    run(&mut place.command_at(&simulator, &verify.replace("--repair", ""))).expect(0);
    let sqlite = rusqlite::Connection::open(place.path("support.db")).unwrap();
    sqlite
        .execute(
            "UPDATE tickets SET status = 'Pending' WHERE status = 'Resolved'",
            [],
        )
        .unwrap();
    drop(sqlite);
    let ended = run(&mut place.command_at(&simulator, verify)).expect(3);
    assert!(
        ended.stdout.starts_with(
            "The store and the API differed; they count the same now, but rejects stand"
        ),
        "{}",
        ended.stdout
    );
    accept(&place, "--all --yes").expect(0);
    run(&mut place.command_at(&simulator, verify)).expect(0);
}

#[test]
fn what_is_accepted_is_in_the_next_snapshot_too() {
    let (_simulator, place, _) = stored();
    let publish = "publish --from sqlite:support.db --to parquet:desk --json";
    run(&mut place.command(publish)).expect(0);
    let again = run(&mut place.command(publish)).expect(0).json();
    assert_eq!(again["is_new"], false, "{again}");
    accept(&place, "--all --yes").expect(0);
    let told = run(&mut place.command(publish)).expect(0).json();
    assert_eq!(told["is_new"], true, "{told}");
}

#[test]
fn words_of_accept_that_mean_nothing_are_refused() {
    let (simulator, place, ids) = stored();
    for (words, part) in [
        ("--yes", "does not say which"),
        ("--undo --yes", "does not say which"),
        ("--ticket nobody", "none of the 2 rejects"),
        ("--ticket nobody --yes", "none of the 2 rejects"),
        ("--path prio", "none of the 2 rejects"),
    ] {
        accept(&place, words).expect(2).expect_error(&[part]);
    }
    run(&mut place.command("accept"))
        .expect(2)
        .expect_error(&["--to is missing"]);
    run(&mut place.command("accept --to sqlite:none.db"))
        .expect(2)
        .expect_error(&["there is no store"]);
    sync(&place, &simulator).expect(3);
    accept(
        &place,
        &format!("--ticket {} --path priority --yes", ids[1]),
    )
    .expect(0);
    let again = accept(&place, &format!("--ticket {} --yes", ids[1]))
        .expect(0)
        .stdout;
    assert!(again.contains("0 rejects accepted"), "{again}");
}
