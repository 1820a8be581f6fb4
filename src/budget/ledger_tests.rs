#![expect(clippy::disallowed_methods, reason = "a test makes the file it needs")]

use super::*;

const LIMIT: Limit = Limit {
    requests: 3,
    period_ms: 1_000,
    span_ms: 1_100,
};

/// Enters a request that is answered within the millisecond.
fn enter(ledger: &mut Ledger, limit: Limit, now_ms: i64) -> Entry {
    match ledger.try_enter(limit, 0, now_ms).expect("works") {
        Entry::Entered { used, entry } => {
            let entry = entry.expect("an entry in the ledger");
            assert!(ledger.try_settle(entry, now_ms).expect("works"));
            entered(used)
        }
        other => other,
    }
}

fn entered(used: u32) -> Entry {
    Entry::Entered { used, entry: None }
}

#[test]
fn the_fingerprint_tells_keys_apart_and_shows_none() {
    let one = fingerprint("key-one");
    assert_eq!(one.len(), 16);
    assert_ne!(one, fingerprint("key-two"));
}

#[test]
fn two_ledgers_on_one_file_share_the_limit_and_survive_reopening() {
    let directory = tempfile::tempdir().expect("a directory");
    let open = || Ledger::open(directory.path(), "f", 3).expect("opens");
    let (mut one, mut two) = (open(), open());
    assert_eq!(enter(&mut one, LIMIT, 10), entered(1));
    assert_eq!(enter(&mut two, LIMIT, 20), entered(2));
    drop(one);
    let mut one = open();
    assert_eq!(enter(&mut one, LIMIT, 30), entered(3));
    let full = Entry::NotBefore {
        at_ms: 1_110,
        used: 3,
    };
    assert_eq!(enter(&mut two, LIMIT, 40), full);
    assert_eq!(
        enter(&mut two, LIMIT, 1_109),
        Entry::NotBefore {
            at_ms: 1_110,
            used: 0
        }
    );
    assert_eq!(enter(&mut two, LIMIT, 1_110), entered(1));
}

/// A pause of so many milliseconds from `now_ms`.
fn pause(from_ms: i64, asked_ms: i64, longest_ms: u64) -> Pause {
    let asked = Duration::from_millis(u64::try_from(asked_ms).unwrap());
    Pause::of(asked, Duration::from_millis(longest_ms), from_ms)
}

fn closed(until_ms: i64, asked_ms: i64) -> Entry {
    let pause = Pause { until_ms, asked_ms };
    Entry::Closed { pause, used: 0 }
}

#[test]
fn a_closure_holds_for_everyone_and_is_never_shortened() {
    let directory = tempfile::tempdir().expect("a directory");
    let open = || Ledger::open(directory.path(), "f", 3).expect("opens");
    let (mut one, mut two) = (open(), open());
    assert!(one.try_close(pause(0, 5_000, 9_000), 0).unwrap());
    assert!(one.try_close(pause(0, 4_000, 9_000), 0).unwrap());
    assert_eq!(enter(&mut two, LIMIT, 10), closed(5_000, 5_000));
    assert_eq!(enter(&mut two, LIMIT, 5_000), entered(1));
}

#[test]
fn a_pause_that_is_asked_for_too_long_closes_for_as_long_as_is_waited_and_says_what_was_asked() {
    let directory = tempfile::tempdir().expect("a directory");
    let open = || Ledger::open(directory.path(), "f", 3).expect("opens");
    let (mut one, mut two) = (open(), open());
    one.try_close(pause(100, 45_000_000, 900), 100).unwrap();
    assert_eq!(enter(&mut two, LIMIT, 110), closed(1_000, 45_000_100));
    // A later one moves each end by itself.
    one.try_close(pause(600, 800, 900), 600).unwrap();
    assert_eq!(enter(&mut two, LIMIT, 700), closed(1_400, 45_000_100));
    assert_eq!(enter(&mut two, LIMIT, 1_400), entered(1));
}

#[test]
fn a_clock_set_back_makes_nobody_wait_longer_than_one_span() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut ledger = Ledger::open(directory.path(), "f", 3).expect("opens");
    for _ in 0..3 {
        enter(&mut ledger, LIMIT, 3_600_000);
    }
    assert_eq!(
        enter(&mut ledger, LIMIT, 1_000),
        Entry::NotBefore {
            at_ms: 2_100,
            used: 3
        }
    );
}

#[test]
fn a_short_period_forgets_nothing_that_a_longer_one_needs() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut ledger = Ledger::open(directory.path(), "f", 3).expect("opens");
    let long = Limit {
        requests: 3,
        period_ms: 30_000,
        span_ms: 30_300,
    };
    for at_ms in 1..=3 {
        enter(&mut ledger, long, at_ms);
    }
    assert_eq!(enter(&mut ledger, LIMIT, 2_000), entered(1));
    assert_eq!(
        enter(&mut ledger, long, 2_001),
        Entry::NotBefore {
            at_ms: 30_302,
            used: 4
        }
    );
}

