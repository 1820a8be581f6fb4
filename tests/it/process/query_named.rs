//! `query --named`: the queries that come with the program, and that no query which it suggests counts a
//! deleted ticket, spam or a deleted message.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use mava_export::simulator::{Simulator, SimulatorSpec, World, WorldSpec};
use rusqlite::Connection;
use serde_json::Value;

use super::query::ask;
use super::support::{Place, run};
use crate::support::WallClock;

const FROM: &str = "--from sqlite:support.db";

/// What the queries take for now: a moment of the desk's last day.
const NOW: &str = "2024-06-30T12:00:00.000Z";

/// The name, what it answers and the statement of each file of `src/query/named`.
fn shipped() -> Vec<(String, String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/query/named");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let (first, sql) = text.split_once('\n').unwrap();
        let answers = first.strip_prefix("-- ").expect(&name);
        let answers = answers.strip_suffix('.').expect(&name).to_owned();
        found.push((name, answers, sql.to_owned()));
    }
    found.sort();
    found
}

/// A copy of a desk on whose tickets all that the queries look for is found. Its versions begin on the desk's
/// last day, and some tickets have no status.
fn stored() -> Place {
    let simulator = Simulator::start_apart(SimulatorSpec {
        is_prerendered: true,
        ..SimulatorSpec::new(World::generate(&WorldSpec {
            tickets: 1_500,
            ..WorldSpec::default()
        }))
    })
    .unwrap();
    let place = Place::new();
    place.backfill(&simulator).expect(0);
    change(
        &place,
        "UPDATE ticket_history SET valid_from = '2024-06-30T00:00:00.000Z';
         UPDATE tickets SET status = NULL WHERE rowid % 50 = 0",
    );
    place
}

fn open(place: &Place) -> Connection {
    Connection::open(place.path("support.db")).unwrap()
}

fn change(place: &Place, sql: &str) {
    open(place).execute_batch(sql).expect(sql);
}

/// The answer to a statement, as JSON.
fn answer(place: &Place, sql: &str) -> Value {
    let sql = sql.replace("'now'", &format!("'{NOW}'"));
    ask(place, &sql, &format!("{FROM} --json")).expect(0).json()
}

#[test]
fn the_names_are_listed_in_each_form_and_without_a_store() {
    let place = Place::new();
    let expected: BTreeSet<(String, String)> = shipped()
        .into_iter()
        .map(|(name, answers, _)| (name, answers))
        .collect();
    let listed = run(&mut place.command("query --named --json")).expect(0);
    let listed: Vec<Value> = serde_json::from_value(listed.json()).unwrap();
    let text = |row: &Value, column: &str| row[column].as_str().unwrap().to_owned();
    let found: BTreeSet<(String, String)> = listed
        .iter()
        .map(|row| (text(row, "name"), text(row, "what it answers")))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(listed.len(), expected.len());
    let csv = run(&mut place.command("query --named --format csv")).expect(0);
    assert!(csv.stdout.starts_with("name,what it answers\nbacklog,"));
    // A store that is named is not looked at.
    for more in ["", FROM, "--from parquet:none", "--quiet"] {
        let table = run(&mut place.command(&format!("query --named {more}"))).expect(0);
        for (name, answers) in &expected {
            assert!(table.stdout.contains(name.as_str()), "{name}");
            assert!(table.stdout.contains(answers.as_str()), "{answers}");
        }
    }
    run(&mut place.command("query --named --output names.json")).expect(0);
    let written: Vec<Value> =
        serde_json::from_str(&fs::read_to_string(place.path("names.json")).unwrap()).unwrap();
    assert_eq!(written, listed);
    run(&mut place.command("query --named --output names.json"))
        .expect(2)
        .expect_error(&["names.json exists already", "--overwrite"]);
    let cut = run(&mut place.command("query --named --max-rows 2 --json")).expect(0);
    assert_eq!(cut.json().as_array().unwrap().len(), 2);
}

#[test]
fn a_list_of_the_names_is_written_over_no_file_of_the_store_that_is_named() {
    let place = stored();
    let log = place.path("support.db-wal");
    fs::write(&log, "").unwrap();
    run(&mut place.command(&format!(
        "query --named {FROM} --output support.db-wal --format csv --overwrite"
    )))
    .expect(2)
    .expect_error(&["belongs to the store"]);
    assert_eq!(fs::read(&log).unwrap(), b"");
}

