//! The API's counts against the store's: by window and group, then narrowed in time.

use std::collections::HashMap;

use chrono::Duration;

use crate::error::{Error, Result};
use crate::extract::{Counted, Counter};
use crate::mava::{LONGEST_DAYS, NO_RATING, ORIGINS, PAGE_LIMIT, RATINGS, STATUSES, UNASSIGNED};
use crate::plan::verify::{Answered, Group, Subset, Tally, cut, is_ignored};
use crate::store::Store;
use crate::window::Window;

/// A slice with no more tickets on either side is narrow enough: one page reads it again.
const NARROW: u64 = PAGE_LIMIT as u64;

/// Requests that narrowing may take in one comparison. Where more differs than these can locate,
/// reading again costs less than counting on.
const NARROWING_REQUESTS: usize = 400;

/// Compares the API with a store.
pub(super) struct Comparison<'a> {
    counter: &'a Counter,
    store: &'a Store,
    /// Requests left for narrowing.
    left: usize,
    /// Whether the user says that tickets are gone, however many.
    is_loss_allowed: bool,
    found: Found,
}

/// What a comparison found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Counts compared.
    pub(super) counts: usize,
    /// Where the two differ, as narrow as it could be told.
    pub(super) differences: Vec<Tally>,
    /// Groups that the API does not filter by.
    pub(super) ignored: Vec<Group>,
    /// Values that the API refuses: what, how many the store has, the API's words.
    pub(super) refused: Vec<(Subset, u64, String)>,
    /// Where each of them stands.
    places: HashMap<Subset, usize>,
    /// Tickets that the store has lost while every answer was empty, which the user says is right.
    pub(super) believed: u64,
    /// Whether something would have been narrowed further, had the requests not run out.
    pub(super) is_cut_short: bool,
}

impl Found {
    /// Whether everything was counted, and the same on both sides.
    pub(super) fn is_equal(&self) -> bool {
        self.differences.is_empty()
            && self.ignored.is_empty()
            && self.refused.iter().all(|(_, store, _)| *store == 0)
    }
}

/// The values of a group that are counted.
pub(super) fn subsets(store: &Store, group: Group) -> Result<Vec<Subset>> {
    let known = |values: Vec<(String, Option<String>)>| values.into_iter().map(|(id, _)| id);
    let values: Vec<String> = match group {
        Group::All => return Ok(vec![Subset::all()]),
        Group::Status => STATUSES.map(str::to_owned).into(),
        Group::Origin => ORIGINS.map(str::to_owned).into(),
        Group::Rating => RATINGS
            .into_iter()
            .chain([NO_RATING])
            .map(str::to_owned)
            .collect(),
        Group::Category | Group::Tag => known(store.known_values(group)?).collect(),
        Group::Assignee => known(store.known_values(group)?)
            .chain([UNASSIGNED.to_owned()])
            .collect(),
    };
    Ok(values
        .into_iter()
        .map(|value| Subset { group, value })
        .collect())
}

impl<'a> Comparison<'a> {
    /// Compares `windows`. `is_loss_allowed` says that a desk without any ticket is believed, even where the store
    /// has lost some.
    ///
    /// # Errors
    /// A count could not be had, on either side; or nothing says that the API answers at all.
    pub(super) async fn run(
        counter: &'a Counter,
        store: &'a Store,
        windows: &[Window],
        is_loss_allowed: bool,
    ) -> Result<Found> {
        let mut comparison = Self {
            counter,
            store,
            left: NARROWING_REQUESTS,
            is_loss_allowed,
            found: Found::default(),
        };
        let totals = comparison.totals(windows).await?;
        // First of all: by groups only those windows are looked at that are not empty.
        let totals = comparison
            .look_again(totals, |total| total.is_different() || total.api == 0)
            .await?;
        // Where all is empty, nothing says that the API answers at all.
        let is_silent = totals.iter().all(|total| total.api == 0);
        let totals = comparison
            .look_again(totals, |total| is_silent || total.is_different())
            .await?;
        let is_empty = totals
            .iter()
            .all(|total| total.api == 0 && total.store == 0);
        if is_empty {
            comparison.refuse_lost(windows).await?;
        }
        let mut by_groups = Vec::new();
        for group in Group::FILTERS {
            by_groups.extend(comparison.group(group, &totals).await?);
        }
        let by_groups = comparison.recount(by_groups).await?;
        let different = totals.into_iter().filter(Tally::is_different);
        let different = different.chain(by_groups).collect();
        comparison.narrow_all(different).await?;
        Ok(comparison.found)
    }

