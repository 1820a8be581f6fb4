//! The Mava API: typed queries, retries, and the client that sends them.

mod client;
mod loopback;
mod query;
mod retry;
mod tls;
mod words;

pub use client::{Client, Counters, FetchError, Fetched};
pub use loopback::is_loopback;
pub use query::{Get, ORIGINS, STATUSES, SortBy, SortOrder, TicketsQuery};
