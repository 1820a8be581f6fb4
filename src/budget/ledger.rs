//! The ledger's file: a small SQLite database per key fingerprint in the user's state directory.
//!
//! SQLite gives what a shared ledger needs and nobody should write again: a transaction that is
//! whole or absent when a process is killed, and a lock that dies with its holder.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use chrono::Utc;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::{LONGEST_PERIOD, Limit, Request, millis};
use crate::error::{Error, Result};

/// How long a request is kept: the longest period, and an hour for its margin. Not the span of the
/// process that looks, since others on the same key may look back further.
const HORIZON: Duration = LONGEST_PERIOD.saturating_add(Duration::from_secs(60 * 60));

/// How far ahead a closure is believed. The API's limit counts over half a minute, so a later end
/// comes from a clock that ran ahead or from a `Retry-After` meant as milliseconds, and would keep
/// every process waiting for nothing.
const LONGEST_CLOSURE: Duration = Duration::from_secs(60 * 60);

/// What a try to enter a send into the ledger gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    /// Entered: send now. With it, the sends in the period that ends now, and its id in the ledger.
    Entered { used: u32, entry: Option<i64> },
    /// Full or closed: try again at this instant (Unix milliseconds).
    NotBefore { at_ms: i64, used: u32 },
    /// Another process holds the file for a moment.
    Busy,
}

/// The requests of one API key, shared by the processes of this machine.
#[derive(Debug)]
pub struct Ledger {
    connection: Connection,
    path: PathBuf,
}

/// The name under which a key's ledger is filed: 16 hex digits of a hash over base URL and key,
/// so that neither can be read from it.
pub fn fingerprint(base_url: &str, api_key: &str) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("mava-export budget ledger v1");
    hasher.update(base_url.as_bytes());
    hasher.update(&[0]);
    hasher.update(api_key.as_bytes());
    hasher.finalize().to_hex().chars().take(16).collect()
}

impl Ledger {
    /// Opens or makes `budget-<fingerprint>.sqlite` in `directory`.
    ///
    /// # Errors
    /// Where the directory cannot be made or written, or the file is not a ledger.
    pub fn open(directory: &Path, fingerprint: &str) -> Result<Self> {
        let path = directory.join(format!("budget-{fingerprint}.sqlite"));
        let fail = |error: Box<dyn std::error::Error + Send + Sync>| {
            Error::failed(format!("cannot open the budget ledger {}", path.display()))
                .because(error)
                .help("name a writable directory with --state-dir")
        };
        create_private(directory, &path).map_err(|error| fail(error.into()))?;
        let connection = Connection::open(&path).map_err(|error| fail(error.into()))?;
        connection
            .busy_timeout(Duration::from_secs(5))
            .and_then(|()| {
                connection.execute_batch(
                    "PRAGMA journal_mode = DELETE;
                     PRAGMA synchronous = OFF;
                     CREATE TABLE IF NOT EXISTS requests (
                         id INTEGER PRIMARY KEY, sent_ms INTEGER NOT NULL, answered_ms INTEGER
                     ) STRICT;
                     CREATE INDEX IF NOT EXISTS requests_sent ON requests (sent_ms);
                     CREATE INDEX IF NOT EXISTS requests_answered ON requests (answered_ms);
                     CREATE TABLE IF NOT EXISTS closed (until_ms INTEGER NOT NULL) STRICT;",
                )
            })
            // From here on a held file is waited for without blocking the thread: see `Gate`.
            .and_then(|()| connection.busy_timeout(Duration::ZERO))
            .map_err(|error| fail(error.into()))?;
        Ok(Self { connection, path })
    }

