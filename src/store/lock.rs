//! One run at a time per store: an operating-system lock on a file beside it.
//!
//! The lock belongs to the open file, so the system releases it however the process ends. The
//! file itself stays, since removing it would let two runs lock two files of the same name.

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::options::{OWNERS_ONLY, OpenOptions};
use crate::derived::{self, Refusal};
use crate::error::{Error, ErrorKind, Result};
use crate::table::instant_text;

/// What the name of a store's lock ends with.
pub(super) const LOCK: &str = "-lock";

/// Bytes of a lock that are looked at: more than a run ever writes into one.
const MOST_BYTES: u64 = 128;

/// A held lock.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock of the store at `path` or says who holds it.
    pub(super) fn take(path: &Path, options: &OpenOptions) -> Result<Self> {
        let lock_path = beside(path, LOCK);
        let cannot = |error: io::Error| match derived::explain(&lock_path, &error) {
            Some(explained) => explained,
            None => Error::usage(format!("cannot write {}", lock_path.display()))
                .help("check the permissions of the file and of its directory")
                .because(error),
        };
        let mode = options.file_mode.unwrap_or(OWNERS_ONLY);
        let (mut file, is_new) = derived::open_or_create(&lock_path, mode).map_err(cannot)?;
        if is_new {
            derived::set_mode(&file, mode).map_err(cannot)?;
        }
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(busy(path, &mut file)),
            Err(TryLockError::Error(error)) => return Err(cannot(error)),
        }
        refuse_foreign(&mut file).map_err(cannot)?;
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
    derived::open(&beside(path, LOCK))
        .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Only tidiness: the content counts while somebody holds the lock.
        let _ = self.file.set_len(0);
    }
}

/// Refuses to write over anything but what a run left: nothing, or the words of [`Lock::take`].
fn refuse_foreign(file: &mut File) -> io::Result<()> {
    let mut found = Vec::new();
    file.rewind()?;
    io::Read::by_ref(file)
        .take(MOST_BYTES)
        .read_to_end(&mut found)?;
    match is_ours(&found) {
        true => Ok(()),
        false => Err(Refusal::Foreign.into()),
    }
}

/// Whether this is what a run writes into its lock, or as much of it as a full disk or a power cut left:
/// a beginning of it, or zeros.
fn is_ours(found: &[u8]) -> bool {
    const BEGINNING: &[u8] = b"process ";
    const REST: &[u8] = b"0123456789 sinceTZ:.-";
    let is_short = (found.len() as u64) < MOST_BYTES;
    let (beginning, rest) = found.split_at(found.len().min(BEGINNING.len()));
    let is_written =
        BEGINNING.starts_with(beginning) && rest.iter().all(|byte| REST.contains(byte));
    is_short && (is_written || found.iter().all(|byte| *byte == 0))
}

fn busy(path: &Path, file: &mut File) -> Error {
    let mut holder = String::new();
    let known = io::Read::by_ref(file)
        .take(MOST_BYTES)
        .read_to_string(&mut holder)
        .is_ok()
        && !holder.is_empty()
        && is_ours(holder.as_bytes());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_run_writes_into_its_lock_is_written_over() {
        let whole = b"process 4194304 since 2020-01-01T00:00:00.000Z";
        for length in 0..=whole.len() {
            assert!(is_ours(&whole[..length]), "{length} bytes");
        }
        assert!(is_ours(&[0; 46]));
        for other in [
            &b"processes"[..],
            b"process of the month",
            b"id,status\n1,Open\n",
            b"4194304\n",
            b"SQLite format 3\0",
            &[0; 128],
            &[b' '; 8],
        ] {
            assert!(!is_ours(other), "{other:?}");
        }
        let mut long = whole.to_vec();
        long.resize(128, b'1');
        assert!(!is_ours(&long));
    }
}
