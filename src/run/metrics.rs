//! Metrics of a whole store, computed anew before anything else where definitions or business hours are
//! others than those of what is stored, and names written where those are.

use std::pin::pin;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::mend;
use crate::error::Result;
use crate::store::Store;
use crate::table::Instant;

/// How often it is told how far that is.
const TOLD_EVERY: Duration = Duration::from_millis(200);

/// Does it for a run, whose progress tells of it.
///
/// # Errors
/// See [`renew`].
pub(crate) async fn renew_for(context: &Context, store: Store, now: Instant) -> Result<Store> {
    let tell = |words: &str| {
        context
            .progress
            .send_modify(|progress| progress.waiting = Some(words.to_owned()));
    };
    let renewed = renew(store, now, &context.cancel, &tell).await;
    context
        .progress
        .send_modify(|progress| progress.waiting = None);
    renewed
}

/// Does it where it has to be done: else this is one query. `tell` is told how far it is.
///
/// # Errors
/// [`Interrupted`](crate::error::ErrorKind::Interrupted) by `cancel`: the next call goes on from there; the
/// store cannot be read or written.
pub(crate) async fn renew(
    store: Store,
    now: Instant,
    cancel: &CancellationToken,
    tell: &dyn Fn(&str),
) -> Result<Store> {
    let mut store = store;
    if store.has_current_metrics()? {
        store.keep_openings(now)?;
        return Ok(store);
    }
    let (sender, mut told) = tokio::sync::watch::channel((0, 0));
    let stopped = cancel.clone();
    let work = mend::aside(store, move |store| {
        store.renew_metrics(now, &|done, all| {
            sender.send_replace((done, all));
            !stopped.is_cancelled()
        })
    });
    let mut work = pin!(work);
    let mut refresh = tokio::time::interval(TOLD_EVERY);
    let ended = loop {
        tokio::select! {
            ended = &mut work => break ended,
            _ = refresh.tick() => {
                let (done, all) = *told.borrow_and_update();
                if all > 0 {
                    tell(&format!("computing metrics of {all} tickets that are stored: {done} done"));
                }
            }
        }
    };
    let (store, renewed) = ended?;
    if let Some(renewed) = renewed {
        tracing::info!(
            run = renewed.snapshot_id,
            tickets = renewed.tickets,
            changed = renewed.changed,
            renamed = renewed.renamed,
            "metrics computed"
        );
    }
    Ok(store)
}