    /// Nothing on both sides is equal, unless the store has lost what it once held: then empty answers may be ones
    /// of an API that is out, but for one that shows what is newer than all that is compared.
    async fn refuse_lost(&mut self, windows: &[Window]) -> Result<()> {
        let lost = self.store.lost_tickets()?;
        let newer = windows.iter().map(|window| window.until()).max();
        let newer = newer.and_then(|from| Window::new(from, from + Duration::days(LONGEST_DAYS)));
        let asks = newer
            .filter(|_| lost > 0)
            .map(|newer| (newer, Subset::all()));
        let shown = self.tallies(asks.into_iter().collect()).await?;
        if shown.iter().any(|tally| tally.api > 0) {
            return Ok(());
        }
        match lost {
            0 => Ok(()),
            lost if self.is_loss_allowed => {
                self.found.believed = lost;
                Ok(())
            }
            lost => Err(Error::failed(format!(
                "every answer of the API was empty, and so is the store, which has lost {lost} tickets that runs wrote: \
                 nobody can tell whether the two are equal"
            ))
            .help(
                "run verify again; if the desk has tickets, verify --repair copies them again, and if it really has \
                 none any more, verify --repair --allow-deletions says so",
            )),
        }
    }

    /// All tickets of each window.
    async fn totals(&mut self, windows: &[Window]) -> Result<Vec<Tally>> {
        let asks: Vec<_> = windows
            .iter()
            .map(|window| (*window, Subset::all()))
            .collect();
        self.found.counts += asks.len();
        self.tallies(asks).await
    }

    /// These totals, with the odd ones counted again: an answer may be empty, or old, by mistake, and something
    /// may have changed between the two counts.
    async fn look_again(
        &self,
        totals: Vec<Tally>,
        is_odd: impl Fn(&Tally) -> bool,
    ) -> Result<Vec<Tally>> {
        let odd = totals.iter().filter(|total| is_odd(total));
        let asks: Vec<(Window, Subset)> = odd.map(|total| (total.window, Subset::all())).collect();
        let mut again = self.tallies(asks).await?.into_iter();
        let renew = |total: Tally| match is_odd(&total) {
            true => again
                .next()
                .filter(|again| !again.is_emptied(&total))
                .unwrap_or(total),
            false => total,
        };
        Ok(totals.into_iter().map(renew).collect())
    }

    /// The counts of one group that differ. A window that is empty at the API tells nothing more
    /// by groups.
    async fn group(&mut self, group: Group, totals: &[Tally]) -> Result<Vec<Tally>> {
        let subsets = subsets(self.store, group)?;
        let filled: Vec<&Tally> = totals.iter().filter(|total| total.api > 0).collect();
        let asks: Vec<(Window, Subset)> = filled
            .iter()
            .flat_map(|total| subsets.iter().map(|subset| (total.window, subset.clone())))
            .collect();
        let counted = self.counter.count(&asks).await?;
        self.found.counts += asks.len();
        let mut stored = Vec::with_capacity(asks.len());
        for total in &filled {
            stored.extend(self.store.counts(total.window, group, &subsets)?);
        }
        let totals = filled
            .iter()
            .flat_map(|total| subsets.iter().map(|_| total.api));
        let mut answered = Vec::new();
        for ((((window, subset), counted), store), total) in
            asks.into_iter().zip(counted).zip(stored).zip(totals)
        {
            match counted {
                Counted::Refused(reason) => self.refuse(subset, store, reason),
                Counted::Tickets { count, has_strays } => answered.push(Answered {
                    tally: Tally {
                        window,
                        subset,
                        store,
                        api: count,
                    },
                    total,
                    has_strays,
                }),
            }
        }
        if is_ignored(&answered) {
            self.found.ignored.push(group);
            return Ok(Vec::new());
        }
        let tallies = answered.into_iter().map(|answered| answered.tally);
        Ok(tallies.filter(Tally::is_different).collect())
    }

