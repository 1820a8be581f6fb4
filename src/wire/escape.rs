//! Text that no database can hold: NUL, halves of surrogate pairs (`\ud83d` without its other half
//! is legal in JSON's grammar and in JavaScript's strings), and bytes that are no UTF-8.
//!
//! Bytes are written into a body's text as Python's `surrogateescape` does: byte E9 is `\udce9`. So
//! past the body there are two kinds only, and the JSON text that is kept in `rejects` holds all that
//! was sent: decoded as JSON and written with `surrogateescape`, it is the bytes again.

use super::json::write_text;

/// Stands in a text that is to be parsed before the four hex digits of a half pair, and before
/// `fdd0` where it stood in the text itself. Unicode gives it to no character.
const MARK: char = '\u{fdd0}';

/// What an engine holds in place of what it cannot.
const REPLACEMENT: char = '\u{fffd}';

/// Before the JSON of an id, or of a field's name, that cannot be stored as it was sent.
const IN_JSON: &str = "json:";

/// Text that no database can hold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Broken {
    /// The text with U+FFFD in place of what cannot be held.
    pub(crate) shown: String,
    /// `json:` and the JSON text that holds all of it.
    name: String,
    pub(crate) replaced: i64,
}

impl Broken {
    /// What stands for it where it has to differ from every other: `json:` and its JSON text.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The JSON text that holds all of it.
    pub(crate) fn raw(&self) -> &str {
        raw_of_name(&self.name)
    }
}

/// The JSON text in what stands for an id or a field's name.
pub(crate) fn raw_of_name(name: &str) -> &str {
    name.strip_prefix(IN_JSON).unwrap_or(name)
}

/// Whether a text looks like one that stands for another: it has to be told from those too.
pub(crate) fn is_name(text: &str) -> bool {
    text.strip_prefix(IN_JSON)
        .is_some_and(|rest| rest.starts_with('"'))
}

/// What stands for a text that [`is_name`].
pub(crate) fn name_of(text: &str) -> String {
    let mut name = String::from(IN_JSON);
    write_text(&mut name, text);
    name
}

/// What a parsed text comes to.
pub(crate) enum Parsed {
    /// It is as it was parsed.
    Plain,
    /// It held marks, but only of itself.
    Text(String),
    /// It cannot be held.
    Broken(Broken),
}

/// Tells whether a text from a parser can be held; one from a text made by [`marked`] may hold marks.
pub(crate) fn parsed(text: &str, is_marked: bool) -> Parsed {
    let may_be_special = text.contains('\0') || (is_marked && text.contains(MARK));
    if !may_be_special {
        return Parsed::Plain;
    }
    let is_special = |character: char| character == '\0' || (is_marked && character == MARK);
    let mut shown = String::with_capacity(text.len());
    let mut name = String::with_capacity(text.len() + IN_JSON.len() + 2);
    name.push_str(IN_JSON);
    name.push('"');
    let mut replaced = 0;
    let mut rest = text;
    while let Some((before, special)) = rest
        .find(is_special)
        .and_then(|at| rest.split_at_checked(at))
    {
        shown.push_str(before);
        push_escaped(&mut name, before);
        let after = special.get(MARK.len_utf8()..).unwrap_or_default();
        rest = match after
            .split_at_checked(4)
            .filter(|_| special.starts_with(MARK))
        {
            Some(("fdd0", after)) => {
                shown.push(MARK);
                name.push(MARK);
                after
            }
            Some((digits, after)) => {
                shown.push(REPLACEMENT);
                name.push_str("\\u");
                name.push_str(digits);
                replaced += 1;
                after
            }
            None => {
                shown.push(REPLACEMENT);
                name.push_str("\\u0000");
                replaced += 1;
                special.get(1..).unwrap_or_default()
            }
        };
    }
    shown.push_str(rest);
    push_escaped(&mut name, rest);
    name.push('"');
    match replaced {
        0 => Parsed::Text(shown),
        _ => Parsed::Broken(Broken {
            shown,
            name,
            replaced,
        }),
    }
}

/// The inside of a JSON string.
fn push_escaped(out: &mut String, text: &str) {
    let start = out.len();
    write_text(out, text);
    out.pop();
    out.remove(start);
}

/// The code unit of a `\uXXXX` escape at the start of `text`.
fn unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits
        .bytes()
        .all(|digit| digit.is_ascii_hexdigit())
        .then(|| u32::from_str_radix(digits, 16).ok())?
}

/// Copies a JSON text. `plain` adds what stands between two escapes, and each escape but an unpaired
/// surrogate; `lone` adds such a one.
fn copied(
    json: &str,
    plain: impl Fn(&mut String, &str),
    mut lone: impl FnMut(&mut String, u32),
) -> String {
    let mut copy = String::with_capacity(json.len());
    let mut rest = json;
    while let Some((before, escape)) = rest
        .find('\\')
        .and_then(|backslash| rest.split_at_checked(backslash))
    {
        plain(&mut copy, before);
        let length = match unit(escape) {
            Some(0xD800..=0xDBFF)
                if matches!(escape.get(6..).and_then(unit), Some(0xDC00..=0xDFFF)) =>
            {
                12
            }
            Some(half @ 0xD800..=0xDFFF) => {
                lone(&mut copy, half);
                rest = escape.get(6..).unwrap_or_default();
                continue;
            }
            Some(_) => 6,
            // The backslash and the character it escapes, which may be a backslash itself.
            None => 1 + escape.chars().nth(1).map_or(0, char::len_utf8),
        };
        let (escape, after) = escape.split_at_checked(length).unwrap_or((escape, ""));
        plain(&mut copy, escape);
        rest = after;
    }
    plain(&mut copy, rest);
    copy
}

