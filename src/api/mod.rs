//! The Mava API: typed queries, retries, and the client that sends them.

mod account;
mod client;
mod clocks;
mod counters;
mod failure;
mod http;
mod kind;
mod loopback;
mod query;
mod retry;
mod room;
mod tls;
mod words;

pub use account::Account;
pub use client::{Client, Fetched, RETRIES};
pub use counters::Counters;
pub use failure::{FetchError, Undecodable};
pub use kind::FailureKind;
pub use loopback::is_loopback;
pub use query::{Get, LONGEST_URL, SortBy, SortOrder, TicketsQuery};
pub use room::{Held, MOST_WEIGHT, weight};
