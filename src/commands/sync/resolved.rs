//! Step 3: resolved since the last sync, by sweeps over lists sorted by resolution time.

use std::collections::HashSet;

use super::night::{Failing, Night};
use super::read::Seen;
use crate::api::TicketsQuery;
use crate::error::Result;
use crate::refresh::{Kind, Segment};
use crate::settings::Filters;
use crate::window::Window;

/// Pages of one sweep beyond those that the API's count takes, after which it is broken off: what
/// changes meanwhile makes a list longer, and an API that never ends one is not to be followed.
const MOST_EXTRA_PAGES: u64 = 10;

/// Pages of tickets without a resolution time that a sweep goes past.
const MOST_TIMELESS_PAGES: usize = 10;

/// How often a list is read of which an answer counted fewer tickets than there are.
const MOST_READINGS: usize = 3;

/// By how many tickets a page reaches back over a seam at which some were lost.
const SEAM: u32 = 50;

/// How a sweep ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Swept {
    /// Down to its threshold.
    Whole,
    /// Down to its threshold, but tickets may have slipped through between two pages.
    Torn,
    /// Broken off.
    Broken,
}

/// What a sweep has shown so far.
#[derive(Debug, Default)]
struct Shown {
    ids: HashSet<String>,
    /// The API's last count.
    count: Option<u64>,
    /// The highest.
    most: u64,
    /// The lowest: that of an answer from a copy which lacks tickets, or of one that is empty by mistake.
    least: Option<u64>,
    /// Tickets that entered the list meanwhile.
    entered: u64,
    /// Pages.
    pages: u64,
    /// Pages on which no ticket had a resolution time.
    timeless: usize,
    /// Fewer different tickets came than the pages have places.
    is_torn: bool,
    /// Whether the seam before this page has been read twice.
    is_mended: bool,
}

impl Shown {
    /// Takes a page, and says where the next one begins if the list is to be read on.
    fn take(&mut self, seen: &Seen, query: &TicketsQuery) -> u32 {
        self.ids.extend(seen.ids.iter().cloned());
        self.pages += 1;
        self.timeless += usize::from(seen.times.iter().all(|(_, time)| time.is_none()));
        let count = seen.count.unwrap_or(0);
        let previous = self.count.replace(count).unwrap_or(count);
        self.most = self.most.max(count);
        self.least = Some(self.least.map_or(count, |least| least.min(count)));
        let length = u32::try_from(seen.length).unwrap_or(0);
        let received = query.skip.saturating_add(length);
        // Those that entered above this page pushed some onto it that came before.
        self.entered += count.saturating_sub(previous);
        let shown = u64::try_from(self.ids.len()).unwrap_or(u64::MAX);
        if shown.saturating_add(self.entered) < u64::from(received) {
            if !self.is_mended && query.skip > 0 {
                self.is_mended = true;
                return query.skip.saturating_sub(SEAM);
            }
            self.is_torn = true;
        }
        self.is_mended = false;
        // Tickets that left the list since the last page moved the rest up.
        let moved = u32::try_from(previous.saturating_sub(count)).unwrap_or(u32::MAX);
        received.saturating_sub(moved)
    }

    /// Whether the list is longer than its count ever said.
    fn is_endless(&self, length: u64, planned: usize) -> bool {
        let planned = u64::try_from(planned).unwrap_or(u64::MAX).saturating_mul(2);
        let told = self.most.div_ceil(length.max(1)).saturating_mul(2);
        self.pages > planned.max(told).saturating_add(MOST_EXTRA_PAGES)
    }

    fn end(&self) -> Swept {
        if self.is_torn {
            Swept::Torn
        } else {
            Swept::Whole
        }
    }
}