#[test]
fn a_name_that_is_none_is_answered_with_the_nearest_and_the_way_out() {
    let place = Place::new();
    for (words, parts) in [
        (
            "--named backlogg",
            &[
                "no query named backlogg",
                "did you mean backlog?",
                "query --named lists all",
            ][..],
        ),
        ("--named By_Month", &["did you mean by-month?"]),
        (
            "--named wombat",
            &["no query named wombat", "query --named lists all"],
        ),
        (
            "--named backlog -",
            &["both SQL and --named", "leave one of them out"],
        ),
        ("--named backlog .tables", &["both SQL and --named"]),
        (
            ".tables --named",
            &["both SQL and --named", "--named alone lists"],
        ),
        ("--named --file q.sql", &["both --file and --named"]),
        ("--named backlog --file -", &["both --file and --named"]),
        ("--named backlog", &["--from is missing"]),
    ] {
        let ended = run(&mut place.command(&format!("query {words}"))).expect(2);
        assert_eq!(ended.stdout, "", "{words}");
        ended.expect_error(parts);
    }
    let mut sql = place.command("query --named");
    run(sql.arg("SELECT 1"))
        .expect(2)
        .expect_error(&["--named takes the name of a query", "leave --named out"]);
    let mut both = place.command("query --named backlog");
    run(both.arg("SELECT 1"))
        .expect(2)
        .expect_error(&["both SQL and --named"]);
}

#[test]
fn each_named_query_finds_something_and_is_answered_as_its_text_is() {
    let place = stored();
    let clock = WallClock::new(place.root());
    for (name, _, sql) in shipped() {
        let mut command = place.command(&format!("query --named {name} {FROM} --json"));
        clock.set(&mut command, NOW.parse().unwrap());
        let found = run(&mut command).expect(0).json();
        assert!(!found.as_array().unwrap().is_empty(), "{name}");
        assert_eq!(found, answer(&place, &sql), "{name}");
    }
    // With the other options of query.
    let csv = run(&mut place.command(&format!(
        "query --named by-status {FROM} --format csv --max-rows 1 --output status.csv"
    )));
    csv.expect(0);
    let written = fs::read_to_string(place.path("status.csv")).unwrap();
    assert!(
        written.starts_with("status,tickets\nResolved,"),
        "{written}"
    );
    assert_eq!(written.lines().count(), 2);
}

#[test]
fn tickets_without_a_status_are_not_taken_for_spam() {
    let place = stored();
    let sql =
        "SELECT status, count(*) AS tickets FROM tickets GROUP BY status ORDER BY tickets DESC";
    let all = answer(&place, sql);
    assert!(
        all.as_array()
            .unwrap()
            .iter()
            .any(|row| row["status"].is_null())
    );
    let named = run(&mut place.command(&format!("query --named by-status {FROM} --json")));
    assert_eq!(named.expect(0).json(), all);
}

#[test]
fn the_backlog_of_the_last_year_is_that_of_the_totals_and_leaves_no_day_out() {
    let place = stored();
    let day = "SELECT day FROM daily_metrics GROUP BY day ORDER BY day DESC LIMIT 1 OFFSET 9";
    let connection = open(&place);
    let empty: String = connection.query_row(day, [], |row| row.get(0)).unwrap();
    change(
        &place,
        &format!("DELETE FROM daily_metrics WHERE day = '{empty}'"),
    );
    let named = run(&mut place.command(&format!("query --named backlog {FROM} --json")));
    let rows: Vec<Value> = serde_json::from_value(named.expect(0).json()).unwrap();
    let number = |sql: &str, day: &str| -> i64 {
        connection.query_row(sql, [day], |row| row.get(0)).unwrap()
    };
    let told = "SELECT coalesce(sum(backlog), 0) FROM daily_metrics WHERE day = ?1";
    for pair in rows.windows(2) {
        let (day, next) = (
            pair[0]["day"].as_str().unwrap(),
            pair[1]["day"].as_str().unwrap(),
        );
        let follows = "SELECT date(?1, '+1 day') = ?2";
        assert!(
            connection
                .query_row(follows, [day, next], |row| row.get::<_, bool>(0))
                .unwrap()
        );
        assert_eq!(pair[1]["backlog"], number(told, next), "{next}");
    }
    let gap = rows
        .iter()
        .find(|row| row["day"] == empty.as_str())
        .unwrap();
    assert_eq!(gap["backlog"], 0);
    assert!(
        rows.len() >= 366 && rows[0]["backlog"].as_i64().unwrap() > 0,
        "{}",
        rows.len()
    );
    // No ticket, no day.
    change(&place, "DELETE FROM daily_metrics");
    let none = run(&mut place.command(&format!("query --named backlog {FROM} --json")));
    assert_eq!(none.expect(0).stdout, "[]\n");
}

