//! The directory that is published to: which snapshots lie there, and which is current.
//!
//! ```text
//! DIR/current -> snapshots/000042      or DIR/current.json where there are no links
//! DIR/snapshots/000042/manifest.json
//! DIR/snapshots/000042/tickets/created_month=2026-10/tickets.parquet
//! DIR/.tmp-…                           what a publish works on; cleaned by the next
//! ```

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::directory::{self, Filesystem};
use super::manifest::{self, Manifest};
use crate::error::{Error, Result};

/// The link to the newest snapshot.
const CURRENT: &str = "current";

/// What stands in for it on a filesystem without links.
const CURRENT_JSON: &str = "current.json";

/// What begins so is not finished.
const TEMPORARY: &str = ".tmp-";

/// `current.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Current {
    snapshot: String,
    path: String,
}

/// A directory with snapshots.
#[derive(Debug, Clone)]
pub(super) struct Place {
    root: PathBuf,
    file_mode: u32,
}

impl Place {
    pub(super) fn new(root: &Path, file_mode: u32) -> Self {
        Self {
            root: root.to_owned(),
            file_mode,
        }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The directory of a snapshot.
    pub(super) fn snapshot(&self, name: &str) -> PathBuf {
        self.root.join("snapshots").join(name)
    }

    /// A directory to work in.
    pub(super) fn temporary(&self, name: &str) -> PathBuf {
        self.root.join(format!("{TEMPORARY}{name}"))
    }

    /// Removes what a publish that was killed left behind: what it worked on, and a snapshot that
    /// it finished but did not live to make current.
    pub(super) fn clean(&self) -> Result<()> {
        for name in self.left_behind()? {
            self.discard(&name)?;
        }
        for (path, _) in directory::entries(&self.root)? {
            let name = path.file_name().and_then(|name| name.to_str());
            if name.is_some_and(|name| name.starts_with(TEMPORARY)) {
                tracing::debug!(path = %path.display(), "removing what an earlier publish left");
                directory::remove(&path)?;
            }
        }
        Ok(())
    }

    /// Snapshots that were never current: those made after it or from it, and the only one where
    /// there is no current yet. One without a manifest is not ours to judge.
    fn left_behind(&self) -> Result<Vec<String>> {
        let current = self.current()?;
        let mut others = Vec::new();
        let mut newest = None;
        for name in self.snapshots()? {
            let manifest = self.manifest(&name)?;
            if current.as_ref() == Some(&name) {
                newest = manifest.map(|manifest| manifest.created_at);
            } else {
                others.push((name, manifest));
            }
        }
        if current.is_none() && others.len() != 1 {
            return Ok(Vec::new());
        }
        let is_left = |manifest: &Manifest| match &newest {
            Some(newest) => manifest.parent == current || manifest.created_at > *newest,
            None => current.is_none() && manifest.parent.is_none(),
        };
        others.retain(|(_, manifest)| manifest.as_ref().is_some_and(is_left));
        Ok(others.into_iter().map(|(name, _)| name).collect())
    }

    /// The name of the current snapshot.
    pub(super) fn current(&self) -> Result<Option<String>> {
        let path = match directory::target(&self.root.join(CURRENT))? {
            Some(path) => path,
            None => {
                let path = self.root.join(CURRENT_JSON);
                let Some(text) = directory::read(&path)? else {
                    return Ok(None);
                };
                let current: Current = serde_json::from_str(&text).map_err(|error| {
                    Error::failed(format!("cannot read {}", path.display())).because(error)
                })?;
                PathBuf::from(current.path)
            }
        };
        let name = path.file_name().and_then(|name| name.to_str());
        Ok(name.map(str::to_owned))
    }

    /// The names of all snapshots, sorted.
    pub(super) fn snapshots(&self) -> Result<Vec<String>> {
        let found = directory::entries(&self.root.join("snapshots"))?;
        Ok(found
            .into_iter()
            .filter(|(_, is_directory)| *is_directory)
            .filter_map(|(path, _)| Some(path.file_name()?.to_str()?.to_owned()))
            .filter(|name| is_name(name))
            .collect())
    }

    /// What a snapshot says of itself; `None` where it says nothing.
    pub(super) fn manifest(&self, name: &str) -> Result<Option<Manifest>> {
        let path = self.snapshot(name).join(manifest::NAME);
        let Some(text) = directory::read(&path)? else {
            return Ok(None);
        };
        Ok(serde_json::from_str(&text).ok())
    }

    /// A name for a snapshot of this run that no other has: its number, and from the second on
    /// which of them it is.
    pub(super) fn free_name(&self, snapshot_id: i64) -> String {
        let name = format!("{snapshot_id:06}");
        if !directory::exists(&self.snapshot(&name)) {
            return name;
        }
        (2..)
            .map(|number| format!("{name}-{number}"))
            .find(|name| !directory::exists(&self.snapshot(name)))
            .unwrap_or(name)
    }

    /// Makes a finished directory the current snapshot of this name: all of it is on disk before
    /// it has the name, and it has the name before anything leads to it. `false` where the
    /// filesystem has no links.
    pub(super) fn install(
        &self,
        built: &Path,
        name: &str,
        filesystem: &Filesystem,
    ) -> Result<bool> {
        directory::sync_tree(built)?;
        let snapshots = self.root.join("snapshots");
        directory::create_directory(&snapshots, self.file_mode)?;
        directory::rename(built, &self.snapshot(name))?;
        directory::sync_directory(&snapshots)?;
        directory::sync_directory(&self.root)?;
        self.point_to(name, filesystem)
    }

    /// Swaps `current`.
    fn point_to(&self, name: &str, filesystem: &Filesystem) -> Result<bool> {
        let target = PathBuf::from("snapshots").join(name);
        let link = self.temporary(CURRENT);
        let json = self.root.join(CURRENT_JSON);
        let is_linked = (filesystem.symlink)(&target, &link).is_ok();
        if is_linked {
            directory::rename(&link, &self.root.join(CURRENT))?;
            directory::remove(&json)?;
        } else {
            let text = serde_json::to_string_pretty(&Current {
                snapshot: name.to_owned(),
                path: target.to_string_lossy().into_owned(),
            })
            .map_err(|error| Error::failed("current.json is no JSON").because(error))?;
            let temporary = self.temporary(CURRENT_JSON);
            directory::write(&temporary, &format!("{text}\n"), self.file_mode)?;
            directory::rename(&temporary, &json)?;
            directory::remove(&self.root.join(CURRENT))?;
        }
        directory::sync_directory(&self.root)?;
        Ok(is_linked)
    }

    /// Removes the oldest snapshots until so many are left, never the one of this name, and
    /// returns their names.
    pub(super) fn retain(&self, keep: usize, current: &str) -> Result<Vec<String>> {
        let mut aged = Vec::new();
        for name in self.snapshots()? {
            if name != current {
                let created_at = self.manifest(&name)?.map(|manifest| manifest.created_at);
                aged.push((created_at, name));
            }
        }
        aged.sort();
        let surplus = (aged.len() + 1).saturating_sub(keep.max(1));
        let gone: Vec<String> = aged
            .into_iter()
            .take(surplus)
            .map(|(_, name)| name)
            .collect();
        for name in &gone {
            self.discard(name)?;
        }
        Ok(gone)
    }

    /// Removes a snapshot, which is none any more before its first file goes.
    fn discard(&self, name: &str) -> Result<()> {
        let doomed = self.temporary(&format!("gone-{name}"));
        directory::rename(&self.snapshot(name), &doomed)?;
        directory::remove(&doomed)
    }
}

/// Whether a directory's name is one that [`Place::free_name`] gives.
fn is_name(name: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (number, which) = name.split_once('-').unwrap_or((name, "2"));
    number.len() >= 6 && is_number(number) && is_number(which)
}
