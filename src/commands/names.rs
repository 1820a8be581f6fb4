//! `names`: tags and custom attributes of a store that have no name. Sends nothing.

use crate::error::{ExitCode, Result};
use crate::settings::Naming;
use crate::store::Store;
use crate::terminal::Printer;

pub(super) fn names(asked: &Naming, printer: &Printer) -> Result<ExitCode> {
    let store = Store::open_read_only(&asked.path)?;
    store.require_current_schema()?;
    printer.names(&store.unnamed(&asked.metrics.names)?.into())?;
    Ok(ExitCode::Complete)
}
