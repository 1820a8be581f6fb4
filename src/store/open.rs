//! Opens a store: whose file it is, who may write, how SQLite is to treat it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Url;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::failure::Failure;
use super::files::{self, Files};
use super::header::{self, Found};
use super::lock::Lock;
use super::metrics::{self, Measuring};
use super::options::{OWNERS_ONLY, OpenOptions};
use super::{APPLICATION_ID, Store, migrate, mode};
use crate::derived::{self, Names};
use crate::error::{Error, Result};
use crate::table::{TABLES, TOTALS};

/// Bytes per page. A ticket with its subject and a message of a few paragraphs fit in one without
/// overflow; 4096 and 16384 measured the same within the noise.
const PAGE_SIZE: i64 = 8192;

/// Memory for pages, in KiB (negative, as SQLite wants it).
const CACHE_KIB: i64 = -16_384;

/// Pages in the write-ahead log before they are moved into the file: 16 MiB. Fewer, larger moves
/// write a page that many commits touched once instead of many times; four times as many gained
/// a tenth and doubled the longest wait.
const CHECKPOINT_PAGES: i64 = 2_048;

/// Bytes the write-ahead log keeps on disk once it was moved into the file.
const LOG_BYTES: i64 = 67_108_864;

/// How long to wait for another program's write, such as a person's SQLite shell.
const BUSY: Duration = Duration::from_secs(3);

/// Statements kept prepared: more than a page needs.
const STATEMENTS: usize = 96;

impl Store {
    /// Opens the store at `path` for writing, made new where nothing or an empty file lies there,
    /// and brings its schema up to date.
    ///
    /// Creates `path` and, beside it, `-wal`, `-shm` and `-lock`.
    ///
    /// # Errors
    /// [`StoreBusy`](crate::error::ErrorKind::StoreBusy) naming who holds it;
    /// [`Usage`](crate::error::ErrorKind::Usage) where `path` is a directory, has no directory,
    /// may not be written, or holds something else than a store or one of a newer version: then
    /// it is left as it was; and where it is damaged.
    pub fn open(path: &Path, options: &OpenOptions) -> Result<Self> {
        let path = resolve(path)?;
        header::look(&path)?;
        let unusable = |error: io::Error| match derived::explain(&path, &error) {
            Some(explained) => explained,
            None => Error::usage(format!("cannot write {}", path.display()))
                .help("check the permissions of the file and of its directory")
                .because(error),
        };
        // Two names of one store would have two logs, and neither know of the other's.
        derived::check(&path, Names::One).map_err(unusable)?;
        files::check_sides(&path)?;
        let lock = Lock::take(&path, options)?;
        // Again, since only now nobody else can make or move it.
        let found = header::look(&path)?;
        make(&path, found, options.file_mode).map_err(unusable)?;
        files::check_contents(&path)?;
        files::share_owner_and_mode(&path);
        let mut files = Files::of(&path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection =
            connect(&path, flags).map_err(|failure| failure.explain(&path, "open"))?;
        // The header may be behind the write-ahead log of a run that was killed.
        let version = migrate::version(&connection)
            .map_err(|error| Failure::from(error).explain(&path, "open"))?;
        migrate::check_version(&path, version)?;
        prepare(&mut connection).map_err(|failure| failure.explain(&path, "open"))?;
        mode::remember(&connection, &path, options.file_mode, version)
            .map_err(|failure| failure.explain(&path, "open"))?;
        let measuring = Measuring::default();
        metrics::remember(&connection, &measuring)
            .map_err(|error| Failure::from(error).explain(&path, "open"))?;
        files.add_sides(&path)?;
        // What was opened is what was looked at.
        files.require_in_place()?;
        Ok(Self {
            connection,
            path,
            files,
            lock: Some(lock),
            is_thorough: false,
            mended: super::Mended::default(),
            measuring,
        })
    }

    /// Opens the store at `path` for reading, also while a run writes it: each query sees the
    /// last page committed. Never makes a store and never changes one.
    ///
    /// # Errors
    /// [`Usage`](crate::error::ErrorKind::Usage) where there is no store or one of another
    /// version, or it is damaged.
    pub fn open_read_only(path: &Path) -> Result<Self> {
        let none = |path: &Path| {
            Error::usage(format!("there is no store at {}", path.display()))
                .help("run a backfill first, or name the file it wrote")
        };
        let resolved = resolve(path)?;
        if header::look(&resolved)? != Found::Store {
            return Err(none(path));
        }
        files::check_sides(&resolved)?;
        if !super::lock::is_held(&resolved) {
            files::check_contents(&resolved)?;
        }
        let files = Files::of(&resolved)?;
        let (connection, version) =
            read(&resolved).map_err(|failure| failure.explain(&resolved, "open"))?;
        migrate::check_version(&resolved, version)?;
        if version == 0 {
            return Err(none(path));
        }
        // What migrations add, an older store cannot have.
        if version == migrate::newest() {
            check_tables(&connection).map_err(|failure| failure.explain(&resolved, "open"))?;
        }
        Ok(Self {
            connection,
            path: resolved,
            files,
            lock: None,
            is_thorough: false,
            mended: super::Mended::default(),
            measuring: Measuring::default(),
        })
    }
}

/// A connection that only reads, and the schema's version.
///
/// SQLite wants to make side files even to read a store that nobody writes. Where the directory does
/// not let it, the file is read as it lies there, provided that no log of a run lies beside it.
fn read(path: &Path) -> std::result::Result<(Connection, i32), Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let attempt = |path: &Path, flags| {
        let connection = connect(path, flags)?;
        let version = migrate::version(&connection)?;
        Ok((connection, version))
    };
    let opened = attempt(path, flags);
    let Err(Failure::Sqlite(error)) = &opened else {
        return opened;
    };
    let is_refused = matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly)
    );
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let is_logged = fs::metadata(log).is_ok_and(|log| log.len() > 0);
    match Url::from_file_path(path) {
        Ok(mut url) if is_refused && !is_logged => {
            url.set_query(Some("immutable=1"));
            attempt(Path::new(url.as_str()), flags | OpenFlags::SQLITE_OPEN_URI)
        }
        _ => opened,
    }
}

