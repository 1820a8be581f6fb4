//! A question to a store, as meant.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use super::metrics::MetricsSettings;

/// A question to a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The SQLite file; `None` where none was named, which only a list of names can do without.
    pub path: Option<PathBuf>,
    /// The directory that was named, where it lies in one.
    pub directory: Option<PathBuf>,
    /// What is asked; `None`: which queries come with the program.
    pub question: Option<Question>,
    /// How the answer is written.
    pub form: AnswerForm,
    /// The file that the answer is written to; `None`: stdout.
    pub output: Option<PathBuf>,
    /// Whether a file that lies there already is replaced.
    pub is_overwriting: bool,
    /// Rows that are given at most.
    pub max_rows: Option<usize>,
    /// Characters of a cell that are given at most.
    pub max_cell: Option<usize>,
    /// How metrics are computed.
    pub metrics: MetricsSettings,
    /// The time after which it gives up.
    pub timeout: Option<Duration>,
}

/// What is asked, or where it stands: one statement that only reads, or a command that begins with a dot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// On the command line.
    Text(String),
    /// On stdin.
    Stdin,
    /// In a file.
    File(PathBuf),
    /// A query that comes with the program, by its name.
    Named(String),
}

/// How the answer to a query is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum QueryFormat {
    /// For people.
    Table,
    /// Comma-separated, with a line of names.
    Csv,
    /// An array of objects.
    Json,
    /// An object a line.
    #[value(alias = "jsonl")]
    Ndjson,
}

/// The form of an answer, with what belongs to one form alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerForm {
    /// For people.
    Table,
    /// Comma-separated, with a line of names.
    Csv {
        /// Whether no text may be run as a formula by a spreadsheet.
        is_safe: bool,
    },
    /// An array of objects.
    Json,
    /// An object a line.
    Ndjson,
}
