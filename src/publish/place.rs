//! The directory that is published to: which snapshots lie there, and which is current.
//!
//! ```text
//! DIR/current -> snapshots/000042       or DIR/current.json where there are no links
//! DIR/snapshots/000042/manifest.json
//! DIR/snapshots/000042/tickets/created_month=2026-10/tickets.parquet
//! DIR/snapshots/.mava-export-tmp-…      what a publish works on; cleaned by the next
//! DIR/.mava-export-installing           names the snapshot that is about to become current
//! ```

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::directory::{self, Filesystem};
use super::failure::Failure;
use super::manifest::{self, Manifest, Origin};
use super::mode;
use super::owner::Owner;
use crate::derived;
use crate::error::{Error, Result};

/// The link to the newest snapshot.
pub(super) const CURRENT: &str = "current";

/// What stands in for it on a filesystem without links.
pub(super) const CURRENT_JSON: &str = "current.json";

/// The directory of the snapshots.
pub(super) const SNAPSHOTS: &str = "snapshots";

/// What begins so is ours and not finished.
const TEMPORARY: &str = ".mava-export-tmp-";

/// Is there from before a snapshot has its name until `current` leads to it.
const INSTALLING: &str = ".mava-export-installing";

/// `current.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Current {
    snapshot: String,
    path: String,
}

/// What [`INSTALLING`] holds.
#[derive(Debug, Serialize, Deserialize)]
struct Installing {
    snapshot: String,
    id: String,
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

    /// Refuses a `snapshots` that is anything but a directory of this very place: what lies behind a link
    /// may be another's, whose snapshots would be removed as this one's.
    pub(super) fn check(&self) -> Result<()> {
        let path = self.snapshots_directory();
        let found = derived::look(&path).map_err(|error| Failure::open(&path, error))?;
        match found {
            Some(found) if found.is_symlink() => Err(Error::usage(format!(
                "{} is a link, and what lies behind it may be another store's",
                path.display()
            ))
            .help(
                "move the link away: the next publish makes a directory there; to keep snapshots on another disk, \
                 name a directory on that disk with --to",
            )),
            Some(found) if !found.is_dir() => Err(Failure::foreign(&path, "is no directory")),
            _ => Ok(()),
        }
    }

    /// The directory of the snapshots, which may be a filesystem of its own.
    pub(super) fn snapshots_directory(&self) -> PathBuf {
        self.root.join(SNAPSHOTS)
    }

    /// The directory of a snapshot.
    pub(super) fn snapshot(&self, name: &str) -> PathBuf {
        self.snapshots_directory().join(name)
    }

    /// A place to work in, on the filesystem of the snapshots.
    pub(super) fn temporary(&self, name: &str) -> PathBuf {
        self.snapshot(&format!("{TEMPORARY}{name}"))
    }

    /// A place to work in, on the filesystem of `current`.
    fn temporary_beside_current(&self, name: &str) -> PathBuf {
        self.root.join(format!("{TEMPORARY}{name}"))
    }

    /// Removes what a publish that was killed left behind: what it worked on, and the snapshot
    /// that it finished but did not live to make current, whose name is returned.
    pub(super) fn clean(&self, owner: &Owner) -> Result<Option<String>> {
        self.check()?;
        let removed = self.end_installing(owner)?;
        for directory in [self.root.clone(), self.snapshots_directory()] {
            for (path, _) in directory::entries(&directory)? {
                let name = path.file_name().and_then(|name| name.to_str());
                if name.is_some_and(|name| name.starts_with(TEMPORARY)) {
                    tracing::debug!(path = %path.display(), "removing what an earlier publish left");
                    directory::remove(&path)?;
                }
            }
        }
        Ok(removed)
    }

