//! Everything that was ever true of a desk, and what each request of a run was told of it.

use std::collections::BTreeMap;

use mava_export::simulator::{RequestInfo, Ticket, World};
use mava_export::table::Instant;
use mava_export::window::{self, Window};

use super::desk;

/// A ticket's changing part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) status: String,
    /// Ids of its messages, oldest first.
    pub(crate) thread: Vec<String>,
}

impl State {
    fn of(ticket: &Ticket) -> Self {
        let thread = ticket.messages.iter().filter_map(|one| one.id.clone());
        Self {
            status: ticket.status.clone().into_owned(),
            thread: thread.collect(),
        }
    }

    pub(crate) fn is_unresolved(&self) -> bool {
        matches!(self.status.as_str(), "Open" | "Pending" | "Waiting")
    }
}

/// A ticket from its first version of the desk to its last.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    pub(crate) created_at: Instant,
    /// Whether it came when it says that it was created.
    pub(crate) is_honest: bool,
    /// The first version that holds it.
    pub(crate) born: usize,
    /// The first version after it.
    pub(crate) died: Option<usize>,
    /// Each state with the first version that has it.
    states: Vec<(usize, State)>,
}

impl Life {
    /// Whether every one of these versions holds it.
    pub(crate) fn spans(&self, versions: (usize, usize)) -> bool {
        self.born <= versions.0 && self.died.is_none_or(|died| died > versions.1)
    }

    /// Whether none of these versions holds it, nor any later one.
    pub(crate) fn is_over(&self, versions: (usize, usize)) -> bool {
        self.died.is_some_and(|died| died <= versions.0)
    }

    /// The states that it had in any of these versions.
    pub(crate) fn states(&self, versions: (usize, usize)) -> impl Iterator<Item = &State> {
        let ends = self.states.iter().skip(1).map(|(version, _)| *version);
        let ends = ends.chain([usize::MAX]);
        let spans = self.states.iter().zip(ends);
        spans
            .filter(move |((from, _), until)| *from <= versions.1 && *until > versions.0)
            .map(|((_, state), _)| state)
    }

    /// Every state that it had.
    pub(crate) fn ever(&self) -> impl Iterator<Item = &State> {
        self.states.iter().map(|(_, state)| state)
    }
}

/// What a request was told.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) request: RequestInfo,
    /// The version of the desk that it was answered from.
    pub(crate) version: usize,
    /// What was wrong with it, if anything.
    pub(crate) lie: Option<&'static str>,
}

impl Answer {
    /// Whether it told the truth about a part of the desk that holds this ticket.
    fn covers(&self, ticket: &Ticket) -> bool {
        let instant = |name| self.request.parameter(name).map(window::parse);
        let (Some(Ok(from)), Some(Ok(until))) = (instant("startDate"), instant("endDate")) else {
            return false;
        };
        let is_inside =
            Window::new(from, until).is_some_and(|window| window.contains(ticket.created_at));
        let assignee = ticket.assigned_agent_id.as_deref().unwrap_or("Unassigned");
        let rating = ticket
            .csat
            .map_or("no-rating".to_owned(), |csat| csat.to_string());
        let category = ticket.category_id.as_deref();
        let tags: Vec<&str> = ticket.tag_ids.iter().map(String::as_str).collect();
        self.lie.is_none()
            && self.request.is_for_tickets()
            && is_inside
            && self.passes("status", &[&ticket.status])
            && self.passes("origin", &[&ticket.origin])
            && self.passes("assignedTo", &[assignee])
            && self.passes("csatValues", &[&rating])
            && self.passes("category", category.as_slice())
            && self.passes("tags", &tags)
    }

    /// Whether a filter is not set, or lets one of these values through.
    fn passes(&self, name: &str, values: &[&str]) -> bool {
        let given = self
            .request
            .parameters
            .iter()
            .filter(|(key, _)| key == name);
        let mut given = given.map(|(_, value)| value.as_str()).peekable();
        given.peek().is_none() || given.any(|value| values.contains(&value))
    }
}

/// The desk's past and present.
#[derive(Debug)]
pub(crate) struct Chronicle {
    /// Every version of the desk, with when it came to be.
    versions: Vec<(Instant, World)>,
    lives: BTreeMap<String, Life>,
    answers: Vec<Answer>,
    /// Tickets and messages made so far.
    made: u64,
    events: Vec<String>,
}

impl Chronicle {
    pub(crate) fn new(world: World, at: Instant) -> Self {
        let mut chronicle = Self {
            versions: vec![(at, World::empty())],
            lives: BTreeMap::new(),
            answers: Vec::new(),
            made: 0,
            events: Vec::new(),
        };
        for ticket in world.tickets() {
            chronicle.note(ticket, 0, true);
        }
        chronicle.versions = vec![(at, world)];
        chronicle
    }

