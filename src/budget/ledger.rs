//! The ledger's file: a small SQLite database per key fingerprint in the user's state directory.
//!
//! SQLite gives what a shared ledger needs and nobody should write again: a transaction that is
//! whole or absent when a process is killed, and a lock that dies with its holder.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::pause::{self, Pause};
use super::{LONGEST_PERIOD, LONGEST_WAIT, Limit, Request, file, millis};
use crate::clock;
use crate::error::{Error, ErrorKind, Result};

/// How long a request is kept: the longest period, and an hour for its margin. Not the span of the
/// process that looks, since others on the same key may look back further.
const HORIZON: Duration = LONGEST_PERIOD.saturating_add(Duration::from_secs(60 * 60));

/// What a try to enter a send into the ledger gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    /// Entered: send now. With it, the sends in the period that ends now, and its id in the ledger.
    Entered { used: u32, entry: Option<i64> },
    /// Full: try again at this instant (Unix milliseconds).
    NotBefore { at_ms: i64, used: u32 },
    /// Closed by a 429, of whichever process.
    Closed { pause: Pause, used: u32 },
    /// Another process holds the file for a moment.
    Busy,
}

/// The requests of one API key, shared by the processes of one user.
#[derive(Debug)]
pub struct Ledger {
    /// `None` as long as another process holds the file, or begins it anew.
    connection: Option<Connection>,
    path: PathBuf,
    /// What is taken for spent where the file was damaged.
    whole: u32,
    /// Whether the file was opened again since it last worked.
    is_reopened: bool,
    /// How long a pause of unknown length is believed.
    longest_pause: Duration,
}

/// The name under which a key's ledger is filed: 16 hex digits of a hash over the key, from which it
/// cannot be read. Not over the base URL too: the API counts by key, and has more than one name.
pub fn fingerprint(api_key: &str) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("mava-export budget ledger v2");
    hasher.update(api_key.as_bytes());
    hasher.finalize().to_hex().chars().take(16).collect()
}

impl Ledger {
    /// Opens or makes `budget-<fingerprint>.sqlite` in `directory`. One that is damaged begins anew
    /// as if `whole` requests, what the API allows in a period, had just been sent.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] where the directory cannot be made or written; where the file cannot be
    /// used for another reason, [`ErrorKind::Failed`].
    pub fn open(directory: &Path, fingerprint: &str, whole: u32) -> Result<Self> {
        let path = directory.join(format!("budget-{fingerprint}.sqlite"));
        match file::open(&path, whole, clock::now_ms()) {
            Ok(connection) => Ok(Self {
                connection,
                path,
                whole,
                is_reopened: false,
                longest_pause: LONGEST_WAIT,
            }),
            Err(file::Failure::Taken(error)) => {
                let way_out = "or name another directory with --state-dir";
                let help = error.help_text().unwrap_or_default();
                let help = format!("{help}; {way_out}");
                Err(error.help(help))
            }
            Err(failure) => {
                let kind = match failure.is_place() {
                    true => ErrorKind::Usage,
                    false => ErrorKind::Failed,
                };
                let message = format!("cannot open the budget ledger {}", path.display());
                Err(Error::new(kind, message)
                    .because(failure.into_cause())
                    .help("name a writable directory with --state-dir"))
            }
        }
    }

    /// The ledger of a process that waits no longer than this for a pause.
    #[must_use]
    pub(super) fn waiting_at_most(self, longest_pause: Duration) -> Self {
        Self {
            longest_pause,
            ..self
        }
    }

