//! A desk that is published, and images as rows.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMillisecondType};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use mava_export::error::Result;
use mava_export::normalize::TicketRows;
use mava_export::publish::{self, Filesystem, Manifest, OPERATION, Options};
use mava_export::report::Published;
use mava_export::store::Run;
use mava_export::table::{ATTRIBUTE_PREFIX, Instant, Table, Type, all_tables, instant_text};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rusqlite::Connection;
use rusqlite::types::Value;
use tokio_util::sync::CancellationToken;

use crate::store::world::{self, Desk, at, seal};

/// A row, one text a column.
pub(super) type Row = Vec<String>;

/// The rows of every table, by key.
pub(super) type Rows = BTreeMap<String, BTreeMap<Vec<String>, Row>>;

/// A desk and the directory it is published to.
pub(super) struct Site {
    pub(super) desk: Desk,
    pub(super) options: Options,
    seconds: i64,
}

impl Site {
    pub(super) fn new() -> Self {
        let desk = Desk::new();
        let options = Options {
            directory: desk.directory.path().join("desk"),
            keep_snapshots: 7,
            file_mode: 0o600,
            filesystem: Filesystem::default(),
            workers: 2,
            now: at("2026-01-01"),
            token: 0,
            is_whole: false,
        };
        Self {
            desk,
            options,
            seconds: 0,
        }
    }

    /// One with tickets in each of these months.
    pub(super) fn of(numbers: std::ops::Range<i64>, months: u32) -> Self {
        let mut site = Self::new();
        let tickets: Vec<TicketRows> = numbers.map(|number| ticket(number, months)).collect();
        site.run(&tickets);
        site
    }

    pub(super) fn root(&self) -> &Path {
        &self.options.directory
    }

    /// An instant later than all before.
    pub(super) fn tick(&mut self) -> String {
        self.seconds += 1;
        instant_text(at("2026-01-01") + chrono::TimeDelta::seconds(self.seconds))
    }

    /// A whole run that reads these tickets.
    pub(super) fn run(&mut self, tickets: &[TicketRows]) {
        let now = self.tick();
        self.desk.run(tickets, &now);
    }

    /// Begins a run.
    pub(super) fn begin(&mut self) -> Run {
        let now = self.tick();
        self.desk.begin(&now)
    }

    /// A page of a run.
    pub(super) fn page(&mut self, run: &Run, tickets: &[TicketRows]) {
        let now = self.tick();
        self.desk.page(run, tickets, &now);
    }

    /// Puts the store back to what this file holds.
    pub(super) fn put_back(&mut self, backup: &Path) {
        let path = self.desk.path();
        // What is open is closed before its file is replaced.
        self.desk.store = world::open(&path.with_file_name("scratch.db")).unwrap();
        for side in ["support.db-wal", "support.db-shm"] {
            let _ = fs::remove_file(path.with_file_name(side));
        }
        fs::copy(backup, &path).unwrap();
        self.desk.store = world::open(&path).unwrap();
    }

    pub(super) fn publish(&mut self) -> Published {
        self.try_publish().unwrap()
    }

    pub(super) fn try_publish(&mut self) -> Result<Published> {
        self.options.now = at(&self.tick());
        self.try_publish_now()
    }

    /// Publishes whatever the clock says.
    pub(super) fn publish_now(&mut self) -> Published {
        self.try_publish_now().unwrap()
    }

    fn try_publish_now(&mut self) -> Result<Published> {
        self.options.token += 1;
        publish::publish(
            &self.desk.store,
            &self.options,
            &CancellationToken::new(),
            &|_| {},
        )
    }

    /// The name of the current snapshot.
    pub(super) fn current(&self) -> String {
        let current = fs::canonicalize(self.root().join("current")).unwrap();
        current.file_name().unwrap().to_str().unwrap().to_owned()
    }

    /// The directory of a snapshot.
    pub(super) fn snapshot(&self, name: &str) -> PathBuf {
        self.root().join("snapshots").join(name)
    }

    pub(super) fn manifest(&self, name: &str) -> Manifest {
        manifest(&self.snapshot(name))
    }