    /// Notes a refusal once for all windows.
    fn refuse(&mut self, subset: Subset, store: u64, reason: String) {
        let refused = &mut self.found.refused;
        let place = self.found.places.get(&subset);
        match place.and_then(|place| refused.get_mut(*place)) {
            Some((_, all, _)) => *all += store,
            None => {
                self.found.places.insert(subset.clone(), refused.len());
                refused.push((subset, store, reason));
            }
        }
    }

    /// Both sides of each count, asked for on a connection of its own.
    async fn tallies(&self, asks: Vec<(Window, Subset)>) -> Result<Vec<Tally>> {
        let counted = self.counter.count_alone(&asks).await?;
        let pairs = asks.into_iter().zip(counted);
        pairs
            .map(|((window, subset), counted)| match counted {
                Counted::Tickets { count, .. } => Ok(Tally {
                    store: self.store.count(window, &subset)?,
                    window,
                    subset,
                    api: count,
                }),
                Counted::Refused(words) => Err(Error::failed(format!(
                    "the API took a {} before and refuses it now: {words}",
                    subset.group.word()
                ))),
            })
            .collect()
    }

    /// Counts again: what differs only because something changed between two counts does not
    /// differ twice. Where nothing is stored, an empty answer is asked for once more: it may be one by mistake.
    async fn recount(&self, tallies: Vec<Tally>) -> Result<Vec<Tally>> {
        let asks = |tallies: &[&Tally]| -> Vec<(Window, Subset)> {
            let asks = tallies.iter();
            asks.map(|tally| (tally.window, tally.subset.clone()))
                .collect()
        };
        let again = self
            .tallies(asks(&tallies.iter().collect::<Vec<_>>()))
            .await?;
        let pairs: Vec<(&Tally, Tally)> = tallies.iter().zip(again).collect();
        let emptied = pairs.iter().filter(|(before, now)| now.is_emptied(before));
        let emptied: Vec<&Tally> = emptied.map(|(before, _)| *before).collect();
        let mut third = self.tallies(asks(&emptied)).await?.into_iter();
        let last = pairs
            .into_iter()
            .map(|(before, now)| match now.is_emptied(before) {
                true => third.next().unwrap_or(now),
                false => now,
            });
        Ok(last.filter(Tally::is_different).collect())
    }

    /// Narrows each difference: first by the slices found for the ones before it, since one ticket
    /// mostly shows in several groups, then by halves.
    /// What is found nowhere, as where a half was counted by a copy that lags, is told of its whole window.
    async fn narrow_all(&mut self, different: Vec<Tally>) -> Result<()> {
        let mut slices: Vec<Window> = Vec::new();
        let mut narrowed = Vec::new();
        for tally in different.iter().cloned() {
            let explained = self.explain(&tally, &slices).await?;
            let is_explained = !explained.is_empty();
            let found = match is_explained {
                true => explained,
                false => self.narrow(tally.clone()).await?,
            };
            for found in found {
                if found.window == tally.window {
                    self.found.differences.push(found);
                } else {
                    narrowed.push(found);
                }
            }
            slices = narrowed.iter().map(|tally: &Tally| tally.window).collect();
            slices.sort_by_key(|window| (window.from(), window.until()));
            slices.dedup();
        }
        let narrowed = self.recount(narrowed).await?;
        let differences = &mut self.found.differences;
        differences.extend(narrowed);
        let lost: Vec<Tally> = different
            .into_iter()
            .filter(|tally| !differences.iter().any(|found| found.lies_in(tally)))
            .collect();
        let lost = self.recount(lost).await?;
        let differences = &mut self.found.differences;
        differences.extend(lost);
        differences.sort_by(|one, other| {
            let key = |tally: &Tally| (tally.window.from(), tally.window.until());
            key(one)
                .cmp(&key(other))
                .then_with(|| one.subset.cmp(&other.subset))
        });
        Ok(())
    }

