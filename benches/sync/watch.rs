//! Which changes a copy has seen, and how soon.

use std::collections::{BTreeMap, HashMap, HashSet};

use mava_export::simulator::{Change, ChangeKind, CustomerChange};

use super::AFTERMATH;

/// Changes of one kind.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) changes: usize,
    /// Seen the next morning.
    pub(crate) next_morning: usize,
    /// Changes that are a week old by the end.
    pub(crate) ripe: usize,
    /// Of those, seen within the seven nights that followed the first.
    pub(crate) within_week: usize,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.changes += other.changes;
        self.next_morning += other.next_morning;
        self.ripe += other.ripe;
        self.within_week += other.within_week;
    }

    /// Not seen the next morning.
    pub(crate) fn missed(self) -> usize {
        self.changes - self.next_morning
    }

    /// In percent; `None` where nothing of the kind happened.
    pub(crate) fn next_morning_percent(self) -> Option<f64> {
        percent(self.next_morning, self.changes)
    }

    /// In percent; `None` where nothing of the kind happened early enough.
    pub(crate) fn within_week_percent(self) -> Option<f64> {
        percent(self.within_week, self.ripe)
    }
}

fn percent(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| 100.0 * part as f64 / whole as f64)
}

struct Pending {
    change: Change,
    night: usize,
}

/// What is still to be seen, and the tally of what was.
pub(crate) struct Watch {
    nights: usize,
    pending: Vec<Pending>,
    tallies: BTreeMap<ChangeKind, Tally>,
    deleted: HashSet<String>,
}

impl Watch {
    /// Over so many nights.
    pub(crate) fn new(nights: usize) -> Self {
        Self {
            nights,
            pending: Vec::new(),
            tallies: BTreeMap::new(),
            deleted: HashSet::new(),
        }
    }

    /// These changes are to be seen from this night on.
    pub(crate) fn expect(&mut self, night: usize, changes: &[Change]) {
        for change in changes {
            let tally = self.tallies.entry(change.kind).or_default();
            tally.changes += 1;
            tally.ripe += usize::from(night + AFTERMATH <= self.nights);
            if change.kind.is_deletion() {
                self.deleted.insert(change.ticket_id.clone());
            }
            self.pending.push(Pending {
                change: change.clone(),
                night,
            });
        }
    }

    /// Adds what was watched on another desk.
    pub(crate) fn pool(&mut self, other: Self) {
        self.pending.extend(other.pending);
        for (kind, tally) in other.tallies {
            self.tallies.entry(kind).or_default().add(tally);
        }
        self.deleted.extend(other.deleted);
    }

    /// Strikes off what has been seen. `has_seen` is told whether the ticket is gone by now, so that
    /// nothing else of it can be seen any more.
    pub(crate) fn look(&mut self, night: usize, mut has_seen: impl FnMut(&Change, bool) -> bool) {
        let Self {
            nights,
            pending,
            tallies,
            deleted,
        } = self;
        pending.retain(|one| {
            if !has_seen(&one.change, deleted.contains(&one.change.ticket_id)) {
                return true;
            }
            let tally = tallies.entry(one.change.kind).or_default();
            tally.next_morning += usize::from(night == one.night);
            let is_ripe = one.night + AFTERMATH <= *nights;
            tally.within_week += usize::from(is_ripe && night <= one.night + AFTERMATH);
            false
        });
    }

    pub(crate) fn is_deleted(&self, ticket_id: &str) -> bool {
        self.deleted.contains(ticket_id)
    }

    pub(crate) fn tally(&self, kind: ChangeKind) -> Tally {
        self.tallies.get(&kind).copied().unwrap_or_default()
    }

    /// All kinds but campaigns.
    pub(crate) fn ordinary(&self) -> Tally {
        self.sum(|kind| !kind.is_campaign())
    }

    /// What campaigns did.
    pub(crate) fn bulk(&self) -> Tally {
        self.sum(ChangeKind::is_campaign)
    }

    fn sum(&self, is_counted: impl Fn(ChangeKind) -> bool) -> Tally {
        let mut sum = Tally::default();
        for (_, tally) in self.tallies.iter().filter(|(kind, _)| is_counted(**kind)) {
            sum.add(*tally);
        }
        sum
    }

    /// Tickets of which nothing but a campaign's doing is unseen.
    pub(crate) fn campaign_only(&self) -> HashSet<&str> {
        let by_ticket = self.by_ticket();
        let campaigns = by_ticket.into_iter().filter(|(_, is_only)| *is_only);
        campaigns.map(|(id, _)| id).collect()
    }

    /// Tickets of which something else is.
    pub(crate) fn wrong(&self) -> usize {
        self.by_ticket()
            .values()
            .filter(|is_only| !**is_only)
            .count()
    }

    fn by_ticket(&self) -> HashMap<&str, bool> {
        let mut by_ticket = HashMap::new();
        for Pending { change, .. } in &self.pending {
            let is_only = by_ticket.entry(change.ticket_id.as_str()).or_insert(true);
            *is_only &= change.kind.is_campaign();
        }
        by_ticket
    }
}

/// Which changes of customers a copy has seen, and how soon.
pub(crate) struct Customers {
    nights: usize,
    pending: Vec<(usize, CustomerChange)>,
    pub(crate) tally: Tally,
}

impl Customers {
    /// Over so many nights.
    pub(crate) fn new(nights: usize) -> Self {
        Self {
            nights,
            pending: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// Adds a night's changes, and strikes off what has been seen.
    pub(crate) fn night(
        &mut self,
        night: usize,
        changes: &[CustomerChange],
        has_seen: impl Fn(&CustomerChange) -> bool,
    ) {
        self.tally.changes += changes.len();
        if night + AFTERMATH <= self.nights {
            self.tally.ripe += changes.len();
        }
        self.pending
            .extend(changes.iter().map(|change| (night, change.clone())));
        let (nights, tally) = (self.nights, &mut self.tally);
        self.pending.retain(|(since, change)| {
            if !has_seen(change) {
                return true;
            }
            tally.next_morning += usize::from(night == *since);
            let is_ripe = since + AFTERMATH <= nights;
            tally.within_week += usize::from(is_ripe && night <= since + AFTERMATH);
            false
        });
    }
}
