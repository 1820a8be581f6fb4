//! What people and machines see: results on stdout, everything else on stderr. Nothing else in
//! the crate prints.
//!
//! Every view is a pure function from a value of [`report`](crate::report) to styled text; the
//! [`Printer`] knows whether styles are wanted and whether JSON is.

mod accept;
mod estimate;
mod grid;
mod log;
mod plan;
mod probe;
mod progress;
mod published;
mod screen;
mod secrets;
mod status;
mod stop;
mod style;
mod summary;
mod sync;
mod verify;
mod wrap;

use std::borrow::Cow;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anstream::{AutoStream, ColorChoice};
use indicatif::{MultiProgress, ProgressDrawTarget};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use secrecy::SecretString;
use serde::Serialize;

pub use progress::ProgressView;
pub use published::PublishView;
pub use stop::stop;
pub(crate) use style::counted;

use self::secrets::Secrets;

use crate::error::{Error, ExitCode, Result};
use crate::redact;
use crate::report::{
    Acceptance, DirectoryStatus, Plan, Probe, Published, Status, Stopped, Summary, SyncSummary,
    Verification,
};
use crate::settings::{BudgetSettings, LogFormat, Output, When};

/// Bytes that a pipe takes at once, where it takes any (`PIPE_BUF` of Linux).
const PIECE: usize = 4_096;

/// How long a reader that takes nothing is waited for before it is asked whether to go on.
const PATIENCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};

/// The one way to stdout and stderr.
#[derive(Debug, Clone)]
pub struct Printer {
    output: Output,
    bars: MultiProgress,
    has_display: bool,
    secrets: Secrets,
    /// Whether anything went to stdout.
    has_result: Arc<AtomicBool>,
    /// What came of the command, kept back until it is known whether all is well.
    kept_back: Arc<Mutex<String>>,
}

/// Columns of a cell of a sample: it shows what there is, not all of it.
const SAMPLE_WIDTH: usize = 60;

/// What is said under a table in which something is cut.
const CUT: &str = "… is where a text was cut to fit: a wider terminal shows more, --format csv or json all of it.\n";

/// An error for machines.
#[derive(Serialize)]
struct Failed<'a> {
    /// What the run keeps.
    #[serde(flatten)]
    kept: Option<&'a Summary>,
    error: String,
    help: Option<Cow<'a, str>>,
    exit_code: u8,
}

impl<'a> Failed<'a> {
    fn of(error: &'a Error, kept: Option<&'a Summary>) -> Self {
        Self {
            kept,
            error: error.to_string(),
            help: error.help_text().map(Cow::Borrowed),
            exit_code: ExitCode::from(error.kind()).number(),
        }
    }
}

impl Printer {
    /// A printer for what the user wants to see.
    pub fn new(output: Output) -> Self {
        let has_display = match output.progress {
            When::Always => true,
            When::Never => false,
            // A display between JSON lines would make them unreadable for machines.
            When::Auto => io::stderr().is_terminal() && output.log_format == LogFormat::Text,
        };
        let target = match has_display {
            false => ProgressDrawTarget::hidden(),
            true if io::stderr().is_terminal() => ProgressDrawTarget::stderr(),
            true => ProgressDrawTarget::term_like(Box::new(screen::Stderr)),
        };
        Self {
            output,
            bars: MultiProgress::with_draw_target(target),
            has_display,
            secrets: Secrets::default(),
            has_result: Arc::new(AtomicBool::new(false)),
            kept_back: Arc::default(),
        }
    }

    /// Sends the process's log lines to stderr. To be called once.
    ///
    /// # Errors
    /// When log lines already go somewhere.
    pub fn start_log(&self) -> Result<()> {
        let has_color = self.has_color(&io::stderr());
        let subscriber = log::subscriber(
            self.output.log_format,
            self.output.level(self.has_display),
            self.output.log_steps < 0,
            has_color,
            log::BesideProgress {
                bars: self.bars.clone(),
                secrets: self.secrets.clone(),
                format: self.output.log_format,
            },
        );
        tracing::subscriber::set_global_default(subscriber)
            .map_err(|error| Error::failed("the log is started already").because(error))
    }