    /// The differences within `slices` of the tally's window, where they make up all of it; else
    /// nothing.
    async fn explain(&mut self, tally: &Tally, slices: &[Window]) -> Result<Vec<Tally>> {
        let inside: Vec<(Window, Subset)> = slices
            .iter()
            .filter(|slice| tally.window.hull(**slice) == tally.window)
            .map(|slice| (*slice, tally.subset.clone()))
            .collect();
        if inside.is_empty() || !self.spend(inside.len()) {
            return Ok(Vec::new());
        }
        let counted = self.tallies(inside).await?;
        let sum: i64 = counted.iter().map(Tally::difference).sum();
        let different = counted.into_iter().filter(Tally::is_different);
        Ok(match sum == tally.difference() {
            true => different.collect(),
            false => Vec::new(),
        })
    }

    /// Halves the window until what differs lies in slices of a page, as far as the requests go.
    async fn narrow(&mut self, tally: Tally) -> Result<Vec<Tally>> {
        let mut narrow = Vec::new();
        let mut open = vec![tally];
        while !open.is_empty() {
            let mut halves = Vec::new();
            for tally in std::mem::take(&mut open) {
                match self.halves(&tally)? {
                    None => narrow.push(tally),
                    // Nothing is left to count where nothing is.
                    Some(_) if tally.api > 0 && !self.spend(1) => {
                        self.found.is_cut_short = true;
                        narrow.push(tally);
                    }
                    Some((left, right)) => halves.push((tally, left, right)),
                }
            }
            let asks: Vec<(Window, Subset)> = halves
                .iter()
                .filter(|(whole, ..)| whole.api > 0)
                .map(|(whole, left, _)| (*left, whole.subset.clone()))
                .collect();
            let mut lefts = self.tallies(asks).await?.into_iter();
            for (whole, left, right) in halves {
                let api = match whole.api {
                    0 => 0,
                    _ => lefts.next().map_or(0, |tally| tally.api),
                };
                let rest = whole.api.saturating_sub(api);
                for (window, api) in [(left, api), (right, rest)] {
                    let half = Tally {
                        window,
                        store: self.store.count(window, &whole.subset)?,
                        subset: whole.subset.clone(),
                        api,
                    };
                    open.extend(half.is_different().then_some(half));
                }
            }
        }
        Ok(narrow)
    }

    /// The two halves of a tally's window; `None` where it is narrow enough, or all of it is gone.
    fn halves(&self, tally: &Tally) -> Result<Option<(Window, Window)>> {
        let stored = self.store.count(tally.window, &Subset::all())?;
        let is_narrow = stored <= NARROW && tally.api <= NARROW;
        let is_gone = tally.subset == Subset::all() && tally.api == 0;
        if is_narrow || is_gone {
            return Ok(None);
        }
        let middle = self.store.middle(tally.window, stored)?;
        Ok(cut(tally.window, middle))
    }

    /// Takes so many requests from those left for narrowing, if there are as many.
    fn spend(&mut self, requests: usize) -> bool {
        let is_there = requests <= self.left;
        if is_there {
            self.left -= requests;
        }
        is_there
    }
}
