//! What becomes of an answer: asked for again, in smaller pieces, or handed over.

use super::Lanes;
use crate::api::{FailureKind, FetchError};
use crate::extract::announcements::{Begun, Standing};
use crate::extract::block::FOREIGN;
use crate::extract::page::{self, Page};
use crate::extract::pager::{Answer, Pager, Step, Taken};
use crate::extract::writer::Event;
use crate::normalize::{Outcome, TicketRows};
use crate::plan::{SliceState, Told};
use crate::store::Rejected;
use crate::table::Reject;
use crate::window::Window;
use crate::wire;

/// How often pages may be asked for in smaller pieces before one lands, for each slice under way:
/// as often as the largest page takes to come down to a single ticket.
const MOST_SHRINKS_IN_A_ROW: usize = 3;

/// What has landed so far.
#[derive(Default)]
pub(super) struct Landed {
    pub(super) pages: u64,
    /// How often slices asked for smaller pages since one last landed.
    shrinks_in_a_row: usize,
    pub(super) tickets: u64,
    pub(super) threads: u64,
    /// Whether a page came without any thread each time it was asked for, before one with threads landed.
    is_threadless: bool,
}

impl Lanes<'_> {
    /// A page that could not be had is asked for in smaller pieces where that may help; else the
    /// run ends.
    pub(super) fn mend(&mut self, mut pager: Pager, failure: FetchError) {
        if self.stop.is_cancelled() {
            return;
        }
        // Only where something got through: an API that is down is not asked for ever. A page that
        // is too heavy at every run would otherwise never be read, so that counts from the start.
        let is_up = self.extraction.client.counters().successes() > 0;
        let slices = self.flights.pages.len() + self.parked.len() + 1;
        let most = MOST_SHRINKS_IN_A_ROW * slices;
        let is_worth_it = match failure.kind {
            FailureKind::TooLarge => true,
            FailureKind::Heavy => is_up && self.landed.shrinks_in_a_row < most,
            _ => false,
        };
        if is_worth_it && pager.shrink() {
            self.landed.shrinks_in_a_row += 1;
            tracing::info!(
                window = %pager.slice().window,
                error = %failure.error,
                "asking for smaller pages"
            );
            self.parked.push(pager);
        } else if failure.kind == FailureKind::Heavy
            && is_up
            && self.landed.shrinks_in_a_row <= most
            && self.extraction.scope.has_messages
            && pager.lighten()
        {
            tracing::warn!(
                window = %pager.slice().window,
                error = %failure.error,
                "asking for a ticket without its messages"
            );
            self.parked.push(pager);
        } else {
            self.fail(failure.error);
        }
    }

    /// Judges a page that landed.
    pub(super) async fn take(&mut self, mut pager: Pager, page: Page) {
        self.landed.pages += 1;
        self.landed.shrinks_in_a_row = 0;
        self.flights.took(page.latency);
        let scope = &self.extraction.scope;
        let is_foreign = page.outcomes.iter().any(|outcome| scope.excludes(outcome));
        if is_foreign {
            pager.doubt(FOREIGN);
        }
        if self.is_asked_again_for_threads(&mut pager, &page) {
            return self.parked.push(pager);
        }
        let is_light = pager.is_light();
        let count = page.count.filter(|_| pager.is_counting());
        let begun = Begun::of(&pager, &page);
        let mut taken = pager.take(Answer {
            count: page.count,
            has_more: page.has_more,
            keys: &page.keys,
        });
        if is_foreign && self.extraction.is_listing {
            pager.give_up(FOREIGN);
            taken = Taken {
                fresh: vec![true; page.keys.len()],
                step: Step::Done,
            };
        }
        if let Some(reason) = pager.take_fall_back() {
            let window = pager.slice().window;
            self.ended
                .remarks
                .push(format!("{window} was paged by offset, because {reason}"));
        }
        self.tell_announced(&begun, &pager).await;
        if let Some(window) = pager.take_vanished() {
            self.tell_vanished(window).await;
        }
        if let Step::Again(reason) = &taken.step {
            tracing::info!(
                window = %pager.slice().window,
                error = %reason,
                "an answer does not add up, asking again"
            );
            return self.parked.push(pager);
        }
        let number = pager.slice().number;
        let unproven = count.and_then(|count| self.halves.counts.counted(number, count));
        if let Some(part) = unproven {
            self.look_again(part).await;
        }
        let placed = page::placed(&page.keys, &page.outcomes, begun.from);
        self.keep(pager, page, taken, placed, is_light).await;
    }

    /// Whether the page is asked for again because its threads are missing: it may be the answer to another request.
    /// Of an API that leaves them out, the pages after the first are taken as they are. Single tickets may lack
    /// theirs: every field but the id is optional.
    fn is_asked_again_for_threads(&mut self, pager: &mut Pager, page: &Page) -> bool {
        let is_usual = self.landed.is_threadless && self.landed.threads == 0;
        if !self.extraction.scope.has_messages || !page.lacks_threads() || is_usual {
            return false;
        }
        if pager.retry() {
            tracing::info!(
                window = %pager.slice().window,
                "a page came without threads, asking again"
            );
            return true;
        }
        // Nothing says yet that others have some.
        if self.landed.threads == 0 {
            self.landed.is_threadless = true;
            return false;
        }
        // A few may have none.
        if page.outcomes.len() >= page::LEAST_TICKETS_TO_DOUBT {
            pager.doubt("tickets came without messages, although others had them");
        }
        false
    }

    /// Hands over what is new of a page, and goes on with its slice.
    async fn keep(
        &mut self,
        mut pager: Pager,
        page: Page,
        mut taken: Taken,
        placed: Vec<Rejected>,
        is_light: bool,
    ) {
        let is_first_look = taken.step == Step::Confirm;
        if is_first_look {
            // It is asked for once more. What it showed is kept all the same: what is not shown again
            // is looked for like any ticket that may be gone.
            taken.fresh = vec![true; page.outcomes.len()];
        }
        let fresh = page.outcomes.into_iter().zip(taken.fresh);
        let fresh = fresh.filter_map(|(outcome, is_fresh)| is_fresh.then_some(outcome));
        let (tickets, rejects) = sorted(fresh, is_light);
        if !is_first_look {
            let threads = tickets.iter().filter(|rows| rows.thread.is_some());
            self.landed.threads += threads.count() as u64;
            self.landed.tickets += tickets.len() as u64;
        }
        let read_at = match page
            .server_time
            .map_or_else(|| self.extraction.client.now(), Ok)
        {
            Ok(read_at) => read_at,
            // Nothing may be dated by a clock that cannot be right.
            Err(error) => return self.fail(error),
        };
        let requests = self.account.newly_sent();
        self.hand_over(Event::Page {
            slice: pager.slice().clone(),
            tickets,
            rejects,
            placed,
            requests,
            read_at,
            held: page.held,
        })
        .await;
        self.slices
            .standings
            .insert(pager.slice().number, Standing::of(&pager));
        if taken.step == Step::Done {
            self.slices.sealed += 1;
            if let SliceState::Unverified { reason } = &pager.slice().state {
                tracing::warn!(window = %pager.slice().window, error = %reason, "slice unverified");
            }
            return;
        }
        if !is_first_look {
            self.split(&mut pager).await;
        }
        self.parked.push(pager);
    }

    /// Keeps what an answer says of how many tickets follow: what the count at the end is held against.
    async fn tell_announced(&mut self, begun: &Begun, pager: &Pager) {
        let Some(count) = begun.count else {
            return;
        };
        let slice = pager.slice();
        let next = pager.announced().map(|(_, tickets)| tickets);
        let announced = self.announced.entry(slice.number).or_default();
        let told = announced.take(begun.expected, count, next);
        let is_vanished = told.is_some_and(|told| told.has_vanished);
        let from = begun.passed.map_or(begun.from, |part| match is_vanished {
            true => part.from(),
            false => part.until(),
        });
        let stretch = Window::new(from, slice.window.until());
        if let (Some(told), Some(window)) = (told, stretch) {
            self.hand_over(Event::Announced { window, told }).await;
        }
    }

    /// What ends there proves less than it would.
    pub(super) async fn tell_vanished(&mut self, window: Window) {
        let told = Told {
            tickets: None,
            has_vanished: true,
        };
        self.hand_over(Event::Announced { window, told }).await;
    }
}

/// Tickets and rejects apart. Where they were asked for without their threads, each says so.
fn sorted(
    outcomes: impl Iterator<Item = Outcome>,
    is_light: bool,
) -> (Vec<TicketRows>, Vec<Reject>) {
    let mut tickets = Vec::new();
    let mut rejects = Vec::new();
    for outcome in outcomes {
        match outcome {
            Outcome::Rows(mut rows) => {
                if is_light {
                    rows.rejects.push(wire::unread_thread(&rows.ticket.id));
                }
                tickets.push(*rows);
            }
            Outcome::Reject(reject) => rejects.push(reject),
        }
    }
    (tickets, rejects)
}
