//! Queries that the documents show, and the tables that they name.

use std::collections::{BTreeMap, BTreeSet};

use mava_export::cli;
use mava_export::simulator::{SimulatorSpec, WorkSpec, World, WorldSpec};
use mava_export::table::{TABLES, all_tables};

use super::{blocks, documents, holds_between, printed, read, section, sources, spans};
use crate::support::Desk;

/// The page whose queries have a test of their own.
const QUESTIONS: &str = "docs/questions.md";

/// The names and the texts of the queries that come with the program, in the order in which it lists them.
fn named_queries() -> Vec<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let listed = printed(&["query", "--named", "--json"], folder.path());
    let listed: Vec<serde_json::Value> = serde_json::from_str(&listed).unwrap();
    let names = listed.iter().map(|row| row["name"].as_str().unwrap());
    names
        .map(|name| {
            (
                name.to_owned(),
                read(&format!("src/query/named/{name}.sql")),
            )
        })
        .collect()
}

#[test]
fn the_page_on_queries_has_every_named_one_and_no_document_has_another() {
    let named = named_queries();
    let mut expected = String::new();
    let mut texts = BTreeSet::new();
    for (name, text) in &named {
        let (answers, sql) = text.split_once('\n').unwrap();
        let answers = answers.strip_prefix("-- ").unwrap();
        let sql = sql.trim_end();
        expected.push_str(&format!("\n`{name}`: {answers}\n\n```sql\n{sql}\n```\n"));
        texts.insert(sql.to_owned());
    }
    expected.push('\n');
    holds_between(
        "docs/queries.md",
        "<!-- named queries: written by make docs -->\n",
        "<!-- end of named queries -->",
        &expected,
    );
    let names: BTreeSet<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
    let folder = tempfile::tempdir().unwrap();
    let mut pages = documents();
    pages.retain(|(path, _)| !path.ends_with(QUESTIONS));
    for words in [
        &["-h"][..],
        &["--help"],
        &["query", "--help"],
        &["demo", "--tickets", "300"],
    ] {
        pages.push((words.join(" ").into(), printed(words, folder.path())));
    }
    let mut count = 0;
    for (path, text) in pages {
        for sql in blocks(&text, "sql") {
            assert!(texts.contains(&sql), "{path:?}: {sql}");
        }
        for rest in text.split("--named ").skip(1) {
            let name = rest.split(|sign: char| !(sign.is_ascii_lowercase() || sign == '-'));
            let name = name.into_iter().next().unwrap();
            let is_known = name.is_empty() || names.contains(name);
            // Words after the option that are no name.
            assert!(
                is_known || ["lists", "answers", "alone"].contains(&name),
                "{path:?}: {name}"
            );
            count += usize::from(names.contains(name));
        }
    }
    assert!(count >= 8, "{count}");
}

#[test]
fn every_table_and_column_that_a_document_names_exists() {
    let columns: BTreeMap<&str, BTreeSet<&str>> = all_tables()
        .map(|table| {
            let columns = table.columns().map(|column| column.name).collect();
            (table.name, columns)
        })
        .collect();
    let keys: Vec<String> = cli::options()
        .into_iter()
        .filter_map(|option| option.key)
        .collect();
    let mut names: BTreeSet<&str> = columns.values().flatten().copied().collect();
    names.extend(columns.keys());
    names.extend(keys.iter().map(String::as_str));
    // What is being built is defined there first: `| `name` | type | …`.
    let definitions = read("docs/metrics.md");
    let defined = definitions.lines().filter_map(|line| {
        let line = line.strip_prefix("| `")?;
        line.split_once("` | ").map(|(name, _)| name)
    });
    names.extend(defined);
    let views = definitions
        .lines()
        .filter_map(|line| line.strip_prefix("## "));
    names.extend(views);
    names.insert("attr_");
    let sources = sources();
    let is_name = |word: &str| {
        word.contains('_')
            && word
                .chars()
                .all(|character| character.is_ascii_lowercase() || character == '_')
    };
    for (path, text) in documents() {
        for span in spans(&text) {
            if let Some((table, column)) = span.split_once('.')
                && let Some(columns) = columns.get(table)
                && !["rs", "md"].contains(&column)
            {
                assert!(columns.contains(column), "{path:?}: {span}");
            }
            // What is neither a table, a column nor a key may be an internal table or a name of
            // the code.
            let is_known = names.contains(span) || sources.contains(span);
            assert!(!is_name(span) || is_known, "{path:?}: {span}");
        }
    }
    let page = read("docs/queries.md");
    let named: BTreeSet<&str> = spans(section(&page, "## What is in the store"))
        .into_iter()
        .collect();
    for table in TABLES {
        assert!(named.contains(table.name), "queries.md: {}", table.name);
    }
}

