//! What people and machines see: results on stdout, everything else on stderr. Nothing else in
//! the crate prints.
//!
//! Every view is a pure function from a value of [`report`](crate::report) to styled text; the
//! [`Printer`] knows whether styles are wanted and whether JSON is.

mod accept;
mod estimate;
mod failure;
mod grid;
mod log;
mod names;
mod plan;
mod probe;
mod progress;
mod published;
mod screen;
mod secrets;
mod status;
mod stop;
mod streams;
mod style;
mod summary;
mod sync;
mod verify;
mod wrap;

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::{MultiProgress, ProgressDrawTarget};
use secrecy::SecretString;
use serde::Serialize;

pub use progress::ProgressView;
pub use published::PublishView;
pub use stop::stop;
pub(crate) use style::counted;

use self::secrets::Secrets;

use crate::error::{Error, Result};
use crate::report::{
    Acceptance, DirectoryStatus, NamesMissing, Plan, Probe, Published, Status, Summary,
    SyncSummary, Verification,
};
use crate::settings::{BudgetSettings, LogFormat, Output, When};

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

    /// Prints what has no name, as lines for the configuration file: they are not broken where the terminal
    /// ends.
    ///
    /// # Errors
    /// See [`Printer::summary`].
    pub fn names(&self, missing: &NamesMissing) -> Result<()> {
        match self.output.is_json {
            true => self.json(missing),
            false => self.data(&names::text(missing)),
        }
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

    /// Prints lines for people on stderr, unless log lines are JSON or the user wants quiet.
    pub fn note(&self, text: &str) {
        if self.output.log_format == LogFormat::Text && self.output.log_steps >= 0 {
            let lines = text.lines().map(|line| format!("{}\n", style::plain(line)));
            self.to_stderr(&lines.collect::<String>());
        }
    }

    /// Prints a line for people on stderr, as a log line where those are JSON; not where the user wants quiet.
    pub fn remark(&self, line: &str) {
        match self.output.log_format {
            LogFormat::Text => self.note(line),
            LogFormat::Json => tracing::info!("{line}"),
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

    fn result<T: Serialize>(&self, value: &T, text: impl FnOnce(&T) -> String) -> Result<()> {
        match self.output.is_json {
            true => self.json(value),
            false => self.text(&text(value)),
        }
    }
}
