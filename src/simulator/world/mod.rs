//! The simulated desk: plain data, sorted by creation so that a range is two binary searches.

mod directory;
mod evolve;
mod generate;
mod law;
mod opening;
mod season;
mod source;
mod text;
mod thread;
mod ticket;
mod work;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hyper::body::Bytes;

use super::quirks::ResolutionTime;
use super::render;
use super::shape::Shape;
use crate::table::Instant;

pub use self::directory::Directory;
pub use self::evolve::{
    Campaign, Change, ChangeKind, Changes, CustomerChange, Evolution, Recasting,
};
pub use self::generate::WorldSpec;
pub use self::ticket::{
    Agent, Attachment, Attribute, AttributeValue, Category, Customer, Message, Reference, Tag,
    Ticket, Word, object_id,
};
pub use self::work::{Actor, Happening, Id, State, Story, What, Work, WorkSpec};

/// A ticket as it was rendered once.
#[derive(Debug, Clone)]
pub(super) struct Rendered {
    shape: Shape,
    meaning: ResolutionTime,
    epoch: u64,
    /// Without its thread.
    pub(super) head: Bytes,
    /// With its thread.
    pub(super) whole: Bytes,
}

/// A stored ticket and its cached JSON.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) ticket: Ticket,
    rendered: Mutex<Option<Rendered>>,
}

impl Entry {
    fn new(ticket: Ticket) -> Arc<Self> {
        Arc::new(Self {
            ticket,
            rendered: Mutex::new(None),
        })
    }
}

/// Tells one state of a directory from another, over all worlds of the process.
static EPOCH: AtomicU64 = AtomicU64::new(1);

/// A simulated desk.
///
/// Tickets are kept sorted by creation instant; among equal instants the order is that of
/// insertion, called *world order*. Clones share unchanged tickets.
#[derive(Debug, Clone)]
pub struct World {
    entries: Vec<Arc<Entry>>,
    directory: Arc<Directory>,
    epoch: u64,
    work: Option<Arc<Work>>,
}

impl World {
    /// A desk without tickets, categories, agents or customers.
    pub fn empty() -> Self {
        Self::new(Directory::default(), Vec::new())
    }

    /// A desk of these parts; the tickets may come in any order.
    pub fn new(directory: Directory, tickets: Vec<Ticket>) -> Self {
        let mut entries: Vec<_> = tickets.into_iter().map(Entry::new).collect();
        entries.sort_by_key(|entry| entry.ticket.created_at);
        Self {
            entries,
            directory: Arc::new(directory),
            epoch: EPOCH.fetch_add(1, Ordering::Relaxed),
            work: None,
        }
    }

    /// A desk of `count` bare tickets, one every `step` from `from` on.
    pub fn regular(from: Instant, step: chrono::Duration, count: usize) -> Self {
        let mut created_at = from;
        let mut tickets = Vec::with_capacity(count);
        for number in (0_u64..).take(count) {
            tickets.push(Ticket::new(object_id(created_at, number), created_at));
            created_at += step;
        }
        Self::new(Directory::default(), tickets)
    }

    /// How many tickets there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no ticket.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All tickets in world order.
    pub fn tickets(&self) -> impl DoubleEndedIterator<Item = &Ticket> + ExactSizeIterator {
        self.entries.iter().map(|entry| &entry.ticket)
    }

    /// The ticket with this id.
    pub fn ticket(&self, id: &str) -> Option<&Ticket> {
        self.tickets().find(|ticket| ticket.id == id)
    }

    /// Adds a ticket, after those of the same instant.
    pub fn insert(&mut self, ticket: Ticket) {
        let at = self
            .entries
            .partition_point(|entry| entry.ticket.created_at <= ticket.created_at);
        self.entries.insert(at, Entry::new(ticket));
    }

    /// Adds `count` bare tickets created in the very same millisecond, and returns their ids.
    pub fn insert_burst(&mut self, created_at: Instant, count: usize) -> Vec<String> {
        let ids: Vec<String> = (0_u64..)
            .take(count)
            .map(|number| object_id(created_at, 0xb000_0000_0000_0000 + number))
            .collect();
        let at = self
            .entries
            .partition_point(|entry| entry.ticket.created_at <= created_at);
        let burst = ids
            .iter()
            .map(|id| Entry::new(Ticket::new(id.clone(), created_at)));
        self.entries.splice(at..at, burst);
        ids
    }

    /// Deletes the ticket with this id and returns it.
    pub fn remove(&mut self, id: &str) -> Option<Ticket> {
        let at = self.position(id)?;
        let entry = self.entries.remove(at);
        Some(entry.ticket.clone())
    }

    /// Changes the ticket with this id and returns what `change` does; `None` where there is no
    /// such ticket. It may move the creation instant.
    pub fn edit<R>(&mut self, id: &str, change: impl FnOnce(&mut Ticket) -> R) -> Option<R> {
        let at = self.position(id)?;
        let entry = self.entries.get_mut(at)?;
        let mut ticket = entry.ticket.clone();
        let result = change(&mut ticket);
        if ticket.created_at == entry.ticket.created_at {
            *entry = Entry::new(ticket);
        } else {
            self.entries.remove(at);
            self.insert(ticket);
        }
        Some(result)
    }

