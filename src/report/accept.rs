//! Rejects that stand, and what was said of them.

use serde::Serialize;

/// What `accept` shows or did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Acceptance {
    /// The store's path.
    pub store: String,
    /// Whether some were named, or all.
    pub is_selection: bool,
    /// Whether acceptance is taken back.
    pub is_undo: bool,
    /// Whether it was done, and not only shown.
    pub is_done: bool,
    /// Rejects that it changed.
    pub changed: usize,
    /// Rejects that stand in the store and that nobody accepted, afterwards.
    pub rejects_standing: i64,
    /// Those that somebody accepted, afterwards.
    pub rejects_accepted: i64,
    /// The rejects that are meant, as they are afterwards.
    pub rejects: Vec<KeptReject>,
}

/// One reject, without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeptReject {
    /// Its id.
    pub id: String,
    /// Its ticket; `None` where that has no id, and of a list.
    pub ticket_id: Option<String>,
    /// Where in the ticket; empty for the whole of it.
    pub path: String,
    /// Why.
    pub reason: String,
    /// When it was accepted, RFC 3339; `None` if it was not.
    pub accepted_at: Option<String>,
}
