//! What a look for things without a name works with.

use std::path::PathBuf;

use super::metrics::MetricsSettings;

/// A look for tags and custom attributes without a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naming {
    /// The store's file.
    pub path: PathBuf,
    /// The directory that was named, where it lies in one.
    pub directory: Option<PathBuf>,
    /// What the configuration says, names that are given already among it.
    pub metrics: MetricsSettings,
}