    /// Removes the snapshot that was about to become current and is not. Only the mark that its
    /// publish left tells it from one that was current once: neither its age nor its parent does.
    fn end_installing(&self, owner: &Owner) -> Result<Option<String>> {
        let mark = self.root.join(INSTALLING);
        let Some(text) = directory::read(&mark)? else {
            return Ok(None);
        };
        // A mark that was cut was not on disk yet, and nothing was renamed before it was.
        let installing = serde_json::from_str::<Installing>(&text).ok();
        let mut removed = None;
        if let Some(Installing { snapshot, id }) = installing
            && self
                .manifest(&snapshot)?
                .is_some_and(|manifest| manifest.id == id)
            && self.remove_snapshot(&snapshot, owner)?
        {
            directory::sync_directory(&self.snapshots_directory())?;
            removed = Some(snapshot);
        }
        directory::remove_file(&mark)?;
        Ok(removed)
    }

    /// The name of the current snapshot.
    ///
    /// # Errors
    /// What lies there leads elsewhere, and so is somebody else's; or it cannot be read.
    pub(super) fn current(&self) -> Result<Option<String>> {
        self.check()?;
        let link = self.root.join(CURRENT);
        let Some(target) = directory::target(&link)? else {
            return self.named_by_json();
        };
        match self.name_of(&target) {
            Some(name) => Ok(Some(name)),
            None => Err(Failure::foreign(
                &link,
                "leads to no snapshot of this directory",
            )),
        }
    }

    /// The name that `current.json` has, which counts only where there is no link.
    fn named_by_json(&self) -> Result<Option<String>> {
        let path = self.root.join(CURRENT_JSON);
        let Some(text) = directory::read(&path)? else {
            return Ok(None);
        };
        let current = serde_json::from_str::<Current>(&text).ok();
        match current.and_then(|current| self.name_of(Path::new(&current.path))) {
            Some(name) => Ok(Some(name)),
            None => Err(Failure::foreign(
                &path,
                "names no snapshot of this directory",
            )),
        }
    }

    /// The name of the snapshot at this path, which is absolute or begins at the directory; `None`
    /// where it is the path of anything else.
    fn name_of(&self, target: &Path) -> Option<String> {
        let snapshots = self.snapshots_directory();
        let parent = self.root.join(target.parent()?);
        let is_here = parent == snapshots
            || directory::canonical(&parent).is_some_and(|parent| {
                directory::canonical(&snapshots).is_some_and(|snapshots| parent == snapshots)
            });
        let name = target.file_name()?.to_str()?;
        (is_here && Number::of(name).is_some()).then(|| name.to_owned())
    }

    /// Whether `current.json` stands in for the link.
    pub(super) fn is_named_by_json(&self) -> bool {
        !directory::exists(&self.root.join(CURRENT))
            && directory::exists(&self.root.join(CURRENT_JSON))
    }

    /// Removes a `current.json` of ours, which a link has made needless.
    fn remove_json(&self) -> Result<()> {
        match self.named_by_json() {
            Ok(Some(_)) => directory::remove_file(&self.root.join(CURRENT_JSON)),
            // Somebody else's.
            _ => Ok(()),
        }
    }

    /// The names of all snapshots, in the order in which they were published.
    pub(super) fn snapshots(&self) -> Result<Vec<String>> {
        let mut names = self.names()?;
        names.retain(|name| self.is_directory(name));
        Ok(names)
    }

    /// Names of snapshots, links and files that have such a name among them.
    pub(super) fn names(&self) -> Result<Vec<String>> {
        self.check()?;
        let mut found: Vec<(Number, String)> = directory::entries(&self.snapshots_directory())?
            .into_iter()
            .filter_map(|(path, _)| Some(path.file_name()?.to_str()?.to_owned()))
            .filter_map(|name| Some((Number::of(&name)?, name)))
            .collect();
        found.sort();
        Ok(found.into_iter().map(|(_, name)| name).collect())
    }

    /// Whether a directory of this place has this name, which leads nowhere else.
    fn is_directory(&self, name: &str) -> bool {
        Number::of(name).is_some() && directory::is_directory(&self.snapshot(name))
    }

    /// The text of a snapshot's manifest; `None` where there is none in a directory of this place.
    fn manifest_text(&self, name: &str) -> Result<Option<String>> {
        match self.is_directory(name) {
            true => directory::read_if_any(&self.snapshot(name).join(manifest::NAME)),
            false => Ok(None),
        }
    }