    /// Enters a send at `now_ms` if `limit` and closures allow it; the swiftest answer takes
    /// `swiftest_ms`.
    pub(super) fn try_enter(
        &mut self,
        limit: Limit,
        swiftest_ms: i64,
        now_ms: i64,
    ) -> Result<Entry> {
        self.transact(|transaction| {
            // A clock set back leaves instants in the future: they count as now, which can only
            // make us wait longer than needed, once.
            transaction.execute(
                "UPDATE requests SET sent_ms = ?1 WHERE sent_ms > ?1",
                [now_ms],
            )?;
            transaction.execute(
                "UPDATE requests SET answered_ms = ?1 WHERE answered_ms > ?1",
                [now_ms],
            )?;
            let horizon_ms = millis(HORIZON).max(limit.span_ms);
            transaction.execute(
                "DELETE FROM requests WHERE sent_ms <= ?1",
                [now_ms.saturating_sub(horizon_ms)],
            )?;
            let span_began = now_ms.saturating_sub(limit.span_ms);
            let mut counted: Vec<i64> = transaction
                .prepare(
                    "SELECT sent_ms, answered_ms FROM requests
                     WHERE sent_ms > ?1 OR answered_ms > ?2",
                )?
                .query_map(
                    [span_began.saturating_sub(limit.period_ms), span_began],
                    |row| {
                        let mut request = Request {
                            sent_ms: row.get(0)?,
                            answered_ms: row.get(1)?,
                        };
                        // The process that sent it may be gone: nothing is on its way for ever.
                        let given_up = request.sent_ms.saturating_add(limit.period_ms);
                        if request.answered_ms.is_none() && given_up < now_ms {
                            request.answered_ms = Some(given_up);
                        }
                        Ok(limit.counts_at(&request, swiftest_ms, now_ms))
                    },
                )?
                .collect::<rusqlite::Result<_>>()?;
            counted.sort_unstable();
            let closed_until = closed_until(transaction, now_ms)?;
            let period_began = now_ms.saturating_sub(limit.period_ms);
            let used = counted.iter().filter(|at| **at > period_began).count();
            let used = u32::try_from(used).unwrap_or(u32::MAX);
            let at_ms = limit
                .earliest(&counted, now_ms)
                .max(closed_until.unwrap_or(now_ms));
            if at_ms > now_ms {
                return Ok(Entry::NotBefore { at_ms, used });
            }
            transaction.execute("INSERT INTO requests (sent_ms) VALUES (?1)", [now_ms])?;
            Ok(Entry::Entered {
                used: used.saturating_add(1),
                entry: Some(transaction.last_insert_rowid()),
            })
        })
        .map(|entry| entry.unwrap_or(Entry::Busy))
    }

    /// Notes that the request entered as `entry` was answered, or given up, at `now_ms`. `false`
    /// where another process holds the file for a moment.
    pub(super) fn try_settle(&mut self, entry: i64, now_ms: i64) -> Result<bool> {
        self.transact(|transaction| {
            transaction.execute(
                "UPDATE requests SET answered_ms = ?2 WHERE id = ?1",
                [entry, now_ms],
            )
        })
        .map(|done| done.is_some())
    }

    /// Closes the ledger for everyone until `until_ms`, but at most [`LONGEST_CLOSURE`] from
    /// now; an earlier end never shortens a later one. `false` where another process holds the
    /// file for a moment.
    #[expect(
        clippy::disallowed_methods,
        reason = "processes can only share the wall clock, and the gate tells just the end"
    )]
    pub(super) fn try_close(&mut self, until_ms: i64) -> Result<bool> {
        self.try_close_at(until_ms, Utc::now().timestamp_millis())
    }

    fn try_close_at(&mut self, until_ms: i64, now_ms: i64) -> Result<bool> {
        self.transact(|transaction| {
            let until_ms = until_ms.min(latest_end(now_ms));
            if closed_until(transaction, now_ms)?.is_none_or(|known| known < until_ms) {
                store_end(transaction, until_ms)?;
            }
            Ok(())
        })
        .map(|done| done.is_some())
    }

    /// Runs `work` in a transaction that holds the write lock from its start; `None` when another
    /// process has it.
    fn transact<T>(
        &mut self,
        work: impl FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        let outcome = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .and_then(|transaction| {
                let value = work(&transaction)?;
                transaction.commit()?;
                Ok(value)
            });
        match outcome {
            Ok(value) => Ok(Some(value)),
            Err(rusqlite::Error::SqliteFailure(failure, _))
                if matches!(
                    failure.code,
                    ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(Error::failed(format!(
                "cannot use the budget ledger {}",
                self.path.display()
            ))
            .because(error)
            .help("delete that file once no run uses this key, or name another --state-dir")),
        }
    }
}

/// The latest end of a closure that is believed at `now_ms`.
fn latest_end(now_ms: i64) -> i64 {
    now_ms.saturating_add(millis(LONGEST_CLOSURE))
}

/// The end of the closure. One that is not believed is brought down to what is, in the file too,
/// so that it does not move on with those who ask.
fn closed_until(connection: &Connection, now_ms: i64) -> rusqlite::Result<Option<i64>> {
    let known: Option<i64> =
        connection.query_row("SELECT MAX(until_ms) FROM closed", [], |row| row.get(0))?;
    let latest = latest_end(now_ms);
    if known.is_some_and(|known| known > latest) {
        store_end(connection, latest)?;
        return Ok(Some(latest));
    }
    Ok(known)
}