    /// Enters a send at `now_ms` if `limit` and closures allow it; the swiftest answer takes
    /// `swiftest_ms`.
    pub(super) fn try_enter(
        &mut self,
        limit: Limit,
        swiftest_ms: i64,
        now_ms: i64,
    ) -> Result<Entry> {
        let longest_pause = self.longest_pause;
        self.transact(|transaction| {
            tidy(transaction, limit, now_ms)?;
            let mut counted = counted(transaction, limit, swiftest_ms, now_ms)?;
            counted.sort_unstable();
            let pause = pause::in_force(transaction, longest_pause, now_ms)?;
            let period_began = now_ms.saturating_sub(limit.period_ms);
            let used = counted.iter().filter(|at| **at > period_began).count();
            let used = u32::try_from(used).unwrap_or(u32::MAX);
            let at_ms = limit.earliest(&counted, now_ms);
            if let Some(pause) = pause {
                return Ok(Entry::Closed { pause, used });
            }
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

    /// Closes the ledger for everyone; an earlier end never shortens a later one. `false` where
    /// another process holds the file for a moment.
    pub(super) fn try_close(&mut self, pause: Pause, now_ms: i64) -> Result<bool> {
        let longest_pause = self.longest_pause;
        self.transact(|transaction| {
            let known = pause::in_force(transaction, longest_pause, now_ms)?;
            let joined = known.map_or(pause, |known| known.joined(pause));
            if known == Some(joined) {
                return Ok(());
            }
            pause::store(transaction, joined, now_ms)
        })
        .map(|done| done.is_some())
    }

    /// What to say where another process has held the file for this long.
    pub(super) fn held_for(&self, time: Duration) -> Error {
        let time = time.as_secs();
        let path = self.path.display();
        let message = match self.connection {
            Some(_) => format!("another process has held the budget ledger {path} for {time} s"),
            None => format!(
                "the budget ledger {path} cannot be opened: another process has held it or its lock {} for {time} s",
                file::lock_path(&self.path).display()
            ),
        };
        Error::failed(message).help(
            "a run that was stopped with Ctrl-Z, or another program? end it, or name another --state-dir; \
             both files may be deleted once no run uses this key",
        )
    }

    /// Runs `work` in a transaction that holds the write lock from its start; `None` when another
    /// process has it.
    fn transact<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        let Some(connection) = self.connection.as_mut() else {
            return self.reopen().map(|()| None);
        };
        let outcome = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .and_then(|transaction| {
                let value = work(&transaction)?;
                transaction.commit()?;
                Ok(value)
            });
        match outcome {
            Ok(value) => {
                self.is_reopened = false;
                Ok(Some(value))
            }
            Err(error) if file::is_held(&error) => Ok(None),
            Err(error) if file::is_lost(&error) => self.reopen().map(|()| None),
            Err(error) => Err(Error::failed(format!(
                "cannot use the budget ledger {}",
                self.path.display()
            ))
            .because(error.to_string())
            .help("delete that file once no run uses this key, or name another --state-dir")),
        }
    }

    /// Goes on with the file that now stands in the place of the one that was open, made anew
    /// where that is damaged; with none for now where another process is at it.
    fn reopen(&mut self) -> Result<()> {
        let now_ms = clock::now_ms();
        // One that looks whole and still does not work gives way too.
        let is_forced = self.is_reopened;
        let opened = file::begin_anew(&self.path, self.whole, now_ms, is_forced);
        self.connection = opened.map_err(|failure| {
            Error::failed(format!(
                "cannot open the budget ledger {} again",
                self.path.display()
            ))
            .because(failure.into_cause())
            .help("delete that file once no run uses this key, or name another --state-dir")
        })?;
        self.is_reopened |= self.connection.is_some();
        Ok(())
    }
}

/// Drops requests that no limit looks back to. A clock that was set back leaves instants in the future: they
/// count as now, which can only make us wait longer than needed, once.
fn tidy(transaction: &Transaction<'_>, limit: Limit, now_ms: i64) -> rusqlite::Result<()> {
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
    Ok(())
}

/// When each request within the span of a limit counts.
fn counted(
    transaction: &Transaction<'_>,
    limit: Limit,
    swiftest_ms: i64,
    now_ms: i64,
) -> rusqlite::Result<Vec<i64>> {
    let span_began = now_ms.saturating_sub(limit.span_ms);
    let mut statement = transaction.prepare(
        "SELECT sent_ms, answered_ms FROM requests
         WHERE sent_ms > ?1 OR answered_ms > ?2",
    )?;
    let counted = statement.query_map(
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
    )?;
    counted.collect()
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
