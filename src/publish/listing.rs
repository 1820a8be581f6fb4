//! The snapshots of a directory, for `status`.

use std::path::Path;

use super::directory;
use super::place::Place;
use crate::error::Result;
use crate::report::PublishedSnapshot;

/// Every snapshot of `directory`, newest first; none where nothing was published.
///
/// # Errors
/// The directory cannot be read.
pub fn list(directory: &Path) -> Result<Vec<PublishedSnapshot>> {
    let place = Place::new(directory, super::OWNERS_ONLY);
    let current = place.current()?;
    let mut listed = Vec::new();
    for name in place.snapshots()? {
        let manifest = place.manifest(&name)?;
        let mut snapshot = PublishedSnapshot {
            is_current: current.as_ref() == Some(&name),
            created_at: None,
            rows: 0,
            files: 0,
            bytes: 0,
            bytes_own: 0,
            bytes_shared: 0,
            snapshot: name,
        };
        if let Some(manifest) = manifest {
            snapshot.rows = manifest.files.iter().map(|file| file.rows).sum();
            snapshot.files = u64::try_from(manifest.files.len()).unwrap_or(u64::MAX);
            snapshot.created_at = Some(manifest.created_at);
        }
        weigh(&place.snapshot(&snapshot.snapshot), &mut snapshot)?;
        listed.push(snapshot);
    }
    listed.reverse();
    Ok(listed)
}

fn weigh(directory: &Path, snapshot: &mut PublishedSnapshot) -> Result<()> {
    for (path, is_directory) in directory::entries(directory)? {
        if is_directory {
            weigh(&path, snapshot)?;
        } else if let Some(weight) = directory::weight(&path) {
            snapshot.bytes += weight.bytes;
            match weight.is_shared {
                true => snapshot.bytes_shared += weight.bytes,
                false => snapshot.bytes_own += weight.bytes,
            }
        }
    }
    Ok(())
}
