//! What could not be represented, kept raw.

use super::digest::Digest;
use crate::table::Reject;

/// A reject whose id follows from ticket, path and raw value, so that the same one met again is
/// the same row.
pub(crate) fn reject(
    ticket_id: Option<&str>,
    path: String,
    reason: String,
    raw_json: String,
) -> Reject {
    let mut digest = Digest::default();
    match ticket_id {
        Some(id) => digest.text(id),
        None => digest.null(),
    }
    digest.text(&path);
    digest.text(&raw_json);
    Reject {
        id: digest.hex(),
        ticket_id: ticket_id.map(str::to_owned),
        path,
        reason,
        raw_json,
    }
}

/// The thread of a ticket on which the API fails: the ticket is stored without.
pub(crate) fn unread_thread(ticket_id: &str) -> Reject {
    let reason = "the API fails on the messages of this ticket".to_owned();
    reject(
        Some(ticket_id),
        "messages".to_owned(),
        reason,
        "null".to_owned(),
    )
}

/// Collects the rejects of one ticket, or of one list.
#[derive(Debug, Default)]
pub(crate) struct Rejects {
    ticket_id: Option<String>,
    found: Vec<Reject>,
}

impl Rejects {
    /// None yet, of the ticket `ticket_id`.
    pub(crate) fn of(ticket_id: &str) -> Self {
        Self {
            ticket_id: Some(ticket_id.to_owned()),
            found: Vec::new(),
        }
    }

    /// Adds one.
    pub(crate) fn add(&mut self, path: String, reason: String, raw_json: String) {
        self.found
            .push(reject(self.ticket_id.as_deref(), path, reason, raw_json));
    }

    /// Gives them away.
    pub(crate) fn into_found(self) -> Vec<Reject> {
        self.found
    }
}
