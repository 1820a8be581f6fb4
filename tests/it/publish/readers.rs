//! What engines read in an image is what the store holds, row for row and type for type.
//!
//! The engines come from PyPI into a venv that `make test` makes; `tests/readers/` holds one script
//! that compares them with the store through Python's own SQLite.

use std::path::{Path, PathBuf};
use std::process::Command;

use mava_export::normalize::TicketRows;
use mava_export::table::all_tables;
use parquet::basic::Encoding;
use parquet::file::metadata::ParquetMetaDataReader;
use rusqlite::Connection;

use super::support::{Site, files, moved, ticket, with_status};
use crate::store::world::{at, reject, seal};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The venv's Python, which must be there.
pub(crate) fn python() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let python = target.join("venv/bin/python");
    let made = std::fs::read(target.join("venv/made")).ok();
    let listed = std::fs::read(root().join("tests/readers/requirements.txt")).unwrap();
    assert!(
        made == Some(listed),
        "the engines that read snapshots are not installed: run make test, or make {}",
        target.join("venv/made").display()
    );
    python
}

/// A desk with everything that engines are known to differ on.
fn hard() -> Site {
    let mut site = Site::new();
    let texts = [
        "",
        "👩‍👩‍👧 🇺🇦",
        "שלום \u{202e}עולם",
        "a\nb\r\n\tc\"',\\",
        "NULL",
        "\u{fffd}",
        "  ",
    ];
    let days = [
        "1931-05-06",
        "1969-12-31",
        "2100-02-28",
        "1900-01-02",
        "2024-02-29",
    ];
    let mut tickets: Vec<TicketRows> = (0..120).map(|number| ticket(number, 4)).collect();
    for (rows, text) in tickets.iter_mut().zip(texts) {
        rows.ticket.email_subject = Some(text.to_owned());
        rows.ticket.extra_json = Some(format!(
            "{{\"text\":{}}}",
            serde_json::to_string(text).unwrap()
        ));
        rows.ticket.resolution_time_ms = Some(i64::MAX);
        rows.ticket.csat = Some(i64::MIN);
        let thread = rows.thread.as_mut().unwrap();
        thread.messages[0].content = Some(text.to_owned());
        thread.messages[1].content = Some(format!("{text}é").repeat((2 << 20) / (text.len() + 2)));
        thread.messages[2].content = None;
        thread.messages[2].created_at = None;
    }
    for (rows, day) in tickets.iter_mut().rev().zip(days) {
        let created_at = at(day) - chrono::TimeDelta::milliseconds(1);
        *rows = moved(rows.clone(), created_at);
        rows.ticket.updated_at = Some(created_at);
    }
    tickets[9].rejects = vec![reject("reject-1", Some("ticket-00009"))];
    for rows in &mut tickets {
        // An empty table: no ticket has Discord users.
        rows.discord_users.clear();
        *rows = seal(rows.clone());
    }
    site.run(&tickets);
    site
}

