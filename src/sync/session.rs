//! What stays the same throughout a sync.

use std::sync::Arc;

use crate::api::{FailureKind, FetchError, SortBy, SortOrder, TicketsQuery};
use crate::error::Error;
use crate::extract::Scope;
use crate::mava::PAGE_LIMIT;
use crate::run::Running;
use crate::settings;
use crate::window::Window;

/// A sync under way, as far as nothing in it changes it.
#[derive(Debug)]
pub(super) struct Session<'a> {
    pub(super) run: Running<'a>,
    pub(super) settings: &'a settings::Sync,
    /// What every list asks for, beside its filters.
    pub(super) scope: Arc<Scope>,
}

impl Session<'_> {
    /// An interruption, if the user asked for one.
    pub(super) fn stop_if_cancelled(&self) -> StepResult<()> {
        if self.run.context.cancel.is_cancelled() {
            return Err(Error::interrupted().into());
        }
        Ok(())
    }

    /// The request for a window, oldest first.
    pub(super) fn query(&self, window: Window) -> TicketsQuery {
        TicketsQuery {
            has_messages: self.scope.has_messages,
            ..TicketsQuery::of(window, PAGE_LIMIT)
        }
    }

    /// The request for a window, newest first.
    pub(super) fn newest_first(&self, window: Window) -> TicketsQuery {
        TicketsQuery {
            sort_order: SortOrder::Descending,
            ..self.query(window)
        }
    }

    /// The request for a window by resolution time, longest first.
    pub(super) fn slowest_first(&self, window: Window) -> TicketsQuery {
        TicketsQuery {
            sort_by: SortBy::ResolutionTime,
            ..self.newest_first(window)
        }
    }
}

/// What a step comes to, or what ended it early.
pub(super) type StepResult<T> = std::result::Result<T, Stop>;

/// What ended a step early.
#[derive(Debug)]
pub(super) struct Stop {
    /// For the user.
    pub(super) error: Error,
    /// What the API did, where a request ended it.
    pub(super) failure: Option<FailureKind>,
}

impl Stop {
    /// Whether the API refused this very request: another may well be answered.
    pub(super) fn is_refused(&self) -> bool {
        matches!(self.failure, Some(FailureKind::Refused { .. }))
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self {
            error,
            failure: None,
        }
    }
}

impl From<FetchError> for Stop {
    fn from(failure: FetchError) -> Self {
        Self {
            error: failure.error,
            failure: Some(failure.kind),
        }
    }
}
