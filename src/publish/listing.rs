//! The snapshots of a directory, for `status`.

use std::path::Path;

use super::place::Place;
use super::{directory, manifest};
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
    for name in place.names()? {
        let path = place.snapshot(&name);
        let manifest = place.manifest(&name)?;
        let damaged = match &manifest {
            Some(manifest) => manifest.damage(&path).map(|damage| damage.path),
            None => Some(manifest::NAME),
        };
        let files = manifest.iter().flat_map(|manifest| &manifest.files);
        let mut snapshot = PublishedSnapshot {
            is_current: current.as_ref() == Some(&name),
            created_at: manifest.as_ref().map(|told| told.created_at.clone()),
            damaged: damaged.map(str::to_owned),
            rows: files.clone().map(|file| file.rows).sum(),
            files: u64::try_from(files.count()).unwrap_or(u64::MAX),
            bytes: 0,
            bytes_own: 0,
            bytes_shared: 0,
            snapshot: name,
        };
        // Not what a link in its place leads to.
        if directory::is_directory(&path) {
            weigh(&path, &mut snapshot)?;
        }
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