/// A JSON text that every parser reads, with marks in place of unpaired surrogates; `None` where it
/// has none.
pub(crate) fn marked(json: &str) -> Option<String> {
    let mut has_lone = false;
    let copy = copied(
        json,
        |copy, plain| match plain {
            _ if unit(plain) == Some(u32::from(MARK)) && plain.len() == 6 => {
                copy.push(MARK);
                copy.push_str("fdd0");
            }
            _ if plain.contains(MARK) => {
                copy.push_str(&plain.replace(MARK, "\u{fdd0}fdd0"));
            }
            _ => copy.push_str(plain),
        },
        |copy, half| {
            has_lone = true;
            copy.push(MARK);
            copy.push_str(&format!("{half:04x}"));
        },
    );
    has_lone.then_some(copy)
}

/// Bytes that are no UTF-8 throughout as text, each of those that are not as `\udcXX`. Where those
/// begin in the text comes with it.
///
/// Unpaired surrogates become the bytes that they would be in UTF-8, if it could hold them: else one of
/// them and a byte after it would be a pair, or one be taken for a byte.
pub(crate) fn text_of(bytes: &[u8]) -> (String, Vec<usize>) {
    let mut text = String::with_capacity(bytes.len());
    let mut escaped_at = Vec::new();
    for chunk in bytes.utf8_chunks() {
        let start = text.len();
        let copy = copied(chunk.valid(), String::push_str, |copy, half| {
            escaped_at.push(start + copy.len());
            for byte in bytes_of_half(half) {
                push_byte(copy, byte);
            }
        });
        text.push_str(&copy);
        for byte in chunk.invalid() {
            escaped_at.push(text.len());
            push_byte(&mut text, u32::from(*byte));
        }
    }
    (text, escaped_at)
}

fn push_byte(text: &mut String, byte: u32) {
    text.push_str(&format!("\\udc{byte:02x}"));
}

/// A surrogate in the three bytes of UTF-8 for numbers of its size.
fn bytes_of_half(half: u32) -> [u32; 3] {
    [
        0xE0 | (half >> 12),
        0x80 | ((half >> 6) & 0x3F),
        0x80 | (half & 0x3F),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unpaired_surrogates_are_marked() {
        for (json, expected) in [
            (r#""plain""#, None),
            (r#""\ud83d\ude00""#, None),
            (r#""\uD83D!""#, Some("\"\u{fdd0}d83d!\"")),
            (r#""\uDE00""#, Some("\"\u{fdd0}de00\"")),
            (r#""\uDE00\uD83D""#, Some("\"\u{fdd0}de00\u{fdd0}d83d\"")),
            (
                r#""\ud83d\ud83d\ude00""#,
                Some("\"\u{fdd0}d83d\\ud83d\\ude00\""),
            ),
            (
                r#""\ud83d\n\ude00""#,
                Some("\"\u{fdd0}d83d\\n\u{fdd0}de00\""),
            ),
            (r#""\\ud83d""#, None),
            (r#""\\\ud83d""#, Some("\"\\\\\u{fdd0}d83d\"")),
            (
                "\"\u{fdd0}\\ufdd0\\ud83d\"",
                Some("\"\u{fdd0}fdd0\u{fdd0}fdd0\u{fdd0}d83d\""),
            ),
            (r#""\u00e9\u0000""#, None),
            ("\\", None),
            ("\\é", None),
            ("\\ud8", None),
            ("\\u+123", None),
        ] {
            assert_eq!(marked(json).as_deref(), expected, "{json}");
        }
    }

    #[test]
    fn what_cannot_be_held_keeps_its_json_and_is_told_from_everything_else() {
        for (text, is_marked, shown, raw) in [
            ("a\0b", false, "a\u{fffd}b", r#""a\u0000b""#),
            ("\"\0\\\n", false, "\"\u{fffd}\\\n", r#""\"\u0000\\\n""#),
            (
                "\u{fdd0}d83d \u{fdd0}fdd0é",
                true,
                "\u{fffd} \u{fdd0}é",
                "\"\\ud83d \u{fdd0}é\"",
            ),
        ] {
            let Parsed::Broken(broken) = parsed(text, is_marked) else {
                panic!("{text}")
            };
            assert_eq!((broken.shown.as_str(), broken.raw()), (shown, raw));
            assert_eq!(broken.name(), format!("json:{raw}"));
            assert!(is_name(broken.name()));
        }
        assert!(matches!(parsed("\u{fdd0}", false), Parsed::Plain));
        assert!(matches!(parsed("\u{fdd0}fdd0", true), Parsed::Text(text) if text == "\u{fdd0}"));
        // A text that was sent like one that stands for another is told from that.
        assert_eq!(name_of("json:\"a\""), r#"json:"json:\"a\"""#);
        assert!(!is_name("json:plain"));
    }

    #[test]
    fn bytes_and_halves_never_make_a_pair() {
        for (bytes, text, places) in [
            (&b"caf\xe9"[..], r"caf\udce9", &[3][..]),
            (b"\xff\xfe", r"\udcff\udcfe", &[0, 6]),
            // A half that was sent before a byte, and one after it.
            (b"\\ud83d\xe9", r"\udced\udca0\udcbd\udce9", &[0, 18]),
            (b"\xe9\\ude00", r"\udce9\udced\udcb8\udc80", &[0, 6]),
            (b"\\ud83d\\ude00\xe9", r"\ud83d\ude00\udce9", &[12]),
        ] {
            assert_eq!(text_of(bytes), (text.to_owned(), places.to_vec()));
        }
    }
}