    /// Keeps the key of the command out of everything that is printed from now on, but for the rows
    /// of a query.
    pub fn conceal(&self, key: &SecretString) {
        self.secrets.conceal(key);
    }

    /// Names the configuration files that were read.
    pub fn configuration(&self, files: &[PathBuf]) {
        for file in files {
            let file = file.display();
            match self.output.log_format {
                LogFormat::Text => self.note(&format!("Configuration: {file}")),
                LogFormat::Json => tracing::info!(file = %file, "configuration read"),
            }
        }
    }

    /// Whether results are to be JSON.
    pub fn is_json(&self) -> bool {
        self.output.is_json
    }

    /// Prints the end of a run.
    ///
    /// # Errors
    /// When stdout cannot be written to; a reader that went away is no error.
    pub fn summary(&self, summary: &Summary) -> Result<()> {
        self.outcome(summary, summary::text)
    }

    /// Prints the end of a sync.
    ///
    /// # Errors
    /// See [`Printer::summary`].
    pub fn sync(&self, summary: &SyncSummary) -> Result<()> {
        self.outcome(summary, |summary| sync::text(summary, self.width()))
    }

    /// Prints what a publish did.
    ///
    /// # Errors
    /// See [`Printer::summary`].
    pub fn published(&self, published: &Published) -> Result<()> {
        self.outcome(published, published::text)
    }

