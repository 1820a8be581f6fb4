//! JSON as sent: pages and lists, decoded fast and tolerantly. Pure.
//!
//! A page is first cut into tickets without looking into them, so that one unreadable ticket
//! never fails a page; each ticket is read into a borrowed tree only when it is normalised.
//! Field names and shapes follow Mava's API pages and, where those are silent, what clients of
//! the same backend have seen; every reader here accepts all of them.

mod body;
mod decimal;
mod digest;
mod escape;
mod field;
mod hidden;
mod instant;
mod json;
mod key;
mod list;
mod page;
mod reference;
mod reject;

pub use body::{Body, DecodeError};
pub use key::TicketKey;
pub use list::{List, decode_agents, decode_categories};
pub use page::{Page, RawTicket, decode_page};

pub(crate) use digest::Digest;
pub(crate) use field::{Fields, MOST_ITEMS, Path, Unfit, is_short, read_text, slots};
pub(crate) use hidden::{Hidden, take_hidden};
pub(crate) use instant::{after as instant_after, usual as usual_instant};
pub(crate) use json::{Entries, Json, with_json, write_text};
pub(crate) use reference::{own_id, own_short_id, read_reference};
pub(crate) use reject::{Rejects, is_of_thread, unread_thread, whole_reject};
