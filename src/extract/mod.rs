//! Extraction: pages in flight, one bounded channel, one writer. The only module that spawns.
//!
//! ```text
//!  slices ──► lanes ──► pager ──► channel ──► writer ──► store
//!             async     pure      bounded     1 thread
//! ```
//! [`Extraction::run`] owns every slice's [`Pager`] and decides alone what is asked next; a lane is a page in
//! flight. A task fetches, decodes and normalises one page and gives the pager back with it, so
//! nothing is shared and nothing is locked.

mod announcements;
mod block;
mod count;
mod gone;
mod lanes;
mod lookups;
mod page;
mod pager;
mod splits;
mod writer;

pub use block::{Block, BlockPage, FOREIGN, Shown, count_alone};
pub use count::{Counted, Counter};
pub use gone::{BEFORE, Batch, MOST, Missing, SecondLook, look_again};
pub use lanes::{Ended, Extraction, Work};
pub use lookups::{Lookups, lookups, server_time};
pub use page::{
    Page, Scope, excludes, fetch_query, fetch_without_threads_at_worst, has_rating, query,
    with_threads,
};
pub use pager::{Answer, Ask, Key, Narrowing, Pager, Step, Taken};
pub(crate) use pager::{Proof, Sightings};
pub use writer::{Event, Writer};
