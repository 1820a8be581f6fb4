//! This machine's clock, in one place, so that nobody goes by one that cannot be right.
//!
//! Instants of a store are text of four-digit years. A clock that stood beyond them would leave a
//! store that nobody can read again with the clock right; one that stands before 1970 is none that
//! the libraries below reckon with.
#![expect(
    clippy::disallowed_methods,
    reason = "the edge where the clock is read"
)]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{Datelike, SecondsFormat};

use crate::error::{Error, Result};
use crate::table::Instant;

/// The first year in which this program can run: Mava's API did not exist before.
const FIRST_YEAR: i32 = 2020;

/// The last one that is believed: far from the end of what four digits hold, since ranges reach ahead
/// of now.
const LAST_YEAR: i32 = 2199;

/// The clock that runs go by: this machine's, or one that stands where it was set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Clock {
    set_to: Option<Instant>,
}

impl Clock {
    /// A clock that stands at this instant, for tests whose outcome no day and no hour may change.
    pub const fn at(instant: Instant) -> Self {
        Self {
            set_to: Some(instant),
        }
    }

    /// Now.
    ///
    /// # Errors
    /// See [`now`].
    pub fn now(self) -> Result<Instant> {
        check(self.reading())
    }

    /// What the clock says, right or not.
    pub fn reading(self) -> Instant {
        self.set_to.unwrap_or_else(reading)
    }
}

/// Now, by this machine's clock.
///
/// # Errors
/// [`Usage`](crate::error::ErrorKind::Usage) where the clock cannot be right.
pub fn now() -> Result<Instant> {
    check(reading())
}

/// Now in milliseconds since 1970, whatever the clock says, for spans of time.
pub fn now_ms() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => millis(since),
        Err(before) => -millis(before.duration()),
    }
}

/// What the clock says, right or not.
pub fn reading() -> Instant {
    Instant::from_timestamp_millis(now_ms()).unwrap_or(match now_ms() < 0 {
        true => Instant::MIN_UTC,
        false => Instant::MAX_UTC,
    })
}

/// Whether a clock may say so.
pub fn is_possible(instant: Instant) -> bool {
    (FIRST_YEAR..=LAST_YEAR).contains(&instant.year())
}

fn check(reading: Instant) -> Result<Instant> {
    match is_possible(reading) {
        true => Ok(reading),
        false => Err(Error::usage(format!(
            "this machine's clock says {}, which cannot be right",
            reading.to_rfc3339_opts(SecondsFormat::Secs, true)
        ))
        .help(format!(
            "set the clock to a time in the years {FIRST_YEAR} to {LAST_YEAR}, then run the same command again"
        ))),
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_clock_is_believed_within_the_years_in_which_it_can_be_right() {
        for (text, is_right) in [
            ("2020-01-01T00:00:00Z", true),
            ("2199-12-31T23:59:59.999Z", true),
            ("2019-12-31T23:59:59.999Z", false),
            ("2200-01-01T00:00:00Z", false),
            ("1969-12-31T23:59:59Z", false),
            ("0001-01-01T00:00:00Z", false),
            ("9999-12-31T23:59:59.999Z", false),
        ] {
            let at = crate::window::parse(text).expect("an instant");
            assert_eq!(check(at).is_ok(), is_right, "{text}");
        }
        for at in [Instant::MIN_UTC, Instant::MAX_UTC] {
            let error = check(at).expect_err("beyond");
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert!(error.to_string().contains("cannot be right"), "{error}");
            assert!(
                error
                    .help_text()
                    .expect("a way out")
                    .contains("set the clock")
            );
        }
        assert!(now().is_ok());
    }
}
