//! An image is the store, row for row, in the order and the types that are documented.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use mava_export::table::{Record, Table, Ticket, Type, all_tables};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::basic::Compression;
use parquet::file::metadata::PageIndexPolicy;

use super::support::{Site, files, parquet_rows, ticket, with_status};
use crate::store::world::{at, seal};

/// Texts that a careless writer loses.
const TEXTS: [&str; 5] = ["", "👩‍👩‍👧 🇺🇦", "שלום עולם", "a\nb\r\n\tc\"',", "NULL"];

#[test]
fn an_image_holds_every_row_of_every_table() {
    let mut site = Site::new();
    let mut tickets: Vec<_> = (0..200).map(|number| ticket(number, 5)).collect();
    for (rows, text) in tickets.iter_mut().zip(TEXTS) {
        rows.ticket.email_subject = Some(text.to_owned());
        rows.ticket.extra_json = Some("{\"a\":[1,null]}".to_owned());
        let thread = rows.thread.as_mut().unwrap();
        thread.messages[0].content = Some(text.to_owned());
        thread.messages[1].content = Some("x".repeat(2 << 20));
        thread.messages[2].content = None;
        *rows = seal(rows.clone());
    }
    for (rows, day) in tickets
        .iter_mut()
        .zip(["1931-05-06", "1969-12-31", "2100-02-28"])
    {
        rows.ticket.created_at = at(day) - chrono::TimeDelta::milliseconds(1);
        rows.ticket.updated_at = Some(at("0000-01-01"));
        *rows = seal(rows.clone());
    }
    site.run(&tickets);
    let published = site.publish();
    assert!(published.is_new && published.parent.is_none());
    assert_eq!(published.snapshot, "000001");
    site.assert_current();
    assert!(site.snapshot("000001").join("changes").is_dir());
    let months: Vec<_> = site.manifest("000001").files;
    assert!(months.iter().any(|file| {
        file.created_month.as_deref() == Some("1969-12")
            && file.first_created_at.as_deref() == Some("1969-12-30T23:59:59.999Z")
    }));
}

#[test]
fn a_store_without_a_ticket_has_one_empty_file_a_table() {
    let mut site = Site::new();
    site.run(&[]);
    site.publish();
    site.assert_current();
    for table in all_tables() {
        let found = files(&site.root().join("current").join(table.name));
        assert_eq!(found.len(), 1, "{}", table.name);
        // Engines that read the folders' names find a month there like any other.
        let text = found[0].to_str().unwrap();
        assert!(
            !text.contains("created_month=") || text.contains("created_month=1970-01/"),
            "{text}"
        );
    }
    // It gives way to the first month.
    site.run(&[ticket(1, 1)]);
    site.publish();
    site.assert_current();
    let found = files(&site.root().join("current/tickets"));
    assert!(found[0].ends_with("created_month=2025-01/tickets.parquet"));
    assert_eq!(found.len(), 1);
}

#[test]
fn a_real_month_takes_the_place_of_the_one_that_an_empty_table_lies_in() {
    let mut site = Site::new();
    site.run(&[]);
    site.publish();
    let first = super::support::moved(ticket(1, 1), at("1970-01-05"));
    for tickets in [
        vec![first.clone()],
        vec![],
        vec![with_status(first, "Resolved")],
    ] {
        site.run(&tickets);
        let published = site.publish();
        assert!(published.remarks.is_empty(), "{published:?}");
        site.assert_current();
    }
    let found = files(&site.root().join("current/tickets"));
    assert!(found[0].ends_with("created_month=1970-01/tickets.parquet"));
    assert_eq!(found.len(), 1);
}