/// What keeps something out of a query, and what lets it in.
const GUARDS: [(&str, &str); 4] = [
    ("deleted_at IS NULL", "1"),
    ("NOT is_deleted", "1"),
    ("status IS NOT 'Spam'", "status IS NOT 'Nothing'"),
    ("is_deleted IS NOT TRUE", "id IS NOT NULL"),
];

/// Compares a copy with what was deleted on the desk, and so has to have the spam of both.
const COMPARES: &str = "SELECT id FROM tickets WHERE deleted_at IS NULL";

/// Reads a file of a snapshot as it is, as the other engines beside it do.
const READS: &str = "SELECT * FROM read_parquet('desk/current/tickets/*/*.parquet')";

/// Copies the rows of a table that `condition` selects, with these columns changed.
fn copy(connection: &Connection, table: &str, condition: &str, changed: &[(&str, &str)]) {
    let mut statement = connection
        .prepare("SELECT name FROM pragma_table_info(?1)")
        .unwrap();
    let columns: Vec<String> = statement
        .query_map([table], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let values: Vec<&str> = columns
        .iter()
        .map(|column| {
            let found = changed.iter().find(|(name, _)| name == column);
            found.map_or(column.as_str(), |(_, value)| value)
        })
        .collect();
    for (name, _) in changed {
        assert!(
            columns.iter().any(|column| column == name),
            "{table}.{name}"
        );
    }
    let sql = format!(
        "INSERT INTO {table} ({}) SELECT {} FROM {table} WHERE {condition}",
        columns.join(", "),
        values.join(", ")
    );
    assert!(connection.execute(&sql, []).expect(&sql) > 0, "{sql}");
}

/// Sets traps beside every ticket: the same one deleted, and as spam, a day later and slower in all; and beside every message
/// a deleted one. Each version of a ticket has one before it in which the ticket was deleted by mistake.
fn set_traps(place: &Place) {
    let connection = open(place);
    connection.execute_batch("BEGIN").unwrap();
    let (original, earlier) = ("id NOT LIKE '0%'", "'2024-05-01T00:00:00.000Z'");
    let since = "'2024-06-30T01:00:00.000Z'";
    let of_original = "ticket_id NOT LIKE '0%'";
    let is_there = "ticket_id NOT LIKE '0%' AND valid_from > '2024-06'";
    copy(
        &connection,
        "messages",
        of_original,
        &[
            ("id", "id || '-gone'"),
            ("position", "position + 1000"),
            ("content", "'refund, login, pending'"),
            ("is_deleted", "1"),
        ],
    );
    for (prefix, deleted_at, status) in [("0gone-", since, "status"), ("0spam-", "NULL", "'Spam'")]
    {
        let id = format!("'{prefix}' || id");
        let ticket_id = format!("'{prefix}' || ticket_id");
        let of_ticket = ("ticket_id", ticket_id.as_str());
        copy(
            &connection,
            "tickets",
            original,
            &[
                ("id", &id),
                ("status", status),
                ("deleted_at", deleted_at),
                (
                    "created_at",
                    "strftime('%Y-%m-%dT%H:%M:%fZ', created_at, '+1 day')",
                ),
                (
                    "resolved_at",
                    "strftime('%Y-%m-%dT%H:%M:%fZ', resolved_at, '+3 days')",
                ),
                ("resolution_time_ms", "resolution_time_ms * 3 + 3600000"),
                ("first_reply_time_ms", "first_reply_time_ms * 3 + 3600000"),
            ],
        );
        let content = ("content", "'refund, please'");
        copy(
            &connection,
            "messages",
            "ticket_id NOT LIKE '0%' AND id NOT LIKE '%-gone'",
            &[of_ticket, content],
        );
        copy(&connection, "ticket_attributes", of_original, &[of_ticket]);
        copy(&connection, "ticket_tags", of_original, &[of_ticket]);
        let before = [
            of_ticket,
            ("valid_from", earlier),
            ("valid_until", since),
            ("status", "'Open'"),
        ];
        copy(&connection, "ticket_history", is_there, &before);
        let is_deleted = if prefix == "0gone-" { "1" } else { "0" };
        let after = [
            of_ticket,
            ("valid_from", since),
            ("status", status),
            ("is_deleted", is_deleted),
        ];
        copy(&connection, "ticket_history", is_there, &after);
    }
    let mistaken = [
        ("valid_from", "'2024-04-01T00:00:00.000Z'"),
        ("valid_until", "'2024-04-03T00:00:00.000Z'"),
        ("is_deleted", "1"),
    ];
    copy(&connection, "ticket_history", is_there, &mistaken);
    connection.execute_batch("COMMIT").unwrap();
}

/// Every statement that the program or one of its pages suggests.
fn suggested() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts: Vec<String> = vec![fs::read_to_string(root.join("README.md")).unwrap()];
    for entry in fs::read_dir(root.join("docs")).unwrap() {
        let path = entry.unwrap().path();
        // Those of the totals have a test of their own.
        let is_of_totals = path.ends_with("questions.md");
        if path.extension().is_some_and(|ending| ending == "md") && !is_of_totals {
            texts.push(fs::read_to_string(path).unwrap());
        }
    }
    let place = Place::new();
    for words in [
        "-h",
        "--help",
        "query --help",
        "accept --help",
        "demo --tickets 300",
    ] {
        texts.push(run(&mut place.command(words)).expect(0).stdout);
    }
    for file in [
        "src/query/mod.rs",
        "src/config/query.rs",
        "config/mava-export.example.toml",
    ] {
        texts.push(
            fs::read_to_string(root.join(file))
                .unwrap()
                .replace('\\', ""),
        );
    }
    let mut found = BTreeSet::new();
    for text in &texts {
        let quoted = text.split('"').filter(|part| part.starts_with("SELECT "));
        found.extend(quoted.map(str::to_owned));
        for block in text.split("```sql\n").skip(1) {
            let block = block.split("```").next().unwrap();
            let statements = block.split(';').map(str::trim);
            found.extend(statements.filter(|sql| !sql.is_empty()).map(str::to_owned));
        }
    }
    found.extend(shipped().into_iter().map(|(_, _, sql)| sql));
    // On lines of its own, up to an empty one.
    let help = run(&mut place.command("publish --help")).expect(0).stdout;
    let (_, shown) = help.split_once("\n  SELECT ").unwrap();
    found.insert(format!("SELECT {}", shown.split("\n\n").next().unwrap()));
    found
}

