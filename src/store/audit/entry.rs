//! What the index says of a ticket, and what is wrong with one.

use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::super::sums;
use crate::normalize::Hash;

/// The columns of the index that [`Entry::read`] reads, in its order.
pub(in crate::store) const ENTRY: &str =
    "head_hash, thread_hash, flags_hash, history_hash, created_at_ms, is_deleted";

/// What the index says of a ticket.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Entry {
    /// `None` where it is no hash at all.
    pub(in crate::store) head: Option<Hash>,
    /// `None` where the thread was never read.
    pub(in crate::store) thread: Option<Hash>,
    pub(in crate::store) flags: Option<Hash>,
    pub(in crate::store) history: Option<Hash>,
    pub(in crate::store) created_ms: i64,
    pub(in crate::store) is_deleted: bool,
}

impl Entry {
    /// From the columns of [`ENTRY`], which stand in the row from `first` on.
    pub(in crate::store) fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<Self> {
        let thread = match row.get_ref(first + 1)? {
            ValueRef::Null => None,
            _ => Some(sums::hash(row, first + 1)?.unwrap_or(sums::DAMAGED)),
        };
        Ok(Self {
            head: sums::hash(row, first)?,
            thread,
            flags: sums::hash(row, first + 2)?,
            history: sums::hash(row, first + 3)?,
            created_ms: row.get_ref(first + 4)?.as_i64().unwrap_or(i64::MIN),
            is_deleted: row.get_ref(first + 5)?.as_i64().unwrap_or(0) != 0,
        })
    }
}

/// What is wrong with a ticket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::store) struct Wrong {
    /// Its row is gone.
    pub(in crate::store) is_lost: bool,
    /// Its columns, attributes, tags, Discord users or rejects.
    pub(in crate::store) is_head: bool,
    /// Its messages or their attachments.
    pub(in crate::store) is_thread: bool,
    /// What its columns say of its thread.
    pub(in crate::store) are_facts: bool,
    /// The run that last changed it, its deletion, or what the index has of both.
    pub(in crate::store) are_flags: bool,
    /// Its versions.
    pub(in crate::store) is_history: bool,
    /// Its creation in milliseconds since 1970 as its row has it, where the index has another.
    pub(in crate::store) created_ms: Option<i64>,
}

impl Wrong {
    /// Whether anything is.
    pub(in crate::store) fn is_any(self) -> bool {
        self != Self::default()
    }

    /// In words.
    pub(in crate::store) fn words(self) -> Vec<&'static str> {
        [
            (self.is_lost, "the row is missing"),
            (
                self.is_head,
                "columns, attributes, tags, Discord users or rejects do not match their hash",
            ),
            (
                self.is_thread,
                "messages or attachments do not match their hash",
            ),
            (
                self.are_facts,
                "the columns about the thread do not match its messages",
            ),
            (
                self.are_flags,
                "snapshot_id, deleted_at or created_at do not match their hash or the index",
            ),
            (self.is_history, "the history does not match its hash"),
        ]
        .into_iter()
        .filter_map(|(is_wrong, words)| is_wrong.then_some(words))
        .collect()
    }
}
