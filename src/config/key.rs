#![expect(
    clippy::disallowed_methods,
    reason = "reads the API key from the environment or a file, an edge"
)]
//! The API key: where it comes from and what it may look like. It is never part of a message.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, IsTerminal, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use secrecy::SecretString;

use super::open;
use crate::cli::KEY_VARIABLE;
use crate::error::{Error, Result};

/// No key is longer; a file that is was named by mistake.
const LONGEST_BYTES: u64 = 4096;

/// Permissions of the group and of all others to read or to write.
const OPEN_TO_OTHERS: u32 = 0o066;

/// How to mend a file with the wrong thing in it.
const CONTENT: &str = "must hold the key as Mava shows it, and nothing else";
/// What is said where no key is given at all.
const NONE: &str = "there is no API key";

/// Whether an error says that no key is given at all.
pub(super) fn is_none(error: &Error) -> bool {
    error.to_string() == NONE
}

/// Where the key comes from.
#[derive(Debug, PartialEq, Eq)]
enum Source<'a> {
    Environment,
    File(&'a Path),
    Stdin,
}

/// How long a key that does not come at once is waited for.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// After this it is said that there is a wait.
    silent: Duration,
    /// A pipe that nobody has opened to write by then has no writer.
    unwritten: Duration,
    /// The longest wait; `None` where a person types.
    longest: Option<Duration>,
}

/// Enough for a password manager that asks for its own password.
const PATIENCE: Patience = Patience {
    silent: Duration::from_secs(1),
    unwritten: Duration::from_secs(5),
    longest: Some(Duration::from_secs(60)),
};

/// A person is told at once, and waited for.
const AT_A_TERMINAL: Patience = Patience {
    silent: Duration::ZERO,
    longest: None,
    ..PATIENCE
};

/// Reads the key. A key file that was typed goes before the environment, and the environment
/// before a key file from the environment or the configuration file.
///
/// # Errors
/// A usage error when there is no key or it cannot be one.
pub(super) fn read(key_file: Option<&Path>, has_typed_key_file: bool) -> Result<SecretString> {
    let variable = std::env::var_os(KEY_VARIABLE);
    let source = choose(key_file, has_typed_key_file, variable.is_some()).ok_or_else(|| {
        Error::usage(NONE)
            .help("set MAVA_API_KEY, or give --api-key-file PATH (- reads it from stdin)")
    })?;
    match source {
        Source::Environment => {
            let text = variable.and_then(|value| value.into_string().ok());
            check(KEY_VARIABLE, "it", text.as_deref().unwrap_or("\u{fffd}"))
        }
        Source::Stdin => from_stdin(),
        Source::File(path) => from_file(path, PATIENCE),
    }
}

fn choose(
    key_file: Option<&Path>,
    has_typed_key_file: bool,
    has_variable: bool,
) -> Option<Source<'_>> {
    match key_file {
        _ if has_variable && !has_typed_key_file => Some(Source::Environment),
        Some(path) if path == Path::new("-") => Some(Source::Stdin),
        Some(path) => Some(Source::File(path)),
        None => None,
    }
}

fn from_stdin() -> Result<SecretString> {
    let place = "the API key on stdin";
    let unread = |error| Error::usage(format!("{place} cannot be read")).because(error);
    let stdin = io::stdin();
    let is_typed = stdin.is_terminal();
    // Without the buffer of the standard library, which would hide what is there from `poll`.
    let file = File::from(stdin.as_fd().try_clone_to_owned().map_err(unread)?);
    let waiting = Waiting {
        place,
        hint: match is_typed {
            true => "type it and press Enter; it is shown as you type",
            false => "nothing has come yet",
        },
        is_line: is_typed,
        is_pipe: false,
        patience: match is_typed {
            true => AT_A_TERMINAL,
            false => PATIENCE,
        },
    };
    check(place, "it", &text(place, waiting.read(file)?)?)
}

/// The path of what cannot be opened is not named: the key itself may have been typed in its place.
fn from_file(path: &Path, patience: Patience) -> Result<SecretString> {
    let place = "the API key file";
    let (file, metadata) = open::to_read(path, true).map_err(|error| {
        Error::usage(format!("{place} cannot be read"))
            .because(error)
            .help("--api-key-file takes the path of a file that exists and holds only the key; the path is not shown, since it may be the key")
    })?;
    let name = path.display();
    let kind = open::kind(&metadata);
    let is_pipe = kind == Some("a pipe");
    match kind {
        None => warn_if_open(path, &metadata),
        Some(_) if is_pipe => {}
        Some(kind) => {
            return Err(Error::usage(format!("{place} {name} is {kind}"))
                .help("name a file that holds only the key, or - for stdin"));
        }
    }
    let waiting = Waiting {
        place: &format!("{place} {name}"),
        hint: "it is a pipe, and nothing has come yet",
        is_line: false,
        is_pipe,
        patience,
    };
    check(place, &name.to_string(), &text(place, waiting.read(file)?)?)
}