    /// What the store holds.
    pub(super) fn stored(&self) -> Rows {
        stored(&self.desk.path())
    }

    /// The current image is the store, and the manifest tells the truth about it.
    #[track_caller]
    pub(super) fn assert_current(&self) {
        let current = fs::canonicalize(self.root().join("current")).unwrap();
        assert_same(&image(&current), &self.stored(), "current");
        assert_manifest(&current);
        self.assert_no_litter();
    }

    #[track_caller]
    pub(super) fn assert_no_litter(&self) {
        assert_no_litter(self.root());
    }
}

/// Nothing of ours lies there half made.
#[track_caller]
pub(super) fn assert_no_litter(root: &Path) {
    for directory in [root.to_owned(), root.join("snapshots")] {
        let names = fs::read_dir(directory).unwrap();
        let mut names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        assert_eq!(names.find(|name| name.starts_with(".mava-export-")), None);
    }
}

/// A ticket in one of the first `months` months from 2025 on.
pub(super) fn ticket(number: i64, months: u32) -> TicketRows {
    let month = u32::try_from(number).unwrap() % months;
    let start = at("2025-01-01") + chrono::Months::new(month);
    moved(
        world::ticket(number),
        start + chrono::TimeDelta::minutes(number),
    )
}

/// The ticket, created at another instant.
pub(super) fn moved(mut rows: TicketRows, created_at: Instant) -> TicketRows {
    rows.ticket.created_at = created_at;
    seal(rows)
}

/// The ticket with another status.
pub(super) fn with_status(mut rows: TicketRows, status: &str) -> TicketRows {
    rows.ticket.status = Some(status.to_owned());
    seal(rows)
}

