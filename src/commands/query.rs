//! `query`: a question to a store in SQL. Sends nothing.

use crate::error::{ExitCode, Result};
use crate::query;
use crate::settings::Query;
use crate::terminal::Printer;

pub(super) fn query(asked: &Query, printer: &Printer) -> Result<ExitCode> {
    query::ask(asked, printer)?;
    Ok(ExitCode::Complete)
}