#[test]
fn a_request_on_its_way_counts_as_just_sent_and_one_answered_late_as_sent_late() {
    let directory = tempfile::tempdir().expect("a directory");
    let open = || Ledger::open(directory.path(), "f", 3).expect("opens");
    let (mut one, mut two) = (open(), open());
    let limit = Limit {
        requests: 1,
        ..LIMIT
    };
    let slack_ms = 50;
    let swiftest_ms = 20;
    let not_before = |at_ms, used| Entry::NotBefore { at_ms, used };
    let Ok(Entry::Entered {
        entry: Some(entry), ..
    }) = one.try_enter(limit, swiftest_ms, 1_000)
    else {
        panic!("entered");
    };
    // On its way, for all the other process knows.
    let on_its_way = two.try_enter(limit, swiftest_ms, 1_900).unwrap();
    assert_eq!(
        on_its_way,
        not_before(1_900 - swiftest_ms - slack_ms + 1_100, 1)
    );
    // As late as that it was answered after all.
    assert!(one.try_settle(entry, 1_800).unwrap());
    let late = not_before(1_800 - swiftest_ms - slack_ms + 1_100, 1);
    assert_eq!(two.try_enter(limit, swiftest_ms, 1_900).unwrap(), late);
    assert_eq!(enter(&mut two, limit, 2_900), entered(1));
}

#[test]
fn what_a_killed_process_left_on_its_way_is_given_up_after_a_period() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut ledger = Ledger::open(directory.path(), "f", 3).expect("opens");
    let limit = Limit {
        requests: 1,
        ..LIMIT
    };
    ledger.try_enter(limit, 0, 1_000).unwrap();
    let opens_ms = 1_000 + LIMIT.period_ms - 50 + LIMIT.span_ms;
    let not_before = |used| Entry::NotBefore {
        at_ms: opens_ms,
        used,
    };
    assert_eq!(enter(&mut ledger, limit, 2_100), not_before(1));
    assert_eq!(enter(&mut ledger, limit, opens_ms - 1), not_before(0));
    assert_eq!(enter(&mut ledger, limit, opens_ms), entered(1));
}

#[test]
fn what_no_period_reaches_is_forgotten() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut ledger = Ledger::open(directory.path(), "f", 3).expect("opens");
    enter(&mut ledger, LIMIT, 0);
    enter(&mut ledger, LIMIT, millis(HORIZON));
    let count = "SELECT count(*) FROM requests";
    let connection = ledger.connection.as_ref().expect("open");
    let count: i64 = connection.query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(count, 1);
}

#[test]
fn a_far_end_that_another_release_or_another_clock_entered_is_believed_for_as_long_as_is_waited() {
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = Ledger::open(directory.path(), "f", 3).expect("opens");
    let mut ledger = ledger.waiting_at_most(Duration::from_secs(900));
    for far_ms in [3_600_000, 45_000_000, i64::MAX] {
        // As releases before this one did.
        let insert = "DELETE FROM closed; DELETE FROM pauses; DELETE FROM requests";
        let connection = ledger.connection.as_ref().expect("open");
        connection.execute_batch(insert).unwrap();
        connection
            .execute("INSERT INTO closed VALUES (?1)", [far_ms])
            .unwrap();
        assert_eq!(enter(&mut ledger, LIMIT, 5), closed(900_005, far_ms));
        // It does not move on with those who ask.
        assert_eq!(enter(&mut ledger, LIMIT, 50), closed(900_005, far_ms));
        assert_eq!(enter(&mut ledger, LIMIT, 900_005), entered(1));
    }
    let before = "DELETE FROM requests";
    ledger
        .connection
        .as_ref()
        .unwrap()
        .execute_batch(before)
        .unwrap();
    // By a clock that was years ahead: from now on as long as it was meant.
    let ahead_ms = 1_000_000_000_000;
    ledger
        .try_close(pause(ahead_ms, 60_000, 900_000), ahead_ms)
        .unwrap();
    assert_eq!(enter(&mut ledger, LIMIT, 7), closed(60_007, 60_007));
    assert_eq!(enter(&mut ledger, LIMIT, 70), closed(60_007, 60_007));
    assert_eq!(enter(&mut ledger, LIMIT, 60_007), entered(1));
}

#[test]
fn a_ledger_whose_lock_is_held_is_waited_for_and_used_once_it_is_let_go() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("budget-f.sqlite");
    std::fs::write(&path, "x".repeat(4_096)).unwrap();
    let lock = std::fs::File::create(file::lock_path(&path)).unwrap();
    lock.lock().unwrap();
    let mut ledger = Ledger::open(directory.path(), "f", 3).expect("no error");
    let later_ms = clock::now_ms() + 10 * LIMIT.span_ms;
    for _ in 0..3 {
        assert_eq!(enter(&mut ledger, LIMIT, later_ms), Entry::Busy);
    }
    let error = ledger.held_for(Duration::from_secs(10)).to_string();
    assert!(error.contains("budget-f.sqlite-lock"), "{error}");
    lock.unlock().unwrap();
    assert_eq!(enter(&mut ledger, LIMIT, later_ms), Entry::Busy);
    assert_eq!(enter(&mut ledger, LIMIT, later_ms), entered(1));
}

