//! How a command says what it has to say.

use clap::ValueEnum;
use tracing::level_filters::LevelFilter;

/// How a command says what it has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Output {
    /// Whether results are JSON: asked for, or because log lines are.
    pub is_json: bool,
    /// Whether the end of a run is told only where something is wrong.
    pub is_quiet: bool,
    /// The form of log lines.
    pub log_format: LogFormat,
    /// What to log.
    pub log_level: LogLevel,
    /// Steps above (`-v`) or below (`-q`) that level.
    pub log_steps: i16,
    /// Colours.
    pub color: When,
    /// Progress display.
    pub progress: When,
}

impl Output {
    /// What to log, given whether a progress display is shown. Steps down end at errors: only
    /// [`LogLevel::Off`] hides those.
    pub fn level(&self, is_progress_shown: bool) -> LevelFilter {
        const LADDER: [LevelFilter; 5] = [
            LevelFilter::ERROR,
            LevelFilter::WARN,
            LevelFilter::INFO,
            LevelFilter::DEBUG,
            LevelFilter::TRACE,
        ];
        let rung: i16 = match self.log_level {
            LogLevel::Off => return LevelFilter::OFF,
            LogLevel::Error => 0,
            LogLevel::Auto if is_progress_shown => 1,
            LogLevel::Warn => 1,
            LogLevel::Auto | LogLevel::Info => 2,
            LogLevel::Debug => 3,
            LogLevel::Trace => 4,
        };
        let rung = usize::try_from(rung.saturating_add(self.log_steps)).unwrap_or(0);
        LADDER.get(rung).copied().unwrap_or(LevelFilter::TRACE)
    }
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// What to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// Warnings while a progress display is shown, else information.
    Auto,
    /// Nothing.
    Off,
    /// Errors.
    Error,
    /// And warnings.
    Warn,
    /// And information.
    Info,
    /// And what helps to find a fault.
    Debug,
    /// And everything else.
    Trace,
}

/// When to use something that only a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbosity_moves_the_level() {
        for (log_level, log_steps, is_progress_shown, expected) in [
            (LogLevel::Auto, 0, true, LevelFilter::WARN),
            (LogLevel::Auto, 0, false, LevelFilter::INFO),
            (LogLevel::Auto, 1, true, LevelFilter::INFO),
            (LogLevel::Auto, 1, false, LevelFilter::DEBUG),
            (LogLevel::Auto, 9, false, LevelFilter::TRACE),
            (LogLevel::Auto, -1, false, LevelFilter::WARN),
            (LogLevel::Auto, -9, false, LevelFilter::ERROR),
            (LogLevel::Off, 2, false, LevelFilter::OFF),
            (LogLevel::Debug, -1, true, LevelFilter::INFO),
        ] {
            let output = Output {
                is_json: false,
                is_quiet: false,
                log_format: LogFormat::Text,
                log_level,
                log_steps,
                color: When::Auto,
                progress: When::Auto,
            };
            assert_eq!(output.level(is_progress_shown), expected, "{output:?}");
        }
    }
}
