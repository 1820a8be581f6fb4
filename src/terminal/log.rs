//! Log lines on stderr, for people or as JSON, that do not tear the progress display.

use std::io::{self, Write};

use indicatif::MultiProgress;
use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;

use super::secrets::Secrets;
use crate::api::RETRIES;
use crate::settings::LogFormat;

/// Everything a process logs, in one value to install.
///
/// Our own lines at `level`; of the libraries only warnings and errors, at most: their finer
/// lines would show headers, where the API key is. A quiet run does not tell what was tried again: if that does not
/// help, its error does.
pub(super) fn subscriber<W>(
    format: LogFormat,
    level: LevelFilter,
    is_quiet: bool,
    has_color: bool,
    writer: W,
) -> Box<dyn tracing::Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let targets = Targets::new()
        .with_target("mava_export", level)
        .with_target(
            RETRIES,
            if is_quiet {
                level.min(LevelFilter::ERROR)
            } else {
                level
            },
        )
        .with_default(level.min(LevelFilter::from_level(Level::WARN)));
    let lines = fmt::layer()
        .with_target(false)
        .with_ansi(has_color)
        .with_writer(writer);
    match format {
        LogFormat::Text => {
            Box::new(tracing_subscriber::registry().with(lines.with_filter(targets)))
        }
        LogFormat::Json => {
            let lines = lines
                .json()
                .flatten_event(true)
                .with_current_span(false)
                .with_span_list(false);
            Box::new(tracing_subscriber::registry().with(lines.with_filter(targets)))
        }
    }
}

/// Stderr with the progress display out of the way, the key struck out, and nothing that steers
/// the terminal.
#[derive(Debug, Clone)]
pub(super) struct BesideProgress {
    pub(super) bars: MultiProgress,
    pub(super) secrets: Secrets,
    pub(super) format: LogFormat,
}

impl MakeWriter<'_> for BesideProgress {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Write for BesideProgress {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.write_all(line).map(|()| line.len())
    }

    /// Takes whole lines: the subscriber writes an event at once.
    fn write_all(&mut self, line: &[u8]) -> io::Result<()> {
        let line = self
            .secrets
            .log(&String::from_utf8_lossy(line), self.format);
        self.bars
            .suspend(|| io::stderr().lock().write_all(line.as_bytes()))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("alone").write(line)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, level: LevelFilter) -> Vec<String> {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = subscriber(format, level, false, false, move || writer.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::debug!("unseen");
            tracing::info!(run = 3, lane = 1, "page read");
            tracing::info!(target: "hyper", "unseen");
            tracing::warn!(target: "hyper", error = "reset", "closed");
        });
        let bytes = kept.0.lock().expect("alone").clone();
        let text = String::from_utf8(bytes).expect("text");
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn lines_for_people_begin_with_the_time_in_utc() {
        let lines = logged(LogFormat::Text, LevelFilter::INFO);
        assert_eq!(lines.len(), 2, "{lines:?}");
        let (time, rest) = lines[0].split_at(27);
        assert!(
            crate::table::parse_instant(time).is_some() && time.ends_with('Z'),
            "{time}"
        );
        assert_eq!(rest, "  INFO page read run=3 lane=1");
    }

    #[test]
    fn lines_for_machines_are_flat_json() {
        let lines = logged(LogFormat::Json, LevelFilter::INFO);
        let line: serde_json::Value = serde_json::from_str(&lines[0]).expect("JSON");
        assert!(crate::table::parse_instant(line["timestamp"].as_str().expect("text")).is_some());
        assert_eq!(
            (&line["level"], &line["message"]),
            (&"INFO".into(), &"page read".into())
        );
        assert_eq!((&line["run"], &line["lane"]), (&3.into(), &1.into()));
    }

    #[test]
    fn libraries_are_never_louder_than_we_are() {
        assert_eq!(logged(LogFormat::Text, LevelFilter::ERROR).len(), 0);
        assert_eq!(logged(LogFormat::Text, LevelFilter::TRACE).len(), 3);
    }
}
