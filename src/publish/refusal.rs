//! What a filesystem says where it cannot do something at all.

use std::io;

/// "Operation not permitted": what some filesystems say where others say that they cannot. Unlike
/// "permission denied", which has the same kind.
pub(super) const NOT_PERMITTED: i32 = 1;

/// Whether an error says that the filesystem cannot do such a thing, or not there: then something
/// else may be done instead. Anything else may pass.
fn is_refused(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Unsupported | io::ErrorKind::CrossesDevices | io::ErrorKind::TooManyLinks
    ) || error.raw_os_error() == Some(NOT_PERMITTED)
}

/// `false` where the filesystem refused.
pub(super) fn unless_refused(outcome: io::Result<()>) -> io::Result<bool> {
    match outcome {
        Ok(()) => Ok(true),
        Err(error) if is_refused(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_filesystem_cannot_do_is_done_otherwise() {
        // Linux: EPERM, EXDEV, EMLINK, ENOSYS, EOPNOTSUPP.
        for refused in [1, 18, 31, 38, 95] {
            let error = io::Error::from_raw_os_error(refused);
            assert!(is_refused(&error), "{error}");
        }
        // ENOENT, EINTR, EIO, ENOMEM, EACCES, EEXIST, ENOSPC, EROFS, EDQUOT.
        for passing in [2, 4, 5, 12, 13, 17, 28, 30, 122] {
            let error = io::Error::from_raw_os_error(passing);
            assert!(!is_refused(&error), "{error}");
        }
    }
}
