//! What could not be represented, kept raw.

use super::digest::Digest;
use super::hidden::Hidden;
use super::page::TicketKey;
use crate::table::Reject;

/// A reject of one value, whose id follows from ticket, path and raw value, so that the same one met
/// again is the same row.
fn reject(ticket_id: Option<&str>, path: String, reason: String, raw_json: String) -> Reject {
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
        created_at: None,
    }
}

/// The same of a whole ticket.
pub(crate) fn whole_reject(key: TicketKey, reason: String, raw_json: String) -> Reject {
    Reject {
        created_at: key.created_at,
        ..reject(key.id.as_deref(), String::new(), reason, raw_json)
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

/// Whether a reject's path leads to the thread (`messages`) or into it (`messages[3].content`).
pub(crate) fn is_of_thread(path: &str) -> bool {
    path.strip_prefix("messages")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '.']))
}

/// Collects the rejects of one ticket, or of one list.
#[derive(Debug, Default)]
pub(crate) struct Rejects {
    ticket_id: Option<String>,
    found: Vec<Reject>,
    /// Whether one may be found twice: a value that does not fit its column and hides something.
    has_hidden: bool,
}

impl Rejects {
    /// None yet, of the ticket `ticket_id`.
    pub(crate) fn of(ticket_id: &str) -> Self {
        Self {
            ticket_id: Some(ticket_id.to_owned()),
            ..Self::default()
        }
    }

    /// Adds one.
    pub(crate) fn add(&mut self, path: String, reason: String, raw_json: String) {
        let reject = reject(self.ticket_id.as_deref(), path, reason, raw_json);
        if !self.has_hidden || self.found.iter().all(|known| known.id != reject.id) {
            self.found.push(reject);
        }
    }

    /// Adds what a tree hid.
    pub(crate) fn add_hidden(&mut self, hidden: impl IntoIterator<Item = Hidden>) {
        for hidden in hidden {
            self.has_hidden = true;
            self.add(hidden.path, hidden.reason.to_owned(), hidden.raw_json);
        }
    }

    /// Those found so far, in the order found.
    pub(crate) fn found(&self) -> &[Reject] {
        &self.found
    }

    /// Gives them away.
    pub(crate) fn into_found(self) -> Vec<Reject> {
        self.found
    }
}
