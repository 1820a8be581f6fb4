//! One run at a time per store: an operating-system lock on a file beside it.
//!
//! The lock belongs to the open file, so the system releases it however the process ends. The
//! file itself stays, since removing it would let two runs lock two files of the same name.
#![expect(clippy::disallowed_methods, reason = "the lock is a file")]

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::open::{OpenOptions, create_private};
use crate::error::{Error, ErrorKind, Result};
use crate::table::instant_text;

/// A held lock.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock of the store at `path` or says who holds it.
    pub(super) fn take(path: &Path, options: &OpenOptions) -> Result<Self> {
        let lock_path = beside(path, "-lock");
        let cannot = |error| {
            Error::usage(format!("cannot write {}", lock_path.display()))
                .help("check the permissions of the file and of its directory")
                .because(error)
        };
        let mut file = create_private(&lock_path, options.file_mode).map_err(cannot)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(busy(path, &mut file)),
            Err(TryLockError::Error(error)) => return Err(cannot(error)),
        }
        let pid = std::process::id();
        let since = instant_text(options.now);
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| write!(file, "process {pid} since {since}"))
            .map_err(cannot)?;
        Ok(Self { file })
    }
}

/// Whether some process holds the lock of the store at `path` just now.
pub(super) fn is_held(path: &Path) -> bool {
    File::open(beside(path, "-lock"))
        .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Only tidiness: the content counts while somebody holds the lock.
        let _ = self.file.set_len(0);
    }
}

fn busy(path: &Path, file: &mut File) -> Error {
    let mut holder = String::new();
    let known = file.read_to_string(&mut holder).is_ok() && !holder.is_empty();
    let holder = if known {
        format!(" ({})", holder.trim())
    } else {
        String::new()
    };
    Error::new(
        ErrorKind::StoreBusy,
        format!("another run{holder} holds {}", path.display()),
    )
    .help("wait until it ends, or end it and run again; progress is kept")
}

/// The file beside `path` whose name ends so.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}
