//! The file that an answer is written to: there when it is whole, and never in the place of something
//! else unless that was asked for.
#![expect(
    clippy::disallowed_methods,
    reason = "places the file that the user names"
)]

use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::derived;
use crate::error::{Error, Result};
use crate::limits::Full;
use crate::publish;
use crate::settings::STORE_FILE;
use crate::store::{MAGIC, Store};

/// Names that are tried for the unfinished file, where others lie about from processes that were killed.
const NAMES: u32 = 100;

/// Permissions of an answer of which no store says who may read it.
const OWNERS_ALONE: u32 = 0o600;

/// An answer that is being written, beside the file that it is to be.
pub(super) struct Output {
    path: PathBuf,
    unfinished: PathBuf,
    file: BufWriter<File>,
    is_overwriting: bool,
    is_placed: bool,
}

impl Output {
    /// Begins the file at `path`. It is as private as the file that it replaces, else as `store`, and for its owner alone
    /// where there is none.
    ///
    /// # Errors
    /// Something lies there that is not to be replaced, or the file cannot be made.
    pub(super) fn begin(path: &Path, is_overwriting: bool, store: Option<&Store>) -> Result<Self> {
        let failed = |error| explain(path, error);
        let Some(name) = path.file_name() else {
            return Err(Error::usage(format!("{} names no file", path.display()))
                .help("name the file that is to be written, such as answer.csv"));
        };
        let replaced = look(path, is_overwriting)?;
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let like = match (replaced, store) {
            (None, Some(store)) => Some(fs::metadata(store.path()).map_err(failed)?),
            (replaced, _) => replaced,
        };
        // Nobody runs an answer.
        let mode = like.map_or(OWNERS_ALONE, |like| like.permissions().mode() & 0o666);
        let (file, unfinished) = create(directory, mode).map_err(failed)?;
        let output = Self {
            path: fs::canonicalize(directory).map_err(failed)?.join(name),
            unfinished,
            file: BufWriter::new(file),
            is_overwriting,
            is_placed: false,
        };
        store.map_or(Ok(()), |store| output.keep_away_from(store))?;
        // Some filesystems have no permissions to set.
        if let Err(error) = derived::set_mode(output.file.get_ref(), mode) {
            tracing::debug!(error = %error, "the answer keeps the permissions that it has");
        }
        Ok(output)
    }

    /// That it is none of the files of the store, whether they exist now or not.
    fn keep_away_from(&self, store: &Store) -> Result<()> {
        let is_published = store.path().ends_with(STORE_FILE)
            && store
                .path()
                .parent()
                .is_some_and(|directory| publish::owns(directory, &self.path));
        if store.owns(&self.path) || is_published {
            return Err(
                Error::usage(format!("{} belongs to the store", self.path.display()))
                    .help("name another file"),
            );
        }
        Ok(())
    }

    /// Where it will be.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds to it.
    ///
    /// # Errors
    /// The disk is full or failed.
    pub(super) fn write(&mut self, text: &str) -> Result<()> {
        let written = self.file.write_all(text.as_bytes());
        written.map_err(|error| explain(&self.path, error))
    }

    /// Puts it in its place, all of it on disk.
    ///
    /// # Errors
    /// The disk is full or failed, or something lies there now that is not to be replaced.
    pub(super) fn place(mut self) -> Result<()> {
        let failed = |error| explain(&self.path, error);
        self.file
            .flush()
            .and_then(|()| self.file.get_ref().sync_all())
            .map_err(failed)?;
        // Again, since others may have made something meanwhile.
        look(&self.path, self.is_overwriting)?;
        let moved = match self.is_overwriting {
            true => fs::rename(&self.unfinished, &self.path),
            false => rename_to_nothing(&self.unfinished, &self.path),
        };
        moved.map_err(failed)?;
        self.is_placed = true;
        // The file is whole; what a power cut would leave of its name is the disk's.
        if let Some(directory) = self.path.parent()
            && let Err(error) = File::open(directory).and_then(|directory| directory.sync_all())
        {
            tracing::debug!(error = %error, "the directory cannot be synced");
        }
        Ok(())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if !self.is_placed
            && let Err(error) = fs::remove_file(&self.unfinished)
        {
            let path = self.unfinished.display();
            tracing::warn!("{path} cannot be removed: {error}");
        }
    }
}

/// Makes a file beside the one that is to be.
fn create(directory: &Path, mode: u32) -> io::Result<(File, PathBuf)> {
    let process = std::process::id();
    let mut last = io::Error::from(ErrorKind::AlreadyExists);
    for number in 0..NAMES {
        let path = directory.join(format!(".mava-export-{process}-{number}.part"));
        match derived::create(&path, mode) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

/// What is to be replaced at `path`, if anything lies there.
fn look(path: &Path, is_overwriting: bool) -> Result<Option<Metadata>> {
    let shown = path.display();
    let Some(found) = derived::look(path).map_err(|error| explain(path, error))? else {
        return Ok(None);
    };
    let refused = |what: &str, help: String| {
        Err(Error::usage(format!("cannot write {shown}: {what}")).help(help))
    };
    let kind = found.file_type();
    if kind.is_symlink() {
        return refused(
            "it is a symbolic link",
            "name the file that it leads to, or another one".to_owned(),
        );
    }
    if kind.is_dir() {
        let inside = path.join("answer.csv");
        return refused(
            "it is a directory",
            format!("name a file in it, such as {}", inside.display()),
        );
    }
    if !kind.is_file() {
        return refused(
            "it is no regular file",
            format!("leave --output out and redirect stdout: > {shown}"),
        );
    }
    if !is_overwriting {
        return Err(exists(path));
    }
    let mut start = [0; MAGIC.len()];
    let read = derived::open(path).and_then(|mut file| file.read_exact(&mut start));
    if read.is_ok() && start == *MAGIC {
        return refused(
            "it is a database",
            "name another file: query replaces no database".to_owned(),
        );
    }
    Ok(Some(found))
}

fn exists(path: &Path) -> Error {
    Error::usage(format!("{} exists already", path.display()))
        .help("name another file, or add --overwrite to replace it once the answer is whole")
}

/// Renames where nothing lies at `to`.
fn rename_to_nothing(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // A filesystem that cannot promise it: a second name cannot be given over another file either.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            fs::hard_link(from, to)?;
            fs::remove_file(from)
        }
        renamed => renamed.map_err(io::Error::from),
    }
}

fn explain(path: &Path, error: io::Error) -> Error {
    let shown = path.display();
    if let Some(full) = Full::of(path, &error) {
        return Error::failed(format!("{}: nothing of it was kept", full.message(path)))
            .help(format!(
                "{}, or name a file on another disk, and ask again",
                full.way_out()
            ))
            .because(error);
    }
    match error.kind() {
        ErrorKind::AlreadyExists => exists(path),
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            let directory = path.parent().unwrap_or(path).display();
            Error::usage(format!("the directory {directory} does not exist"))
                .help(format!("make it first: mkdir -p {directory}"))
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            Error::usage(format!("cannot write {shown}"))
                .help("check the permissions of its directory, or name a file elsewhere")
                .because(error)
        }
        ErrorKind::FileTooLarge => Error::failed(format!(
            "the limit on the size of files keeps {shown} from being written: nothing of it was kept"
        ))
        .help("raise it (ulimit -f unlimited), and ask again")
        .because(error),
        _ => Error::failed(format!("cannot write {shown}: nothing of it was kept")).because(error),
    }
}