pub(super) fn manifest(snapshot: &Path) -> Manifest {
    let text = fs::read_to_string(snapshot.join("manifest.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Every Parquet file below `directory`.
pub(super) fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![directory.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }
    files.retain(|path| path.extension().is_some_and(|ending| ending == "parquet"));
    files.sort();
    files
}

/// What a snapshot's image holds.
pub(super) fn image(snapshot: &Path) -> Rows {
    all_tables()
        .map(|table| {
            let files = files(&snapshot.join(table.name));
            assert!(!files.is_empty(), "{}", table.name);
            let mut rows = BTreeMap::new();
            for file in files {
                for row in parquet_rows(&file, table, false) {
                    let is_new = rows.insert(key(table, &row), row).is_none();
                    assert!(is_new, "{}: a row twice", table.name);
                }
            }
            (table.name.to_owned(), rows)
        })
        .collect()
}

/// The rows of a file in its order; the operation last, of a file of changes.
pub(super) fn parquet_rows(path: &Path, table: &Table, has_operation: bool) -> Vec<Row> {
    let file = File::open(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let fields = reader.schema().fields().iter();
    let is_attribute = |name: &&str| is_wide(table) && name.starts_with(ATTRIBUTE_PREFIX);
    let names = fields.map(|field| field.name().as_str());
    let names: Vec<&str> = names.filter(|name| !is_attribute(name)).collect();
    let mut expected: Vec<&str> = table.columns().map(|column| column.name).collect();
    expected.extend(has_operation.then_some(OPERATION));
    assert_eq!(names, expected, "{path:?}");
    let mut rows = Vec::new();
    for batch in reader.build().unwrap() {
        let batch = batch.unwrap();
        rows.extend((0..batch.num_rows()).map(|row| texts(&batch, row)));
    }
    rows
}

fn texts(batch: &RecordBatch, row: usize) -> Row {
    let cell = |array: &dyn Array| match array.data_type() {
        _ if array.is_null(row) => "NULL".to_owned(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Boolean => i64::from(array.as_boolean().value(row)).to_string(),
        DataType::Timestamp(..) => {
            let millis = array.as_primitive::<TimestampMillisecondType>().value(row);
            instant_text(Instant::from_timestamp_millis(millis).unwrap())
        }
        _ => format!("'{}'", array.as_string::<i32>().value(row)),
    };
    batch.columns().iter().map(|array| cell(array)).collect()
}

/// Whether a table has columns of custom attributes.
fn is_wide(table: &Table) -> bool {
    table.name.ends_with("_wide")
}

/// What a store holds; what goes by the present instant, as it was when the last run began.
pub(super) fn stored(path: &Path) -> Rows {
    let sqlite = Connection::open(path).unwrap();
    let texts = |sql: &str| -> Vec<String> {
        let mut statement = sqlite.prepare(sql).unwrap();
        let texts = statement.query_map([], |row| row.get(0)).unwrap();
        texts.map(|text| text.unwrap()).collect()
    };
    let last_run = texts("SELECT started_at FROM snapshots ORDER BY id DESC LIMIT 1");
    all_tables()
        .map(|table| {
            let mut kinds: Vec<Type> = table.columns().map(|column| column.kind).collect();
            let names = table.columns().map(|column| column.name.to_owned());
            let mut names: Vec<String> = names.collect();
            if is_wide(table) {
                let columns = texts(&format!(
                    "SELECT name FROM pragma_table_info('{}')",
                    table.name
                ));
                names.extend(
                    columns
                        .into_iter()
                        .filter(|name| name.starts_with(ATTRIBUTE_PREFIX)),
                );
                kinds.resize(names.len(), Type::Text);
            }
            let mut source = table.name.to_owned();
            if table.name == "sla_results" {
                let view =
                    texts("SELECT sql FROM sqlite_schema WHERE name = 'sla_results'").remove(0);
                let select = view.replace("'now'", &format!("'{}'", last_run[0]));
                source = select.replace("CREATE VIEW sla_results AS", "(") + ")";
            }
            let sql = format!("SELECT {} FROM {source}", names.join(", "));
            let mut statement = sqlite.prepare(&sql).unwrap();
            let rows = statement
                .query_map([], |row| {
                    let cells = kinds.iter().enumerate().map(|(index, kind)| {
                        Ok(match (row.get::<_, Value>(index)?, kind) {
                            (Value::Null, _) => "NULL".to_owned(),
                            (Value::Integer(number), _) => number.to_string(),
                            (Value::Text(text), Type::Instant) => text,
                            (Value::Text(text), _) => format!("'{text}'"),
                            (other, _) => panic!("{other:?}"),
                        })
                    });
                    cells.collect::<rusqlite::Result<Row>>()
                })
                .unwrap()
                .map(|row| row.map(|row| (key(table, &row), row)).unwrap())
                .collect();
            (table.name.to_owned(), rows)
        })
        .collect()
}

pub(super) fn key(table: &Table, row: &[String]) -> Vec<String> {
    let columns = table.columns().zip(row);
    columns
        .filter(|(column, _)| table.key.contains(&column.name))
        .map(|(_, cell)| cell.clone())
        .collect()
}

#[track_caller]
pub(super) fn assert_same(found: &Rows, expected: &Rows, what: &str) {
    for (table, rows) in expected {
        let found = &found[table];
        for (key, row) in rows {
            assert_eq!(found.get(key), Some(row), "{what}: {table} {key:?}");
        }
        assert_eq!(found.len(), rows.len(), "{what}: {table}");
    }
}

/// The manifest lists the files that are there, with their rows and bytes, and no other.
#[track_caller]
pub(super) fn assert_manifest(snapshot: &Path) {
    let manifest = manifest(snapshot);
    let mut listed = Vec::new();
    for file in &manifest.files {
        let path = snapshot.join(&file.path);
        let table = all_tables().find(|table| table.name == file.table).unwrap();
        let rows = parquet_rows(&path, table, false);
        assert_eq!(u64::try_from(rows.len()).unwrap(), file.rows, "{path:?}");
        assert_eq!(fs::metadata(&path).unwrap().len(), file.bytes, "{path:?}");
        listed.push(path);
    }
    for file in &manifest.changes {
        let path = snapshot.join(&file.path);
        assert_eq!(fs::metadata(&path).unwrap().len(), file.bytes, "{path:?}");
        listed.push(path);
    }
    listed.sort();
    assert_eq!(files(snapshot), listed);
}
