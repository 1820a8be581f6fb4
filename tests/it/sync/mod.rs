//! A sync finds what changed, touches nothing else, and harms nothing when the API misbehaves.

use chrono::TimeDelta;
use mava_export::error::ExitCode;
use mava_export::report::SyncSummary;
use mava_export::settings::{Spend, Sync, Whole};
use mava_export::simulator::{
    Faults, ResolutionTime, SimulatorSpec, Ticket, World, WorldSpec, object_id,
};
use mava_export::table::{Instant, instant_text};

use self::desk::{
    assert_current, copy, edit, generated, has_remark, ids, is_old, is_open, is_resolved, open_up,
    opened, requests_of, resolve, step_of, terse, window_of,
};
pub(crate) use self::desk::{copied, recent, settings, sync, sync_with};
use crate::support::{Desk, NOW};

mod campaigns;
mod changes;
mod cheap;
mod counts;
mod crowds;
mod desk;
mod empty;
mod exact;
mod filtered;
mod frame;
mod in_time;
mod lost;
mod plans;
mod refused;
mod resolutions;
mod resumed;
mod spending;
mod sweeps;
mod unseen;
