#![expect(
    clippy::disallowed_methods,
    reason = "reads the API key from the environment or a file, an edge"
)]
//! The API key: where it comes from and what it may look like. It is never part of a message.

use std::io::Read;
use std::path::Path;

use secrecy::SecretString;

use crate::error::{Error, Result};

/// The variable that holds the key.
const VARIABLE: &str = "MAVA_API_KEY";

/// No key is longer; a file that is was named by mistake.
const LONGEST_BYTES: u64 = 4096;

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

/// Reads the key. A key file that was typed goes before the environment, and the environment
/// before a key file from the environment or the configuration file.
///
/// # Errors
/// A usage error when there is no key or it cannot be one.
pub(super) fn read(key_file: Option<&Path>, has_typed_key_file: bool) -> Result<SecretString> {
    let variable = std::env::var_os(VARIABLE);
    let source = choose(key_file, has_typed_key_file, variable.is_some()).ok_or_else(|| {
        Error::usage(NONE)
            .help("set MAVA_API_KEY, or give --api-key-file PATH (- reads it from stdin)")
    })?;
    match source {
        Source::Environment => {
            let text = variable.and_then(|value| value.into_string().ok());
            check(VARIABLE, text.as_deref().unwrap_or("\u{fffd}"))
        }
        Source::Stdin => {
            let place = "the API key on stdin";
            check(place, &content(place, std::io::stdin().lock())?)
        }
        // The path is not named: the key itself may have been typed in its place.
        Source::File(path) => {
            let place = "the API key file";
            let file = std::fs::File::open(path).map_err(|error| {
                Error::usage(format!("{place} cannot be read"))
                    .because(error)
                    .help("--api-key-file takes the path of a file that holds only the key")
            })?;
            check(place, &content(place, file)?)
        }
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

fn content(place: &str, from: impl Read) -> Result<String> {
    let mut text = String::new();
    from.take(LONGEST_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|error| Error::usage(format!("{place} cannot be read")).because(error))?;
    Ok(text)
}

/// A key is one word of visible ASCII; line ends after it are cut off.
fn check(place: &str, text: &str) -> Result<SecretString> {
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
    Err(Error::usage(format!("{place} {wrong}"))
        .help("it must hold the key as Mava shows it, and nothing else"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn a_typed_key_file_goes_before_the_environment_and_that_before_others() {
        let file = Path::new("key.txt");
        let stdin = Path::new("-");
        for (key_file, is_typed, has_variable, expected) in [
            (Some(file), true, true, Some(Source::File(file))),
            (Some(file), false, true, Some(Source::Environment)),
            (Some(file), false, false, Some(Source::File(file))),
            (Some(stdin), true, true, Some(Source::Stdin)),
            (None, false, true, Some(Source::Environment)),
            (None, false, false, None),
        ] {
            assert_eq!(choose(key_file, is_typed, has_variable), expected);
        }
    }

    #[test]
    fn line_ends_after_the_key_are_cut_off() {
        for text in ["s3cr3t", "s3cr3t\n", "s3cr3t\r\n", "s3cr3t\n\n"] {
            assert_eq!(check("it", text).expect(text).expose_secret(), "s3cr3t");
        }
    }

    #[test]
    fn what_is_no_key_is_refused_without_printing_it() {
        let long = "s3cr3t".repeat(1000);
        for (text, reason) in [
            ("", "is empty"),
            ("\n", "is empty"),
            (" s3cr3t", "white space"),
            ("s3cr3t\ns3cr3t", "white space"),
            ("s3cr3t\tx", "white space"),
            ("s3cr3t\u{7}", "characters"),
            ("s3cr3tö", "characters"),
            ("\u{feff}s3cr3t", "characters"),
            (long.as_str(), "too long"),
        ] {
            let error = check("MAVA_API_KEY", text).expect_err("no key");
            let shown = format!("{error} {error:?}");
            assert!(
                shown.contains(reason) && !shown.contains("s3cr3t"),
                "{shown}"
            );
        }
    }

    #[test]
    fn an_endless_file_is_read_only_so_far() {
        let text = content("it", std::io::repeat(b'k')).expect("bounded");
        assert!(check("it", &text).is_err());
    }

    #[test]
    fn a_key_typed_in_place_of_its_file_is_not_printed() {
        let error = read(Some(Path::new("/nowhere/s3cr3t")), true).expect_err("no such file");
        assert!(!format!("{error} {error:?}").contains("s3cr3t"));
    }
}
