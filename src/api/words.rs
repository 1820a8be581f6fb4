//! What the API and proxies say of themselves, fit to be shown.

use secrecy::SecretString;
use serde::Deserialize;

use super::retry::Cause;
use super::tls::Refused;
use crate::redact::{Redactor, is_hidden};

/// So many characters are shown.
const LONGEST: usize = 200;

/// So many are read at all.
const MOST_READ: usize = 4_096;

/// What hyper-util says of a proxy that answers 407. Its error is not public.
const PROXY_LOGIN: &str = "tunnel error: proxy authorization required";

/// And of one that answers anything else but 200.
const PROXY_REFUSAL: &str = "tunnel error: unsuccessful";

/// Reads the words of others, and strikes one key out of them.
#[derive(Debug)]
pub(super) struct Words(Redactor);

#[derive(Deserialize)]
struct ApiError {
    error: String,
}

impl Words {
    /// Words without this key.
    pub(super) fn without(key: &SecretString) -> Self {
        Self(Redactor::new(key))
    }

    /// On one line, cut, with nothing hidden, and without the key in whatever form.
    pub(super) fn shown(&self, text: &str) -> String {
        let start: String = text.chars().take(MOST_READ).collect();
        let shown = self.0.foreign(&start);
        shown
            .chars()
            .map(|letter| if is_hidden(letter) { ' ' } else { letter })
            .take(LONGEST)
            .collect()
    }

    /// The API's own words in the body of an error.
    pub(super) fn in_error(&self, body: &[u8]) -> Option<String> {
        let parsed: ApiError = serde_json::from_slice(body).ok()?;
        Some(self.shown(&parsed.error))
    }

    /// Why a request has no answer.
    pub(super) fn cause(&self, error: reqwest::Error) -> Cause {
        let is_timeout = error.is_timeout();
        let is_connect = error.is_connect();
        let error = error.without_url();
        if let Some(refused) = Refused::in_chain(&error) {
            return Cause::Refused(refused.told(|words| self.shown(words)));
        }
        // The outermost message says only that sending failed; the innermost says why.
        let mut innermost: &dyn std::error::Error = &error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        let words = match innermost.to_string().as_str() {
            PROXY_LOGIN => return Cause::ProxyLogin,
            PROXY_REFUSAL => "the proxy refused to connect".to_owned(),
            words => self.shown(words),
        };
        match (is_connect, is_timeout) {
            (true, true) => Cause::Connect("no answer within the connect timeout".to_owned()),
            (true, false) => Cause::Connect(words),
            (false, true) => Cause::Silence,
            (false, false) => Cause::Broken(words),
        }
    }
}