#[tokio::test]
async fn the_queries_of_the_documents_run_and_find_something() {
    let desk = Desk::open(SimulatorSpec::new(World::generate(&WorldSpec {
        tickets: 1_500,
        ..WorldSpec::default()
    })))
    .await;
    desk.backfill().await.expect("completes");
    let store = format!("--from=sqlite:{}", desk.path().display());
    let mut count = 0;
    let pages = documents().into_iter();
    for (path, text) in pages.filter(|(path, _)| !path.ends_with(QUESTIONS)) {
        for block in blocks(&text, "sql") {
            for sql in block.split(';').filter(|sql| !sql.trim().is_empty()) {
                // The last days are those of the desk; what the history holds was seen just now.
                let sql = &sql
                    .replace("day('now'", "day('2024-06-30'")
                    .replace("date('now'", "date('2024-06-30'");
                let output = std::process::Command::new(env!("CARGO_BIN_EXE_mava-export"))
                    .args(["query", sql, &store, "--json", "--max-rows", "1"])
                    .env_clear()
                    .output()
                    .unwrap();
                assert!(output.status.success(), "{path:?}: {sql}: {output:?}");
                let rows: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
                assert!(!rows.is_empty(), "{path:?}: finds nothing: {sql}");
                count += 1;
            }
        }
    }
    assert!(count >= 10, "{count}");
}

#[tokio::test]
async fn the_fifteen_questions_are_each_one_short_query_and_are_answered() {
    let mut desk = Desk::open(SimulatorSpec::new(World::at_work(&WorkSpec {
        tickets: 1_500,
        ..WorkSpec::default()
    })))
    .await;
    // The API gives attributes as bare ids.
    let world = desk.simulator.world();
    let mut attributes = world.directory().attributes.iter();
    let plan = attributes.find(|one| one.name == "Plan").expect("one");
    let names = &mut desk.settings.store.metrics.names.attributes;
    names.insert(plan.id.to_string(), "Plan".to_owned());
    desk.backfill().await.expect("completes");
    let store = format!("--from=sqlite:{}", desk.path().display());
    let page = read(QUESTIONS);
    let questions = page.lines().filter(|line| line.starts_with("## "));
    let queries = blocks(&page, "sql");
    assert_eq!((questions.count(), queries.len()), (15, 15));
    for sql in queries {
        assert!(
            sql.lines().count() <= 8 && sql.matches(';').count() == 1,
            "{sql}"
        );
        // What it reads leaves out what is deleted, or says so.
        let is_guarded = ["_metrics", "_daily", "_wide", "hourly_volume", "live_"];
        assert!(is_guarded.iter().any(|name| sql.contains(name)), "{sql}");
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_mava-export"))
            .args(["query", &sql, &store, "--json"])
            .env_clear()
            .output()
            .unwrap();
        assert!(output.status.success(), "{sql}: {output:?}");
        let rows: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
        let columns = rows[0].as_object().expect("a row");
        // Each column says something in some row.
        for column in columns.keys() {
            let says = rows.iter().any(|row| !row[column].is_null());
            assert!(says, "{column} is always NULL: {sql}");
        }
    }
}
