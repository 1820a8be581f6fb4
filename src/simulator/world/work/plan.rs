//! How a story is put together: what is done at an instant, and what that makes of the ticket.

use chrono::Duration;
use rand::RngExt;
use rand::seq::IndexedRandom;

use super::happening::{Actor, Happening, Id, What};
use super::hours;
use super::logged::Logged;
use super::story::State;
use crate::simulator::world::law::exponential;
use crate::simulator::world::source::{Source, milliseconds};
use crate::table::Instant;

/// Milliseconds.
pub(super) const SECOND: f64 = 1_000.0;
/// Milliseconds.
pub(super) const MINUTE: f64 = 60.0 * SECOND;
/// Milliseconds.
pub(super) const HOUR: f64 = 60.0 * MINUTE;
/// Milliseconds.
pub(super) const DAY: f64 = 24.0 * HOUR;

/// How many messages are edited by their authors, and how many deleted.
const EDITED: f64 = 0.02;
const DELETED: f64 = 0.012;

/// Those of a desk who can do something, and what tickets are filed under.
#[derive(Debug, Clone, Default)]
pub(super) struct Cast {
    pub(super) agents: Vec<Id>,
    pub(super) categories: Vec<Id>,
    pub(super) tags: Vec<Id>,
}

/// A story in the making.
pub(super) struct Plan<'a> {
    pub(super) source: &'a mut Source,
    pub(super) cast: &'a Cast,
    pub(super) logged: Logged,
    pub(super) customer: Option<Id>,
    pub(super) state: State,
    pub(super) now: Instant,
    /// The last public message.
    pub(super) public_at: Instant,
    pub(super) happenings: Vec<Happening>,
}

impl Plan<'_> {
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.source.chance(probability)
    }

    pub(super) fn draw(&mut self) -> f64 {
        self.source.random.random()
    }

    /// Lets a time between the two pass, in milliseconds.
    pub(super) fn wait(&mut self, least: f64, most: f64) {
        self.now += milliseconds(self.source.random.random_range(least..most));
    }

    /// Lets a time of this mean pass, in milliseconds.
    pub(super) fn wait_about(&mut self, mean: f64) {
        self.now += milliseconds(mean * exponential(&mut self.source.random));
    }

    /// Lets time pass until people work.
    pub(super) fn wait_for_duty(&mut self) {
        self.now = hours::on_duty(&mut self.source.random, self.now);
    }

    /// Lets time pass until the customer is awake.
    pub(super) fn wait_for_morning(&mut self) {
        self.now = hours::awake(&mut self.source.random, self.now);
    }

    /// Any agent.
    pub(super) fn anybody(&mut self) -> Id {
        let agent = self.cast.agents.choose(&mut self.source.random);
        agent.cloned().unwrap_or_else(|| "nobody".into())
    }

    /// Mostly the assigned agent.
    pub(super) fn somebody(&mut self) -> Id {
        match &self.state.assigned_agent_id {
            Some(agent) if self.source.chance(0.85) => agent.clone(),
            _ => self.anybody(),
        }
    }

    /// Notes something that happens at `at`, which is no change that others follow.
    pub(super) fn aside(&mut self, at: Instant, what: What, by: Actor) -> u32 {
        let number = u32::try_from(self.happenings.len()).unwrap_or(u32::MAX) + 1;
        self.happenings.push(Happening {
            at,
            number,
            is_shown: self.logged.shows(&what),
            what,
            by,
        });
        number
    }

    /// Something happens now.
    pub(super) fn happens(&mut self, what: What, by: Actor) -> u32 {
        self.state.change(&what);
        let number = self.aside(self.now, what, by);
        self.now += Duration::milliseconds(1);
        number
    }

    /// A public message now.
    pub(super) fn says(&mut self, by: Actor) {
        self.public_at = self.now;
        let number = self.happens(What::Message, by.clone());
        self.second_thoughts(number, by);
    }

    /// A private note now.
    pub(super) fn notes(&mut self, agent: Id) {
        let number = self.happens(What::Note, Actor::Agent(agent.clone()));
        self.second_thoughts(number, Actor::Agent(agent));
    }

    /// A message may be edited or deleted by its author.
    fn second_thoughts(&mut self, number: u32, by: Actor) {
        if by == Actor::Ai {
            return;
        }
        let mut after = |least: f64, most: f64| {
            self.now + milliseconds(self.source.random.random_range(least..most))
        };
        let (soon, later) = (
            after(20.0 * SECOND, 8.0 * MINUTE),
            after(MINUTE, 5.0 * HOUR),
        );
        if self.chance(EDITED) {
            self.aside(soon, What::MessageEdited(number), by.clone());
        }
        if self.chance(DELETED) {
            self.aside(later.max(soon), What::MessageDeleted(number), by);
        }
    }

    /// The customer writes some messages in a row.
    pub(super) fn burst(&mut self) {
        let by = Actor::Customer(self.customer.clone());
        self.says(by.clone());
        for _ in 0..4 {
            if !self.chance(0.35) {
                break;
            }
            self.wait(4.0 * SECOND, 50.0 * SECOND);
            self.says(by.clone());
        }
    }

    pub(super) fn set_status(&mut self, to: &'static str, by: Actor) {
        let from = self.state.status;
        if from != to {
            self.happens(What::Status { from, to }, by);
        }
    }

    pub(super) fn set_ai_status(&mut self, to: &'static str, by: Actor) {
        let from = self.state.ai_status;
        if from != Some(to) {
            self.happens(What::AiStatus { from, to: Some(to) }, by);
        }
    }

    pub(super) fn assign(&mut self, to: Option<Id>, by: Actor) {
        let from = self.state.assigned_agent_id.clone();
        if from != to {
            self.happens(What::Assignee { from, to }, by);
        }
    }

    pub(super) fn set_priority(&mut self, by: Id) {
        let from = self.state.priority;
        let to = Some(self.source.random.random_range(1..=4));
        if from != to {
            self.happens(What::Priority { from, to }, Actor::Agent(by));
        }
    }

    pub(super) fn set_category(&mut self, by: Id) {
        let from = self.state.category_id.clone();
        let to = self
            .cast
            .categories
            .choose(&mut self.source.random)
            .cloned();
        if from != to {
            self.happens(What::Category { from, to }, Actor::Agent(by));
        }
    }

    pub(super) fn add_tag(&mut self, by: Id) {
        let tag = self.cast.tags.choose(&mut self.source.random).cloned();
        if let Some(tag) = tag.filter(|tag| !self.state.tag_ids.contains(tag)) {
            self.happens(What::TagAdded(tag), Actor::Agent(by));
        }
    }

    pub(super) fn remove_tag(&mut self, by: Id) {
        if let Some(tag) = self.state.tag_ids.first().cloned() {
            self.happens(What::TagRemoved(tag), Actor::Agent(by));
        }
    }

    /// Everything that happens, in the order of time, each a millisecond after the one before at least but
    /// for what comes with the creation; nothing after the end.
    pub(super) fn in_order(self) -> Vec<Happening> {
        let mut happenings = self.happenings;
        happenings.sort_by_key(|one| one.at);
        if let Some(end) = happenings.iter().position(|one| one.what.is_end()) {
            happenings.truncate(end + 1);
        }
        let mut before: Option<(Instant, bool)> = None;
        for one in &mut happenings {
            if let Some((at, is_creation)) = before
                && one.at <= at
                && !(is_creation && one.at == at)
            {
                one.at = at + Duration::milliseconds(1);
            }
            before = Some((one.at, one.what == What::Created));
        }
        happenings
    }
}