    /// What tickets refer to.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// What tickets refer to, to change it.
    pub fn directory_mut(&mut self) -> &mut Directory {
        self.epoch = EPOCH.fetch_add(1, Ordering::Relaxed);
        Arc::make_mut(&mut self.directory)
    }

    /// The id of the `number`th ticket in world order, counted from 0.
    pub fn id_at(&self, number: usize) -> Option<String> {
        self.entries
            .get(number)
            .map(|entry| entry.ticket.id.clone())
    }

    fn position(&self, id: &str) -> Option<usize> {
        self.entries.iter().position(|entry| entry.ticket.id == id)
    }

    /// The stored tickets in world order.
    pub(super) fn entries(&self) -> &[Arc<Entry>] {
        &self.entries
    }

    /// What rendering its tickets needs, free of the world.
    pub(super) fn view(&self) -> View {
        View {
            directory: Arc::clone(&self.directory),
            epoch: self.epoch,
        }
    }
}

/// What tickets refer to, at one moment.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub(super) directory: Arc<Directory>,
    epoch: u64,
}

impl View {
    /// The JSON of a ticket, made once for as long as neither it nor the directory changes.
    pub(super) fn kept(&self, entry: &Entry, shape: Shape, meaning: ResolutionTime) -> Rendered {
        let mut slot = entry
            .rendered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match slot.as_ref() {
            Some(kept)
                if (kept.shape, kept.meaning, kept.epoch) == (shape, meaning, self.epoch) =>
            {
                kept.clone()
            }
            _ => {
                let made = Rendered {
                    shape,
                    meaning,
                    epoch: self.epoch,
                    head: render::ticket(&entry.ticket, &self.directory, shape, meaning, false),
                    whole: render::ticket(&entry.ticket, &self.directory, shape, meaning, true),
                };
                *slot = Some(made.clone());
                made
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Duration;

    fn at(milliseconds: i64) -> Instant {
        Instant::from_timestamp_millis(1_700_000_000_000 + milliseconds).expect("in range")
    }

    fn ids(world: &World) -> Vec<&str> {
        world.tickets().map(|ticket| ticket.id.as_str()).collect()
    }

    #[test]
    fn tickets_stay_sorted_by_creation_whatever_is_inserted_moved_or_removed() {
        let mut world = World::new(
            Directory::default(),
            vec![Ticket::new("c", at(30)), Ticket::new("a", at(10))],
        );
        world.insert(Ticket::new("b", at(20)));
        world.insert(Ticket::new("b2", at(20)));
        assert_eq!(ids(&world), ["a", "b", "b2", "c"]);
        world.edit("a", |ticket| ticket.created_at = at(25));
        assert_eq!(ids(&world), ["b", "b2", "a", "c"]);
        assert_eq!(
            world.remove("b2").map(|ticket| ticket.created_at),
            Some(at(20))
        );
        assert_eq!(world.remove("b2"), None);
        assert_eq!(world.edit("b2", |_| ()), None);
        assert_eq!(ids(&world), ["b", "a", "c"]);
    }

    #[test]
    fn a_burst_has_distinct_ids_in_one_millisecond() {
        let mut world = World::regular(at(0), Duration::milliseconds(5), 3);
        let burst = world.insert_burst(at(5), 250);
        assert_eq!(world.len(), 253);
        assert_eq!(
            burst.iter().collect::<std::collections::HashSet<_>>().len(),
            250
        );
        assert!(
            world
                .tickets()
                .skip(2)
                .take(250)
                .all(|ticket| ticket.created_at == at(5))
        );
    }

    #[test]
    fn a_clone_does_not_see_what_the_original_becomes() {
        let mut world = World::regular(at(0), Duration::seconds(1), 2);
        let before = world.clone();
        let id = world.id_at(0).expect("two tickets");
        world.edit(&id, |ticket| ticket.status = "Resolved".into());
        world.directory_mut().tags.push(Tag::new("t", "late"));
        assert_eq!(before.ticket(&id).expect("kept").status, "Open");
        assert!(before.directory().tags.is_empty());
    }

    #[test]
    fn rendered_json_is_kept_until_the_ticket_or_the_directory_changes() {
        let mut world = World::regular(at(0), Duration::seconds(1), 1);
        let id = world.id_at(0).expect("one ticket");
        let look = |world: &World| {
            let entry = world.entries().first().expect("one ticket");
            let kept = world
                .view()
                .kept(entry, Shape::default(), ResolutionTime::Last)
                .whole;
            (
                kept.as_ptr(),
                String::from_utf8(kept.to_vec()).expect("text"),
            )
        };
        let (first, text) = look(&world);
        assert_eq!(look(&world), (first, text.clone()));
        world.edit(&id, |ticket| ticket.customer_id = Some("c".into()));
        let (_, without) = look(&world);
        assert!(without.contains("\"name\":null"));
        let mut customer = Customer::new("c");
        customer.name = Some("Ada".into());
        world.directory_mut().customers.insert("c".into(), customer);
        assert!(look(&world).1.contains("\"name\":\"Ada\""));
    }
}
