//! The queries that come with the program, each under a name. None of them counts deleted tickets,
//! spam or deleted messages.

use rusqlite::types::Value;

use super::schema::Listing;
use crate::error::{Error, Result};
use crate::spelling::nearest;

/// A query that comes with the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Named {
    /// As one types it.
    pub(crate) name: &'static str,
    /// A comment that says what it answers, on a line of its own; then one statement.
    pub(crate) sql: &'static str,
}

macro_rules! named {
    ($($name:literal),+ $(,)?) => {
        [$(Named { name: $name, sql: include_str!(concat!("named/", $name, ".sql")) }),+]
    };
}

/// All of them, in the order in which they are listed.
pub(crate) const NAMED: [Named; 20] = named![
    "backlog",
    "open-by-channel",
    "open-by-agent",
    "newest",
    "by-status",
    "by-origin",
    "by-category",
    "by-day",
    "by-month",
    "first-reply-by-agent",
    "first-reply-by-week",
    "first-reply-by-month",
    "resolution-by-day",
    "resolved-by-agent",
    "returning-customers",
    "attributes",
    "words",
    "thread",
    "status-at",
    "time-in-status",
];

impl Named {
    /// What it answers: its first line, without the marks of a comment and the full stop.
    pub(crate) fn answers(&self) -> &'static str {
        let line = self.sql.lines().next().unwrap_or_default();
        line.trim_start_matches("--").trim().trim_end_matches('.')
    }
}

/// The query of this name.
///
/// # Errors
/// There is none.
pub(crate) fn named(name: &str) -> Result<Named> {
    if let Some(found) = NAMED.into_iter().find(|known| known.name == name) {
        return Ok(found);
    }
    if name.contains(char::is_whitespace) {
        return Err(Error::usage(
            "--named takes the name of a query, and what is given is no name",
        )
        .help("leave --named out to ask in SQL; query --named lists the names"));
    }
    let known = NAMED.iter().map(|known| known.name);
    Err(
        Error::usage(format!("there is no query named {name}")).help(match nearest(name, known) {
            Some(near) => format!("did you mean {near}? query --named lists all"),
            None => "query --named lists all; to ask in SQL, leave --named out".to_owned(),
        }),
    )
}

/// Their names and what they answer.
pub(super) fn list() -> Listing {
    let text = |text: &str| Value::Text(text.to_owned());
    Listing {
        columns: ["name", "what it answers"].map(str::to_owned).into(),
        rows: NAMED
            .iter()
            .map(|known| vec![text(known.name), text(known.answers())])
            .collect(),
        remark: None,
    }
}