    /// What a snapshot says of itself; `None` where it says nothing that we understand, or what another
    /// would.
    pub(super) fn manifest(&self, name: &str) -> Result<Option<Manifest>> {
        let text = self.manifest_text(name)?.unwrap_or_default();
        let told = serde_json::from_str::<Manifest>(&text).ok();
        Ok(told.filter(|told| told.snapshot == name))
    }

    /// Whether a snapshot was published here from the store of `owner`, by this version or another.
    fn is_of(&self, owner: &Owner, name: &str) -> Result<bool> {
        let text = self.manifest_text(name)?.unwrap_or_default();
        let told = serde_json::from_str::<Origin>(&text).ok();
        Ok(told.is_some_and(|told| told.snapshot == name && owner.has(&told)))
    }

    /// The snapshots that a manifest says are of another store than that of `owner`.
    pub(super) fn others(&self, owner: &Owner) -> Result<Vec<String>> {
        let mut others = Vec::new();
        for name in self.snapshots()? {
            if self.manifest(&name)?.is_some() && !self.is_of(owner, &name)? {
                others.push(name);
            }
        }
        Ok(others)
    }

    /// A name for a snapshot of this run, after all that are there and after the current one: its
    /// number, and from the second on which of them it is. Where the numbers begin again, as in
    /// another store, that of the last snapshot goes on.
    pub(super) fn next_name(&self, snapshot_id: i64) -> Result<String> {
        let names = self.names()?.into_iter().chain(self.current()?);
        let last = names.filter_map(|name| Number::of(&name)).max();
        let run = u64::try_from(snapshot_id).unwrap_or(0);
        let next = match last {
            Some(last) if last.run >= run => Number {
                run: last.run,
                which: last.which.saturating_add(1),
            },
            _ => Number { run, which: 1 },
        };
        Ok(next.name())
    }

    /// Makes a finished directory the current snapshot: all of it is on disk before it has its
    /// name, and it has its name before anything leads to it. `false` where the filesystem has no
    /// links.
    pub(super) fn install(
        &self,
        built: &Path,
        manifest: &Manifest,
        filesystem: &Filesystem,
    ) -> Result<bool> {
        directory::sync_tree(built)?;
        let mark = self.root.join(INSTALLING);
        let installing = Installing {
            snapshot: manifest.snapshot.clone(),
            id: manifest.id.clone(),
        };
        self.write_json(&mark, &installing)?;
        directory::sync_directory(&self.root)?;
        directory::rename(built, &self.snapshot(&manifest.snapshot))?;
        directory::sync_directory(&self.snapshots_directory())?;
        let is_linked = self.point_to(&manifest.snapshot, filesystem)?;
        directory::remove_file(&mark)?;
        directory::sync_directory(&self.root)?;
        Ok(is_linked)
    }

    /// Swaps `current`.
    fn point_to(&self, name: &str, filesystem: &Filesystem) -> Result<bool> {
        let target = PathBuf::from(SNAPSHOTS).join(name);
        let link = self.temporary_beside_current(CURRENT);
        let json = self.root.join(CURRENT_JSON);
        let is_linked = directory::symlink(&target, &link, filesystem)?;
        if is_linked {
            directory::rename(&link, &self.root.join(CURRENT))?;
            self.remove_json()?;
        } else {
            // Not over somebody else's.
            self.named_by_json()?;
            let temporary = self.temporary_beside_current(CURRENT_JSON);
            let current = Current {
                snapshot: name.to_owned(),
                path: target.to_string_lossy().into_owned(),
            };
            self.write_json(&temporary, &current)?;
            directory::rename(&temporary, &json)?;
            directory::remove_file(&self.root.join(CURRENT))?;
        }
        directory::sync_directory(&self.root)?;
        Ok(is_linked)
    }

    fn write_json(&self, path: &Path, value: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string(value).map_err(|error| {
            Error::failed(format!("{} is no JSON", path.display())).because(error)
        })?;
        directory::write(path, &format!("{text}\n"), self.file_mode)
    }

