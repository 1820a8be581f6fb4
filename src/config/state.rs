//! The user's own directories: of the state, where the request ledgers lie unless told otherwise,
//! and of the configuration.

use std::path::PathBuf;

use etcetera::BaseStrategy;

use crate::error::{Error, Result};

/// This tool's folder in the user's state directory: `$XDG_STATE_HOME/mava-export`, else
/// `~/.local/state/mava-export`.
///
/// # Errors
/// A usage error where the user has no home: without a ledger, two processes that share a key
/// would each spend the whole limit.
pub(super) fn directory() -> Result<PathBuf> {
    etcetera::choose_base_strategy()
        .ok()
        .and_then(|user| user.state_dir())
        .map(|state| state.join("mava-export"))
        .ok_or_else(|| {
            Error::usage("there is no home directory to keep the request ledger in")
                .help("name a directory with --state-dir")
        })
}

/// This tool's configuration file in the user's configuration directory:
/// `$XDG_CONFIG_HOME/mava-export/config.toml`, else `~/.config/mava-export/config.toml`; `None`
/// where the user has no home.
pub(super) fn configuration() -> Option<PathBuf> {
    let user = etcetera::choose_base_strategy().ok()?;
    Some(user.config_dir().join("mava-export").join("config.toml"))
}
