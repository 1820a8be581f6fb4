//! Answers and options beyond all measure: each comes to an end that says what it is.

use std::time::Duration;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::server::{Asked, Reply, Server, desk, ticket};
use super::support::{Place, Running, run};

const BACKFILL: &str = "backfill --since 2024-01-01 --until 2024-07-01 --to sqlite:support.db --rate-limit none --retry-pause 5ms";
const VERIFY: &str = "verify --to sqlite:support.db --rate-limit none --retry-pause 5ms";
const AT_ONCE: Duration = Duration::from_secs(10);

fn number(place: &Place, sql: &str) -> i64 {
    let store = Connection::open(place.path("support.db")).unwrap();
    store.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn text(place: &Place, sql: &str) -> String {
    let store = Connection::open(place.path("support.db")).unwrap();
    store.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// A ticket with so many tags.
fn tagged(id: &str, tags: usize) -> Value {
    let mut ticket = ticket(id);
    ticket["tags"] = (0..tags).map(|tag| format!("tag-{tag}")).collect();
    ticket
}

#[test]
fn a_hundred_thousand_tags_are_stored_and_a_million_are_kept_as_one_value() {
    let place = Place::new();
    let server = Server::start(desk(vec![
        tagged("many", 100_000),
        tagged("more", 1_000_000),
        tagged("few", 2),
    ]));
    let began = Running::start(&mut server.command(&place, BACKFILL));
    began.end_within(Duration::from_secs(55)).expect(3);
    let tags = |id: &str| {
        let sql = format!("SELECT count(*) FROM ticket_tags WHERE ticket_id = '{id}'");
        number(&place, &sql)
    };
    assert_eq!((tags("many"), tags("more"), tags("few")), (100_000, 0, 2));
    let reject = "SELECT ticket_id || ' ' || path || ': ' || reason FROM rejects";
    assert_eq!(
        text(&place, reject),
        "more tags: expected a list of at most 250000 items, got an array; \
         only the first 1048448 of 12888891 bytes are kept"
    );
    assert!(number(&place, "SELECT length(CAST(raw_json AS BLOB)) FROM rejects") <= 1 << 20);
    let kept = "SELECT json_array_length(extra_json, '$.tags') FROM tickets WHERE id = 'more'";
    assert_eq!(number(&place, kept), 1_000_000);
}

#[test]
fn a_tag_whose_id_fits_no_request_is_told_and_the_rest_is_counted() {
    let place = Place::new();
    let long = "x".repeat(100_000);
    let mut strange = ticket("t1");
    strange["tags"] = json!([long, "short"]);
    let server = Server::start(desk(vec![strange, ticket("t2")]));
    run(&mut server.command(&place, BACKFILL)).expect(0);
    let before = server.asked().len();
    let ended = run(&mut server.command(&place, &format!("{VERIFY} --json"))).expect(3);
    let refused = &ended.json()["refused"];
    assert_eq!(refused.as_array().unwrap().len(), 1, "{refused}");
    let reason = refused[0]["reason"].as_str().unwrap();
    assert!(reason.contains("at most 65534 can be sent"), "{reason}");
    assert_eq!(ended.json()["differences"], json!([]));
    let is_asked = |tag: &str| {
        let later = server.asked().into_iter().skip(before);
        later
            .filter(|asked| asked.all("tags").contains(&tag))
            .count()
    };
    assert_eq!((is_asked(&long), is_asked("short")), (0, 1));
    let told = run(&mut server.command(&place, VERIFY)).expect(3);
    assert!(told.stdout.len() < 4_000, "{}", told.stdout.len());
    assert!(told.stdout.contains("xxx…"), "{}", told.stdout);
}

#[test]
fn a_question_that_the_api_takes_for_too_long_costs_no_other() {
    for status in [414, 431] {
        let place = Place::new();
        let mut well = desk(vec![tagged("t1", 3)]);
        let server = Server::start(move |asked: &Asked| {
            if asked.all("tags").contains(&"tag-1") {
                return Reply::new(status, "<html>too long</html>");
            }
            well(asked)
        });
        run(&mut server.command(&place, BACKFILL)).expect(0);
        let before = server.asked().len();
        let ended = run(&mut server.command(&place, &format!("{VERIFY} --json"))).expect(3);
        let report = ended.json();
        assert_eq!(report["refused"][0]["value"], "tag-1", "{report}");
        assert_eq!(report["differences"], json!([]));
        let asked = server.asked().split_off(before);
        let refused = asked
            .iter()
            .filter(|asked| asked.all("tags").contains(&"tag-1"));
        assert_eq!(refused.count(), 1);
    }
}

#[test]
fn filters_that_make_a_request_too_long_are_refused_before_anything_is_sent() {
    let place = Place::new();
    let server = Server::start(desk(vec![ticket("t1")]));
    let ids = |count: usize| {
        let ids: Vec<String> = (0..count).map(|id| format!("64f0{id:020}")).collect();
        ids.join(",")
    };
    for (flag, count) in [
        ("--tag", 2_250),
        ("--category", 2_000),
        ("--assigned-to", 1_900),
    ] {
        let words = format!("{BACKFILL} {flag} {}", ids(count));
        for words in [
            words.clone(),
            words.replace(BACKFILL, &format!("plan {BACKFILL}")),
        ] {
            let refused = run(&mut server.command(&place, &words)).expect(2);
            refused.expect_error(&[&format!("{flag} names {count} values"), "at most 65434"]);
        }
    }
    assert_eq!(server.asked().len(), 0);
    // What can be sent, and the API does not take.
    server.answer(|asked| match asked.path.as_str() {
        "/api/tickets" => Reply::new(414, r#"{"error":"URI Too Long"}"#),
        _ => Reply::new(200, "[]"),
    });
    let words = format!("{BACKFILL} --tag {}", ids(900));
    let refused = run(&mut server.command(&place, &words)).expect(2);
    refused.expect_error(&["414", "--tag names 900 values", "name fewer values"]);
    let tickets = server
        .asked()
        .into_iter()
        .filter(|one| one.path == "/api/tickets");
    assert_eq!(tickets.count(), 1);
}

#[test]
fn a_range_that_begins_before_any_desk_is_refused_at_once() {
    let place = Place::new();
    let server = Server::start(desk(vec![ticket("t1")]));
    for words in [
        "backfill --to sqlite:support.db",
        "plan backfill --to sqlite:support.db",
        "sync --to sqlite:support.db",
        "plan sync --to sqlite:support.db",
    ] {
        for since in [
            "0001-01-01",
            "0024-01-01",
            "1970-01-01",
            "2009-12-31T23:59:59Z",
        ] {
            let words = format!("{words} --since {since}");
            let refused = Running::start(&mut server.command(&place, &words));
            let refused = refused.end_within(AT_ONCE).expect(2);
            refused.expect_error(&["--since", "before 2010-01-01"]);
        }
    }
    assert_eq!(server.asked().len(), 0);
    let reversed = "backfill --since 2024-01-01 --until 2010-01-01 --to sqlite:support.db";
    run(&mut server.command(&place, reversed))
        .expect(2)
        .expect_error(&["--until"]);
}

#[test]
fn a_store_that_covers_years_before_any_desk_is_verified_and_synced_without_them() {
    let place = Place::new();
    let server = Server::start(desk(vec![ticket("t1")]));
    run(&mut server.command(&place, BACKFILL)).expect(0);
    let store = Connection::open(place.path("support.db")).unwrap();
    let earlier = "UPDATE snapshots SET range_from = '0001-01-01T00:00:00.000Z'";
    store.execute_batch(earlier).unwrap();
    drop(store);
    let before = server.asked().len();
    run(&mut server.command(&place, VERIFY)).expect(0);
    let sync = "sync --to sqlite:support.db --rate-limit none";
    run(&mut server.command(&place, sync)).expect(0);
    let asked = server.asked().split_off(before);
    assert!(asked.len() < 200, "{}", asked.len());
    let tickets = asked.iter().filter(|asked| asked.path == "/api/tickets");
    for asked in tickets {
        assert!(asked.one("startDate") >= "2010-01-01", "{asked:?}");
    }
}

#[test]
fn an_error_that_never_ends_is_not_read_to_its_end() {
    let place = Place::new();
    let server = Server::start(|_| {
        Reply::long(
            400,
            vec![("{\"error\":\"".to_owned() + &"x".repeat(1 << 20), 4_000)],
        )
    });
    let ended = Running::start(&mut server.command(&place, "probe")).end_within(AT_ONCE);
    ended.expect(1).expect_error(&["400"]);
}

#[cfg(target_os = "linux")]
#[test]
fn large_answers_share_one_bound_on_memory() {
    const MIB: usize = 1 << 20;
    let place = Place::new();
    // Tickets without an id: of each the beginning is kept, so that the disk has little to do.
    let server = Server::start(|asked: &Asked| match asked.path.as_str() {
        "/api/tickets" => {
            let created_at = asked.one("startDate");
            let before =
                format!("{{\"count\":1,\"tickets\":[{{\"createdAt\":\"{created_at}\",\"x\":\"");
            Reply::long(
                200,
                vec![(before, 1), ("x".repeat(MIB), 100), ("\"}]}".to_owned(), 1)],
            )
        }
        _ => Reply::new(200, "[]"),
    });
    let words = BACKFILL.replace("--since 2024-01-01", "--since 2019-01-01");
    let running = Running::start(&mut server.command(&place, &words));
    let status = format!("/proc/{}/status", running.pid());
    let mut peak_kib = 0;
    super::support::until("the end of it", || {
        let Ok(status) = std::fs::read_to_string(&status) else {
            return true;
        };
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let Some(peak) = peak else {
            return true;
        };
        let kib = peak.trim().trim_end_matches(" kB").parse().unwrap();
        peak_kib = peak_kib.max(kib);
        false
    });
    let ended = running.end().expect(3);
    let answers = server.asked().len();
    assert!(answers >= 12, "{answers}: {}", ended.stdout);
    assert!(peak_kib < 800 * 1_024, "{} MiB", peak_kib / 1_024);
    let longest = "SELECT max(length(CAST(raw_json AS BLOB))) FROM rejects";
    assert!(number(&place, longest) <= 1 << 20);
    let reason = text(&place, "SELECT reason FROM rejects");
    assert!(
        reason.starts_with("no id; only the first 10484"),
        "{reason}"
    );
}
