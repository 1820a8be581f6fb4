//! `simulate --live`: a desk that lives on, and the file that tells what changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::Value;

use super::stored::look;
use super::support::{Place, Running, run, until};
use crate::support::{NOW, WallClock};

/// A desk of six hundred tickets a day, so that each day brings something of every kind.
const DESK: &str = "simulate --live --day-every 1s --port 0 --tickets 1200 --since 2024-06-29 --until 2024-07-01 \
     --seed 7 --latency 0s --rate-limit none --mean-messages 0.5";

/// Syncs that are tried, each of which lets more days pass.
const MOST_SYNCS: usize = 60;

/// What is told of a desk, as far as whole lines go.
fn told(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
    whole
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect()
}

fn text<'a>(line: &'a Value, field: &str) -> &'a str {
    line[field].as_str().unwrap_or_default()
}

/// The variables that the announcement sets.
fn variables(said: &str) -> BTreeMap<String, String> {
    let line = said.lines().find(|line| line.trim().starts_with("export "));
    let words = line.expect(said).split_whitespace().skip(1);
    words
        .map(|word| {
            let (name, value) = word.split_once('=').unwrap();
            (name.to_owned(), value.to_owned())
        })
        .collect()
}

/// Rows of the store: the last change, and whether the ticket is flagged as deleted.
fn rows(store: &Connection) -> BTreeMap<String, (String, bool)> {
    let mut statement = store
        .prepare("SELECT id, coalesce(updated_at, ''), deleted_at IS NOT NULL FROM tickets")
        .unwrap();
    let rows = statement
        .query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))
        .unwrap();
    rows.map(Result::unwrap).collect()
}

/// The tickets that are told to be deleted.
fn gone(told: &[Value]) -> BTreeSet<&str> {
    let gone = told
        .iter()
        .filter(|line| text(line, "kind").starts_with("deleted_"));
    gone.map(|line| text(line, "ticket_id")).collect()
}

/// Changes that were told before a sync and are not in the store afterwards. `later` is what was told by then.
fn missed(told: &[Value], later: &[Value], store: &Connection) -> Vec<Value> {
    let rows = rows(store);
    let (gone, gone_later) = (gone(told), gone(later));
    let is_found = |line: &Value| {
        let (kind, at) = (text(line, "kind"), text(line, "at"));
        if kind == "customer" {
            let known: Option<String> = store
                .query_row(
                    "SELECT updated_at FROM customers WHERE id = ?1",
                    [text(line, "customer_id")],
                    |row| row.get(0),
                )
                .ok();
            // One whose tickets are all gone is read no more.
            return known.is_none_or(|updated_at| *updated_at >= *at);
        }
        let id = text(line, "ticket_id");
        match rows.get(id) {
            Some((_, is_deleted)) if gone.contains(id) => *is_deleted,
            // Before or after its deletion, which nobody knows.
            Some(_) | None if gone_later.contains(id) => true,
            Some((updated_at, is_deleted)) => !is_deleted && (kind == "new" || **updated_at >= *at),
            None => false,
        }
    };
    told.iter()
        .filter(|line| !is_found(line))
        .cloned()
        .collect()
}

