//! Which kinds of things the thread of a ticket shows.

use rand::RngExt;

use super::happening::What;
use crate::simulator::world::source::Source;

/// Which kinds of things a thread shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Logged {
    pub(super) has_messages: bool,
    pub(super) has_statuses: bool,
    pub(super) has_assignees: bool,
    pub(super) has_priorities: bool,
    pub(super) has_categories: bool,
}

impl Logged {
    pub(super) const ALL: Self = Self {
        has_messages: true,
        has_statuses: true,
        has_assignees: true,
        has_priorities: true,
        has_categories: true,
    };
    pub(super) const NOTHING: Self = Self {
        has_messages: false,
        ..Self::MESSAGES
    };
    const MESSAGES: Self = Self {
        has_messages: true,
        has_statuses: false,
        has_assignees: false,
        has_priorities: false,
        has_categories: false,
    };

    /// Mostly everything; of some threads, a kind of change is missing in the audit log, or the whole log.
    pub(super) fn draw(source: &mut Source) -> Self {
        let missing: u32 = source.random.random_range(0..100);
        let mut logged = Self::ALL;
        match missing {
            0..4 => return Self::MESSAGES,
            4..8 => logged.has_statuses = false,
            8..12 => logged.has_assignees = false,
            12..14 => logged.has_priorities = false,
            14..16 => logged.has_categories = false,
            _ => {}
        }
        logged
    }

    pub(super) fn shows(self, what: &What) -> bool {
        match what {
            What::Message | What::Note | What::MessageEdited(_) | What::MessageDeleted(_) => {
                self.has_messages
            }
            What::Status { .. } => self.has_statuses,
            What::Assignee { .. } => self.has_assignees,
            What::Priority { .. } => self.has_priorities,
            What::Category { .. } => self.has_categories,
            _ => false,
        }
    }
}