    /// Prints the end of a run and what was published of it as one JSON value: the summary's fields
    /// and `published`.
    ///
    /// # Errors
    /// See [`Printer::summary`].
    pub fn run_published<T: Serialize>(&self, summary: &T, published: &Published) -> Result<()> {
        #[derive(Serialize)]
        struct Both<'a, T> {
            #[serde(flatten)]
            summary: &'a T,
            published: &'a Published,
        }
        self.outcome(&Both { summary, published }, |_| String::new())
    }

    /// Shows how publishing goes until the view is dropped.
    pub fn publishing(&self) -> PublishView {
        match self.has_display {
            true => PublishView::display(&self.bars, self.has_color(&io::stderr())),
            false => PublishView::log(),
        }
    }

    /// Prints what a run would do.
    ///
    /// # Errors
    /// See [`Printer::summary`].
    pub fn plan(&self, plan: &Plan) -> Result<()> {
        self.result(plan, |plan| plan::text(plan, self.width()))
    }

    /// Prints what a store holds.
    ///
    /// # Errors
    /// See [`Printer::summary`].
    pub fn status(&self, status: &Status) -> Result<()> {
        self.result(status, |status| status::text(status, self.width()))
    }

    /// Prints what lies in a directory of snapshots whose store lies elsewhere.
    ///
    /// # Errors
    /// See [`Printer::summary`].
    pub fn directory(&self, directory: &DirectoryStatus) -> Result<()> {
        self.result(directory, |directory| {
            status::directory(directory, self.width())
        })
    }

    /// Prints rejects, and what was said of them.
    ///
    /// # Errors
    /// See [`Printer::summary`].
    pub fn acceptance(&self, acceptance: &Acceptance) -> Result<()> {
        let text = |acceptance: &Acceptance| accept::text(acceptance, self.width());
        match acceptance.is_done {
            true => self.outcome(acceptance, text),
            false => self.result(acceptance, text),
        }
    }

    /// Prints what a probe found.
    ///
    /// # Errors
    /// See [`Printer::summary`].
    pub fn probe(&self, probe: &Probe) -> Result<()> {
        self.outcome(probe, probe::text)
    }

    /// Prints what a verification found.
    ///
    /// # Errors
    /// See [`Printer::summary`].
    pub fn verification(&self, verification: &Verification) -> Result<()> {
        self.outcome(verification, |verification| {
            verify::text(verification, self.width())
        })
    }

    /// Prints rows of a query as a sample under a heading, long texts cut; as JSON, an array of objects.
    ///
    /// # Errors
    /// See [`Printer::summary`].
    pub fn rows(&self, heading: &str, columns: &[&str], rows: &[Vec<String>]) -> Result<()> {
        if self.output.is_json {
            let objects: Vec<serde_json::Map<String, serde_json::Value>> = rows
                .iter()
                .map(|row| {
                    let named = columns.iter().zip(row);
                    named
                        .map(|(name, cell)| ((*name).to_owned(), cell.clone().into()))
                        .collect()
                })
                .collect();
            return self.json(&objects);
        }
        let heading = style::paint(style::BOLD, &style::plain(heading));
        let cut = |cell: &String| wrap::cut(&style::plain(cell), SAMPLE_WIDTH);
        let rows: Vec<Vec<String>> = rows
            .iter()
            .map(|row| row.iter().map(cut).collect())
            .collect();
        let (table, _) = grid::answer(columns, &rows, self.width());
        self.text(&format!("{heading}\n{table}"))
    }

    /// Prints rows of a query as a table, and under it what the reader has to know of it.
    ///
    /// # Errors
    /// See [`Printer::summary`].
    pub fn table(&self, columns: &[&str], rows: &[Vec<String>], note: Option<&str>) -> Result<()> {
        let (table, is_cut) = grid::answer(columns, rows, self.width());
        let mut text = table;
        if is_cut {
            text.push_str(CUT);
        }
        if let Some(note) = note {
            text.push_str(&format!("{note}\n"));
        }
        self.text(&text)
    }

    /// Rows of a query as a table in a file, in lines as long as they come.
    pub fn table_text(&self, columns: &[&str], rows: &[Vec<String>]) -> String {
        grid::answer(columns, rows, None).0
    }

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

    /// Prints text on stdout as it is: a completion script.
    ///
    /// # Errors
    /// See [`Printer::summary`].
    pub fn data(&self, text: &str) -> Result<()> {
        self.to_stdout(&self.secrets.text(text))
    }

    /// Prints text for people on stdout, its lines broken where the terminal ends.
    ///
    /// # Errors
    /// See [`Printer::summary`].
    pub fn text(&self, text: &str) -> Result<()> {
        self.to_stdout(&self.laid_out(text))
    }

    /// Text without the key, in lines that fit: in this order, so that no part of a key is left of one
    /// that was broken.
    fn laid_out(&self, text: &str) -> String {
        wrap::wrap(&self.secrets.text(text), self.width())
    }

    /// Columns of the terminal that stdout is, if it is one.
    fn width(&self) -> wrap::Width {
        let out = io::stdout();
        let size = match out.is_terminal() {
            true => terminal_size::terminal_size_of(&out),
            false => None,
        };
        size.map(|(terminal_size::Width(width), _)| usize::from(width))
            .filter(|width| *width > 0)
    }

    fn to_stdout(&self, text: &str) -> Result<()> {
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

    /// Prints lines for people on stderr, unless log lines are JSON or the user wants quiet.
    pub fn note(&self, text: &str) {
        if self.output.log_format == LogFormat::Text && self.output.log_steps >= 0 {
            let lines = text.lines().map(|line| format!("{}\n", style::plain(line)));
            self.to_stderr(&lines.collect::<String>());
        }
    }

    /// Prints what a run that failed keeps, on stdout, if it had begun; as JSON with the error and
    /// the way out.
    pub fn kept(&self, stopped: &Stopped) {
        let printed = match stopped.kept.as_deref() {
            None => return,
            kept @ Some(_) if self.output.is_json => self.json(&Failed::of(&stopped.error, kept)),
            Some(kept) => self.text(&format!("{}\n", summary::text(kept).trim_end())),
        };
        // The error itself still goes to stderr.
        let _ = printed;
    }

    /// Where a result was to be JSON and there is none, the error in its place.
    pub fn failure(&self, error: &Error) {
        if self.output.is_json && !self.has_result.load(Ordering::Relaxed) {
            // The error itself still goes to stderr.
            let _ = self.json(&Failed::of(error, None));
        }
    }

    /// Prints an error and the way out on stderr; as a log line where those are JSON.
    pub fn error(&self, error: &Error) {
        match self.output.log_format {
            LogFormat::Text => self.to_stderr(&error_text(error)),
            LogFormat::Json => {
                tracing::error!(
                    exit_code = ExitCode::from(error.kind()).number(),
                    help = error.help_text(),
                    "{error}"
                );
            }
        }
    }

    /// Shows the progress of run number `run`, called `title`, until the view is dropped.
    pub fn progress(&self, run: i64, title: &str, budget: &BudgetSettings) -> ProgressView {
        match self.has_display {
            true => {
                let has_color = self.has_color(&io::stderr());
                ProgressView::display(&self.bars, has_color, run, title, budget)
            }
            false => ProgressView::log(run, title, budget),
        }
    }

    /// Prints what a command did, which a quiet one tells only where something is wrong: see
    /// [`Printer::finish`].
    fn outcome<T: Serialize>(&self, value: &T, text: impl FnOnce(&T) -> String) -> Result<()> {
        if !self.output.is_quiet {
            return self.result(value, text);
        }
        let text = match self.output.is_json {
            true => self.as_json(value)?,
            false => self.laid_out(&text(value)),
        };
        self.kept_back
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_str(&text);
        Ok(())
    }

    /// Prints what was kept back, unless the command ended well. To be called at its end.
    ///
    /// # Errors
    /// See [`Printer::summary`].
    pub fn finish(&self, is_well: bool) -> Result<()> {
        let mut kept_back = self
            .kept_back
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let text = std::mem::take(&mut *kept_back);
        match is_well || text.is_empty() {
            true => Ok(()),
            false => self.to_stdout(&text),
        }
    }

    fn result<T: Serialize>(&self, value: &T, text: impl FnOnce(&T) -> String) -> Result<()> {
        match self.output.is_json {
            true => self.json(value),
            false => self.text(&text(value)),
        }
    }

    /// Prints a result that only machines get, as JSON.
    ///
    /// # Errors
    /// See [`Printer::summary`].
    pub fn json(&self, value: &impl Serialize) -> Result<()> {
        self.to_stdout(&self.as_json(value)?)
    }

    /// On one line where log lines are JSON: whoever collects both finds one value a line.
    fn as_json(&self, value: &impl Serialize) -> Result<String> {
        let text = match self.output.log_format {
            LogFormat::Text => serde_json::to_string_pretty(value),
            LogFormat::Json => serde_json::to_string(value),
        };
        let text = text.map_err(|error| Error::failed("the result is not JSON").because(error))?;
        Ok(format!("{}\n", self.secrets.json(&text)))
    }

    /// Nothing is left to say when stderr is gone.
    fn to_stderr(&self, text: &str) {
        let choice = self.choice();
        let text = self.secrets.text(text);
        self.bars.suspend(|| write_stderr(&text, choice));
    }

    fn choice(&self) -> ColorChoice {
        match self.output.color {
            When::Auto => ColorChoice::Auto,
            When::Always => ColorChoice::Always,
            When::Never => ColorChoice::Never,
        }
    }

    fn has_color(&self, stream: &io::Stderr) -> bool {
        match self.choice() {
            ColorChoice::Auto => AutoStream::choice(stream) != ColorChoice::Never,
            choice => choice != ColorChoice::Never,
        }
    }
}