#[test]
fn tickets_and_what_hangs_on_them_are_in_the_order_of_creation() {
    let mut site = Site::new();
    // The ids run against the instants, and some instants are shared.
    let tickets: Vec<_> = (0..300)
        .map(|number| {
            let created_at = at("2025-03-01") + chrono::TimeDelta::minutes((300 - number) / 3);
            super::support::moved(ticket(number, 1), created_at)
        })
        .collect();
    site.run(&tickets);
    site.publish();
    let month = site.root().join("current");
    let of = |table: &'static Table| {
        let path = format!("{0}/created_month=2025-03/{0}.parquet", table.name);
        parquet_rows(&month.join(path), table, false)
    };
    let order: Vec<String> = of(Ticket::TABLE)
        .into_iter()
        .map(|row| row[0].clone())
        .collect();
    let mut expected: Vec<_> = tickets
        .iter()
        .map(|rows| (rows.ticket.created_at, format!("'{}'", rows.ticket.id)))
        .collect();
    expected.sort();
    let expected: Vec<String> = expected.into_iter().map(|(_, id)| id).collect();
    assert_eq!(order, expected);
    let messages = of(mava_export::table::Message::TABLE);
    let mut places: Vec<(usize, i64)> = Vec::new();
    for row in &messages {
        let ticket = expected.iter().position(|id| *id == row[1]).unwrap();
        places.push((ticket, row[2].parse().unwrap()));
    }
    assert!(places.is_sorted());
    assert_eq!(places.len(), 900);
}

#[test]
fn files_are_their_owners_alone_unless_told_otherwise() {
    let mut site = Site::of(0..20, 2);
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    site.publish();
    for (file, directory) in [(0o600, 0o700), (0o640, 0o750)] {
        let current = fs::canonicalize(site.root().join("current")).unwrap();
        for path in files(&current) {
            assert_eq!(mode(&path), file, "{path:?}");
        }
        assert_eq!(mode(&current.join("manifest.json")), file);
        assert_eq!(mode(&current), directory);
        site = Site::of(0..20, 2);
        site.options.file_mode = 0o640;
        site.publish();
    }
}

#[test]
fn other_permissions_are_given_to_what_is_shared_and_to_the_directories_made_here() {
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let mut site = Site::of(0..20, 2);
    site.publish();
    site.options.file_mode = 0o640;
    site.run(&[with_status(ticket(1, 2), "Resolved")]);
    let published = site.publish();
    assert!(published.files_unchanged > 0);
    for path in files(&fs::canonicalize(site.root().join("current")).unwrap()) {
        assert_eq!(mode(&path), 0o640, "{path:?}");
    }
    assert_eq!(mode(site.root()), 0o750);
    assert_eq!(mode(&site.root().join("snapshots")), 0o750);
    // What somebody else set stays.
    fs::set_permissions(site.root(), fs::Permissions::from_mode(0o755)).unwrap();
    site.options.file_mode = 0o600;
    site.run(&[with_status(ticket(1, 2), "Open")]);
    site.publish();
    assert_eq!(mode(site.root()), 0o755);
    assert_eq!(mode(&site.root().join("snapshots")), 0o700);
}

#[test]
fn other_permissions_are_given_also_where_nothing_changed() {
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let mut site = Site::of(0..20, 2);
    site.publish();
    site.options.file_mode = 0o644;
    let published = site.publish();
    assert!(!published.is_new);
    assert!(
        published.remarks[0].contains("snapshot 000001 now have the permissions 0644"),
        "{published:?}"
    );
    let current = fs::canonicalize(site.root().join("current")).unwrap();
    for path in files(&current) {
        assert_eq!(mode(&path), 0o644, "{path:?}");
        assert_eq!(mode(path.parent().unwrap()), 0o755, "{path:?}");
    }
    assert_eq!(mode(&current.join("manifest.json")), 0o644);
    assert_eq!(mode(&current), 0o755);
    assert_eq!(mode(site.root()), 0o755);
    assert!(site.publish().remarks.is_empty());
}

