//! What goes to stdout and to stderr, and how.

use std::borrow::Cow;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::atomic::Ordering;

use anstream::{AutoStream, ColorChoice};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::Printer;
use crate::error::{Error, Result};
use crate::redact;
use crate::settings::When;

/// Bytes that a pipe takes at once, where it takes any (`PIPE_BUF` of Linux).
const PIECE: usize = 4_096;

/// How long a reader that takes nothing is waited for before it is asked whether to go on.
const PATIENCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};

impl Printer {
    /// Writes a part of a result on stdout, byte for byte; what could steer a terminal only where
    /// stdout is none. `false` when the reader went away. While a reader takes nothing, `go_on` is asked
    /// now and then.
    ///
    /// # Errors
    /// When stdout cannot be written to, and what `go_on` gives.
    pub fn chunk(&self, text: &str, go_on: impl Fn() -> Result<()>) -> Result<bool> {
        self.has_result.store(true, Ordering::Relaxed);
        let mut out = io::stdout().lock();
        let text = match out.is_terminal() {
            true => Cow::Owned(redact::without_hidden(text)),
            false => Cow::Borrowed(text),
        };
        for piece in text.as_bytes().chunks(PIECE) {
            loop {
                go_on()?;
                let mut asked = [PollFd::new(&out, PollFlags::OUT)];
                // What cannot be asked can still be written to.
                if !matches!(poll(&mut asked, Some(&PATIENCE)), Ok(0) | Err(Errno::INTR)) {
                    break;
                }
            }
            match out.write_all(piece).and_then(|()| out.flush()) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(false),
                Err(error) => {
                    return Err(
                        Error::failed("the result cannot be written to stdout").because(error)
                    );
                }
            }
        }
        Ok(true)
    }

    pub(super) fn to_stdout(&self, text: &str) -> Result<()> {
        self.has_result.store(true, Ordering::Relaxed);
        let choice = self.choice();
        let written = self.bars.suspend(|| {
            let mut out = AutoStream::new(io::stdout(), choice).lock();
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        });
        match written {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(Error::failed("the result cannot be written to stdout").because(error))
            }
            _ => Ok(()),
        }
    }

    /// Nothing is left to say when stderr is gone.
    pub(super) fn to_stderr(&self, text: &str) {
        let choice = self.choice();
        let text = self.secrets.text(text);
        self.bars.suspend(|| write_stderr(&text, choice));
    }

    pub(super) fn choice(&self) -> ColorChoice {
        match self.output.color {
            When::Auto => ColorChoice::Auto,
            When::Always => ColorChoice::Always,
            When::Never => ColorChoice::Never,
        }
    }

    pub(super) fn has_color(&self, stream: &io::Stderr) -> bool {
        match self.choice() {
            ColorChoice::Auto => AutoStream::choice(stream) != ColorChoice::Never,
            choice => choice != ColorChoice::Never,
        }
    }
}

pub(super) fn write_stderr(text: &str, choice: ColorChoice) {
    let mut stderr = AutoStream::new(io::stderr(), choice).lock();
    let _ = stderr.write_all(text.as_bytes());
}