#[test]
fn no_query_that_comes_with_the_program_counts_what_is_deleted_or_spam() {
    let place = stored();
    let mut queries = suggested();
    assert!(queries.remove(COMPARES) && queries.remove(READS));
    // Other programs read files; the tests of publishing run what the page on Parquet asks of them.
    queries.retain(|sql| {
        let is_of_files = sql.contains("read_parquet(");
        let is_guarded =
            sql.contains("deleted_at IS NULL") && sql.contains("IS DISTINCT FROM 'Spam'");
        assert!(!is_of_files || is_guarded, "{sql}");
        !is_of_files
    });
    let before: Vec<(String, Value)> = queries
        .into_iter()
        .map(|sql| {
            let found = answer(&place, &sql);
            (sql, found)
        })
        .collect();
    set_traps(&place);
    let mut guards = 0;
    for (sql, before) in &before {
        assert_eq!(*before, answer(&place, sql), "{sql}");
        let words: BTreeSet<&str> = sql
            .split(|sign: char| !(sign.is_alphanumeric() || sign == '_'))
            .collect();
        let is_of_tickets = ["tickets", "messages", "ticket_history", "ticket_attributes"];
        let is_of_tickets = is_of_tickets.iter().any(|table| words.contains(table));
        let mut is_guarded = false;
        // Each guard is needed here: without it, the answer is another.
        for (guard, open) in GUARDS {
            if sql.contains(guard) {
                let without = sql.replace(guard, open);
                assert_ne!(*before, answer(&place, &without), "{guard}: {sql}");
                is_guarded = true;
                guards += 1;
            }
        }
        assert_eq!(is_guarded, is_of_tickets, "{sql}");
    }
    assert!(guards > 40, "{guards}");
}