#[test]
fn a_damaged_file_begins_anew_as_if_the_budget_had_just_been_spent() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("budget-f.sqlite"), "x".repeat(4_096)).unwrap();
    let before_ms = clock::now_ms();
    let mut ledger = Ledger::open(directory.path(), "f", 3).expect("opens");
    let now_ms = clock::now_ms();
    let Entry::NotBefore { at_ms, .. } = enter(&mut ledger, LIMIT, now_ms) else {
        panic!("the budget is spent");
    };
    let span = LIMIT.span_ms;
    assert!((before_ms + span..=now_ms + span).contains(&at_ms));
    assert_eq!(enter(&mut ledger, LIMIT, at_ms), entered(1));
}

#[test]
fn a_file_damaged_while_it_is_open_begins_anew_for_everyone_who_has_it_open() {
    let directory = tempfile::tempdir().expect("a directory");
    let open = || Ledger::open(directory.path(), "f", 3).expect("opens");
    let (mut one, mut two) = (open(), open());
    enter(&mut one, LIMIT, 1);
    let path = directory.path().join("budget-f.sqlite");
    let length = std::fs::metadata(&path).unwrap().len();
    let noise = vec![0xa5; usize::try_from(length).unwrap()];
    std::fs::write(&path, noise).unwrap();
    let now_ms = clock::now_ms() + 10 * LIMIT.span_ms;
    let enter_soon = |ledger: &mut Ledger| {
        let mut tries = (0..3).map(|_| enter(ledger, LIMIT, now_ms));
        tries
            .find(|entry| *entry != Entry::Busy)
            .expect("not busy for ever")
    };
    assert_eq!(enter_soon(&mut one), entered(1));
    assert_eq!(enter_soon(&mut two), entered(2));
}

#[test]
fn a_directory_that_cannot_be_made_is_named_with_another_way() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Ledger::open(&file.join("state"), "f", 3).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().contains("budget-f.sqlite"), "{error}");
    assert!(error.help_text().unwrap().contains("--state-dir"));
}

#[test]
fn whatever_is_scribbled_over_a_ledger_it_is_used_or_begun_anew() {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};
    let mut random = StdRng::seed_from_u64(7);
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("budget-f.sqlite");
    let open = || Ledger::open(directory.path(), "f", 3);
    let mut ledger = open().expect("opens");
    for at_ms in 0..300 {
        enter(
            &mut ledger,
            Limit {
                requests: 999,
                ..LIMIT
            },
            at_ms,
        );
    }
    drop(ledger);
    let whole = std::fs::read(&path).unwrap();
    for round in 0..80 {
        let mut bytes = whole.clone();
        // Not the two bytes that say how the file may be written: nothing but a hand changes those.
        let from = random.random_range(20..bytes.len());
        let until = (from + random.random_range(1..3_000)).min(bytes.len());
        bytes[from..until].fill_with(|| random.random());
        if round % 4 == 0 {
            bytes.truncate(from);
        }
        std::fs::write(&path, bytes).unwrap();
        let mut ledger = open().unwrap_or_else(|error| panic!("round {round}: {error}"));
        let later_ms = clock::now_ms() + 10 * LIMIT.span_ms;
        let is_used = (0..3).any(|_| {
            let entry = ledger.try_enter(LIMIT, 0, later_ms);
            entry.unwrap_or_else(|error| panic!("round {round}: {error}")) != Entry::Busy
        });
        assert!(is_used, "round {round}");
    }
}

#[test]
fn a_database_with_other_tables_gives_way_to_a_ledger() {
    let directory = tempfile::tempdir().expect("a directory");
    let other = Connection::open(directory.path().join("budget-f.sqlite")).unwrap();
    other
        .execute_batch("CREATE TABLE requests (id INTEGER)")
        .unwrap();
    drop(other);
    let mut ledger = Ledger::open(directory.path(), "f", 3).expect("opens");
    let later_ms = clock::now_ms() + 10 * LIMIT.span_ms;
    assert_eq!(enter(&mut ledger, LIMIT, later_ms), entered(1));
}

#[test]
fn a_file_that_looks_whole_and_does_not_work_gives_way() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut ledger = Ledger::open(directory.path(), "f", 3).expect("opens");
    let foreign =
        "DROP TABLE closed; CREATE TABLE closed (until_ms); INSERT INTO closed VALUES ('x')";
    let connection = ledger.connection.as_ref().expect("open");
    connection.execute_batch(foreign).unwrap();
    let now_ms = clock::now_ms() + 10 * LIMIT.span_ms;
    let tries: Vec<Entry> = (0..3).map(|_| enter(&mut ledger, LIMIT, now_ms)).collect();
    assert_eq!(tries, [Entry::Busy, Entry::Busy, entered(1)]);
}