impl Night<'_> {
    pub(super) async fn resolved(&mut self) -> Result<()> {
        if !self.is_again_trusted() {
            self.tell_first_resolutions();
        }
        if !self.is_time_trusted {
            self.remark(
                "resolution times have not matched the resolutions seen; tickets that left the open \
                 set are read one by one, and those resolved again overnight may be seen late"
                    .to_owned(),
            );
            return Ok(());
        }
        let sought = self.desk.sought();
        let Some(sweep) = self.desk.resolution_sweep(&sought) else {
            return Ok(());
        };
        let since_ms = self.desk.since_ms();
        for segment in sweep.segments {
            match self.sweep(&segment, since_ms, false).await? {
                Swept::Whole if !self.is_again_trusted() => {}
                Swept::Torn => self.remark(
                    "the API lists tickets of one resolution time in changing order: some may have been left \
                     out between two pages, and are found as they are read again"
                        .to_owned(),
                ),
                Swept::Whole => {
                    let window = (segment.from_ms, segment.until_ms);
                    self.vouch(Kind::Resolution, window, i64::MIN)?;
                }
                Swept::Broken if self.is_time_trusted => {
                    let window = Window::from_millis(segment.from_ms, segment.until_ms);
                    self.fail(
                        window.map_or_else(String::new, |window| window.to_string()),
                        "the list by resolution time could not be read to its end".to_owned(),
                    );
                }
                Swept::Broken => {}
            }
            if !self.is_time_trusted {
                break;
            }
        }
        Ok(())
    }

    /// Pages down one list until the first ticket that was resolved before `since_ms`. `is_rated`
    /// lists rated tickets only. The list is counted once more at its end, on a connection of its own:
    /// where an answer counted fewer, it was none about the list, which is read again.
    pub(super) async fn sweep(
        &mut self,
        segment: &Segment,
        since_ms: i64,
        is_rated: bool,
    ) -> Result<Swept> {
        let Some(window) = Window::from_millis(segment.from_ms, segment.until_ms) else {
            return Ok(Swept::Whole);
        };
        let threshold = since_ms - segment.until_ms;
        let mut query = self.slowest_first(window);
        if is_rated {
            query.csat_values = (1..=5).map(|value| value.to_string()).collect();
        } else {
            query.filters = Filters {
                status: vec!["Resolved".to_owned()],
                ..Filters::default()
            };
        }
        for _ in 0..MOST_READINGS {
            let mut shown = Shown::default();
            let planned = segment.requests;
            if !self
                .sweep_once(query.clone(), &mut shown, (threshold, planned), is_rated)
                .await?
            {
                return Ok(Swept::Broken);
            }
            if is_rated && self.allowance() == 0 {
                return Ok(Swept::Broken);
            }
            let count = self.count_alone(&query).await?;
            if count.is_none_or(|count| shown.least.is_none_or(|least| count <= least)) {
                return Ok(shown.end());
            }
            tracing::warn!(window = %window, "a list was shorter than its count, reading it again");
        }
        Ok(Swept::Broken)
    }

    /// Reads the list once; `false` where it breaks off.
    async fn sweep_once(
        &mut self,
        mut query: TicketsQuery,
        shown: &mut Shown,
        (threshold, planned): (i64, usize),
        is_rated: bool,
    ) -> Result<bool> {
        loop {
            if is_rated && self.allowance() == 0 {
                return Ok(false);
            }
            let Some(seen) = self.read_sorted(&query, is_rated).await? else {
                return Ok(false);
            };
            let times: Vec<Option<i64>> = seen.times.iter().map(|(_, time)| *time).collect();
            let next = shown.take(&seen, &query);
            let received = u64::from(query.skip) + seen.received();
            let is_mending = next < query.skip;
            let is_last = seen.length == 0 || seen.count.is_some_and(|count| received >= count);
            // Those without a time come first or last: after some with one, there are no more.
            let last = times.last().copied().flatten();
            let is_past = match last {
                Some(time) => time < threshold,
                None => times.iter().any(Option::is_some),
            };
            if (is_last || is_past) && !is_mending {
                return Ok(true);
            }
            if shown.timeless > MOST_TIMELESS_PAGES {
                self.distrust(
                    "the API puts tickets without a resolution time before all others".to_owned(),
                );
                return Ok(false);
            }
            if shown.is_endless(seen.received(), planned) {
                return Ok(false);
            }
            query.skip = next;
        }
    }

    /// One page of a list by resolution time; `None` where there is none, or where it is not what was
    /// asked for, which is told.
    async fn read_sorted(&mut self, query: &TicketsQuery, is_rated: bool) -> Result<Option<Seen>> {
        self.failing = None;
        let seen = match self.read(query).await {
            Err(error) if self.failing == Some(Failing::Refused) => {
                self.failing = None;
                self.distrust(format!(
                    "the API refused a list by resolution time: {error}"
                ));
                return Ok(None);
            }
            outcome => outcome?,
        };
        let Some(seen) = seen else {
            return Ok(None);
        };
        if seen.is_foreign {
            let what = if is_rated { "csatValues" } else { "status" };
            self.distrust(format!("the API ignores the filter by {what}"));
            return Ok(None);
        }
        let times: Vec<i64> = seen.times.iter().filter_map(|(_, time)| *time).collect();
        if !times.is_sorted_by(|one, next| one >= next) {
            self.distrust("the API does not sort by resolution time".to_owned());
            return Ok(None);
        }
        if times.len() < seen.times.len() && !is_rated {
            self.remark("resolved tickets came without a resolution time".to_owned());
        }
        Ok(Some(seen))
    }

    /// Sweeps mean nothing on this API, tonight.
    pub(super) fn distrust(&mut self, reason: String) {
        self.is_time_trusted = false;
        self.remark(format!(
            "{reason}: tickets that left the open set are read one by one instead"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page of the list at `skip` that shows these tickets of `count`.
    fn page(skip: u32, numbers: std::ops::Range<u32>, count: u64) -> (Seen, TicketsQuery) {
        let at = crate::table::Instant::from_timestamp_millis(0).expect("in range");
        let window = Window::new(at, at + chrono::TimeDelta::days(1)).expect("a window");
        let seen = Seen {
            count: Some(count),
            length: numbers.len(),
            times: numbers.clone().map(|_| (0, Some(1))).collect(),
            ids: numbers.map(|number| number.to_string()).collect(),
            ..Seen::default()
        };
        let query = TicketsQuery {
            skip,
            ..TicketsQuery::of(window, 100)
        };
        (seen, query)
    }

    #[test]
    fn a_page_that_repeats_tickets_is_read_back_over_its_seam_and_else_believed_no_more() {
        let mut shown = Shown::default();
        for (skip, numbers, next) in [(0, 0..100, 100), (100, 90..190, 50)] {
            let (seen, query) = page(skip, numbers, 500);
            assert_eq!(shown.take(&seen, &query), next);
        }
        // The ten that were lost are on the page over the seam.
        let mut mended = page(50, 60..150, 500);
        mended
            .0
            .ids
            .extend((400..410).map(|number| number.to_string()));
        mended.0.length = 100;
        assert_eq!(shown.take(&mended.0, &mended.1), 150);
        assert_eq!(shown.end(), Swept::Whole);

        let mut shown = Shown::default();
        for (skip, numbers, next) in [(0, 0..100, 100), (100, 0..100, 50), (50, 0..100, 150)] {
            let (seen, query) = page(skip, numbers, 500);
            assert_eq!(shown.take(&seen, &query), next);
        }
        assert_eq!(shown.end(), Swept::Torn);
    }

    #[test]
    fn tickets_that_enter_a_list_push_the_rest_down_and_those_that_leave_it_up() {
        let mut shown = Shown::default();
        for (skip, numbers, count, next) in [
            (0, 0..100, 500, 100),
            // Five more above, so the last five of the first page come again.
            (100, 95..195, 505, 200),
            // Twenty less.
            (200, 195..295, 485, 280),
        ] {
            let (seen, query) = page(skip, numbers, count);
            assert_eq!(shown.take(&seen, &query), next);
        }
        assert_eq!(shown.end(), Swept::Whole);
    }

    #[test]
    fn a_list_is_followed_as_long_as_its_count_says_however_few_pages_were_planned() {
        let mut shown = Shown::default();
        let mut skip = 0;
        for _ in 0..30 {
            let (seen, query) = page(skip, skip..skip + 100, 3_000);
            skip = shown.take(&seen, &query);
            assert!(!shown.is_endless(100, 1));
        }
        for _ in 0..41 {
            let (seen, query) = page(skip, skip..skip + 100, 3_000);
            skip = shown.take(&seen, &query);
        }
        assert!(shown.is_endless(100, 1));
    }
}
