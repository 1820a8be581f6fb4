//! What `names` was asked, as meant. Pure.

use crate::cli::NamesArgs;
use crate::error::{Error, Result};
use crate::settings::{MetricsSettings, Naming};

/// A look for what has no name, as meant.
pub(super) fn naming(typed: NamesArgs) -> Result<Naming> {
    let store = typed.source.target().ok_or_else(|| {
        Error::usage("--from is missing").help(
            "give --from sqlite:support.db, or set MAVA_EXPORT_FROM or MAVA_EXPORT_TO, or from or to in the \
             configuration file",
        )
    })?;
    Ok(Naming {
        path: store.store(),
        directory: store.directory().cloned(),
        metrics: MetricsSettings::default(),
    })
}
