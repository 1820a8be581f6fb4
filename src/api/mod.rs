//! The Mava API: typed queries, retries, and the client that sends them.

/// Statuses that the API documents as a filter.
pub const STATUSES: [&str; 4] = ["Open", "Resolved", "Pending", "Waiting"];

/// Origins that the API documents as a filter.
pub const ORIGINS: [&str; 5] = ["web", "discord", "telegram", "telegram-group", "email"];
