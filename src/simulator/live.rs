//! A desk that lives on while it is served.
//!
//! It goes on an hour of its time at a step, and its clock with it. In one jump a day, tickets would come and
//! be resolved between any two answers, and no sync would ever see a desk move under it; with steps as long as
//! a timer happens to take, no two desks would be equal. An hour is always drawn in the same way, so that the
//! desk at an instant follows from the seed, the desk at the beginning and that instant, however fast days
//! pass.
//!
//! The next desk is made beside the one that is served and then takes its place: answers never wait for it,
//! and show the desk before the hour or after it. The clock stands still between steps, so that an answer
//! holds everything that happened before its date.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::MissedTickBehavior;

use super::Simulator;
use super::world::{Campaign, ChangeKind, Changes, Evolution, World};
use crate::error::{Error, Result};
use crate::table::Instant;

/// Steps of a day.
const HOURS: u32 = 24;

/// Days from one campaign to the next.
const CAMPAIGN_DAYS: u32 = 20;

/// The hour of its day in which a campaign is run, counted from 0.
const CAMPAIGN_HOUR: u32 = 14;

/// The shortest time from one step to the next: a timer has no shorter one.
const LEAST_PAUSE: Duration = Duration::from_millis(1);

/// The longest sleep of a desk that waits for the machine's clock, which may be set meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// How a desk lives on.
#[derive(Debug, Clone, PartialEq)]
pub struct Life {
    /// Seed of what happens.
    pub seed: u64,
    /// New tickets a day, on average.
    pub rate: f64,
    /// The desk's present when it begins.
    pub from: Instant,
    /// Real time that a day takes; longer where the machine is too slow.
    pub day_every: Duration,
}

/// What is told of a desk that lives on.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// An hour passed: what changed, which the desk shows from now on.
    Hour(Changes),
    /// A day passed.
    Day(Day),
    /// The desk has reached the machine's clock. From now on its days take as long as real ones.
    CaughtUp(Instant),
}

/// A day that passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// Its end.
    pub until: Instant,
    /// Tickets on the desk then.
    pub tickets: usize,
    /// Tickets that were created in it and are still there.
    pub new: usize,
    /// Older tickets that changed in it and are still there.
    pub changed: usize,
    /// Of those, the ones that a campaign changed.
    pub recast: usize,
    /// Older tickets that were deleted in it.
    pub deleted: usize,
    /// Customers whose attributes changed in it.
    pub customers: usize,
}

impl Simulator {
    /// Lets the desk live on until `tell` refuses to go on, and returns why. `clock` is the machine's, which
    /// the desk's clock never runs ahead of.
    ///
    /// What others change in the world while an hour is drawn is lost.
    pub async fn live(
        &self,
        life: Life,
        clock: impl Fn() -> Instant,
        mut tell: impl FnMut(Event) -> Result<()>,
    ) -> Error {
        let mut ticks = tokio::time::interval((life.day_every / HOURS).max(LEAST_PAUSE));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        let mut course = Course::new(life);
        let mut has_caught_up = false;
        loop {
            ticks.tick().await;
            let until = course.now + TimeDelta::hours(1);
            if until > clock() && !has_caught_up {
                has_caught_up = true;
                if let Err(refusal) = tell(Event::CaughtUp(course.now)) {
                    return refusal;
                }
            }
            reach(until, &clock).await;
            let told = match self.pass(&mut course).await {
                Ok((changes, day)) => tell(Event::Hour(changes)).and_then(|()| match day {
                    Some(day) => tell(Event::Day(day)),
                    None => Ok(()),
                }),
                Err(error) => Err(error),
            };
            if let Err(refusal) = told {
                return refusal;
            }
        }
    }

    /// Lets an hour pass, and gives the day where that was its last.
    async fn pass(&self, course: &mut Course) -> Result<(Changes, Option<Day>)> {
        let service = Arc::clone(&self.service);
        let mut next = course.clone();
        let drawn = tokio::task::spawn_blocking(move || {
            let mut world = service.with_world(|world| world.clone());
            let (changes, day) = next.pass(&mut world);
            (world, next, changes, day)
        });
        let (world, next, changes, day) = drawn
            .await
            .map_err(|error| Error::failed("the simulated desk cannot live on").because(error))?;
        *course = next;
        drop(self.service.replace(world, course.now));
        Ok((changes, day))
    }
}

/// Waits until the machine's clock has come to `instant`.
async fn reach(instant: Instant, clock: impl Fn() -> Instant) {
    while let Ok(ahead) = (instant - clock()).to_std()
        && !ahead.is_zero()
    {
        tokio::time::sleep(ahead.min(LONGEST_SLEEP)).await;
    }
}

/// Where a desk's life has come to.
#[derive(Debug, Clone)]
struct Course {
    life: Life,
    now: Instant,
    /// Hours that have passed.
    hours: u32,
    day: Tally,
}

impl Course {
    fn new(life: Life) -> Self {
        Self {
            now: life.from,
            life,
            hours: 0,
            day: Tally::default(),
        }
    }

    /// Carries the desk on by an hour.
    fn pass(&mut self, world: &mut World) -> (Changes, Option<Day>) {
        let evolution = Evolution {
            seed: self.life.seed,
            rate: self.life.rate,
            campaign: self.campaign(world),
            has_messages: true,
        };
        let until = self.now + TimeDelta::hours(1);
        let changes = world.evolve(&evolution, self.now, until);
        self.now = until;
        self.hours += 1;
        self.day.add(&changes);
        let is_over = self.hours.is_multiple_of(HOURS);
        let day = is_over.then(|| std::mem::take(&mut self.day).day(until, world.len()));
        (changes, day)
    }

    /// What is done in bulk in the hour to come: two rare tags by turns.
    fn campaign(&self, world: &World) -> Option<Campaign> {
        let (days, hour) = (self.hours / HOURS, self.hours % HOURS);
        let is_due = (days + 1).is_multiple_of(CAMPAIGN_DAYS) && hour == CAMPAIGN_HOUR;
        let turn = usize::from((days / CAMPAIGN_DAYS) % 2 == 1);
        let tag = world.directory().tags.iter().rev().nth(turn)?;
        is_due.then(|| Campaign::tag(&tag.id))
    }
}

/// What a day has brought so far, by id.
#[derive(Debug, Clone, Default)]
struct Tally {
    new: HashSet<String>,
    changed: HashSet<String>,
    recast: HashSet<String>,
    deleted: HashSet<String>,
    customers: HashSet<String>,
}

impl Tally {
    fn add(&mut self, changes: &Changes) {
        for change in &changes.tickets {
            let id = &change.ticket_id;
            if change.kind == ChangeKind::New {
                self.new.insert(id.clone());
            } else if change.kind.is_deletion() {
                self.changed.remove(id);
                self.recast.remove(id);
                if !self.new.remove(id) {
                    self.deleted.insert(id.clone());
                }
            } else if !self.new.contains(id) {
                self.changed.insert(id.clone());
                if change.kind.is_campaign() {
                    self.recast.insert(id.clone());
                }
            }
        }
        let customers = changes.customers.iter();
        self.customers
            .extend(customers.map(|change| change.customer_id.clone()));
    }

    fn day(self, until: Instant, tickets: usize) -> Day {
        Day {
            until,
            tickets,
            new: self.new.len(),
            changed: self.changed.len(),
            recast: self.recast.len(),
            deleted: self.deleted.len(),
            customers: self.customers.len(),
        }
    }
}
