//! The one call of the sync, so that it can be exchanged.

use mava_export::commands::{self, Context};
use mava_export::error::ExitCode;
use mava_export::settings::{Backfill, Filters, RunKind, StoreSettings};
use mava_export::table::Instant;

use super::Asked;

/// What a sync said of itself.
pub(crate) struct Run {
    /// Requests by step.
    pub(crate) steps: Vec<(String, u64)>,
    pub(crate) is_complete: bool,
}

/// Brings the store up to `now`. Until there is a sync, this is a backfill of everything.
pub(crate) async fn run_sync(
    context: &Context,
    _asked: Asked,
    since: Instant,
    now: Instant,
    store: &StoreSettings,
) -> Run {
    let (summary, code) = commands::backfill(context, &backfill(since, now, store))
        .await
        .expect("a run that ends");
    Run {
        steps: vec![("full".to_owned(), summary.requests)],
        is_complete: code == ExitCode::Complete,
    }
}

/// A copy of everything created in `[since, now)`.
pub(crate) fn backfill(since: Instant, now: Instant, store: &StoreSettings) -> Backfill {
    Backfill {
        kind: RunKind::Backfill,
        since,
        until: Some(now),
        filters: Filters::default(),
        has_messages: false,
        max_lanes: 8,
        allow_deletions: false,
        store: store.clone(),
    }
}
