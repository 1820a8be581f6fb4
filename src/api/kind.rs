//! What the caller can do about a request that gave up.

/// Why a request gave up for good, by what the caller can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FailureKind {
    /// The answer is larger than what is taken: fewer tickets are the only way.
    TooLarge,
    /// The API may have had too much to do: fewer tickets may succeed.
    Heavy,
    /// The API refused this very request (400, 404, 414, 422, 431), or it cannot be written at all.
    /// Another may well be answered.
    Refused {
        /// What the API said, or why the request cannot be written.
        words: String,
        /// Whether the API no longer takes what it documents (400).
        is_undocumented: bool,
    },
    /// The API answered otherwise than it documents.
    Strange,
    /// The key is not accepted.
    Unauthorized,
    /// The API asked for a longer pause than this process may wait: another request would meet the
    /// same.
    Paused,
    /// The run was asked to stop.
    Interrupted,
    /// No answer was to be had.
    Down,
}
