//! Keeps a question from doing anything but reading, and from running on once it was stopped.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::error::{Error, ErrorKind, ExitCode, Result};

/// Instructions of SQLite's machine between two looks whether to stop: less than a millisecond.
const STEPS: i32 = 1_000;

/// What tells of the store and changes nothing, with an argument or without.
const PRAGMAS: [&str; 10] = [
    "foreign_key_check",
    "foreign_key_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "quick_check",
    "table_info",
    "table_list",
    "table_xinfo",
];

/// Pragmas that only read without an argument: with one they set something.
const READ_PRAGMAS: [&str; 14] = [
    "application_id",
    "collation_list",
    "compile_options",
    "data_version",
    "database_list",
    "encoding",
    "freelist_count",
    "function_list",
    "module_list",
    "page_count",
    "page_size",
    "pragma_list",
    "schema_version",
    "user_version",
];

/// Lets a connection read and nothing else, whatever the statement: no writing, no other file, no
/// setting, no code of others. The store is opened for reading only besides.
#[derive(Debug, Clone, Default)]
pub(super) struct ReadOnly {
    /// What was refused first.
    refused: Arc<Mutex<Option<String>>>,
}

impl ReadOnly {
    /// Holds `connection` to reading.
    ///
    /// # Errors
    /// SQLite refuses it.
    pub(super) fn hold(connection: &mut Connection) -> rusqlite::Result<Self> {
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, false)?;
        // A name in double quotes that is misspelt is an error then, not a text.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
        connection.pragma_update(None, "query_only", true)?;
        let guard = Self::default();
        let refused = Arc::clone(&guard.refused);
        connection.authorizer(Some(move |context: AuthContext<'_>| {
            match refusal(context.action) {
                None => Authorization::Allow,
                Some(reason) => {
                    refused
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .get_or_insert(reason);
                    Authorization::Deny
                }
            }
        }))?;
        Ok(guard)
    }

    /// The error of a statement that wanted more than to read, if one did.
    pub(super) fn refusal(&self) -> Option<Error> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.as_deref().map(only_reads)
    }
}

/// The error of a statement that would do this.
pub(super) fn only_reads(what: &str) -> Error {
    Error::usage(format!("query only reads: {what}"))
        .help("write one SELECT; only backfill, sync, verify and accept write the store")
}

/// Why an action is not allowed; `None` where it is.
fn refusal(action: AuthAction<'_>) -> Option<String> {
    match action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => None,
        AuthAction::Function { function_name } => function_name
            .eq_ignore_ascii_case("load_extension")
            .then(|| "load_extension() would run code of others".to_owned()),
        AuthAction::Pragma {
            pragma_name,
            pragma_value,
        } => {
            let is_known = |names: &[&str]| {
                let mut names = names.iter();
                names.any(|name| name.eq_ignore_ascii_case(pragma_name))
            };
            match is_known(&PRAGMAS) || (pragma_value.is_none() && is_known(&READ_PRAGMAS)) {
                true => None,
                false => Some("the only PRAGMAs it takes are those that describe the store, such as table_info".to_owned()),
            }
        }
        AuthAction::Attach { .. } => {
            Some("the statement would open or make another file".to_owned())
        }
        _ => Some("the statement would write or set something".to_owned()),
    }
}

/// Stops a question on a signal, or when its time is over.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    is_interrupted: Arc<AtomicBool>,
    is_terminated: Arc<AtomicBool>,
    limit: Option<(Duration, Instant)>,
}

impl Watch {
    /// Begins to watch. A second signal does not wait for anything.
    ///
    /// # Errors
    /// The system does not tell of signals.
    pub(super) fn start(timeout: Option<Duration>) -> Result<Self> {
        let now = Instant::now();
        let watch = Self {
            is_interrupted: Arc::default(),
            is_terminated: Arc::default(),
            // A time that no clock reaches is none.
            limit: timeout.and_then(|time| Some((time, now.checked_add(time)?))),
        };
        for (signal, exit_code, is_met) in [
            (SIGINT, ExitCode::Interrupted, &watch.is_interrupted),
            (SIGTERM, ExitCode::Terminated, &watch.is_terminated),
        ] {
            let number = i32::from(exit_code.number());
            flag::register_conditional_shutdown(signal, number, Arc::clone(is_met))
                .and_then(|_| flag::register(signal, Arc::clone(is_met)))
                .map_err(|error| Error::failed("cannot listen for signals").because(error))?;
        }
        Ok(watch)
    }

    /// Makes SQLite look on its way too.
    ///
    /// # Errors
    /// SQLite refuses it.
    pub(super) fn hold(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        let watch = self.clone();
        connection.progress_handler(STEPS, Some(move || watch.stopped().is_some()))
    }

    /// That nothing stopped it yet.
    ///
    /// # Errors
    /// What stopped it.
    pub(super) fn check(&self) -> Result<()> {
        self.stopped().map_or(Ok(()), Err)
    }

    /// What stopped it, if anything did.
    pub(super) fn stopped(&self) -> Option<Error> {
        if self.is_interrupted.load(Ordering::Relaxed) {
            return Some(Error::new(
                ErrorKind::Interrupted,
                "interrupted: there is no whole answer",
            ));
        }
        if self.is_terminated.load(Ordering::Relaxed) {
            return Some(Error::new(
                ErrorKind::Terminated,
                "terminated: there is no whole answer",
            ));
        }
        let (limit, end) = self.limit?;
        (Instant::now() >= end).then(|| {
            let limit = humantime::format_duration(limit);
            Error::failed(format!(
                "there is no whole answer after {limit}, the limit of --timeout"
            ))
            .help("allow more time, or ask for less: a range of created_at, fewer columns, a LIMIT")
        })
    }
}
