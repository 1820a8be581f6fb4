//! A desk at work: each ticket has a story from its creation on, which is drawn whole, and which the desk shows
//! as far as time has come.
//!
//! ```text
//! hours ──► plan ──► course ──► Story ──► show ──► Ticket
//!                                 └─────► lines, State: the truth
//! ```
//!
//! A story follows from the desk's seed, from the ticket's number and from what its customer wrote before.
//! So the desk at an instant is the same whether time came to it in hours or in days.

mod course;
mod happening;
mod hours;
mod lines;
mod logged;
mod plan;
mod show;
mod story;

use std::sync::Arc;

use chrono::DateTime;
use rand::RngExt;
use rand::rngs::StdRng;

use self::plan::Cast;
use super::generate::{WorldSpec, creations};
use super::source::Source;
use super::{Directory, Ticket, World, law, opening, season};
use crate::table::Instant;

pub use self::happening::{Actor, Happening, Id, What};
pub use self::story::{State, Story};

/// An hour in milliseconds.
const HOUR_MS: i64 = 3_600_000;

/// A desk at work. The same values give the same desk.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkSpec {
    /// Seed.
    pub seed: u64,
    /// How many tickets are created; those that were deleted, merged or hidden are not on the desk.
    pub tickets: usize,
    /// First instant a ticket can be created at.
    pub from: Instant,
    /// The desk's present: nothing on it is newer.
    pub until: Instant,
    /// Whether the audit log names agents and categories by their names instead of by their ids.
    pub has_names: bool,
}

impl Default for WorkSpec {
    /// As [`WorldSpec`]: a thousand tickets over the first half of 2024.
    fn default() -> Self {
        let WorldSpec {
            seed,
            tickets,
            from,
            until,
            ..
        } = WorldSpec::default();
        Self {
            seed,
            tickets,
            from,
            until,
            has_names: false,
        }
    }
}

/// The stories of a desk at work, from which its truth is told.
#[derive(Debug, Clone)]
pub struct Work {
    seed: u64,
    has_names: bool,
    cast: Cast,
    /// In the order of creation.
    stories: Vec<Arc<Story>>,
}

impl World {
    /// A desk at work: agents are assigned, answer and hand over, an AI does, tickets are resolved and opened
    /// again, and the threads show it. [`World::evolve`] lets them work on.
    pub fn at_work(spec: &WorkSpec) -> Self {
        let mut source = Source::new(spec.seed);
        let mut directory = opening::directory(&mut source, spec.from);
        let range = WorldSpec {
            seed: spec.seed,
            tickets: spec.tickets,
            from: spec.from,
            until: spec.until,
            ..WorldSpec::default()
        };
        let mut work = Work {
            seed: spec.seed,
            has_names: spec.has_names,
            cast: Cast::of(&directory),
            stories: Vec::with_capacity(spec.tickets),
        };
        for created_at in creations(&mut source.random, &range) {
            work.open(&mut directory, created_at, range.rate());
        }
        let tickets = work.stories.iter();
        let tickets = tickets
            .filter_map(|story| story.ticket(spec.until, &directory))
            .collect();
        let mut world = World::new(directory, tickets);
        world.work = Some(Arc::new(work));
        world
    }

    /// What is known of a desk at work; `None` of another.
    pub fn work(&self) -> Option<&Work> {
        self.work.as_deref()
    }
}

impl Cast {
    fn of(directory: &Directory) -> Self {
        let ids =
            |ids: &mut dyn Iterator<Item = &String>| ids.map(|id| id.as_str().into()).collect();
        Self {
            agents: ids(&mut directory.agents.iter().map(|one| &one.id)),
            categories: ids(&mut directory.categories.iter().map(|one| &one.id)),
            tags: ids(&mut directory.tags.iter().map(|one| &one.id)),
        }
    }
}

impl Story {
    /// The ticket as the desk shows it just before `until`; `None` where it does not.
    pub(super) fn ticket(&self, until: Instant, directory: &Directory) -> Option<Ticket> {
        let happened = self.happenings(until);
        if happened.is_empty() || happened.iter().any(|one| one.what.is_end()) {
            return None;
        }
        let mut ticket = self.created();
        for one in happened {
            self.show(one, &mut ticket, directory);
        }
        Some(ticket)
    }
}

