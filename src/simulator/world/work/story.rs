//! The story of a ticket: everything that happens to it, whatever its thread shows.

use super::happening::{Actor, Happening, Id, What};
use super::logged::Logged;
use crate::simulator::world::ticket::Ticket;
use crate::table::Instant;

/// The statuses of a ticket that is in the backlog.
pub(super) const UNRESOLVED: [&str; 3] = ["Open", "Pending", "Waiting"];

/// How a ticket's thread shows what happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Manner {
    pub(super) logged: Logged,
    /// Whether the AI writes as an agent without an account, not as the system.
    pub(super) is_ai_agent: bool,
    /// Whether the audit log names agents and categories by their names, not by their ids.
    pub(super) has_names: bool,
}

/// What a ticket is at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// `Open`, `Pending`, `Waiting`, `Resolved` or `Spam`.
    pub status: &'static str,
    /// Assigned agent.
    pub assigned_agent_id: Option<Id>,
    /// 1 low to 4 urgent.
    pub priority: Option<i64>,
    /// Category.
    pub category_id: Option<Id>,
    /// Tags, in the order in which they were added.
    pub tag_ids: Vec<Id>,
    /// Rating 1 to 5.
    pub csat: Option<i64>,
    /// What the AI did with it.
    pub ai_status: Option<&'static str>,
}

impl State {
    pub(super) fn of(opened: &Ticket) -> Self {
        let id = |id: &Option<String>| id.as_deref().map(Id::from);
        Self {
            status: "Open",
            assigned_agent_id: id(&opened.assigned_agent_id),
            priority: opened.priority,
            category_id: id(&opened.category_id),
            tag_ids: opened.tag_ids.iter().map(|id| id.as_str().into()).collect(),
            csat: None,
            ai_status: None,
        }
    }

    /// Whether it is unresolved and not spam.
    pub fn is_unresolved(&self) -> bool {
        UNRESOLVED.contains(&self.status)
    }

    pub(super) fn change(&mut self, what: &What) {
        match what {
            What::Status { to, .. } => self.status = to,
            What::Assignee { to, .. } => self.assigned_agent_id.clone_from(to),
            What::Priority { to, .. } => self.priority = *to,
            What::Category { to, .. } => self.category_id.clone_from(to),
            What::TagAdded(id) => self.tag_ids.push(id.clone()),
            What::TagRemoved(id) => self.tag_ids.retain(|one| one != id),
            What::Rating { to, .. } => self.csat = *to,
            What::AiStatus { to, .. } => self.ai_status = *to,
            _ => {}
        }
    }
}

/// Everything that happens to a ticket, from its creation on.
#[derive(Debug, Clone, PartialEq)]
pub struct Story {
    /// Which of the desk's tickets it is, in the order of creation, from 0 on.
    pub(super) number: u64,
    pub(super) manner: Manner,
    pub(super) opened: Ticket,
    /// In the order of time, those of the future too.
    pub(super) happenings: Vec<Happening>,
}

impl Story {
    /// The ticket as it was when it was created, without a thread.
    pub fn opened(&self) -> &Ticket {
        &self.opened
    }

    /// The ticket's id.
    pub fn ticket_id(&self) -> &str {
        &self.opened.id
    }

    /// What happens to it before `until`, in the order of time. Messages of its channel come before its
    /// creation.
    pub fn happenings(&self, until: Instant) -> &[Happening] {
        if self.opened.created_at >= until {
            return &[];
        }
        let end = self.happenings.partition_point(|one| one.at < until);
        self.happenings.get(..end).unwrap_or_default()
    }

    /// What happens to it, the creation and all before it included, in `[from, until)`.
    pub(in crate::simulator::world) fn between(
        &self,
        from: Instant,
        until: Instant,
    ) -> &[Happening] {
        let all = self.happenings(until);
        if self.opened.created_at >= from {
            return all;
        }
        let begin = all.partition_point(|one| one.at < from);
        all.get(begin..).unwrap_or_default()
    }

    /// What it is just before `at`; `None` before its creation and once it is in no list any more.
    pub fn state(&self, at: Instant) -> Option<State> {
        let happened = self.happenings(at);
        if happened.is_empty() || happened.iter().any(|one| one.what.is_end()) {
            return None;
        }
        let mut state = State::of(&self.opened);
        for one in happened {
            state.change(&one.what);
        }
        Some(state)
    }

    /// Each time it is resolved before `until`, in the order of time.
    pub fn resolutions(&self, until: Instant) -> impl Iterator<Item = &Happening> {
        let is_resolution = |what: &What| matches!(what, What::Status { to: "Resolved", .. });
        self.all(until, is_resolution)
    }

    /// Each time it is opened again before `until`, in the order of time.
    pub fn reopenings(&self, until: Instant) -> impl Iterator<Item = &Happening> {
        let is_reopening = |what: &What| match what {
            What::Status { from, to } => *from == "Resolved" && UNRESOLVED.contains(to),
            _ => false,
        };
        self.all(until, is_reopening)
    }

    /// Each time it is given to an agent, or taken from one, before `until`, in the order of time. One
    /// that was assigned when it was created begins so.
    pub fn assignments(&self, until: Instant) -> impl Iterator<Item = &Happening> {
        self.all(until, |what| matches!(what, What::Assignee { .. }))
    }

    fn all(
        &self,
        until: Instant,
        is_meant: impl Fn(&What) -> bool,
    ) -> impl Iterator<Item = &Happening> {
        let happened = self.happenings(until).iter();
        happened.filter(move |one| is_meant(&one.what))
    }

    /// Adds something from outside of its plan, which goes on as if that had always been so.
    pub(in crate::simulator::world) fn add(&mut self, at: Instant, what: What, by: Actor) {
        let place = self.happenings.partition_point(|one| one.at <= at);
        let numbers = self.happenings.iter().map(|one| one.number);
        let added = Happening {
            at,
            number: numbers.max().unwrap_or(0) + 1,
            is_shown: self.manner.logged.shows(&what),
            what,
            by,
        };
        let mut later = self.happenings.split_off(place);
        match &added.what {
            What::TagAdded(id) => {
                let planned = |one: &Happening| one.what == What::TagAdded(id.clone());
                if let Some(same) = later.iter().position(planned) {
                    later.remove(same);
                }
            }
            What::Category { to: new, .. } => {
                let next = later.iter_mut().find_map(|one| match &mut one.what {
                    What::Category { from, .. } => Some(from),
                    _ => None,
                });
                if let Some(from) = next {
                    from.clone_from(new);
                }
            }
            _ => {}
        }
        self.happenings.push(added);
        self.happenings.append(&mut later);
    }
}
