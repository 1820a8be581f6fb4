//! The course of a ticket: who does what, and after how long.

use super::happening::{Actor, Id, What};
use super::logged::Logged;
use super::plan::{Cast, DAY, HOUR, MINUTE, Plan, SECOND};
use super::story::{Manner, State, Story};
use crate::simulator::world::law::exponential;
use crate::simulator::world::opening;
use crate::simulator::world::source::{Source, milliseconds};
use crate::simulator::world::ticket::Ticket;
use crate::table::Instant;

/// How many tickets go each of these ways; the others are opened by a customer and worked on.
const SPAM: f64 = 0.02;
const MERGED: f64 = 0.06;
const SILENT: f64 = 0.015;
const BY_AGENT: f64 = 0.05;

/// How many customers the AI talks to first.
const AI: f64 = 0.45;

/// How many tickets are deleted on request within a year, and how many soon.
const DELETED: f64 = 0.003;

/// How old the ticket that another is merged into is at most.
const MERGE_DAYS: i64 = 14;

/// Reopenings of a ticket at most.
const MOST_REOPENINGS: usize = 6;

/// The story of a ticket that was just opened. `earlier` is one by the same customer.
pub(super) fn draw(
    source: &mut Source,
    number: u64,
    mut opened: Ticket,
    cast: &Cast,
    earlier: Option<&Story>,
    has_names: bool,
) -> Story {
    opened.assigned_agent_id = None;
    opened.ai_status = None;
    opened.tag_ids.retain(|_| source.chance(0.5));
    if source.chance(0.4) {
        opened.category_id = None;
    }
    let is_ai_agent = source.chance(0.7);
    let logged = Logged::draw(source);
    let is_group = opened.origin == "telegram-group";
    let way = Way::draw(source, &opened, earlier);
    let mut plan = Plan {
        cast,
        logged,
        customer: opened.customer_id.as_deref().map(Into::into),
        state: State::of(&opened),
        now: opened.created_at,
        public_at: opened.created_at,
        happenings: Vec::new(),
        source,
    };
    plan.begin(&way, &mut opened);
    match way {
        Way::Spam => plan.spam(),
        Way::Merged(into) => plan.merge(into),
        Way::Silent => plan.silent(is_group),
        Way::ByAgent => plan.by_agent(),
        Way::Usual => plan.usual(is_group),
    }
    plan.request(opened.created_at);
    let manner = Manner {
        logged: plan.logged,
        is_ai_agent,
        has_names,
    };
    Story {
        number,
        manner,
        happenings: plan.in_order(),
        opened,
    }
}

/// Which way a ticket goes.
enum Way {
    Usual,
    ByAgent,
    /// Opened by a program, without a message.
    Silent,
    Spam,
    /// Into the ticket with this id.
    Merged(Id),
}

impl Way {
    fn draw(source: &mut Source, opened: &Ticket, earlier: Option<&Story>) -> Self {
        if source.chance(SILENT) {
            return Self::Silent;
        }
        if opened.customer_id.is_none() {
            return Self::Usual;
        }
        if source.chance(SPAM) {
            return Self::Spam;
        }
        if source.chance(BY_AGENT) {
            return Self::ByAgent;
        }
        match earlier.filter(|earlier| is_target(earlier, opened)) {
            Some(earlier) if source.chance(MERGED) => Self::Merged(earlier.ticket_id().into()),
            _ => Self::Usual,
        }
    }
}

/// Whether a ticket can be merged into an earlier one.
fn is_target(earlier: &Story, opened: &Ticket) -> bool {
    let is_recent = (opened.created_at - earlier.opened.created_at).num_days() < MERGE_DAYS;
    is_recent && !earlier.happenings.iter().any(|one| one.what.is_end())
}