impl Work {
    /// The story of each ticket that was ever created, in the order of creation.
    pub fn stories(&self) -> impl ExactSizeIterator<Item = &Story> {
        self.stories.iter().map(AsRef::as_ref)
    }

    /// The story of the ticket with this id.
    pub fn story(&self, ticket_id: &str) -> Option<&Story> {
        self.stories().find(|story| story.ticket_id() == ticket_id)
    }

    /// Each ticket that is unresolved just before `at`, neither spam nor gone, and what it is then.
    pub fn backlog(&self, at: Instant) -> impl Iterator<Item = (&Story, State)> {
        let begun = self
            .stories
            .partition_point(|story| story.opened().created_at < at);
        let begun = self.stories().take(begun);
        let states = begun.filter_map(move |story| story.state(at).map(|state| (story, state)));
        states.filter(|(_, state)| state.is_unresolved())
    }

    /// The stories in which something happens in `[from, until)`.
    pub(super) fn moved(&self, from: Instant, until: Instant) -> impl Iterator<Item = &Arc<Story>> {
        let is_over = move |story: &Story| story.happenings.last().is_none_or(|one| one.at < from);
        let stories = self.stories.iter();
        stories.filter(move |story| !is_over(story) && !story.between(from, until).is_empty())
    }

    /// Changes the story of a ticket.
    pub(super) fn story_mut(&mut self, ticket: &Ticket) -> Option<&mut Story> {
        let from = self
            .stories
            .partition_point(|story| story.opened.created_at < ticket.created_at);
        let mut later = self.stories.iter_mut().skip(from);
        later
            .find(|story| story.opened.id == ticket.id)
            .map(Arc::make_mut)
    }

    /// Opens the tickets that come in `[from, until)`, so many a day. An hour always brings the same ones.
    pub(super) fn arrive(
        &mut self,
        directory: &mut Directory,
        seed: u64,
        rate: f64,
        (from, until): (Instant, Instant),
    ) {
        let (first, end) = (from.timestamp_millis(), until.timestamp_millis());
        let mut hour = first.div_euclid(HOUR_MS);
        while hour * HOUR_MS < end {
            if let Some(at) = DateTime::from_timestamp_millis(hour * HOUR_MS) {
                let number = hour.unsigned_abs();
                let mut source = Source::apart(seed, number, 0);
                for created_at in arrivals(&mut source.random, rate, at) {
                    if (from..until).contains(&created_at) {
                        self.open(directory, created_at, rate);
                    }
                }
            }
            hour += 1;
        }
    }

    /// Opens a ticket, later than all others, and plans its story.
    fn open(&mut self, directory: &mut Directory, created_at: Instant, rate: f64) {
        let number = u64::try_from(self.stories.len()).unwrap_or(u64::MAX);
        let mut source = show::source(self.seed, number);
        let back = opening::returning(&mut source, rate);
        let earlier = back
            .and_then(|back| self.stories.len().checked_sub(back))
            .and_then(|place| self.stories.get(place));
        let before = earlier.map(|earlier| &earlier.opened);
        let opened = opening::opened(&mut source, directory, before, created_at, true);
        let story = course::draw(
            &mut source,
            number,
            opened,
            &self.cast,
            earlier.map(AsRef::as_ref),
            self.has_names,
        );
        self.stories.push(Arc::new(story));
    }
}

/// When tickets come in the hour that begins at `at`.
fn arrivals(random: &mut StdRng, rate: f64, at: Instant) -> Vec<Instant> {
    let points = law::points(random, rate * season::BUSIEST, 0.0, 1.0 / 24.0);
    let points: Vec<Instant> = points
        .into_iter()
        .map(|days| law::after(at, days))
        .collect();
    points
        .into_iter()
        .filter(|at| random.random_bool(season::busyness(*at)))
        .collect()
}