/// Compares the current image with the store; `lines` of its page are run as well.
fn compare(site: &Site, engine: &str, lines: &[String]) {
    let output = Command::new(python())
        .arg(root().join("tests/readers/compare.py"))
        .args([engine.as_ref(), site.desk.path().as_os_str()])
        .arg(site.root().join("current"))
        .args(lines)
        .current_dir(site.root().parent().unwrap())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{engine}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The lines of the page's "Read it with" that begin so.
fn lines(start: &str) -> Vec<String> {
    let page = std::fs::read_to_string(root().join("docs/parquet.md")).unwrap();
    let (_, section) = page.split_once("\n## Read it with\n").unwrap();
    let (_, block) = section.split_once("```python\n").unwrap();
    let (block, _) = block.split_once("\n```").unwrap();
    let found = block.lines().filter(|line| line.starts_with(start));
    found.map(str::to_owned).collect()
}

/// Two images, the second of which shares most files with the first.
fn assert_agrees(engine: &str, line: &str) {
    let lines = lines(line);
    assert_eq!(lines.len(), 1, "docs/parquet.md has a line for {engine}");
    let mut site = hard();
    site.publish();
    // Spark takes its time; the others read this one too.
    if engine != "spark" {
        compare(&site, engine, &[]);
    }
    let mut more = [with_status(ticket(50, 4), "Resolved"), ticket(200, 5)];
    for rows in &mut more {
        rows.discord_users.clear();
        *rows = seal(rows.clone());
    }
    site.run(&more);
    site.publish();
    compare(&site, engine, &lines);
}

#[test]
fn duckdb_agrees_with_the_store() {
    assert_agrees("duckdb", "duckdb.");
}

#[test]
fn pyarrow_and_so_pandas_agrees_with_the_store() {
    assert_agrees("pyarrow", "pandas.");
}

#[test]
fn fastparquet_which_knows_few_encodings_agrees_with_the_store() {
    assert_agrees("fastparquet", "fastparquet.");
}

#[test]
fn a_column_has_one_encoding_and_one_that_old_readers_know() {
    let mut site = hard();
    site.publish();
    site.run(&[ticket(200, 5)]);
    let snapshot = site.publish().snapshot;
    let mut columns = 0;
    for path in files(&site.snapshot(&snapshot)) {
        if path.extension().is_none_or(|ending| ending != "parquet") {
            continue;
        }
        let file = std::fs::File::open(&path).unwrap();
        let metadata = ParquetMetaDataReader::new()
            .parse_and_finish(&file)
            .unwrap();
        for column in metadata
            .row_groups()
            .iter()
            .flat_map(|group| group.columns())
        {
            columns += 1;
            let of_pages = column.page_encoding_stats_mask().unwrap();
            assert!(
                of_pages.is_only(Encoding::PLAIN) || of_pages.is_only(Encoding::RLE_DICTIONARY),
                "in two forms: {} of {}",
                column.column_path(),
                path.display()
            );
            for encoding in column.encodings() {
                let is_old = matches!(
                    encoding,
                    Encoding::PLAIN | Encoding::RLE | Encoding::RLE_DICTIONARY
                );
                assert!(
                    is_old,
                    "{encoding:?}: {} of {}",
                    column.column_path(),
                    path.display()
                );
            }
        }
    }
    assert!(columns > 200, "{columns}");
}

#[test]
fn polars_agrees_with_the_store() {
    assert_agrees("polars", "polars.");
}

#[test]
fn spark_agrees_with_the_store() {
    assert_agrees("spark", "spark.");
}

#[test]
fn engines_read_a_desk_without_tickets() {
    let mut site = Site::new();
    site.run(&[]);
    site.publish();
    for (engine, line) in [
        ("duckdb", "duckdb."),
        ("fastparquet", "fastparquet."),
        ("pyarrow", "pandas."),
        ("polars", "polars."),
        ("spark", "spark."),
    ] {
        compare(&site, engine, &lines(line));
    }
}

#[test]
fn changes_applied_to_the_parent_give_the_snapshot() {
    let mut site = Site::of(0..90, 3);
    let first = site.publish().snapshot;
    // Updated with fewer messages, inserted, moved to another month;
    let mut shorter = with_status(ticket(40, 3), "Resolved");
    shorter.thread.as_mut().unwrap().messages.truncate(1);
    let away = moved(ticket(7, 3), at("2025-08-01"));
    site.run(&[seal(shorter), ticket(200, 4), away]);
    let second = site.publish().snapshot;
    let output = Command::new(python())
        .arg(root().join("tests/readers/apply.py"))
        .args([site.snapshot(&first), site.snapshot(&second)])
        .args(all_tables().map(|table| format!("{}={}", table.name, table.key.join(","))))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for operation in ["insert", "update", "delete"] {
        assert!(
            told.contains(operation) && !told.contains(&format!("{operation}=0")),
            "{told}"
        );
    }
}

/// Counts what each statement of the page finds, in the working directory.
const COUNT: &str = "import duckdb, sys
for sql in sys.argv[1].split(';'):
    if sql.strip():
        print(duckdb.sql(sql).fetchall()[0][0])";

#[test]
fn the_counts_of_the_page_leave_out_deleted_tickets_spam_and_deleted_messages() {
    let mut site = Site::new();
    let mut tickets: Vec<TicketRows> = (0..90).map(|number| ticket(number, 3)).collect();
    for (number, rows) in tickets.iter_mut().enumerate() {
        match number % 10 {
            2 => rows.ticket.status = Some("Spam".to_owned()),
            3 => rows.ticket.status = None,
            _ => {}
        }
        let messages = &mut rows.thread.as_mut().unwrap().messages;
        messages[0].is_deleted = Some(true);
        messages[1].is_deleted = Some(false);
        *rows = seal(rows.clone());
    }
    site.run(&tickets);
    let ids = tickets.iter().map(|rows| rows.ticket.id.clone());
    let gone: Vec<String> = ids.filter(|id| id.ends_with('1')).collect();
    let now = site.tick();
    let run = site.desk.begin(&now);
    let store = &mut site.desk.store;
    store
        .mark_deleted(run.snapshot_id, &gone, at(&now))
        .unwrap();
    site.publish();
    let page = std::fs::read_to_string(root().join("docs/parquet.md")).unwrap();
    let (_, block) = page.split_once("```sql duckdb\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let output = Command::new(python())
        .args(["-c", COUNT, block])
        .current_dir(site.root().parent().unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let store = Connection::open(site.desk.path()).unwrap();
    let count = |sql: &str| {
        store
            .query_row(sql, [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    let live = "deleted_at IS NULL AND status IS NOT 'Spam'";
    let tickets = count(&format!("SELECT count(*) FROM tickets WHERE {live}"));
    let messages = count(&format!(
        "SELECT count(*) FROM messages JOIN tickets ON tickets.id = ticket_id
         WHERE {live} AND messages.is_deleted IS NOT TRUE"
    ));
    assert!(tickets == 72 && messages > 72, "{tickets} {messages}");
    let counted = String::from_utf8(output.stdout).unwrap();
    assert_eq!(counted, format!("{tickets}\n{messages}\n"));
}

#[test]
fn the_readme_has_no_line_that_is_not_run() {
    assert_eq!(lines("").len(), 5);
}
