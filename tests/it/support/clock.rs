//! The wall clock of programs that tests start.
#![expect(
    clippy::disallowed_methods,
    reason = "builds the library that programs are started with"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use mava_export::table::Instant;

/// A wall clock that stands where a test wants it when a program begins, by a library that is loaded before the
/// system's. It is built with the C compiler that building SQLite needs too.
pub(crate) struct WallClock {
    library: PathBuf,
}

impl WallClock {
    /// Builds it in this directory.
    pub(crate) fn new(directory: &Path) -> Self {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support/clock.c");
        let library = directory.join("clock.so");
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let built = Command::new(compiler)
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(&library)
            .arg(source)
            .arg("-ldl")
            .output()
            .expect("a C compiler");
        assert!(built.status.success(), "{built:?}");
        Self { library }
    }

    /// Has a command begin at this time.
    pub(crate) fn set(&self, command: &mut Command, at: Instant) {
        self.set_to_second(command, at.timestamp());
    }

    /// The same at a time in seconds since 1970, of any year.
    pub(crate) fn set_to_second(&self, command: &mut Command, second: i64) {
        command
            .env("LD_PRELOAD", &self.library)
            .env("TEST_CLOCK_AT", second.to_string());
    }
}