#[test]
fn syncs_find_every_change_that_a_desk_which_lives_on_tells() {
    let place = Place::new();
    let truth = place.path("truth.ndjson");
    // Syncs of a debug build take about a second: with shorter days, most tickets that are deleted would come
    // and go between two of them.
    let words = DESK.replace("1s", "4s");
    let desk = Running::start(&mut place.command(&format!("{words} --truth truth.ndjson")));
    desk.wait_to_say("Ctrl-C ends it.");
    let said = desk.said();
    assert!(
        said.contains("\n  mava-export sync --to sqlite:simulated.db\n"),
        "{said}"
    );
    let command = |words: &str| {
        let words = format!("{words} --to sqlite:simulated.db --rate-limit none");
        let mut command = place.command(&words);
        command.envs(variables(&said));
        command
    };
    let store = place.path("simulated.db");
    let follow = |words: &str| {
        let before = told(&truth);
        let ended = run(&mut command(words));
        // A count of a desk that moves this fast may stay unsettled, which is said then.
        assert!(matches!(ended.code(), Some(0 | 3)), "{}", ended.stderr);
        if ended.code() == Some(0) {
            let missed = missed(&before, &told(&truth), &look(&store));
            assert!(missed.is_empty(), "{missed:#?}");
        }
        before
    };
    follow("backfill --since 2024-06-29");
    let (mut stored, mut complete) = (BTreeSet::new(), false);
    for _ in 0..MOST_SYNCS {
        stored.extend(rows(&look(&store)).into_keys());
        let told = follow("sync --full");
        let days: BTreeSet<&str> = told.iter().map(|line| &text(line, "at")[..10]).collect();
        let has_deleted = gone(&told).into_iter().any(|id| stored.contains(id));
        let has_new = told.iter().any(|line| text(line, "kind") == "new");
        complete = days.len() >= 3 && has_deleted && has_new;
        if complete {
            break;
        }
    }
    assert!(complete, "no deletion of a stored ticket");
    desk.wait_to_say("2024-07-02: ");
    desk.signal("INT");
    desk.end_within(Duration::from_secs(5)).expect(130);
    assert!(fs::read_to_string(&truth).unwrap().ends_with('\n'));
    assert_is_in_order_and_complete(&told(&truth));
}

/// Lines come in the order of time, each with its fields and no other.
#[track_caller]
fn assert_is_in_order_and_complete(told: &[Value]) {
    assert!(told.is_sorted_by(|one, other| text(one, "at") <= text(other, "at")));
    for line in told {
        let fields: Vec<&str> = line
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let expected: &[&str] = match text(line, "kind") == "customer" {
            true => &["at", "customer_id", "kind"],
            false => &["at", "created_at", "kind", "ticket_id"],
        };
        assert_eq!(fields, expected, "{line}");
    }
}

#[test]
fn a_desk_that_lives_on_ends_by_a_signal_and_a_quiet_one_says_nothing() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let place = Place::new();
        let truth = place.path("truth.ndjson");
        let desk =
            Running::start(&mut place.command(&format!("{DESK} --truth truth.ndjson --quiet")));
        until("a change", || !told(&truth).is_empty());
        desk.signal(signal);
        let ended = desk.end_within(Duration::from_secs(5)).expect(code);
        assert_eq!(ended.stdout, "");
        assert!(!ended.stderr.contains("2024-07"), "{}", ended.stderr);
    }
}

#[test]
fn a_desk_that_lives_on_tells_machines_one_object_and_its_days_beside_it() {
    let place = Place::new();
    let desk = Running::start(&mut place.command(&format!("{DESK} --log-format json")));
    desk.wait_to_say("2024-07-03: ");
    desk.signal("INT");
    let ended = desk.end_within(Duration::from_secs(5)).expect(130);
    assert_eq!(ended.json()["clock_tolerance"], "100y");
    assert!(
        ended.json()["base_url"]
            .as_str()
            .unwrap()
            .contains("127.0.0.1")
    );
    for line in ended.stderr.lines() {
        let _: Value = serde_json::from_str(line).expect(line);
    }
}

#[test]
fn a_desk_that_has_caught_up_with_the_machines_clock_says_so_and_waits_for_it() {
    let place = Place::new();
    let clock = WallClock::new(place.root());
    let words = DESK.replace("--until 2024-07-01", "--until 2025-06-18T12:00:00Z");
    let words = words.replace("--since 2024-06-29", "--since 2025-06-16");
    let mut command = place.command(&words);
    // Half past two: two hours later.
    clock.set(&mut command, NOW);
    let desk = Running::start(&mut command);
    desk.wait_to_say("caught up with this machine's clock (2025-06-18 14:00)");
    desk.signal("INT");
    desk.end_within(Duration::from_secs(5)).expect(130);
}

#[test]
fn how_long_a_day_takes_is_said_only_of_a_desk_that_lives_on() {
    let place = Place::new();
    let ended = run(&mut place.command("simulate --day-every 10s")).expect(2);
    ended.expect_error(&["--day-every is for", "add --live"]);
    // Not typed for this desk, but set for others.
    let mut plain = place.command("simulate --port 0 --tickets 5");
    let plain = Running::start(plain.env("MAVA_EXPORT_DAY_EVERY", "10s"));
    plain.wait_to_say("Ctrl-C ends it.");
}

