//! What a store holds after a run, held against everything that was true of the desk meanwhile.
//!
//! The truth of a run is the tickets that were in every version of the desk from the oldest to the
//! newest that any of its answers about tickets came from: those that every copy that answered held
//! throughout. A ticket that one such version lacks is in no truth: a copy that answers page and
//! count alike from an old version cannot be told from a desk without that ticket. Nor is a missing
//! ticket held against a run where every answer about its part of the desk was empty or belonged
//! to another request: it was told of no such ticket by anybody.

use std::collections::{BTreeMap, HashMap};

use chrono::TimeDelta;
use mava_export::table::Instant;
use mava_export::window::Window;

use super::case::{Case, Command, Damage};
use super::chronicle::{Chronicle, Life, State};
use crate::support::Desk;

/// Nothing created so shortly before a run may be flagged by it: ten minutes, less what passes on the
/// desk until the first answer tells the time.
const YOUNG: TimeDelta = TimeDelta::seconds(600 - 15);

/// Why a verification of a store that lost everything, and of a desk that has nothing, need not end: it asks for
/// --allow-deletions.
pub(crate) const LOST_ALL: &str = "nothing is left of the store, and nothing of the desk";

/// Empty answers in a row that a run need not get over.
const LONG_OUTAGE: u64 = 6;

/// A stored ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) is_live: bool,
    pub(crate) state: State,
}

/// The stored tickets by id.
pub(crate) type Rows = BTreeMap<String, Row>;

/// Reads what a store holds.
pub(crate) fn stored(desk: &Desk) -> Rows {
    let mut threads: HashMap<String, Vec<String>> = HashMap::new();
    let sqlite = desk.sqlite();
    let messages = "SELECT ticket_id, id FROM messages ORDER BY ticket_id, position";
    let mut statement = sqlite.prepare(messages).expect("SQL");
    let mut rows = statement.query([]).expect("runs");
    while let Some(row) = rows.next().expect("a row") {
        let ticket_id: String = row.get(0).expect("text");
        threads
            .entry(ticket_id)
            .or_default()
            .push(row.get(1).expect("text"));
    }
    let tickets = "SELECT id, coalesce(status, ''), deleted_at IS NULL FROM tickets";
    let mut statement = sqlite.prepare(tickets).expect("SQL");
    let rows = statement.query_map([], |row| {
        let id: String = row.get(0)?;
        let state = State {
            status: row.get(1)?,
            thread: threads.remove(&id).unwrap_or_default(),
        };
        let is_live = row.get(2)?;
        Ok((id, Row { is_live, state }))
    });
    rows.expect("runs").map(|row| row.expect("a row")).collect()
}

/// A run, to be judged.
pub(crate) struct Judged<'a> {
    pub(crate) case: &'a Case,
    pub(crate) command: Command,
    pub(crate) chronicle: &'a Chronicle,
    /// What it read.
    pub(crate) range: Window,
    /// What a verification counts: not what was created in the ten minutes before the runs that it goes by.
    pub(crate) counted: Option<Window>,
    /// The desk's clock when it began.
    pub(crate) began: Instant,
    pub(crate) before: &'a Rows,
    pub(crate) after: &'a Rows,
    pub(crate) is_complete: bool,
    /// Whether it read the whole desk, and not what may have changed.
    pub(crate) is_whole: bool,
}

/// What is wrong with a run, and what no run could have known.
#[derive(Debug, Default)]
pub(crate) struct Judgement {
    pub(crate) wrong: Vec<String>,
    /// Missing tickets of which no answer told.
    pub(crate) untold: usize,
    /// Missing tickets that stale ones made up for in every count.
    pub(crate) evened_out: usize,
}

