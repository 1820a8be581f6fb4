//! Steps 8 and 10: pages by what is expected to have changed on them, and by how long they have gone unread.

use crate::api::TicketsQuery;
use crate::mava::PAGE;
use crate::refresh::{Block, Pages};
use crate::sync::allowance::Allowance;
use crate::sync::answers::{Answers, Seen};
use crate::sync::report::StepReport;
use crate::sync::session::StepResult;
use crate::window::Window;

/// Reads the pages on which most is expected to have changed. `outstanding` are the ratings known to be
/// unseen, if that is known.
pub(in crate::sync) async fn by_finds(
    answers: &mut Answers<'_>,
    allowance: &Allowance,
    outstanding: Option<u64>,
) -> StepReport {
    let pages = Pages::by_finds(&answers.desk, outstanding, allowance.left());
    read_pages(answers, allowance, &pages).await.into()
}

/// Reads what has gone unread for longest, with all that is left.
pub(in crate::sync) async fn by_age(
    answers: &mut Answers<'_>,
    allowance: &Allowance,
) -> StepReport {
    let pages = Pages::by_age(&answers.desk, allowance.left());
    read_pages(answers, allowance, &pages).await.into()
}

/// Reads blocks in their order, as long as they are paid for.
async fn read_pages(
    answers: &mut Answers<'_>,
    allowance: &Allowance,
    pages: &Pages,
) -> StepResult<()> {
    let windows = answers.desk.windows();
    for block in &pages.blocks {
        if !pages.is_paid_for(allowance.left()) {
            break;
        }
        read_block(answers, allowance, block, &windows).await?;
    }
    Ok(())
}

/// Reads a block newest first, to its end.
async fn read_block(
    answers: &mut Answers<'_>,
    allowance: &Allowance,
    block: &Block,
    windows: &[Window],
) -> StepResult<()> {
    let window = windows
        .iter()
        .find(|window| window.from().timestamp_millis() < block.until_ms)
        .filter(|window| block.until_ms <= window.until().timestamp_millis());
    let Some(window) = window
        .and_then(|window| Window::from_millis(window.from().timestamp_millis(), block.until_ms))
    else {
        return Ok(());
    };
    if answers.desk.index.live(block.from_ms, block.until_ms) > PAGE {
        return read_rest(answers, allowance, block.from_ms, block.until_ms).await;
    }
    let query = answers.session.newest_first(window);
    let Some(seen) = answers.read(&query).await? else {
        return Ok(());
    };
    match first_unseen(answers, block, &seen) {
        Some(from_ms) => read_rest(answers, allowance, from_ms, block.until_ms).await,
        None => Ok(()),
    }
}

/// Creation of the first ticket of a block that its page did not reach down to: more tickets are
/// there than are stored, or the API makes shorter pages.
fn first_unseen(answers: &Answers<'_>, block: &Block, seen: &Seen) -> Option<i64> {
    let is_whole = seen.count.is_some_and(|count| count <= seen.received());
    let oldest_ms = seen.created_ms().min().filter(|_| !is_whole)?;
    answers
        .desk
        .index
        .created_in(block.from_ms, block.until_ms.min(oldest_ms + 1))
        .iter()
        .find(|known| !known.is_seen && !known.is_gone)
        .map(|known| known.created_ms)
}

/// Reads a range oldest first to its end, a tied millisecond by offsets.
async fn read_rest(
    answers: &mut Answers<'_>,
    allowance: &Allowance,
    from_ms: i64,
    until_ms: i64,
) -> StepResult<()> {
    let mut position_ms = from_ms;
    while !allowance.is_spent()
        && let Some(window) = Window::from_millis(position_ms, until_ms)
    {
        let query = answers.session.query(window);
        let Some(seen) = answers.read(&query).await? else {
            return Ok(());
        };
        let Some(spanned) = seen.spans else {
            return Ok(());
        };
        if spanned.timestamp_millis() > position_ms {
            position_ms = spanned.timestamp_millis();
            continue;
        }
        if let Some(instant) = Window::from_millis(position_ms, position_ms + 1) {
            let query = answers.session.query(instant);
            read_on(answers, allowance, query, &seen).await?;
        }
        position_ms += 1;
    }
    Ok(())
}

/// Reads on where the first page of one millisecond does not hold all of it. Nothing is concluded
/// from what does not come.
pub(super) async fn read_on(
    answers: &mut Answers<'_>,
    allowance: &Allowance,
    mut query: TicketsQuery,
    first: &Seen,
) -> StepResult<()> {
    let mut received = first.received();
    while received > 0 && !allowance.is_spent() {
        let skip = u64::from(query.skip) + received;
        query.skip = u32::try_from(skip).unwrap_or(u32::MAX);
        let Some(seen) = answers.read(&query).await? else {
            return Ok(());
        };
        received = seen.received();
        if seen.count.is_some_and(|count| skip + received >= count) {
            break;
        }
    }
    Ok(())
}
