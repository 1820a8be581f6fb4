//! Step 9: bulk changes of tags and categories on tickets that nobody should be working on.

use super::pages::read_on;
use crate::api::TicketsQuery;
use crate::error::Result;
use crate::mava::RESOLVED;
use crate::refresh::{DAY_MS, settled_windows};
use crate::settings::Filters;
use crate::store::{CampaignWindow, Field, Group};
use crate::sync::allowance::Allowance;
use crate::sync::answers::Answers;
use crate::sync::begin::group_due;
use crate::sync::report::StepReport;
use crate::sync::session::StepResult;
use crate::window::Window;

/// So many tickets with the same unexpected value are a bulk change.
const LEAST_SUSPECTS: i64 = 2;

/// How long an unexpected value is remembered, in milliseconds.
const REMEMBERED_MS: i64 = 14 * DAY_MS;

/// Of the requests that are left, the share that may list bulk changes, in percent; and how many may
/// whatever that comes to.
const SHARE_PERCENT: u64 = 60;
const LEAST_PAGES: u64 = 10;

/// Looks for values that turned up on long settled tickets, and lists the tickets that have them.
pub(in crate::sync) async fn run(answers: &mut Answers<'_>, allowance: &Allowance) -> StepReport {
    look(answers, allowance).await.into()
}

async fn look(answers: &mut Answers<'_>, allowance: &Allowance) -> StepResult<()> {
    let since_ms = answers.desk.began_ms() - REMEMBERED_MS;
    let mut left = LEAST_PAGES.max(allowance.share(SHARE_PERCENT));
    rotate(answers, allowance).await?;
    let under_way = answers.store.campaigns()?;
    for group in answers.store.suspects(LEAST_SUSPECTS, since_ms)? {
        if under_way.iter().all(|campaign| campaign.group != group) {
            find(answers, allowance, &group, &mut left).await?;
        }
    }
    for campaign in answers.store.campaigns()? {
        if left == 0 {
            break;
        }
        list_campaign(answers, allowance, campaign, &mut left).await?;
    }
    let waiting = answers.store.campaigns()?.len();
    if waiting > 0 {
        answers.findings.remark(format!(
            "tags or categories were changed in bulk: {waiting} windows of tickets are left for the next \
             syncs to read"
        ));
    }
    Ok(())
}

/// One value's count a night, so that a bulk change that no page showed is noticed. What was counted
/// beside work going on is counted again before it is believed.
async fn rotate(answers: &mut Answers<'_>, allowance: &Allowance) -> StepResult<()> {
    let Some(group) = group_due(&answers.store, &answers.desk)? else {
        return Ok(());
    };
    let Some(window) = settled_windows(&answers.desk).first().copied() else {
        return Ok(());
    };
    for _ in 0..2 {
        if allowance.is_spent() {
            return Ok(());
        }
        let Some(remote) = group_count(answers, &group, window).await? else {
            return Ok(());
        };
        let local = answers.store.group_instants(&group)?.count_in(&window);
        if remote <= local + 1 {
            return Ok(());
        }
    }
    Ok(add(answers, &group, window)?)
}

/// Which windows hold more of a value than is stored.
async fn find(
    answers: &mut Answers<'_>,
    allowance: &Allowance,
    group: &Group,
    left: &mut u64,
) -> StepResult<()> {
    for window in settled_windows(&answers.desk) {
        if *left == 0 || allowance.is_spent() {
            return Ok(());
        }
        *left -= 1;
        let Some(remote) = group_count(answers, group, window).await? else {
            continue;
        };
        // After the page that came with the count.
        if remote > answers.store.group_instants(group)?.count_in(&window) {
            add(answers, group, window)?;
        }
    }
    Ok(answers.store.clear_suspect(group)?)
}

fn add(answers: &mut Answers<'_>, group: &Group, window: Window) -> Result<()> {
    let position_ms = window.from().timestamp_millis();
    let campaign = CampaignWindow {
        group: group.clone(),
        window,
        position_ms,
    };
    answers.store.commit_campaign(&campaign, Some(position_ms))
}

/// What the API counts of a value; `None` where it cannot be had.
async fn group_count(
    answers: &mut Answers<'_>,
    group: &Group,
    window: Window,
) -> StepResult<Option<u64>> {
    let query = group_query(answers, group, window);
    let Some(seen) = answers.read_unless_refused(&query).await? else {
        return Ok(None);
    };
    if seen.is_foreign {
        answers.findings.remark(format!(
            "the API ignores the filter by {}",
            group.field.word()
        ));
        return Ok(None);
    }
    Ok(seen.count)
}

/// Resolved tickets only: on the others, values come and go all day.
fn group_query(answers: &Answers<'_>, group: &Group, window: Window) -> TicketsQuery {
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
        ..answers.session.query(window)
    }
}

/// Lists a window by the value, from where an earlier night stopped, until nothing of it is
/// missing any more.
async fn list_campaign(
    answers: &mut Answers<'_>,
    allowance: &Allowance,
    campaign: CampaignWindow,
    left: &mut u64,
) -> StepResult<()> {
    let mut position_ms = campaign.position_ms;
    // Only what a page spans changes by reading it; the rest is counted once.
    let before = answers.store.group_instants(&campaign.group)?;
    let until_ms = campaign.window.until().timestamp_millis();
    while *left > 0 && !allowance.is_spent() {
        *left -= 1;
        let Some(window) = Window::from_millis(position_ms, until_ms) else {
            return Ok(answers.store.commit_campaign(&campaign, None)?);
        };
        let query = group_query(answers, &campaign.group, window);
        let Some(seen) = answers.read_unless_refused(&query).await? else {
            return Ok(answers.store.commit_campaign(&campaign, None)?);
        };
        if seen.is_foreign {
            return Ok(answers.store.commit_campaign(&campaign, None)?);
        }
        let Some(next_ms) = seen.spans.map(|until| until.timestamp_millis()) else {
            return Ok(answers.store.commit_campaign(&campaign, None)?);
        };
        let page = Window::from_millis(position_ms, next_ms);
        let page = page.map_or(Ok(0), |page| {
            answers.store.group_count(&campaign.group, &page)
        })?;
        let rest = Window::from_millis(next_ms, until_ms);
        let rest = rest.map_or(0, |rest| before.count_in(&rest));
        let is_whole = seen.count.is_some_and(|count| count <= page + rest);
        if is_whole || next_ms >= until_ms {
            // An answer that is short or empty by mistake must not end it.
            let is_over = match answers.count_alone(&query).await? {
                Some(count) => seen.count.is_some_and(|told| count <= told),
                None => true,
            };
            return match is_over {
                true => Ok(answers.store.commit_campaign(&campaign, None)?),
                false => Ok(()),
            };
        }
        if next_ms == position_ms
            && let Some(instant) = Window::from_millis(next_ms, next_ms + 1)
        {
            // A page of one single instant.
            let query = group_query(answers, &campaign.group, instant);
            read_on(answers, allowance, query, &seen).await?;
        }
        position_ms = next_ms.max(position_ms + 1);
        answers
            .store
            .commit_campaign(&campaign, Some(position_ms))?;
    }
    Ok(())
}
