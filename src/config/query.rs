//! What `query` was asked, as meant. Pure.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::cli::{AnswerArgs, Limit, QueryArgs, Target};
use crate::error::{Error, Result};
use crate::settings::{AnswerForm, MetricsSettings, Query, QueryFormat, Question};

/// Stdin in the place of a file that is read, stdout in that of one that is written.
const STREAM: &str = "-";

/// Rows of a table: its columns are as wide as the widest cell, so all of it has to be there before
/// the first line.
const TABLE_ROWS: usize = 1_000;

/// Characters of a cell of a table: a book among them would be held as a whole.
const TABLE_CELL: usize = 1_000;

/// A question to a store, as meant.
pub(super) fn query(typed: QueryArgs, is_json: bool) -> Result<Query> {
    let question = question(typed.sql, typed.file, typed.named)?;
    let store = typed.source.target();
    let AnswerArgs {
        format,
        output,
        overwrite,
        csv_safe,
        has_typed_csv_safe,
        max_rows,
        max_cell,
        timeout,
    } = typed.answer;
    let output = output.filter(|path| path != Path::new(STREAM));
    if overwrite && output.is_none() {
        return Err(Error::usage("--overwrite goes with --output FILE")
            .help("name the file that is to be written, or leave --overwrite out"));
    }
    if let (None, Some(path)) = (format, output.as_deref()) {
        refuse_unknown_ending(path)?;
    }
    let format = format
        .or_else(|| output.as_deref().and_then(by_ending))
        .unwrap_or(match is_json {
            true => QueryFormat::Json,
            false => QueryFormat::Table,
        });
    let form = form(format, csv_safe);
    if csv_safe && has_typed_csv_safe && !matches!(form, AnswerForm::Csv { .. }) {
        return Err(Error::usage("--csv-safe is for CSV")
            .help("add --format csv, or leave --csv-safe out: the other forms need no such care"));
    }
    // What people look at is cut where nobody says otherwise, what programs read is whole.
    let is_to_file = output.is_some();
    let most = |limit: Option<Limit<usize>>, of_table: usize| match (limit, form) {
        (Some(Limit(most)), _) => most,
        (None, AnswerForm::Table) if !is_to_file => Some(of_table),
        (None, _) => None,
    };
    Ok(Query {
        metrics: MetricsSettings::default(),
        path: store.as_ref().map(Target::store),
        directory: store.as_ref().and_then(Target::directory).cloned(),
        question,
        form,
        output,
        is_overwriting: overwrite,
        max_rows: most(max_rows, TABLE_ROWS),
        max_cell: most(max_cell, TABLE_CELL),
        timeout: timeout.and_then(|Limit(time)| time),
    })
}

/// What is asked; `None`: which names there are.
fn question(
    words: Vec<OsString>,
    file: Option<PathBuf>,
    named: Option<Option<String>>,
) -> Result<Option<Question>> {
    if let Some(name) = named {
        let beside = match (&words[..], &file) {
            ([], None) => return Ok(name.map(Question::Named)),
            ([], Some(_)) => "--file",
            _ => "SQL",
        };
        return Err(
            Error::usage(format!("both {beside} and --named are given")).help(
                "leave one of them out: --named NAME answers a query that comes with the program, and --named \
                 alone lists their names",
            ),
        );
    }
    let words = words
        .into_iter()
        .map(|word| {
            word.into_string().map_err(|_| {
                Error::usage("the SQL is not UTF-8 text").help(
                    "save it in a file as UTF-8, and name that with --file; to look for other bytes, write them as x'ff'",
                )
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let question = match (&words[..], file) {
        ([], None) => Err(Error::usage("what to ask is missing").help(
            "write one SELECT in quotes, such as \"SELECT count(*) FROM customers\", or - to read it from stdin, \
             or --file FILE; .tables lists what can be asked, and --named the queries that come with the program",
        )),
        ([], Some(file)) if file == Path::new(STREAM) => Ok(Question::Stdin),
        ([], Some(file)) => Ok(Question::File(file)),
        (_, Some(_)) => Err(Error::usage("both SQL and --file are given")
            .help("leave one of them out: query answers one statement")),
        ([word], None) if word == STREAM => Ok(Question::Stdin),
        ([word], None) => Ok(Question::Text(word.clone())),
        ([first, ..], None) if first.starts_with('.') => Ok(Question::Text(words.join(" "))),
        _ => Err(
            Error::usage("the SQL is more than one word of the command line")
                .help("put the whole statement in one pair of quotes, such as \"SELECT count(*) FROM customers\""),
        ),
    };
    question.map(Some)
}

/// A file of another name would be taken for what it is not, such as a spreadsheet.
fn refuse_unknown_ending(path: &Path) -> Result<()> {
    let ending = path
        .extension()
        .map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    match ending {
        Some(ending) if by_ending(path).is_none() && ending != "txt" => {
            Err(Error::usage(format!("no form belongs to a file that ends in .{ending}")).help(
                "name it .csv, .json, .ndjson or .txt (a table for people), or say with --format what is to be in it",
            ))
        }
        _ => Ok(()),
    }
}

/// The form that the ending of a file's name stands for.
fn by_ending(path: &Path) -> Option<QueryFormat> {
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    match ending.as_str() {
        "csv" => Some(QueryFormat::Csv),
        "json" => Some(QueryFormat::Json),
        "ndjson" | "jsonl" => Some(QueryFormat::Ndjson),
        _ => None,
    }
}

fn form(format: QueryFormat, is_safe: bool) -> AnswerForm {
    match format {
        QueryFormat::Table => AnswerForm::Table,
        QueryFormat::Csv => AnswerForm::Csv { is_safe },
        QueryFormat::Json => AnswerForm::Json,
        QueryFormat::Ndjson => AnswerForm::Ndjson,
    }
}
