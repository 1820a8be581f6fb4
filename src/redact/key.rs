//! The key, found in text wherever it is and however it is written.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use secrecy::{ExposeSecret, SecretString};

use super::escapes::{Sign, readings};
use super::{REDACTED, for_json_text};

/// So many characters of a key in a row are not shown in text that others wrote: what is left to
/// guess of a key of 32 hexadecimal digits is still beyond anyone.
const LEAST_RUN: usize = 8;

/// In text of our own, with the paths and names that the user chose, a run has to be longer, or
/// else a key such as `simulated-key` would hide the word "simulated".
const LEAST_OWN_RUN: usize = 12;

/// Fewer characters of Base64 than this occur by chance.
const LEAST_BASE64_RUN: usize = 6;

/// A word shorter than this that was typed is shown in the error about it.
const LEAST_TYPED: usize = 16;

/// Finds one key in any text and strikes it out: whole or in part, in capitals or not, with blanks,
/// line ends or hidden characters in it, in Base64 (at each offset, in both alphabets), in
/// hexadecimal, and with its characters escaped for a URL, JSON or HTML.
pub struct Redactor {
    /// For the words of others.
    foreign: Forms,
    /// For everything that is printed; `None` for a key too short to be told from other words.
    own: Option<Forms>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Redactor")
    }
}

impl Redactor {
    /// The one for `key`.
    pub fn new(key: &SecretString) -> Self {
        let key = key.expose_secret().as_bytes();
        let most = key.len() - key.len() / 4;
        Self {
            foreign: Forms::new(key, LEAST_RUN.min(key.len())),
            own: (key.len() >= LEAST_RUN)
                .then(|| Forms::new(key, LEAST_OWN_RUN.max(most).min(key.len()))),
        }
    }

    /// Words that others wrote, without any part of the key that is long enough to tell something.
    pub fn foreign<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.foreign.strike(text)
    }

    /// Text of our own, which may repeat what others wrote: without the key or most of it.
    pub fn own<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match &self.own {
            Some(forms) => forms.strike(text),
            None => Cow::Borrowed(text),
        }
    }

    /// JSON of our own, likewise: its strings are read, and stay strings.
    pub fn own_json(&self, json: &str) -> String {
        for_json_text(json, |text| self.own(text))
    }
}

/// A key in each of its forms.
struct Forms {
    plain: Runs,
    hex: Runs,
    base64: Runs,
}

impl Forms {
    /// To find any `least` characters of `key` in a row.
    fn new(key: &[u8], least: usize) -> Self {
        let small = key.to_ascii_lowercase();
        let mut forms = Self {
            plain: Runs::new(least),
            hex: Runs::new(2 * least),
            // Of the bits of so many bytes, at most four belong to a character that other bytes
            // have a part in, at the start, and at most four at the end.
            base64: Runs::new((8 * least).saturating_sub(4) / 6),
        };
        forms.plain.add(&small);
        // Hexadecimal tells `K` from `k`.
        for key in [key, &small, &key.to_ascii_uppercase()] {
            let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
            forms.hex.add(hex.as_bytes());
        }
        if forms.base64.length >= LEAST_BASE64_RUN {
            for offset in 0..3 {
                forms.base64.add(&in_base64(key, offset));
            }
        }
        forms
    }

    fn strike<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut found = Vec::new();
        for signs in readings(text) {
            let each = |read: fn(u8) -> Option<u8>| -> Vec<Sign> {
                let read = |sign: &Sign| read(sign.byte).map(|byte| Sign { byte, ..*sign });
                signs.iter().filter_map(read).collect()
            };
            self.plain
                .find(&each(|byte| Some(byte.to_ascii_lowercase())), &mut found);
            self.hex.find(&each(hex_digit), &mut found);
            self.base64
                .find(&each(|byte| Some(base64_digit(byte))), &mut found);
        }
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        found.sort_unstable();
        let mut struck = String::with_capacity(text.len());
        let mut shown_until = 0;
        let mut hidden_until = None;
        for (start, end) in found {
            match hidden_until {
                Some(until) if start <= until => hidden_until = Some(end.max(until)),
                _ => {
                    shown_until = hidden_until.unwrap_or(shown_until);
                    struck.push_str(text.get(shown_until..start).unwrap_or_default());
                    struck.push_str(REDACTED);
                    hidden_until = Some(end);
                }
            }
        }
        let rest = hidden_until.unwrap_or(shown_until);
        struck.push_str(text.get(rest..).unwrap_or_default());
        Cow::Owned(struck)
    }
}

/// Colons and dashes between the digits are passed over.
fn hex_digit(byte: u8) -> Option<u8> {
    match byte.to_ascii_lowercase() {
        b':' | b'-' => None,
        digit if digit.is_ascii_hexdigit() => Some(digit),
        _ => Some(Sign::OTHER),
    }
}

/// Both alphabets as one (<https://www.rfc-editor.org/rfc/rfc4648#section-5>).
fn base64_digit(byte: u8) -> u8 {
    match byte {
        b'-' => b'+',
        b'_' => b'/',
        digit => digit,
    }
}

/// The characters of Base64 that follow from the key alone where `offset` bytes stand before it.
fn in_base64(key: &[u8], offset: usize) -> Vec<u8> {
    let mut bytes = vec![0; offset];
    bytes.extend_from_slice(key);
    let mut digits = STANDARD_NO_PAD.encode(&bytes).into_bytes();
    if !bytes.len().is_multiple_of(3) {
        digits.pop();
    }
    // Eight bits a byte, six a character: what stands before has a part in so many.
    digits.drain(..(8 * offset).div_ceil(6).min(digits.len()));
    digits
}

/// All runs of one length in some texts.
struct Runs {
    length: usize,
    runs: HashSet<Vec<u8>>,
}

impl Runs {
    fn new(length: usize) -> Self {
        Self {
            length,
            runs: HashSet::new(),
        }
    }

    fn add(&mut self, text: &[u8]) {
        if self.length > 0 {
            self.runs
                .extend(text.windows(self.length).map(<[u8]>::to_vec));
        }
    }

    /// Adds the parts of the text in which `signs` are one of the runs.
    fn find(&self, signs: &[Sign], found: &mut Vec<(usize, usize)>) {
        if self.runs.is_empty() {
            return;
        }
        let bytes: Vec<u8> = signs.iter().map(|sign| sign.byte).collect();
        let windows = signs.windows(self.length).zip(bytes.windows(self.length));
        for (signs, bytes) in windows {
            if let (true, [first, ..], Some(last)) =
                (self.runs.contains(bytes), signs, signs.last())
            {
                found.push((first.start, last.end));
            }
        }
    }
}

/// Whether a word that was typed where none like it belongs may be a key: long, of letters and
/// digits, and no path.
pub(crate) fn looks_like_key(word: &str) -> bool {
    let letters = word.bytes().filter(u8::is_ascii_alphabetic).count();
    word.len() >= LEAST_TYPED
        && !word.starts_with(['/', '.', '~'])
        && letters >= 4
        && word.bytes().any(|byte| byte.is_ascii_digit())
        && word
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.~+/=".contains(&byte))
}

#[cfg(test)]
#[path = "key_tests.rs"]
mod tests;