fn write_stderr(text: &str, choice: ColorChoice) {
    let mut stderr = AutoStream::new(io::stderr(), choice).lock();
    let _ = stderr.write_all(text.as_bytes());
}

fn error_text(error: &Error) -> String {
    let label = style::paint(style::BAD, "error:");
    let mut text = format!("{label} {}\n", style::plain(&error.to_string()));
    if let Some(help) = error.help_text() {
        let label = style::paint(style::BOLD, "help:");
        text.push_str(&format!("{label} {}\n", style::plain(help)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_its_message_its_cause_and_the_way_out() {
        let error = Error::failed(
            "GET /api/tickets failed 10 times in 4m 12s, window [2023-01-01, 2024-01-01)",
        )
        .because(io::Error::new(
            ErrorKind::ConnectionReset,
            "connection\u{1b}[2J reset",
        ))
        .help("run the same command again to go on");
        insta::assert_snapshot!(anstream::adapter::strip_str(&error_text(&error)), @r#"
        error: GET /api/tickets failed 10 times in 4m 12s, window [2023-01-01, 2024-01-01): connection�[2J reset
        help: run the same command again to go on
        "#);
        assert!(error_text(&error).starts_with("\u{1b}[1m\u{1b}[31merror:\u{1b}[0m "));
    }
}
