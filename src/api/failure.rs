//! Why a request gave up for good, in words and for the caller.

use std::time::Duration;

use super::kind::FailureKind;
use super::query::{Get, LONGEST_URL};
use super::retry::{Cause, TOO_LONG, pause_help};
use crate::budget::{Pause, instant_words, time_words};
use crate::error::{Error, ErrorKind};

/// Why a request gave up for good.
#[derive(Debug)]
pub struct FetchError {
    /// For the user.
    pub error: Error,
    /// For the caller.
    pub kind: FailureKind,
}

impl FetchError {
    /// Whether asking for fewer tickets may succeed.
    pub fn may_be_weight(&self) -> bool {
        matches!(self.kind, FailureKind::TooLarge | FailureKind::Heavy)
    }

    /// Whether the API answered otherwise than it documents: what a probe looks into.
    pub fn is_unforeseen(&self) -> bool {
        matches!(
            self.kind,
            FailureKind::Strange
                | FailureKind::Refused {
                    is_undocumented: true,
                    ..
                }
        )
    }
}

impl From<FetchError> for Error {
    fn from(failure: FetchError) -> Self {
        failure.error
    }
}

impl From<Error> for FetchError {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::Interrupted | ErrorKind::Terminated => FailureKind::Interrupted,
            ErrorKind::Unauthorized => FailureKind::Unauthorized,
            ErrorKind::Usage | ErrorKind::StoreBusy | ErrorKind::Failed => FailureKind::Down,
        };
        Self { error, kind }
    }
}

/// Why a body is not accepted, without any of its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undecodable {
    /// It is not what was asked for: another try may bring that.
    Strange(String),
    /// It takes too much memory once it is decoded: fewer tickets take less.
    Heavy(String),
}

impl<T: std::fmt::Display> From<T> for Undecodable {
    fn from(words: T) -> Self {
        Self::Strange(words.to_string())
    }
}

impl From<Undecodable> for Cause {
    fn from(reason: Undecodable) -> Self {
        match reason {
            Undecodable::Strange(words) => Self::Undecodable(words),
            Undecodable::Heavy(words) => Self::TooHeavy(words),
        }
    }
}

/// The request's last try ended by `cause`, and no further one may help within `total`.
pub(super) fn given_up(
    get: &Get,
    attempts: u32,
    elapsed: Duration,
    cause: Cause,
    total: Duration,
) -> FetchError {
    let too_long = get.longest_filter().filter(|_| cause.is_too_long());
    let kind = if cause.is_unauthorized() {
        ErrorKind::Unauthorized
    } else if too_long.is_some() {
        ErrorKind::Usage
    } else {
        ErrorKind::Failed
    };
    let tries = if attempts == 1 { "attempt" } else { "attempts" };
    let message = if cause.is_unauthorized() {
        format!("{cause}: {get}")
    } else {
        let seconds = elapsed.as_secs_f64();
        let flag = too_long.map_or_else(String::new, |(flag, values)| {
            format!("; {flag} names {values} values")
        });
        format!("{get} failed after {attempts} {tries} in {seconds:.1} s: {cause}{flag}")
    };
    let long_pause = cause.asked().filter(|asked| *asked > total);
    let help = match long_pause {
        Some(asked) => pause_help(asked, total),
        None => cause.help().to_owned(),
    };
    FetchError {
        error: Error::new(kind, message).help(help),
        kind: match long_pause {
            Some(_) => FailureKind::Paused,
            None => cause.failure(),
        },
    }
}

/// The request cannot be written as one, `length` bytes long.
pub(super) fn too_long(get: &Get, length: usize) -> FetchError {
    let reason = format!("its address has {length} bytes, and at most {LONGEST_URL} can be sent");
    FetchError {
        error: Error::usage(format!("{get} was not sent: {reason}")).help(TOO_LONG),
        kind: FailureKind::Refused {
            words: format!("the request was not sent: {reason}"),
            is_undocumented: false,
        },
    }
}

/// The API asked for a pause that is longer than `total`, the time that this process may wait.
pub(super) fn paused(get: &Get, pause: Pause, now_ms: i64, total: Duration) -> FetchError {
    let left = pause.left(now_ms);
    let again = match pause.until_ms < pause.asked_ms {
        true => format!(
            "; runs with this key try again from {} on",
            instant_words(pause.until_ms)
        ),
        false => String::new(),
    };
    FetchError {
        kind: FailureKind::Paused,
        error: Error::failed(format!(
            "{get} was not sent: the API answered an earlier request with 429 and asked for a pause until {}, \
             {} from now{again}",
            instant_words(pause.asked_ms),
            time_words(left)
        ))
        .help(pause_help(left, total)),
    }
}

/// The request was not let through for `time`: by pauses that the API asked for, or by other runs.
pub(super) fn never_let_through(get: &Get, time: Duration, is_paused: bool) -> FetchError {
    let time = time_words(time);
    let (why, help) = match is_paused {
        true => (
            format!("the API asked for one pause after another, for {time}"),
            "other tools spend from the same key: lower --budget-share, or run the same command again later",
        ),
        false => (
            format!("the budget was spent for {time}"),
            "other runs spend from the same key: wait for them, then run the same command again",
        ),
    };
    Error::failed(format!("{get} was not sent: {why}"))
        .help(help)
        .into()
}
