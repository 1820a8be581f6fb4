//! The one integration test binary.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "what these tests share lies outside the test functions that clippy knows"
)]

mod documents;
mod store;