    /// Removes the oldest snapshots of a store until so many are left, never the current one, and returns
    /// their names. What is of another store, or has no manifest, is not counted.
    pub(super) fn retain(&self, keep: usize, current: &str, owner: &Owner) -> Result<Vec<String>> {
        let mut others = Vec::new();
        for name in self.snapshots()? {
            if name != current && self.is_of(owner, &name)? {
                others.push(name);
            }
        }
        let surplus = (others.len() + 1).saturating_sub(keep.max(1));
        let mut removed = Vec::new();
        for name in others.into_iter().take(surplus) {
            if self.remove_snapshot(&name, owner)? {
                removed.push(name);
            }
        }
        Ok(removed)
    }

    /// Removes a snapshot, which is none any more before its first file goes. `false` where it stays.
    ///
    /// Nothing else in the program removes snapshots. Whatever asks for it, this one goes only if it lies
    /// directly below this very directory, is of the store of `owner`, and is not the current one.
    fn remove_snapshot(&self, name: &str, owner: &Owner) -> Result<bool> {
        self.check()?;
        let is_current = self.current()?.as_deref() == Some(name);
        if is_current || !self.is_of(owner, name)? {
            return Ok(false);
        }
        let doomed = self.temporary(&format!("gone-{name}"));
        directory::rename(&self.snapshot(name), &doomed)?;
        directory::remove(&doomed)?;
        Ok(true)
    }

    /// Gives the directory and that of the snapshots the permissions that now go with its files,
    /// if theirs are those that went with the files of the current snapshot: others were given by
    /// somebody else. Returns those that went before.
    pub(super) fn adopt_mode(&self) -> Result<Option<u32>> {
        let Some(current) = self.current()? else {
            return Ok(None);
        };
        if !self.is_directory(&current) {
            return Ok(None);
        }
        let Some(before) = mode::of(&self.snapshot(&current).join(manifest::NAME)) else {
            return Ok(None);
        };
        // The directory itself was named, and may be behind a link.
        let root = directory::canonical(&self.root).unwrap_or_else(|| self.root.clone());
        for directory in [root, self.snapshots_directory()] {
            mode::change_directory(&directory, before, self.file_mode)?;
        }
        Ok(Some(before))
    }

    /// Whether the filesystem refuses to set permissions.
    pub(super) fn lacks_modes(&self, filesystem: &Filesystem) -> Result<bool> {
        let path = self.temporary("mode");
        directory::write(&path, "", self.file_mode)?;
        let is_refused = mode::is_refused(&path, self.file_mode, filesystem.set_mode)?;
        directory::remove_file(&path)?;
        Ok(is_refused)
    }
}

/// A snapshot's place among the others: names go up from publish to publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Number {
    /// The number of a run.
    run: u64,
    /// Which of its snapshots, from 1.
    which: u64,
}

impl Number {
    /// That of a directory of this name; `None` where it is no snapshot's.
    fn of(name: &str) -> Option<Self> {
        let number = |text: &str| {
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| text.parse().ok()).flatten()
        };
        let (run, which) = match name.split_once('-') {
            Some((run, which)) => (run, number(which)?),
            None => (name, 1),
        };
        let found = Self {
            run: number(run)?,
            which,
        };
        // Written in no other way, so that no two names have one number.
        (found.name() == name).then_some(found)
    }

    fn name(self) -> String {
        match self.which {
            1 => format!("{:06}", self.run),
            which => format!("{:06}-{which}", self.run),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_place_and_a_place_one_name() {
        for (name, run, which) in [
            ("000001", 1, 1),
            ("000042-2", 42, 2),
            ("1000000", 1_000_000, 1),
            ("000009-10", 9, 10),
        ] {
            let number = Number { run, which };
            assert_eq!(Number::of(name), Some(number));
            assert_eq!(number.name(), name);
        }
        for name in [
            "", "1", "0000001", "000001-1", "000001-", "00001a", "-000001", "../0001", "mine",
        ] {
            assert_eq!(Number::of(name), None, "{name}");
        }
        assert!(Number::of("000009-10") > Number::of("000009-9"));
        assert!(Number::of("1000000") > Number::of("999999-3"));
    }
}
