//! The key of the command that runs, so that nothing that is printed holds it.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use secrecy::SecretString;

use crate::redact::{Redactor, escape_hidden};
use crate::settings::LogFormat;

use super::style;

/// What is kept out of everything printed; nothing until a key is known.
#[derive(Debug, Clone, Default)]
pub(super) struct Secrets(Arc<OnceLock<Redactor>>);

impl Secrets {
    /// Keeps this key out from now on. A command has one.
    pub(super) fn conceal(&self, key: &SecretString) {
        self.0.get_or_init(|| Redactor::new(key));
    }

    /// Text for people.
    pub(super) fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.0.get() {
            Some(redactor) => redactor.own(text),
            None => Cow::Borrowed(text),
        }
    }

    /// JSON, with what is hidden in it escaped.
    pub(super) fn json(&self, json: &str) -> String {
        match self.0.get() {
            Some(redactor) => escape_hidden(&redactor.own_json(json)).into_owned(),
            None => escape_hidden(json).into_owned(),
        }
    }

    /// Lines of the log, styled where they are for people.
    pub(super) fn log(&self, lines: &str, format: LogFormat) -> String {
        match format {
            LogFormat::Text => style::harmless(&self.text(lines)),
            LogFormat::Json => self.json(lines),
        }
    }
}
