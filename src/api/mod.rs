//! The Mava API: typed queries, retries, and the client that sends them.

mod client;
mod query;
mod retry;

pub use client::{Client, Counters, FetchError, Fetched};
pub use query::{Get, ORIGINS, STATUSES, SortBy, SortOrder, TicketsQuery};