fn store_end(connection: &Connection, until_ms: i64) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM closed", [])?;
    connection
        .execute("INSERT INTO closed VALUES (?1)", [until_ms])
        .map(drop)
}

/// Makes the directory and the file for their owner's eyes only where they are not there yet; the
/// journal that SQLite puts beside the file takes its permissions from it.
fn create_private(directory: &Path, path: &Path) -> io::Result<()> {
    let mut folders = fs::DirBuilder::new();
    folders.recursive(true);
    let mut file = fs::File::options();
    file.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        std::os::unix::fs::DirBuilderExt::mode(&mut folders, 0o700);
        std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    }
    folders.create(directory)?;
    file.open(path).map(drop)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test makes the file it needs")]
mod tests {
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
    fn the_fingerprint_tells_keys_apart_and_shows_neither() {
        let one = fingerprint("https://a.test/", "key-one");
        assert_eq!(one.len(), 16);
        assert_ne!(one, fingerprint("https://a.test/", "key-two"));
        assert_ne!(one, fingerprint("https://b.test/", "key-one"));
    }

    #[test]
    fn two_ledgers_on_one_file_share_the_limit_and_survive_reopening() {
        let directory = tempfile::tempdir().expect("a directory");
        let open = || Ledger::open(directory.path(), "f").expect("opens");
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

    #[test]
    fn a_closure_holds_for_everyone_and_is_never_shortened() {
        let directory = tempfile::tempdir().expect("a directory");
        let open = || Ledger::open(directory.path(), "f").expect("opens");
        let (mut one, mut two) = (open(), open());
        assert!(one.try_close(5_000).unwrap());
        assert!(one.try_close(4_000).unwrap());
        assert_eq!(
            enter(&mut two, LIMIT, 10),
            Entry::NotBefore {
                at_ms: 5_000,
                used: 0
            }
        );
        assert_eq!(enter(&mut two, LIMIT, 5_000), entered(1));
    }

    #[test]
    fn a_clock_set_back_makes_nobody_wait_longer_than_one_span() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut ledger = Ledger::open(directory.path(), "f").expect("opens");
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
        let mut ledger = Ledger::open(directory.path(), "f").expect("opens");
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
        let open = || Ledger::open(directory.path(), "f").expect("opens");
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
        let mut ledger = Ledger::open(directory.path(), "f").expect("opens");
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
        let mut ledger = Ledger::open(directory.path(), "f").expect("opens");
        enter(&mut ledger, LIMIT, 0);
        enter(&mut ledger, LIMIT, millis(HORIZON));
        let count = "SELECT count(*) FROM requests";
        let count: i64 = ledger
            .connection
            .query_row(count, [], |row| row.get(0))
            .unwrap();
        assert_eq!(count, 1);
    }

    #[test]
    fn a_closure_holds_for_an_hour_at_most() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut ledger = Ledger::open(directory.path(), "f").expect("opens");
        let hour = millis(LONGEST_CLOSURE);
        let until = |at_ms| Entry::NotBefore { at_ms, used: 0 };
        // As it was entered, with a clock that is an hour and more ahead of ours.
        for stored in [10 * hour, i64::MAX] {
            ledger.try_close_at(stored, stored).unwrap();
            assert_eq!(enter(&mut ledger, LIMIT, 5), until(hour + 5));
            // It does not move on with those who ask.
            assert_eq!(enter(&mut ledger, LIMIT, 50), until(hour + 5));
            ledger.connection.execute("DELETE FROM closed", []).unwrap();
        }
        // As it is entered; and what was known before does not outlast it.
        ledger.try_close_at(20 * hour, 20 * hour).unwrap();
        ledger.try_close_at(i64::MAX, 10).unwrap();
        assert_eq!(enter(&mut ledger, LIMIT, 11), until(hour + 10));
        assert_eq!(enter(&mut ledger, LIMIT, hour + 10), entered(1));
    }

    #[test]
    fn a_file_that_is_no_ledger_is_refused_by_name() {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("budget-f.sqlite"), "x".repeat(4_096)).unwrap();
        let error = Ledger::open(directory.path(), "f").expect_err("refused");
        assert!(error.to_string().contains("budget-f.sqlite"), "{error}");
        assert!(error.help_text().unwrap().contains("--state-dir"));
    }
}
