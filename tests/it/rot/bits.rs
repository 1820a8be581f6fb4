//! Bits that flip anywhere in the file: what changes a row is found, nothing panics, and what the desk
//! has comes back.

use std::collections::BTreeMap;
use std::path::Path;

use mava_export::error::{ErrorKind, ExitCode};
use mava_export::table::{TABLES, TOTALS, Table};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use super::{Kept, assert_told, audit, copied, meddle, strange, verify};

fn tables() -> impl Iterator<Item = &'static Table> {
    TABLES.iter().chain(TOTALS).copied()
}

/// All rows of all tables for people, read by a full scan; what cannot be read is told by its error.
fn rows(path: &Path) -> BTreeMap<&'static str, Result<Vec<Vec<String>>, String>> {
    let sqlite = match Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY) {
        Ok(sqlite) => sqlite,
        Err(error) => {
            return tables()
                .map(|table| (table.name, Err(error.to_string())))
                .collect();
        }
    };
    tables()
        .map(|table| {
            (
                table.name,
                scan(&sqlite, table.name).map_err(|error| error.to_string()),
            )
        })
        .collect()
}

fn scan(sqlite: &Connection, table: &str) -> rusqlite::Result<Vec<Vec<String>>> {
    let mut statement = sqlite.prepare(&format!("SELECT * FROM {table} NOT INDEXED"))?;
    let width = statement.column_count();
    let mut found = Vec::new();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let mut cells = Vec::with_capacity(width);
        for column in 0..width {
            cells.push(match row.get_ref(column)? {
                ValueRef::Text(text) => format!("{:?}", String::from_utf8_lossy(text)),
                other => format!("{other:?}"),
            });
        }
        found.push(cells);
    }
    found.sort();
    Ok(found)
}

#[tokio::test]
async fn a_flipped_bit_that_changes_a_row_is_found_wherever_it_lies() {
    let desk = strange().await;
    let kept = Kept::of(&desk);
    let path = desk.path();
    let before = rows(&path);
    let mut random = StdRng::seed_from_u64(8);
    let (mut harmful, mut harmless) = (0, 0);
    for number in 0..600 {
        let at = random.random_range(0..kept.bytes.len());
        let bit = random.random_range(0..8u8);
        let mut bytes = kept.bytes.clone();
        bytes[at] ^= 1 << bit;
        kept.write(&path, &bytes);
        let what = format!("flip {number}: bit {bit} of byte {at}");
        let is_found = match audit(&path) {
            Ok(found) => !found.is_whole(),
            Err(error) => {
                assert!(error.help_text().is_some(), "{what}: {error}");
                true
            }
        };
        match rows(&path) == before {
            true => harmless += 1,
            false => {
                assert!(is_found, "{what} changed rows and was not found");
                harmful += 1;
            }
        }
    }
    kept.put_back(&path);
    assert!(
        harmful > 150,
        "only {harmful} of {} flips did harm",
        harmful + harmless
    );
}

#[tokio::test]
async fn a_repair_after_a_flipped_bit_ends_with_the_desk_or_with_the_way_out() {
    let desk = copied(120).await;
    let kept = Kept::of(&desk);
    let path = desk.path();
    let before = desk.rows();
    let mut random = StdRng::seed_from_u64(80);
    let (mut mended, mut refused) = (0, 0);
    while mended + refused < 40 {
        let at = random.random_range(0..kept.bytes.len());
        let mut bytes = kept.bytes.clone();
        bytes[at] ^= 1 << random.random_range(0..8u8);
        kept.write(&path, &bytes);
        if audit(&path).is_ok_and(|found| found.is_whole()) {
            continue;
        }
        let what = format!("byte {at}");
        match verify(&desk, false, true).await {
            Ok((found, exit_code)) => {
                assert!(
                    exit_code == ExitCode::Complete || exit_code == ExitCode::Incomplete,
                    "{what}: {exit_code:?}"
                );
                let left = audit(&path).unwrap();
                assert!(left.is_whole(), "{what}: {left:?} after {found:#?}");
                desk.rows().assert_equal(&before, &what);
                mended += 1;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Usage, "{what}: {error}");
                assert_told(&error, &what);
                refused += 1;
            }
        }
    }
    assert!(mended >= 20, "{mended} mended, {refused} refused");
}

#[tokio::test]
async fn an_entry_of_an_index_under_the_id_of_nobody_is_no_row_after_a_repair() {
    let desk = copied(120).await;
    let before = desk.rows();
    for table in ["_customer_index", "_ticket_index"] {
        let ids = desk.column(&format!("SELECT id FROM {table} ORDER BY id"));
        let id = &ids[20];
        let other = format!("{}zz", &id[..22]);
        let sql = format!("UPDATE {table} SET id = '{other}' WHERE id = '{id}'");
        assert_eq!(meddle(&desk.path(), &sql), 1, "{table}");
        let (_, exit_code) = verify(&desk, false, true).await.expect("ends");
        assert!(exit_code != ExitCode::Failed, "{table}: {exit_code:?}");
        assert!(audit(&desk.path()).unwrap().is_whole(), "{table}");
        desk.rows().assert_equal(&before, table);
    }
}

#[tokio::test]
async fn a_page_of_rubbish_is_told_with_the_way_out_and_nothing_panics() {
    let desk = copied(120).await;
    let kept = Kept::of(&desk);
    let path = desk.path();
    let page = 8192;
    for number in 1..kept.bytes.len() / page {
        let mut bytes = kept.bytes.clone();
        bytes[number * page..][..page].fill(0xa5);
        kept.write(&path, &bytes);
        match audit(&path) {
            Ok(found) => assert!(!found.is_whole(), "page {number}"),
            Err(error) => assert_told(&error, &format!("page {number}")),
        }
        if number % 5 == 1 {
            match verify(&desk, false, true).await {
                Ok((_, exit_code)) => assert_ne!(exit_code, ExitCode::Interrupted),
                Err(error) => assert_told(&error, &format!("repair of page {number}")),
            }
        }
    }
}
