//! What is asked: read from where it stands, and told from a command that begins with a dot.
#![expect(
    clippy::disallowed_methods,
    reason = "reads the file that the user names"
)]

use std::fs::File;
use std::io::{self, IsTerminal, Read};

use super::named::named;
use crate::error::{Error, Result};
use crate::settings::Question;
use crate::store::MAGIC;
use crate::terminal::Printer;

/// Bytes of a question at most: no statement that somebody wrote is nearly as long.
const LONGEST: u64 = 16 << 20;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    /// A statement, or what is to be told to be none.
    Sql(String),
    /// `.tables`.
    Tables {
        /// Whether the internal ones are listed too.
        is_all: bool,
    },
    /// `.schema`, of one table or of all.
    Schema(Option<String>),
}

/// Reads what is asked.
///
/// # Errors
/// It cannot be read, is no text, or is an unknown command or name.
pub(super) fn read(question: &Question, printer: &Printer) -> Result<Request> {
    let text = match question {
        Question::Named(name) => return Ok(Request::Sql(named(name)?.sql.to_owned())),
        Question::Text(text) => text.clone(),
        Question::Stdin => {
            let stdin = io::stdin();
            if stdin.is_terminal() {
                printer.note("Reading SQL from stdin: end it with Ctrl-D on a line of its own.");
            }
            text("stdin", stdin.lock())?
        }
        Question::File(path) => {
            let shown = path.display();
            if path.is_dir() {
                return Err(Error::usage(format!("{shown} is a directory"))
                    .help("--file names a file that holds SQL"));
            }
            let file = File::open(path).map_err(|error| {
                Error::usage(format!("cannot read {shown}"))
                    .help("check the path of --file and its permissions")
                    .because(error)
            })?;
            text(&shown.to_string(), file)?
        }
    };
    parse(text)
}

fn text(name: &str, input: impl Read) -> Result<String> {
    let mut bytes = Vec::new();
    input
        .take(LONGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Error::usage(format!("cannot read {name}")).because(error))?;
    if bytes.len() as u64 > LONGEST {
        return Err(Error::usage(format!(
            "{name} holds more than 16 MiB: that is no question"
        ))
        .help("give one SELECT statement"));
    }
    if bytes.starts_with(MAGIC) {
        return Err(Error::usage(format!("{name} is a database, not SQL"))
            .help("name the store with --from sqlite:FILE, and write the SQL in quotes"));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        Error::usage(format!("{name} is not UTF-8 text, from byte {place} on"))
            .help("save it as UTF-8; to look for other bytes, write them as x'ff'")
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(text) => text.to_owned(),
        None => text,
    })
}

fn parse(text: String) -> Result<Request> {
    if let Some(place) = text.find('\0') {
        return Err(
            Error::usage(format!("the SQL has a NUL byte in it, at byte {place}"))
                .help("save it as plain UTF-8 text; UTF-16 has such bytes"),
        );
    }
    let line = text.trim().trim_end_matches(';');
    if !line.starts_with('.') {
        return Ok(Request::Sql(text));
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        [".tables"] => Ok(Request::Tables { is_all: false }),
        [".tables", "all"] => Ok(Request::Tables { is_all: true }),
        [".schema"] => Ok(Request::Schema(None)),
        [".schema", table] => Ok(Request::Schema(Some(table.to_owned()))),
        _ => Err(Error::usage("there is no such command in query").help(
            "it knows .tables, .tables all, .schema and .schema TABLE; everything else is one SELECT statement",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_begins_with_a_dot_and_all_else_is_sql() {
        let parsed = |text: &str| parse(text.to_owned()).expect(text);
        assert_eq!(parsed(" .tables;\n"), Request::Tables { is_all: false });
        assert_eq!(parsed(".tables all"), Request::Tables { is_all: true });
        assert_eq!(parsed(".schema"), Request::Schema(None));
        let tickets = Request::Schema(Some("tickets".to_owned()));
        assert_eq!(parsed(".schema  tickets"), tickets);
        assert_eq!(parsed("SELECT .5"), Request::Sql("SELECT .5".to_owned()));
        for wrong in [".", ".tabels", ".schema a b", ".read x", ". tables"] {
            assert!(parse(wrong.to_owned()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_text_is_refused_with_what_it_is() {
        for (bytes, expected) in [
            (&b"SELECT '\xff'"[..], "from byte 8"),
            (b"SQLite format 3\0...", "is a database"),
            (b"\xff\xfeS\0E\0L\0", "not UTF-8"),
        ] {
            let error = text("q.sql", bytes).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
        let error = parse("S\0E\0L".to_owned()).expect_err("a NUL byte");
        assert!(error.to_string().contains("NUL"), "{error}");
        let text = text("q.sql", "\u{feff}SELECT 1".as_bytes()).expect("text");
        assert_eq!(text, "SELECT 1");
        let endless = super::text("q.sql", io::repeat(b' ')).expect_err("too long");
        assert!(endless.to_string().contains("16 MiB"));
    }
}
