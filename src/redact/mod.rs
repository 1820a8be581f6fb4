//! Text from elsewhere made fit to be shown: the API key is struck out of it, and so is what could
//! steer a terminal. Pure.
//!
//! Who is sent a key may send it back, and not always as it was: cut short, in capitals, split,
//! encoded. [`Redactor`] is the one place that finds it; [`is_hidden`] is the one list of
//! characters that are not shown as they are.

mod escapes;
mod hidden;
mod json;
mod key;

pub use hidden::is_hidden;
pub(crate) use hidden::{on_one_line, without_hidden};
pub(crate) use json::{escape_hidden, for_json_text};
pub use key::Redactor;
pub(crate) use key::looks_like_key;

/// What stands in the place of a key.
pub const REDACTED: &str = "[REDACTED]";
