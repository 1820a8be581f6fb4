//! Step 8: bulk changes of tags and categories on tickets that nobody should be working on.

use chrono::TimeDelta;

use super::night::Night;
use crate::api::TicketsQuery;
use crate::error::Result;
use crate::mava::{PAGE, RESOLVED};
use crate::refresh::DAY_MS;
use crate::settings::Filters;
use crate::store::{CampaignWindow, Field, Group};
use crate::window::Window;

/// Tickets created this long before the last sync are compared: what is younger is
/// being worked on.
const UNSETTLED: TimeDelta = TimeDelta::days(7);

/// So many tickets with the same unexpected value are a bulk change.
const LEAST_SUSPECTS: i64 = 2;

/// How long an unexpected value is remembered, in milliseconds.
const REMEMBERED_MS: i64 = 14 * DAY_MS;

/// At most this many requests a night list bulk changes, and at most this share of a full read.
const LEAST_PAGES: u64 = 10;
const PAGES_PERCENT: u64 = 2;

impl Night<'_> {
    pub(super) async fn campaigns(&mut self) -> Result<()> {
        if self.allowance() == 0 && !self.store()?.groups()?.is_empty() {
            self.remark(
                "the limit of --max-requests was reached before bulk changes of tags and categories were looked for"
                    .to_owned(),
            );
        }
        let since_ms = self.desk.began_ms() - REMEMBERED_MS;
        let pages = u64::try_from(self.desk.index.tickets().len() / PAGE).unwrap_or(0);
        let mut left = LEAST_PAGES.max(pages * PAGES_PERCENT / 100);
        self.rotate().await?;
        let under_way = self.store()?.campaigns()?;
        for group in self.store()?.suspects(LEAST_SUSPECTS, since_ms)? {
            if under_way.iter().all(|campaign| campaign.group != group) {
                self.find(&group, &mut left).await?;
            }
        }
        for campaign in self.store()?.campaigns()? {
            if left == 0 {
                break;
            }
            self.list_campaign(campaign, &mut left).await?;
        }
        let waiting = self.store()?.campaigns()?.len();
        if waiting > 0 {
            self.remark(format!(
                "tags or categories were changed in bulk: {waiting} windows of tickets are left for the next \
                 syncs to read"
            ));
        }
        Ok(())
    }

    /// Windows of everything that is old enough to be left alone.
    fn settled(&self) -> Vec<Window> {
        self.desk.windows_until(self.desk.since - UNSETTLED)
    }

    /// One value's count a night, so that a bulk change that no page met is noticed. What was counted
    /// beside work going on is counted again before it is believed.
    async fn rotate(&mut self) -> Result<()> {
        let groups = self.store()?.groups()?;
        let night = usize::try_from(self.desk.began_ms().div_euclid(DAY_MS)).unwrap_or(0);
        let Some(group) = groups.get(night % groups.len().max(1)).cloned() else {
            return Ok(());
        };
        let Some(window) = self.settled().first().copied() else {
            return Ok(());
        };
        let under_way = self.store()?.campaigns()?;
        if under_way.iter().any(|campaign| campaign.group == group) {
            return Ok(());
        }
        for _ in 0..2 {
            if self.allowance() == 0 {
                return Ok(());
            }
            let Some(remote) = self.group_count(&group, window).await? else {
                return Ok(());
            };
            let local = self.store()?.group_instants(&group)?.count_in(&window);
            if remote <= local + 1 {
                return Ok(());
            }
        }
        self.add(&group, window)
    }

    /// Which windows hold more of a value than is stored.
    async fn find(&mut self, group: &Group, left: &mut u64) -> Result<()> {
        for window in self.settled() {
            if *left == 0 || self.allowance() == 0 {
                return Ok(());
            }
            *left -= 1;
            let Some(remote) = self.group_count(group, window).await? else {
                continue;
            };
            // After the page that came with the count.
            if remote > self.store()?.group_instants(group)?.count_in(&window) {
                self.add(group, window)?;
            }
        }
        self.store()?.clear_suspect(group)
    }

    fn add(&mut self, group: &Group, window: Window) -> Result<()> {
        let position_ms = window.from().timestamp_millis();
        let campaign = CampaignWindow {
            group: group.clone(),
            window,
            position_ms,
        };
        self.store()?.commit_campaign(&campaign, Some(position_ms))
    }

    /// What the API counts of a value; `None` where it cannot be had.
    async fn group_count(&mut self, group: &Group, window: Window) -> Result<Option<u64>> {
        let query = self.group_query(group, window);
        let Some(seen) = self.read_unless_refused(&query).await? else {
            return Ok(None);
        };
        if seen.is_foreign {
            self.remark(format!(
                "the API ignores the filter by {}",
                group.field.word()
            ));
            return Ok(None);
        }
        Ok(seen.count)
    }

    /// Resolved tickets only: on the others, values come and go all day.
    fn group_query(&self, group: &Group, window: Window) -> TicketsQuery {
        let values = vec![group.value.clone()];
        let mut filters = Filters {
            status: vec![RESOLVED.to_owned()],
            ..Filters::default()
        };
        match group.field {
            Field::Tag => filters.tag = values,
            Field::Category => filters.category = values,
        }
        TicketsQuery {
            filters,
            ..self.query(window)
        }
    }

    /// Lists a window by the value, from where an earlier night stopped, until nothing of it is
    /// missing any more.
    async fn list_campaign(&mut self, campaign: CampaignWindow, left: &mut u64) -> Result<()> {
        let mut position_ms = campaign.position_ms;
        // Only what a page spans changes by reading it; the rest is counted once.
        let before = self.store()?.group_instants(&campaign.group)?;
        let until_ms = campaign.window.until().timestamp_millis();
        while *left > 0 && self.allowance() > 0 {
            *left -= 1;
            let Some(window) = Window::from_millis(position_ms, until_ms) else {
                return self.store()?.commit_campaign(&campaign, None);
            };
            let query = self.group_query(&campaign.group, window);
            let Some(seen) = self.read_unless_refused(&query).await? else {
                return self.store()?.commit_campaign(&campaign, None);
            };
            if seen.is_foreign {
                return self.store()?.commit_campaign(&campaign, None);
            }
            let Some(next_ms) = seen.spans.map(|until| until.timestamp_millis()) else {
                return self.store()?.commit_campaign(&campaign, None);
            };
            let page = Window::from_millis(position_ms, next_ms);
            let page = page.map_or(Ok(0), |page| {
                self.store()?.group_count(&campaign.group, &page)
            })?;
            let rest = Window::from_millis(next_ms, until_ms);
            let rest = rest.map_or(0, |rest| before.count_in(&rest));
            let is_whole = seen.count.is_some_and(|count| count <= page + rest);
            if is_whole || next_ms >= until_ms {
                // An answer that is short or empty by mistake must not end it.
                let is_over = match self.count_alone(&query).await? {
                    Some(count) => seen.count.is_some_and(|told| count <= told),
                    None => true,
                };
                return match is_over {
                    true => self.store()?.commit_campaign(&campaign, None),
                    false => Ok(()),
                };
            }
            if next_ms == position_ms
                && let Some(instant) = Window::from_millis(next_ms, next_ms + 1)
            {
                // A page of one single instant.
                let query = self.group_query(&campaign.group, instant);
                self.read_on(query, &seen).await?;
            }
            position_ms = next_ms.max(position_ms + 1);
            self.store()?
                .commit_campaign(&campaign, Some(position_ms))?;
        }
        Ok(())
    }
}