#[test]
fn files_are_made_for_scans() {
    let mut site = Site::of(0..60, 2);
    site.publish();
    for table in all_tables() {
        for path in files(&site.root().join("current").join(table.name)) {
            let file = fs::File::open(&path).unwrap();
            let options =
                ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
            let reader = ArrowReaderMetadata::load(&file, options).unwrap();
            let metadata = reader.metadata();
            let creator = metadata.file_metadata().created_by().unwrap();
            // What Parquet's Java readers can parse.
            let expected = concat!("mava-export version ", env!("CARGO_PKG_VERSION"));
            assert_eq!(creator, expected);
            for (group, found) in metadata.row_groups().iter().enumerate() {
                for (column, meta) in table.columns().zip(found.columns()) {
                    let name = format!("{path:?}, {}", column.name);
                    let compression = meta.compression();
                    assert!(
                        matches!(compression, Compression::ZSTD(_)),
                        "{name}: {compression}"
                    );
                    let statistics = meta.statistics().unwrap();
                    assert!(statistics.null_count_opt().is_some(), "{name}");
                    let index = &metadata.column_index().unwrap()[group];
                    assert_eq!(index.len(), found.columns().len(), "{name}");
                    assert!(meta.offset_index_offset().is_some(), "{name}");
                    let has_dictionary = meta.dictionary_page_offset().is_some();
                    let repeats = column.kind == Type::Enumeration
                        || column.kind == Type::Id
                            && column.name == "ticket_id"
                            && table.key != ["ticket_id"];
                    assert!(has_dictionary || !repeats, "{name}: no dictionary");
                }
            }
        }
    }
}

#[test]
fn a_file_declares_the_order_that_its_rows_are_in() {
    let mut site = Site::of(0..60, 2);
    // Another run, so that a number of one digit and one of two could be confused.
    (0..10).for_each(|_| site.run(&[]));
    site.publish();
    let mut declared = Vec::new();
    for table in all_tables() {
        let path = files(&site.root().join("current").join(table.name)).remove(0);
        let file = fs::File::open(&path).unwrap();
        let reader = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).unwrap();
        let groups = reader.metadata().row_groups().iter();
        let Some(sorted) = groups.filter_map(|group| group.sorting_columns()).next() else {
            continue;
        };
        let columns: Vec<usize> = sorted
            .iter()
            .inspect(|column| assert!(!column.descending))
            .map(|column| usize::try_from(column.column_idx).unwrap())
            .collect();
        let rows = parquet_rows(&path, table, false);
        // Numbers before texts, which are quoted.
        let place = |row: &Vec<String>| -> Vec<(i64, String)> {
            let cells = columns.iter().map(|index| row[*index].clone());
            cells
                .map(|cell| (cell.parse().unwrap_or(i64::MAX), cell))
                .collect()
        };
        assert!(rows.iter().map(place).is_sorted(), "{path:?}");
        let names: Vec<&str> = columns
            .iter()
            .map(|index| table.columns().nth(*index).unwrap().name)
            .collect();
        declared.push(format!("{}: {}", table.name, names.join(", ")));
    }
    assert_eq!(
        declared,
        [
            "tickets: created_at, id",
            "customers: id",
            "customer_attributes: customer_id, position",
            "tags: id",
            "categories: id",
            "agents: id",
            "snapshots: id",
            "days: day",
            "daily_metrics: day, source_type, category_id, assigned_agent_id, priority",
            "agent_metrics: agent_id, period, starts_on",
            "category_metrics: category_id, period, starts_on",
            "tag_metrics: tag_id, period, starts_on",
            "customer_metrics: customer_id",
            "hourly_volume: starts_at",
            "hours: starts_at",
            "live_tickets: created_at, id",
            "tickets_wide: created_at, id",
            "customers_wide: id",
        ],
        "of those that have a row"
    );
}

#[test]
fn a_store_without_a_run_is_not_published() {
    let mut site = Site::new();
    let error = site.try_publish().unwrap_err();
    assert!(error.to_string().contains("holds no run"), "{error}");
    assert!(!site.root().join("current").exists());
}
