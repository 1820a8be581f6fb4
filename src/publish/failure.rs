//! What goes wrong while publishing, told with the path and the way out, without any row's values.

use std::error::Error as _;
use std::io;
use std::path::Path;

use parquet::errors::ParquetError;

use crate::derived;
use crate::error::Error;
use crate::limits::Full;

/// Why work on a snapshot ended early.
#[derive(Debug)]
pub(super) enum Stop {
    /// A file of the parent cannot be read: the snapshot can still be made without the parent.
    Damaged(Error),
    /// Nothing can be done about it here.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Makes the errors of this module.
pub(super) struct Failure;

impl Failure {
    /// A file or directory that cannot be made or written.
    pub(super) fn io(path: &Path, error: io::Error) -> Error {
        if let Some(full) = Full::of(path, &error) {
            let way_out = full.way_out();
            return Error::failed(full.message(path))
                .help(format!(
                    "{way_out} and publish again; the last snapshot is as it was"
                ))
                .because(error);
        }
        if let Some(explained) = derived::explain(path, &error) {
            return explained;
        }
        let shown = path.display();
        match error.kind() {
            io::ErrorKind::FileTooLarge => Error::failed(format!(
                "the limit on the size of files keeps {shown} from being written"
            ))
            .help(
                "raise it (ulimit -f unlimited) and publish again; the last snapshot is as it was",
            ),
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Error::usage(format!("cannot write {shown}"))
                    .help("check the permissions of the directory")
            }
            _ => Error::failed(format!("cannot write {shown}")),
        }
        .because(error)
    }

    /// A file that cannot be opened for reading.
    pub(super) fn open(path: &Path, error: io::Error) -> Error {
        match derived::explain(path, &error) {
            Some(explained) => explained,
            None => Self::look(path, error),
        }
    }

    /// Something that lies where ours would, and that only its owner may move.
    pub(super) fn foreign(path: &Path, what: &str) -> Error {
        Error::usage(format!("{} {what}", path.display()))
            .help("move it away, or publish to another directory")
    }

    /// A Parquet file that cannot be written.
    pub(super) fn write(path: &Path, error: ParquetError) -> Error {
        match as_io(&error) {
            Some(kind) => Self::io(path, io::Error::new(kind, error)),
            None => Error::failed(format!("cannot write {}", path.display())).because(error),
        }
    }

    /// A file of a published snapshot that cannot be read.
    pub(super) fn read(
        path: &Path,
        error: impl std::error::Error + Send + Sync + 'static,
    ) -> Error {
        Error::failed(format!("cannot read {}", path.display())).because(error)
    }

    /// A file or directory that cannot be looked at.
    pub(super) fn look(path: &Path, error: io::Error) -> Error {
        let is_denied = error.kind() == io::ErrorKind::PermissionDenied;
        let failed = Self::read(path, error);
        match is_denied {
            true => failed.help(
                "check the permissions of the directory; its owner lets a group read what is in it with \
                 --file-mode 0640",
            ),
            false => failed,
        }
    }
}

/// The kind of the input or output error at the root of one of Parquet's, if there is one.
fn as_io(error: &ParquetError) -> Option<io::ErrorKind> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_not_be_read_is_told_with_who_can_change_that() {
        let told = |kind| Failure::look(Path::new("desk"), io::Error::from(kind));
        let denied = told(io::ErrorKind::PermissionDenied);
        assert!(denied.to_string().starts_with("cannot read desk"));
        let help = denied.help_text().unwrap_or_default();
        assert!(help.contains("--file-mode 0640"), "{help}");
        assert_eq!(told(io::ErrorKind::NotADirectory).help_text(), None);
    }
}
