//! Files that are opened once and judged by what was opened, so that nothing can be put in their
//! place between the two.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

use rustix::fs::{Mode, OFlags, open};

/// Opens a file to read. Never waits, not even for a pipe's other end; a link at the end of the path
/// is followed only where asked for.
///
/// # Errors
/// What the system says.
pub(super) fn to_read(path: &Path, is_link_followed: bool) -> io::Result<(File, Metadata)> {
    let mut flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    if !is_link_followed {
        flags |= OFlags::NOFOLLOW;
    }
    let file = File::from(open(path, flags, Mode::empty())?);
    let metadata = file.metadata()?;
    Ok((file, metadata))
}

/// What was opened, in a word, where it is no file.
pub(super) fn kind(metadata: &Metadata) -> Option<&'static str> {
    use std::os::unix::fs::FileTypeExt;
    let kind = metadata.file_type();
    match () {
        () if kind.is_file() => None,
        () if kind.is_dir() => Some("a directory"),
        () if kind.is_fifo() => Some("a pipe"),
        () if kind.is_socket() => Some("a socket"),
        () => Some("a device"),
    }
}
