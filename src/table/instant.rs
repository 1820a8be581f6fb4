//! Instants, and their text form.

use chrono::{DateTime, Datelike, SecondsFormat, Utc};

/// An instant with millisecond precision, in UTC.
pub type Instant = DateTime<Utc>;

/// The text form of an instant in SQLite: `2026-01-31T09:05:00.123Z`, always 24 characters for
/// the years 0 to 9999, so that text order is time order. Beyond them, the end of what it can say.
pub fn instant_text(instant: Instant) -> String {
    match instant.year() {
        ..0 => "0000-01-01T00:00:00.000Z".to_owned(),
        0..=9999 => instant.to_rfc3339_opts(SecondsFormat::Millis, true),
        _ => "9999-12-31T23:59:59.999Z".to_owned(),
    }
}

/// No desk is older than 2010: its first instant, in milliseconds since 1970.
pub const OLDEST_DESK_MS: i64 = 1_262_304_000_000;

/// Reads the text form that [`instant_text`] writes (and any RFC 3339 instant).
pub fn parse_instant(text: &str) -> Option<Instant> {
    DateTime::parse_from_rfc3339(text)
        .ok()
        .map(|instant| instant.with_timezone(&Utc))
}
