//! Whose file is it? Told from the first hundred bytes, so that a foreign file is never opened.
//!
//! Layout: <https://www.sqlite.org/fileformat2.html#the_database_header>.

use std::io::Read;
use std::path::Path;

use super::{APPLICATION_ID, migrate};
use crate::derived;
use crate::error::{Error, Result};

const LENGTH: u64 = 100;
/// How every SQLite file begins.
pub const MAGIC: &[u8] = b"SQLite format 3\0";
const USER_VERSION_OFFSET: usize = 60;
const APPLICATION_ID_OFFSET: usize = 68;

/// What lies at a store's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing.
    Nothing,
    /// An empty file: as good as nothing.
    Empty,
    /// A store.
    Store,
}

/// Looks at the file at `path`, which may be missing.
///
/// # Errors
/// The file is no store, one of a newer version, or cannot be read.
pub(super) fn look(path: &Path) -> Result<Found> {
    let file = path.display();
    let mut header = Vec::new();
    let read = derived::open(path).and_then(|file| file.take(LENGTH).read_to_end(&mut header));
    match read {
        Ok(0) => return Ok(Found::Empty),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => {
            return Err(derived::explain(path, &error).unwrap_or_else(|| {
                Error::usage(format!("cannot read {file}"))
                    .help("check the permissions of the file and of its directory; its owner lets a group read it with --file-mode 0640")
                    .because(error)
            }));
        }
    }
    let other = "name another file, or move this one away";
    if !header.starts_with(MAGIC) {
        return Err(Error::usage(format!("{file} is not an SQLite database")).help(other));
    }
    let (Some(application_id), Some(version)) = (
        number(&header, APPLICATION_ID_OFFSET),
        number(&header, USER_VERSION_OFFSET),
    ) else {
        return Err(Error::usage(format!("{file} is a cut-off SQLite database")).help(other));
    };
    if application_id != APPLICATION_ID {
        return Err(Error::usage(format!(
            "{file} is an SQLite database but not a mava-export store"
        ))
        .help(other));
    }
    migrate::check_version(path, version)?;
    Ok(Found::Store)
}

/// The big-endian number at `offset`.
fn number(header: &[u8], offset: usize) -> Option<i32> {
    let bytes = header.get(offset..)?.first_chunk::<4>()?;
    Some(i32::from_be_bytes(*bytes))
}