impl Judged<'_> {
    pub(crate) fn judge(&self) -> Judgement {
        let mut judgement = Judgement::default();
        let versions = self.chronicle.answering();
        self.flags(versions, &mut judgement);
        if self.command == Command::Verify {
            if self.before != self.after {
                judgement
                    .wrong
                    .push("a verification changed the store".to_owned());
            }
            if self.is_complete {
                self.counts(versions, &mut judgement);
            }
        } else if self.is_complete {
            self.truth(versions, &mut judgement);
            self.live(versions, &mut judgement);
        }
        judgement
    }

    /// Nothing that is there may be flagged as deleted, and no row may be lost.
    fn flags(&self, versions: (usize, usize), judgement: &mut Judgement) {
        let mut tell = |line: String| judgement.wrong.push(line);
        for id in self.before.keys() {
            if !self.after.contains_key(id) {
                tell(format!("{id}: its row is gone"));
            }
        }
        let is_new = |(id, row): &(&String, &Row)| {
            !row.is_live && self.before.get(*id).is_none_or(|row| row.is_live)
        };
        for (id, _) in self.after.iter().filter(is_new) {
            let Some(life) = self.chronicle.life(id) else {
                tell(format!(
                    "{id}: flagged as deleted, and no such ticket ever was"
                ));
                continue;
            };
            let is_there = life.died.is_none();
            if life.spans(versions) {
                tell(format!("{id}: flagged as deleted, and every copy holds it"));
            } else if is_there && life.is_honest {
                tell(format!("{id}: flagged as deleted, and it is there"));
            } else if life.created_at >= self.began - YOUNG {
                tell(format!(
                    "{id}: flagged as deleted, and created at {:?}, less than ten minutes before the run of {:?}",
                    life.created_at, self.began
                ));
            }
        }
    }

    /// Whether a repair has no reason to read this ticket: its row was lost, and it was created in the ten
    /// minutes before the runs that a verification goes by, of which it counts nothing. The next sync
    /// lists them.
    fn is_left_to_others(&self, id: &str, created_at: Instant) -> bool {
        self.command == Command::Repair
            && !self.before.contains_key(id)
            && self
                .counted
                .is_some_and(|counted| created_at >= counted.until())
    }

    /// Every ticket of the truth is stored once, with a thread that it had meanwhile.
    fn truth(&self, versions: (usize, usize), judgement: &mut Judgement) {
        for (id, life) in self.chronicle.lives() {
            if !self.range.contains(life.created_at) || !life.spans(versions) {
                continue;
            }
            if self.is_left_to_others(id, life.created_at) {
                continue;
            }
            let row = self.after.get(id);
            let Some(row) = row.filter(|row| row.is_live) else {
                let is_stored = row.is_some();
                if self.is_evened_out(life.created_at, versions) {
                    judgement.evened_out += 1;
                } else if !is_stored && !self.chronicle.is_told(id) {
                    judgement.untold += 1;
                } else {
                    let how = match is_stored {
                        true => "stored as deleted",
                        false => "missing",
                    };
                    judgement
                        .wrong
                        .push(format!("{id}: {how}, created {:?}", life.created_at));
                }
                continue;
            };
            let (is_one, when) = match self.is_fresh(id) {
                true => (
                    life.states(versions).any(|state| *state == row.state),
                    "meanwhile",
                ),
                false => (life.ever().any(|state| *state == row.state), "ever"),
            };
            if !is_one && !self.is_edited() {
                judgement
                    .wrong
                    .push(format!("{id}: it was not {:?} {when}", row.state));
            }
        }
    }

    /// Whether the run promises the ticket as it is: a sync does for those that are new to it or were
    /// not resolved when it last looked.
    fn is_fresh(&self, id: &str) -> bool {
        let known = self.before.get(id);
        let is_open = known.is_none_or(|row| row.is_live && row.state.is_unresolved());
        self.is_whole || self.command == Command::Sync && is_open
    }

    /// Whether statuses were edited by hand where the desk's own changes may hide that from counts.
    fn is_edited(&self) -> bool {
        matches!(self.case.damage, Damage::Edited(_))
            && (self.case.changes.between > 0 || self.case.kind.has_changes())
    }

    /// What is stored as live was once so, and what is long gone is not among it.
    fn live(&self, versions: (usize, usize), judgement: &mut Judgement) {
        for (id, row) in self.after.iter().filter(|(_, row)| row.is_live) {
            let Some(life) = self.chronicle.life(id) else {
                judgement
                    .wrong
                    .push(format!("{id}: no such ticket ever was"));
                continue;
            };
            if !life.ever().any(|state| *state == row.state) && !self.is_edited() {
                let state = &row.state;
                judgement
                    .wrong
                    .push(format!("{id}: it never was {state:?}"));
            }
            let is_inside = self.range.contains(life.created_at);
            if !is_inside && !self.before.contains_key(id) && self.command == Command::Backfill {
                judgement
                    .wrong
                    .push(format!("{id}: outside the range, at {:?}", life.created_at));
            }
            let is_old = life.created_at < self.began - YOUNG;
            if self.is_whole && is_inside && is_old && life.is_over(versions) {
                judgement
                    .wrong
                    .push(format!("{id}: stored as live, and gone from every copy"));
            }
        }
    }

    /// A verification that found no difference: each year counts as many tickets as are stored,
    /// and what was done by hand was not there to be seen.
    fn counts(&self, versions: (usize, usize), judgement: &mut Judgement) {
        let windows = self.counted.map(|counted| counted.split_by_year());
        for window in windows.unwrap_or_default() {
            let stored = self.live_in(window);
            if !self.is_counted(stored, window, versions) {
                judgement
                    .wrong
                    .push(format!("{window}: called equal with {stored} stored"));
            }
        }
        let is_still = self.case.changes.between == 0 && !self.case.kind.has_changes();
        if is_still && self.is_damaged() {
            let damage = self.case.damage;
            judgement
                .wrong
                .push(format!("called equal in spite of {damage:?}"));
        }
    }

    /// Whether the store has lost all it ever had, and a verification looks at a desk that has nothing left either.
    fn has_lost_all(&self) -> bool {
        let versions = self.chronicle.answering();
        let looked_at = self.counted.unwrap_or(self.range);
        let is_left = |life: &Life| {
            looked_at.contains(life.created_at) && life.died.is_none_or(|died| died > versions.1)
        };
        matches!(self.command, Command::Verify | Command::Repair)
            && matches!(self.case.damage, Damage::Lost(_))
            && self.before.is_empty()
            && !self.chronicle.lives().any(|(_, life)| is_left(life))
    }

    /// Whether stored rows are not what the desk at rest holds.
    pub(crate) fn is_damaged(&self) -> bool {
        let world = self.chronicle.now();
        // What is younger is not looked at.
        let looked_at = self.counted.unwrap_or(self.range);
        let inside = world
            .tickets()
            .filter(|one| looked_at.contains(one.created_at));
        let mut expected = inside
            .map(|one| (one.id.as_str(), one.status.as_ref()))
            .collect::<Vec<_>>();
        expected.sort_unstable();
        let is_looked_at = |id: &str| {
            let life = self.chronicle.life(id);
            life.is_none_or(|life| looked_at.contains(life.created_at))
        };
        let live = self
            .before
            .iter()
            .filter(|(id, row)| row.is_live && is_looked_at(id));
        let live = live.map(|(id, row)| (id.as_str(), row.state.status.as_str()));
        expected != live.collect::<Vec<_>>()
    }

    /// Whether stale rows make up for a missing one: counting, which is all that a verification
    /// does before it reads, shows nothing then.
    fn is_evened_out(&self, created_at: Instant, versions: (usize, usize)) -> bool {
        let windows = self.range.split_by_year();
        self.command == Command::Repair
            && windows.into_iter().any(|window| {
                window.contains(created_at)
                    && self.is_counted(self.live_in(window), window, versions)
            })
    }

    /// Stored tickets that are alive in a window.
    fn live_in(&self, window: Window) -> usize {
        let live = self.after.iter().filter(|(_, row)| row.is_live);
        let lives = live.filter_map(|(id, _)| self.chronicle.life(id));
        lives
            .filter(|life| window.contains(life.created_at))
            .count()
    }

    /// Whether one of these versions holds so many tickets in the window.
    fn is_counted(&self, stored: usize, window: Window, versions: (usize, usize)) -> bool {
        (versions.0..=versions.1).any(|version| {
            let tickets = self.chronicle.version(version).tickets();
            let inside = tickets.filter(|one| window.contains(one.created_at));
            inside.count() == stored
        })
    }

    /// Why the run need not have come to a complete end, if there is a reason.
    pub(crate) fn excuse(&self) -> Option<&'static str> {
        if self.has_lost_all() {
            return Some(LOST_ALL);
        }
        let versions = self.chronicle.answering();
        let is_inside = |life: &&Life| self.range.contains(life.created_at);
        let known: Vec<&Life> = match self.before.is_empty() {
            true => {
                let lives = self.chronicle.lives().map(|(_, life)| life);
                lives
                    .filter(is_inside)
                    .filter(|life| !life.is_over(versions))
                    .collect()
            }
            false => {
                // What was flagged by hand was alive to the run before.
                let is_flagged = matches!(self.case.damage, Damage::Flagged(_));
                let live = self.before.iter();
                let live = live.filter(|(_, row)| row.is_live || is_flagged);
                let lives = live.filter_map(|(id, _)| self.chronicle.life(id));
                lives.filter(is_inside).collect()
            }
        };
        let is_lost = |life: &&&Life| life.died.is_some_and(|died| died <= versions.1);
        let lost = known.iter().filter(is_lost).count();
        let is_many = lost > 50 && lost * 50 > known.len();
        let is_most = lost >= 2 && lost * 2 > known.len();
        if is_many || is_most {
            return Some("so many were deleted that it may be doubted");
        }
        let mut outages = self.case.outages.iter();
        if outages.any(|outage| outage.length >= LONG_OUTAGE) {
            return Some("the answers were empty for long");
        }
        let is_bare = !self.case.desk.has_directory && !self.before.is_empty();
        if is_bare && lost == known.len() {
            return Some("nothing of the desk was left to know it by");
        }
        None
    }
}
