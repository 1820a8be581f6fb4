#![expect(
    clippy::disallowed_methods,
    reason = "reads the variables that name the user's directories: an edge"
)]
//! The user's own directories: of the state, where the request ledgers lie unless told otherwise,
//! and of the configuration.

use std::path::PathBuf;

use etcetera::BaseStrategy;

use crate::error::{Error, Result};

/// The directory that a variable of the XDG specification names, which a user without a home may set too;
/// one that is not absolute counts as unset: <https://specifications.freedesktop.org/basedir/latest/#variables>.
fn named(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
}

/// This tool's folder in the user's state directory: `$XDG_STATE_HOME/mava-export`, else
/// `~/.local/state/mava-export`.
///
/// # Errors
/// A usage error where the user has no home: without a ledger, two processes that share a key
/// would each spend the whole limit.
pub(super) fn directory() -> Result<PathBuf> {
    named("XDG_STATE_HOME")
        .or_else(|| etcetera::choose_base_strategy().ok()?.state_dir())
        .map(|state| state.join("mava-export"))
        .ok_or_else(|| {
            Error::usage("there is no home directory to keep the request ledger in")
                .help("name a directory with --state-dir, MAVA_EXPORT_STATE_DIR or XDG_STATE_HOME")
        })
}

/// This tool's configuration file in the user's configuration directory:
/// `$XDG_CONFIG_HOME/mava-export/config.toml`, else `~/.config/mava-export/config.toml`; `None`
/// where the user has no home.
pub(super) fn configuration() -> Option<PathBuf> {
    let directory = named("XDG_CONFIG_HOME")
        .or_else(|| Some(etcetera::choose_base_strategy().ok()?.config_dir()))?;
    Some(directory.join("mava-export").join("config.toml"))
}