impl Plan<'_> {
    /// The channel before, the creation, and the first messages.
    fn begin(&mut self, way: &Way, opened: &mut Ticket) {
        let customer = Actor::Customer(self.customer.clone());
        match way {
            Way::Silent => {
                self.logged = Logged::NOTHING;
                if self.chance(0.5) {
                    let agent = self.anybody();
                    opened.assigned_agent_id = Some(agent.to_string());
                    self.state.assigned_agent_id = Some(agent);
                }
                self.happens(What::Created, Actor::Program);
            }
            Way::ByAgent => {
                let agent = self.anybody();
                opened.status = "Waiting".into();
                self.state.status = "Waiting";
                if self.chance(0.7) {
                    opened.assigned_agent_id = Some(agent.to_string());
                    self.state.assigned_agent_id = Some(agent.clone());
                }
                self.aside(self.now, What::Created, Actor::Agent(agent.clone()));
                self.says(Actor::Agent(agent));
            }
            Way::Usual | Way::Spam | Way::Merged(_) => {
                self.channel(opened);
                self.aside(self.now, What::Created, customer);
                if self.chance(0.8) {
                    self.wait(0.0, 900.0);
                }
                self.burst();
            }
        }
    }

    /// What was written in the channel before a ticket was made from it.
    fn channel(&mut self, opened: &Ticket) {
        let share = match opened.origin.as_ref() {
            "telegram-group" => 0.6,
            "discord" => 0.12,
            _ => return,
        };
        let mut at = opened.created_at;
        while self.chance(share) && self.happenings.len() < 8 {
            at -= milliseconds(MINUTE + 40.0 * MINUTE * exponential(&mut self.source.random));
            let by = if self.chance(0.4) {
                Actor::Agent(self.anybody())
            } else {
                Actor::Customer(self.customer.clone())
            };
            self.aside(at, What::Message, by);
        }
    }

    fn spam(&mut self) {
        let is_hidden = self.chance(0.5);
        let by = if self.chance(0.5) {
            self.wait(SECOND, 20.0 * SECOND);
            Actor::Automation
        } else {
            self.wait_about(3.0 * HOUR);
            self.wait_for_duty();
            Actor::Agent(self.anybody())
        };
        if is_hidden {
            self.happens(What::Hidden, by);
        } else {
            self.set_status("Spam", by);
        }
    }

    fn merge(&mut self, into: Id) {
        self.wait_about(5.0 * HOUR);
        self.wait_for_duty();
        let agent = self.anybody();
        self.happens(What::Merged(into), Actor::Agent(agent));
    }

    fn silent(&mut self, is_group: bool) {
        self.triage();
        self.wait_about(1.5 * DAY);
        self.wait_for_duty();
        if self.chance(0.85) {
            let agent = self.somebody();
            self.file(&agent);
            self.set_status("Resolved", Actor::Agent(agent));
            self.rate(is_group);
        }
    }

    fn by_agent(&mut self) {
        let is_resolved = if self.chance(0.7) {
            self.wait_about(8.0 * HOUR);
            self.wait_for_morning();
            self.burst();
            self.set_status("Open", Actor::Customer(self.customer.clone()));
            self.people()
        } else {
            self.finish(true)
        };
        self.go_on(is_resolved, false);
    }

    fn usual(&mut self, is_group: bool) {
        let is_ai = !is_group && self.chance(AI);
        let is_resolved = if !is_group && !is_ai && self.chance(0.3) {
            self.set_ai_status("Disabled", Actor::Automation);
            self.people()
        } else {
            is_ai && self.ai() || self.people()
        };
        self.go_on(is_resolved, is_group);
    }

    /// What becomes of it once people have worked on it: resolved and open in turn.
    fn go_on(&mut self, mut is_resolved: bool, is_group: bool) {
        let mut reopenings = 0;
        while is_resolved {
            if reopenings == 0 {
                self.rate(is_group);
            }
            if reopenings == MOST_REOPENINGS || !self.resolved() {
                return;
            }
            reopenings += 1;
            is_resolved = self.people();
        }
    }

    /// The AI talks to the customer. Whether the ticket is resolved in the end; otherwise people have it.
    fn ai(&mut self) -> bool {
        for _ in 0..3 {
            self.wait(3.0 * SECOND, 40.0 * SECOND);
            self.says(Actor::Ai);
            let what = self.draw();
            if what < 0.28 {
                self.wait(MINUTE, 15.0 * MINUTE);
                self.says(Actor::Customer(self.customer.clone()));
                self.wait(2.0 * SECOND, 30.0 * SECOND);
                self.set_ai_status("Solved", Actor::Ai);
                self.set_status("Resolved", Actor::Ai);
                return true;
            }
            if what < 0.5 {
                self.now = self.public_at;
                self.wait(60.0 * MINUTE, 120.0 * MINUTE);
                self.set_status("Resolved", Actor::Automation);
                return true;
            }
            self.wait(MINUTE, 20.0 * MINUTE);
            self.burst();
            if what > 0.7 {
                break;
            }
        }
        self.wait(SECOND, 5.0 * SECOND);
        if self.chance(0.5) {
            self.says(Actor::Ai);
        }
        self.set_ai_status("HandedOver", Actor::Ai);
        self.set_status("Pending", Actor::Ai);
        false
    }

    /// People work on it, until it is resolved; `false` where it stays open.
    fn people(&mut self) -> bool {
        self.triage();
        if self.chance(0.05) {
            return self.finish(false);
        }
        for _ in 0..12 {
            self.nudge();
            self.answer();
            if self.chance(0.5) {
                break;
            }
            self.wait_about(5.0 * HOUR);
            self.wait_for_morning();
            self.burst();
            self.set_status("Open", Actor::Customer(self.customer.clone()));
        }
        self.finish(true)
    }

    /// Somebody is put in charge, mostly.
    fn triage(&mut self) {
        if self.state.assigned_agent_id.is_some() || self.chance(0.1) {
            return;
        }
        let agent = self.anybody();
        let by = if self.chance(0.3) {
            self.wait(SECOND, 5.0 * SECOND);
            Actor::Automation
        } else {
            self.wait_about(50.0 * MINUTE);
            self.wait_for_duty();
            let other = self.anybody();
            Actor::Agent(if self.chance(0.6) {
                agent.clone()
            } else {
                other
            })
        };
        self.assign(Some(agent), by);
    }

    /// The customer asks again before anybody answers.
    fn nudge(&mut self) {
        if self.chance(0.12) {
            self.wait_about(6.0 * HOUR);
            self.wait_for_morning();
            self.burst();
        }
    }

    /// A person answers, and does what belongs to it.
    fn answer(&mut self) {
        self.wait_about(1.5 * HOUR);
        self.wait_for_duty();
        let mut agent = self.somebody();
        self.file(&agent);
        if self.chance(0.14) {
            self.notes(agent.clone());
            if self.chance(0.4) {
                self.set_status("Pending", Actor::Agent(agent.clone()));
            }
            self.wait_about(40.0 * MINUTE);
        }
        if self.chance(0.12) {
            let next = self.anybody();
            self.assign(Some(next.clone()), Actor::Agent(agent));
            self.wait_about(2.0 * HOUR);
            agent = next;
        } else if self.chance(0.03) {
            self.assign(None, Actor::Agent(agent.clone()));
            self.wait_about(HOUR);
        }
        self.wait_for_duty();
        self.says(Actor::Agent(agent.clone()));
        if self.chance(0.2) {
            self.wait(10.0 * SECOND, 4.0 * MINUTE);
            self.says(Actor::Agent(agent.clone()));
        }
        if self.chance(0.5) {
            let by = if self.chance(0.5) {
                Actor::Automation
            } else {
                Actor::Agent(agent)
            };
            self.set_status("Waiting", by);
        }
    }

    /// An agent files it: under a priority, a category, a tag.
    fn file(&mut self, agent: &Id) {
        let is_bare = self.state.category_id.is_none();
        if self.chance(if is_bare { 0.5 } else { 0.06 }) {
            self.set_category(agent.clone());
        }
        if self.chance(0.1) {
            self.set_priority(agent.clone());
        }
        if self.chance(0.15) {
            self.add_tag(agent.clone());
        }
        if self.chance(0.03) {
            self.remove_tag(agent.clone());
        }
    }

    /// It is resolved in one way or the other; `false` where it stays open.
    fn finish(&mut self, is_answered: bool) -> bool {
        let how = self.draw();
        if how < 0.02 {
            return false;
        }
        if is_answered && how < 0.3 {
            self.now = self.public_at + milliseconds(DAY);
            self.wait(SECOND, 5.0 * MINUTE);
            self.set_status("Resolved", Actor::Automation);
            return true;
        }
        if how < 0.36 {
            self.wait(5.0 * DAY, 45.0 * DAY);
        } else {
            self.wait_about(1.5 * HOUR);
        }
        self.wait_for_duty();
        let agent = self.somebody();
        if is_answered && self.chance(0.4) {
            self.says(Actor::Agent(agent.clone()));
            self.wait(SECOND, MINUTE);
        }
        self.set_status("Resolved", Actor::Agent(agent));
        true
    }

    /// What happens to a resolved ticket, until it is opened again; `false` where it is not.
    fn resolved(&mut self) -> bool {
        let since = self.now;
        let how = self.draw();
        let pause = match how {
            // A question, thanks, and an agent who looks again.
            0.0..0.07 => 3.0 * DAY,
            0.07..0.09 => 2.0 * HOUR,
            0.09..0.095 => DAY,
            _ => f64::MAX,
        };
        let pause = pause * (0.001 + exponential(&mut self.source.random));
        let mut later: Vec<f64> = (0..3).map(|_| 8.0 * DAY * self.draw()).collect();
        later.sort_by(f64::total_cmp);
        for after in later.into_iter().filter(|after| *after + HOUR < pause) {
            self.now = since + milliseconds(after);
            self.afterwards();
        }
        if how >= 0.095 {
            return false;
        }
        self.now = self.now.max(since + milliseconds(pause));
        if how < 0.09 {
            self.burst();
            self.set_status("Open", Actor::Customer(self.customer.clone()));
        } else {
            let agent = self.anybody();
            self.set_status("Open", Actor::Agent(agent));
        }
        true
    }

    /// What an agent may do to a resolved ticket.
    fn afterwards(&mut self) {
        let agent = self.somebody();
        match self.draw() {
            0.0..0.02 => self.notes(agent),
            0.02..0.04 => self.add_tag(agent),
            0.04..0.045 => self.set_category(agent),
            0.045..0.05 => self.set_priority(agent),
            _ => {}
        }
    }

    /// The customer rates it, and some of them once more.
    fn rate(&mut self, is_group: bool) {
        if is_group || !self.chance(0.35) {
            return;
        }
        let by = Actor::Customer(self.customer.clone());
        let mut from = None;
        let mut at = self.now;
        for mean in [9.0 * HOUR, 2.0 * DAY] {
            at += milliseconds(MINUTE + mean * exponential(&mut self.source.random));
            let to = opening::rating(&mut self.source.random);
            if from != to {
                self.aside(at, What::Rating { from, to }, by.clone());
            }
            from = to;
            if !self.chance(0.06) {
                return;
            }
        }
    }

    /// A few are deleted on request, soon or late.
    fn request(&mut self, created_at: Instant) {
        if !self.chance(DELETED) {
            return;
        }
        let most = if self.chance(0.5) { 2.0 } else { 365.0 };
        let at = created_at + milliseconds(HOUR + most * DAY * self.draw());
        let agent = self.anybody();
        self.aside(at, What::Deleted, Actor::Agent(agent));
    }
}
