//! The one call of the sync, so that it can be exchanged.

use mava_export::error::ExitCode;
use mava_export::run::Context;
use mava_export::settings::{Backfill, Filters, StoreSettings, Sync, Whole};
use mava_export::sync;
use mava_export::table::{Instant, RunKind};

use super::asked::Amount;

/// What a sync said of itself.
pub(crate) struct Run {
    /// Requests by step.
    pub(crate) steps: Vec<(String, u64)>,
    pub(crate) is_complete: bool,
}

/// Brings the store up to date.
pub(crate) async fn run_sync(context: &Context, amount: Amount, store: &StoreSettings) -> Run {
    let settings = Sync {
        kind: RunKind::Backfill,
        since: None,
        whole: Whole::IfItFits,
        spend: amount.spend(),
        has_messages: false,
        max_lanes: 8,
        allow_deletions: false,
        store: store.clone(),
    };
    let (summary, code) = sync::sync(context, &settings)
        .await
        .expect("a run that ends");
    for remark in &summary.summary.remarks {
        println!("note, {amount}: {remark}");
    }
    Run {
        steps: summary
            .steps
            .into_iter()
            .map(|step| (step.step.word().to_owned(), step.requests))
            .collect(),
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
