//! The steps of a sync, a file each: what a step needs comes in, what it has to say comes back.

pub(super) mod campaigns;
pub(super) mod confirm;
pub(super) mod deletions;
pub(super) mod gone;
pub(super) mod lists;
pub(super) mod pages;
pub(super) mod ratings;
pub(super) mod resolved;
mod sweeps;
mod total;