pub(super) fn connect(path: &Path, flags: OpenFlags) -> std::result::Result<Connection, Failure> {
    // The path is resolved: a link in it was put there since.
    let flags = flags | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags)?;
    // The last one to close a store would remove its side files, and whoever may not make them anew
    // could not read it then: see `Store::rest`.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "cache_size", CACHE_KIB)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    Ok(connection)
}

/// Settings for writing, then the schema.
fn prepare(connection: &mut Connection) -> std::result::Result<(), Failure> {
    let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
    if pages == 0 {
        connection.pragma_update(None, "page_size", PAGE_SIZE)?;
        // Before the write-ahead log is on, so that it is in the file's own header from the
        // first byte and a run killed now leaves a file that is known to be a store.
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    // With the log, a power cut loses at most the last pages, never the file; a file system that
    // cannot have one needs every commit on disk for the same promise.
    let is_logged = mode == "wal";
    connection.pragma_update(
        None,
        "synchronous",
        if is_logged { "normal" } else { "full" },
    )?;
    connection.pragma_update(None, "foreign_keys", true)?;
    set(connection, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    set(connection, "journal_size_limit", LOG_BYTES)?;
    migrate::migrate(connection)?;
    check_tables(connection)
}

/// Sets a pragma that answers with its new value.
fn set(connection: &Connection, pragma: &str, value: i64) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, pragma, value, |_| Ok(()))
}

/// Every table is there: a cheap look that reads the schema, not the rows.
fn check_tables(connection: &Connection) -> std::result::Result<(), Failure> {
    let mut statement =
        connection.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1")?;
    for table in TABLES.iter().chain(TOTALS) {
        if !statement.exists([table.name])? {
            return Err(Failure::Lacking(table.name));
        }
    }
    Ok(())
}

/// The one path of the file, whatever links lead there, so that its lock is one file too.
fn resolve(path: &Path) -> Result<PathBuf> {
    let shown = path.display();
    let unreadable = |error: io::Error| {
        Error::usage(format!("cannot reach {shown}"))
            .help("check the path and the permissions along it")
            .because(error)
    };
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => {
            let inside = path.join("support.db");
            return Err(Error::usage(format!("{shown} is a directory"))
                .help(format!("name a file in it, such as {}", inside.display())));
        }
        Ok(found) if !found.is_file() => {
            return Err(
                Error::usage(format!("{shown} is not a regular file")).help("name another file")
            );
        }
        Ok(_) => return fs::canonicalize(path).map_err(unreadable),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(unreadable(error)),
    }
    if fs::symlink_metadata(path).is_ok() {
        return Err(Error::usage(format!("{shown} is a link to nothing"))
            .help("remove the link, or name the file it should lead to"));
    }
    let Some(name) = path.file_name() else {
        return Err(Error::usage(format!("{shown:?} names no file")).help("name a file"));
    };
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    match fs::canonicalize(directory) {
        Ok(directory) => Ok(directory.join(name)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let is_home = directory.starts_with("~");
            let directory = directory.display();
            let error = Error::usage(format!("the directory {directory} does not exist"));
            Err(if is_home {
                error.help("the shell does not replace a ~ after sqlite: write $HOME instead")
            } else {
                error.help(format!("make it first: mkdir -p {directory}"))
            })
        }
        Err(error) => Err(unreadable(error)),
    }
}

/// Makes the file where there is none, and gives it the permissions that were asked for.
fn make(path: &Path, found: Found, mode: Option<u32>) -> io::Result<()> {
    let new = mode.unwrap_or(OWNERS_ONLY);
    match found {
        Found::Nothing => derived::set_mode(&derived::create(path, new)?, new),
        Found::Empty => derived::set_mode(&derived::open_to_write(path)?, new),
        Found::Store => {
            let file = derived::open_to_write(path)?;
            if let Some(mode) = mode
                && files::mode(&file.metadata()?) != mode
                && let Err(error) = derived::set_mode(&file, mode)
            {
                tracing::warn!(
                    "{} does not take --file-mode {mode:04o}: {error}",
                    path.display()
                );
            }
            Ok(())
        }
    }
}