#[test]
fn the_truth_goes_into_a_new_file_or_an_empty_one_and_into_nothing_else() {
    let place = Place::new();
    fs::write(place.path("notes.txt"), "mine\n").unwrap();
    fs::create_dir(place.path("folder")).unwrap();
    symlink("elsewhere.txt", place.path("link")).unwrap();
    for (name, parts) in [
        ("notes.txt", ["exists already", "name a new file"]),
        ("folder", ["it is a directory", "folder/truth.ndjson"]),
        ("link", ["it is a symbolic link", "name a new file"]),
        (
            "/dev/full",
            ["it is a socket or a device", "name a new file"],
        ),
        ("none/truth.ndjson", ["none", "mkdir -p none"]),
        ("-", ["- is none", "truth.ndjson"]),
    ] {
        let ended = run(&mut place.command(&format!("{DESK} --truth {name}"))).expect(2);
        ended.expect_error(&parts);
    }
    assert_eq!(
        fs::read_to_string(place.path("notes.txt")).unwrap(),
        "mine\n"
    );
    assert!(!place.path("elsewhere.txt").exists());
    fs::write(place.path("empty"), "").unwrap();
    let desk = Running::start(&mut place.command(&format!("{DESK} --truth empty")));
    until("a change", || !told(&place.path("empty")).is_empty());
    // Another one would write between its lines.
    let other = run(&mut place.command(&format!("{DESK} --truth empty"))).expect(2);
    other.expect_error(&["exists already"]);
    drop(desk);
}

#[test]
fn a_truth_that_cannot_be_gone_on_with_ends_the_simulation_and_is_whole() {
    let place = Place::new();
    let words = format!("{DESK} --truth truth.ndjson");
    let mut command = place.shell("ulimit -f 16", &words);
    let ended = Running::start(&mut command).end().expect(1);
    ended.expect_error(&["truth.ndjson", "the simulation ends", "ulimit -f unlimited"]);
    let text = fs::read_to_string(place.path("truth.ndjson")).unwrap();
    assert!(text.ends_with('\n'));
    assert!(told(&place.path("truth.ndjson")).len() > 10);
}

/// The tickets that are unresolved, by their id, as far as lines tell.
fn unresolved<'a>(told: &'a [Value], until: &str) -> BTreeSet<&'a str> {
    let mut open = BTreeSet::new();
    for line in told.iter().filter(|line| text(line, "at") < until) {
        let id = text(line, "ticket_id");
        let status = match text(line, "kind") {
            "created" => line["opened"]["status"].as_str().unwrap_or_default(),
            "status" => text(line, "to"),
            "deleted" | "merged" | "hidden" => "gone",
            _ => continue,
        };
        if ["Open", "Pending", "Waiting"].contains(&status) {
            open.insert(id);
        } else {
            open.remove(id);
        }
    }
    open
}

#[test]
fn a_desk_at_work_tells_all_that_happened_from_its_first_ticket_on_and_each_days_backlog() {
    let place = Place::new();
    let words = DESK.replace("--tickets 1200", "--tickets 120 --at-work");
    let desk = Running::start(&mut place.command(&format!("{words} --truth truth.ndjson")));
    desk.wait_to_say("2024-07-04: ");
    desk.signal("INT");
    desk.end_within(Duration::from_secs(5)).expect(130);
    let told = told(&place.path("truth.ndjson"));
    let kinds: BTreeSet<&str> = told.iter().map(|line| text(line, "kind")).collect();
    for kind in ["created", "message", "assignee", "status", "ai_status"] {
        assert!(kinds.contains(kind), "{kind} of {kinds:?}");
    }
    assert!(text(&told[0], "at") < "2024-06-30");
    let backlogs: Vec<&Value> = told
        .iter()
        .filter(|line| text(line, "kind") == "backlog")
        .collect();
    // The one before it begins to live, and those of three days.
    assert!(backlogs.len() >= 4, "{}", backlogs.len());
    for line in backlogs {
        let count = unresolved(&told, text(line, "at")).len();
        assert!(count > 0);
        assert_eq!(line["count"], count, "{line}");
    }
}
