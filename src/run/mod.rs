//! One run of the history: how it begins, what it judges, and what it comes to.
//!
//! A sync and a repair are made of the same parts: the counts at the end of each window
//! (`closing`), the judgement of what is gone (`gone`), the check that the desk is the one that the
//! store holds (`recognise`), the reading of all that is open (`reading`), the sum of it (`summary`).

mod backfill;
pub(crate) mod closing;
mod context;
pub(crate) mod desk;
pub(crate) mod filters;
pub(crate) mod gone;
pub(crate) mod lookups;
pub(crate) mod mend;
pub(crate) mod metrics;
pub(crate) mod place;
pub(crate) mod reading;
pub(crate) mod recognise;
mod running;
pub(crate) mod summary;
pub(crate) mod twins;
pub(crate) mod windows;

pub(crate) use self::backfill::{Keeping, keep_up};
pub use self::backfill::{backfill, backfill_keeping};
pub use self::context::Context;
pub(crate) use self::running::Running;