/// Says so where others can read the key, or put another in its place.
fn warn_if_open(path: &Path, metadata: &Metadata) {
    let path = path.display();
    let mode = metadata.mode() & 0o777;
    if mode & OPEN_TO_OTHERS != 0 {
        tracing::warn!(
            "the API key file {path} is open to others (permissions {mode:04o}): chmod 600 {path}"
        );
    }
    let owner = metadata.uid();
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        tracing::warn!(
            "the API key file {path} belongs to another user (number {owner}), who can read it: keep one of your own"
        );
    }
}

/// What is read, and how a wait for it is told.
struct Waiting<'a> {
    place: &'a str,
    hint: &'a str,
    /// Whether the end of a line is the end.
    is_line: bool,
    /// Whether it is a pipe, opened so that reading does not wait.
    is_pipe: bool,
    patience: Patience,
}

impl Waiting<'_> {
    /// Reads to the end, or past the longest key.
    fn read(&self, mut from: impl Read + AsFd) -> Result<Vec<u8>> {
        let began = Instant::now();
        let mut bytes = Vec::new();
        let mut chunk = [0; 1024];
        let mut is_told = false;
        let mut is_written = !self.is_pipe;
        let unread = |error| Error::usage(format!("{} cannot be read", self.place)).because(error);
        loop {
            let deadline = match (is_told, is_written) {
                (false, _) => Some(self.patience.silent),
                (true, false) => Some(self.patience.unwritten),
                (true, true) => self.patience.longest,
            };
            let left = deadline.map(|deadline| deadline.saturating_sub(began.elapsed()));
            let is_ready = is_ready(&from, left).map_err(unread)?;
            match (is_ready, is_told, is_written) {
                (true, ..) => {}
                (false, false, _) => {
                    is_told = true;
                    tracing::warn!("waiting for {}: {}", self.place, self.hint);
                    continue;
                }
                // A read tells a writer that is silent from none at all.
                (false, true, false) => {}
                (false, true, true) => return Err(self.in_vain(began.elapsed())),
            }
            match from.read(&mut chunk) {
                Ok(0) if !is_ready => return Err(self.unwritten(began.elapsed())),
                Ok(0) => return Ok(bytes),
                Ok(count) => bytes.extend_from_slice(chunk.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => is_written = true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(unread(error)),
            }
            let is_too_long = u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LONGEST_BYTES;
            if is_too_long || (self.is_line && bytes.contains(&b'\n')) {
                return Ok(bytes);
            }
        }
    }

    fn in_vain(&self, waited: Duration) -> Error {
        Error::usage(format!(
            "{} did not come to its end within {} s",
            self.place,
            waited.as_secs()
        ))
        .help("what writes it has to write the key and end; or set MAVA_API_KEY")
    }

    fn unwritten(&self, waited: Duration) -> Error {
        Error::usage(format!(
            "{} is a pipe that nobody writes to: nothing came within {} s",
            self.place,
            waited.as_secs()
        ))
        .help("name a file that holds only the key, or start what writes the pipe first")
    }
}

/// Waits until something can be read, or the end is there. `None` waits for ever.
fn is_ready(from: &impl AsFd, left: Option<Duration>) -> io::Result<bool> {
    let timeout = left.map(|left| Timespec {
        tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(left.subsec_nanos()),
    });
    match poll(&mut [PollFd::new(from, PollFlags::IN)], timeout.as_ref()) {
        Ok(count) => Ok(count > 0),
        // Whoever asks looks at the clock, and asks again.
        Err(Errno::INTR) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

fn text(place: &str, bytes: Vec<u8>) -> Result<String> {
    match String::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Ok(text),
        _ => Err(
            Error::usage(format!("{place} holds bytes that are no text"))
                .help(format!("it {CONTENT}, as plain text")),
        ),
    }
}

/// A key is one word of visible ASCII; line ends after it are cut off. `name` is what has to hold
/// it, in words that go on with [`CONTENT`].
fn check(place: &str, name: &str, text: &str) -> Result<SecretString> {
    let key = text.trim_end_matches(['\n', '\r']);
    let length = u64::try_from(key.len()).unwrap_or(u64::MAX);
    let wrong = if key.is_empty() {
        "is empty"
    } else if length > LONGEST_BYTES {
        "is too long to be a key"
    } else if key.chars().any(char::is_whitespace) {
        "has white space in it"
    } else if !key.chars().all(|character| character.is_ascii_graphic()) {
        "has characters that no API key has"
    } else {
        return Ok(SecretString::from(key));
    };
    Err(Error::usage(format!("{place} {wrong}")).help(format!("{name} {CONTENT}")))
}

#[cfg(test)]
#[path = "key_tests.rs"]
mod tests;
