//! The one error of the crate, shaped by what the caller does next, and the exit codes.

use std::fmt;

use crate::table::{Outcome, Snapshot};

/// What the caller does next with an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Mend the command line, the configuration or the environment.
    Usage,
    /// Get a valid API key.
    Unauthorized,
    /// Wait for the other run on this store, or end it.
    StoreBusy,
    /// Run again to go on; progress is kept.
    Failed,
    /// Nothing: the user asked the run to stop, by SIGINT.
    Interrupted,
    /// Nothing: the system asked the run to stop, by SIGTERM.
    Terminated,
}

/// How a command ended, as the process reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitCode {
    /// Complete.
    Complete,
    /// Failed, progress kept.
    Failed,
    /// Usage or configuration.
    Usage,
    /// Complete, but with rejects; or incomplete; or a comparison that differs.
    Incomplete,
    /// Unauthorised.
    Unauthorized,
    /// Another run holds the store.
    StoreBusy,
    /// Interrupted by SIGINT.
    Interrupted,
    /// Ended by SIGTERM.
    Terminated,
}

impl ExitCode {
    /// Every exit code, for the documentation's test.
    pub const ALL: [Self; 8] = [
        Self::Complete,
        Self::Failed,
        Self::Usage,
        Self::Incomplete,
        Self::Unauthorized,
        Self::StoreBusy,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// The number that the process exits with.
    pub fn number(self) -> u8 {
        match self {
            Self::Complete => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Incomplete => 3,
            Self::Unauthorized => 4,
            Self::StoreBusy => 5,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

impl From<&Snapshot> for ExitCode {
    /// Of a run that is over.
    fn from(snapshot: &Snapshot) -> Self {
        match Outcome::of(&snapshot.outcome) {
            Some(Outcome::Complete) => Self::Complete,
            Some(_) | None => Self::Incomplete,
        }
    }
}

impl From<ErrorKind> for ExitCode {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Usage => Self::Usage,
            ErrorKind::Unauthorized => Self::Unauthorized,
            ErrorKind::StoreBusy => Self::StoreBusy,
            ErrorKind::Failed => Self::Failed,
            ErrorKind::Interrupted => Self::Interrupted,
            ErrorKind::Terminated => Self::Terminated,
        }
    }
}

/// An error: what happened, where (window, ticket id, JSON path, attempt), and the way out.
///
/// Messages are lower case without a full stop and never hold a value from the desk or a secret.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    help: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What to do with what a probe printed of an answer that nobody foresaw.
pub(crate) const REPORT: &str = "send this output and what mava-export --version prints to whoever looks after \
    mava-export for you; it holds neither the key nor anything of a ticket";

/// What to do with an answer that nobody foresaw, before there was a probe.
pub(crate) const PROBE_AND_REPORT: &str = "run mava-export probe, and send what it and mava-export --version print to \
    whoever looks after mava-export for you; it holds neither the key nor anything of a ticket";

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of `kind` that says `message`.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            help: None,
            source: None,
        }
    }

    /// A flag, a key or a value that the user must mend.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// A run that cannot go on now; progress is kept.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Failed, message)
    }

    /// The user, or the system, asked the run to stop.
    pub fn interrupted() -> Self {
        Self::new(ErrorKind::Interrupted, "interrupted")
    }

    /// Whether the run was asked to stop.
    pub fn is_interruption(&self) -> bool {
        self.kind == ErrorKind::Interrupted
    }

    /// Adds the way out, printed on a line of its own.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds the cause, printed after the message.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What the caller does next.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The way out, if there is one to name.
    pub fn help_text(&self) -> Option<&str> {
        self.help.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)?;
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            write!(out, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn std::error::Error + 'static))
    }
}