    fn note(&mut self, ticket: &Ticket, version: usize, is_honest: bool) {
        let state = State::of(ticket);
        let life = self.lives.entry(ticket.id.clone()).or_insert_with(|| Life {
            created_at: ticket.created_at,
            is_honest,
            born: version,
            died: None,
            states: Vec::new(),
        });
        life.states.push((version, state));
    }

    /// The desk as it is.
    pub(crate) fn now(&self) -> &World {
        let (_, world) = self.versions.last().expect("there is a first one");
        world
    }

    /// The newest version's number.
    pub(crate) fn newest(&self) -> usize {
        self.versions.len() - 1
    }

    /// The desk as it was in this version.
    pub(crate) fn version(&self, number: usize) -> &World {
        &self.versions[number].1
    }

    /// The number of the version that was the newest then.
    pub(crate) fn version_at(&self, at: Instant) -> usize {
        let later = self.versions.partition_point(|(since, _)| *since <= at);
        later.saturating_sub(1)
    }

    /// Makes a new version of the desk.
    pub(crate) fn change(&mut self, at: Instant, change: impl FnOnce(&mut Changing<'_>)) {
        let mut world = self.now().clone();
        let version = self.versions.len();
        change(&mut Changing {
            chronicle: self,
            world: &mut world,
            version,
            at,
        });
        self.versions.push((at, world));
    }

    /// Notes what a request is told.
    pub(crate) fn answered(&mut self, answer: Answer) {
        self.answers.push(answer);
    }

    /// Forgets what requests were told, not what was true.
    pub(crate) fn forget_answers(&mut self) {
        self.answers.clear();
    }

    /// Every ticket that ever was.
    pub(crate) fn lives(&self) -> impl Iterator<Item = (&String, &Life)> {
        self.lives.iter()
    }

    pub(crate) fn life(&self, id: &str) -> Option<&Life> {
        self.lives.get(id)
    }

    /// The oldest and the newest version that answers about tickets came from; the present one
    /// where there were none.
    pub(crate) fn answering(&self) -> (usize, usize) {
        let told = self
            .answers
            .iter()
            .filter(|answer| answer.request.is_for_tickets() && answer.lie != Some("empty"));
        let versions = told.map(|answer| (answer.version, answer.version));
        versions
            .reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))
            .unwrap_or((self.newest(), self.newest()))
    }

    /// Whether any answer told the truth about a part of the desk that holds this ticket.
    pub(crate) fn is_told(&self, id: &str) -> bool {
        self.answers.iter().any(|answer| {
            let ticket = self.version(answer.version).ticket(id);
            ticket.is_some_and(|ticket| answer.covers(ticket))
        })
    }

    /// What happened and what was answered, line by line.
    pub(crate) fn trace(&self) -> (&[String], &[Answer]) {
        (&self.events, &self.answers)
    }
}

/// A desk while it changes.
pub(crate) struct Changing<'a> {
    chronicle: &'a mut Chronicle,
    world: &'a mut World,
    version: usize,
    at: Instant,
}

impl Changing<'_> {
    /// A number that nothing else has.
    pub(crate) fn number(&mut self) -> u64 {
        self.chronicle.made += 1;
        self.chronicle.made
    }

    pub(crate) fn create(&mut self, created_at: Instant, count: usize) {
        for _ in 0..count {
            let ticket = desk::created(self.number(), created_at);
            self.tell(&format!("{} comes, created {created_at:?}", ticket.id));
            let is_honest = created_at == self.at;
            self.chronicle.note(&ticket, self.version, is_honest);
            self.world.insert(ticket);
        }
    }

    pub(crate) fn delete(&mut self, id: &str) {
        if let Some(ticket) = self.world.remove(id) {
            self.tell(&format!("{id} goes, created {:?}", ticket.created_at));
        }
        if let Some(life) = self.chronicle.lives.get_mut(id) {
            life.died = Some(self.version);
        }
    }

    pub(crate) fn edit(&mut self, id: &str, change: impl FnOnce(&mut Ticket)) {
        let changed = self.world.edit(id, |ticket| {
            change(ticket);
            ticket.clone()
        });
        if let Some(ticket) = changed {
            let (status, messages) = (&ticket.status, ticket.messages.len());
            self.tell(&format!("{id} is {status}, {messages} messages"));
            self.chronicle.note(&ticket, self.version, true);
        }
    }

    fn tell(&mut self, what: &str) {
        let asked = self.chronicle.answers.len();
        let (version, at) = (self.version, self.at.format("%H:%M:%S%.3f"));
        let line = format!("after request {asked}, {at}, version {version}: {what}");
        self.chronicle.events.push(line);
    }
}
