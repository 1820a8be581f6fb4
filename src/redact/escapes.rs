//! Text as a row of signs, and the ways in which a sign can be written otherwise.

use super::is_hidden;

/// A visible character of ASCII, and the part of the text that stands for it. All other characters
/// that are seen are [`Sign::OTHER`]; those that are not, blanks included, are no sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sign {
    pub(super) byte: u8,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Sign {
    /// No character of a key.
    pub(super) const OTHER: u8 = 0;
}

/// How often an escape may be escaped: a link in a JSON text in an HTML page.
const DEEPEST: usize = 4;

/// The signs of `text`, as they are and with their escapes undone, layer by layer.
pub(super) fn readings(text: &str) -> Vec<Vec<Sign>> {
    let mut readings = vec![signs(text)];
    while readings.len() <= DEEPEST {
        let Some(undone) = readings.last().and_then(|signs| undo(signs)) else {
            break;
        };
        readings.push(undone);
    }
    readings
}

fn signs(text: &str) -> Vec<Sign> {
    text.char_indices()
        .filter_map(|(start, character)| {
            Some(Sign {
                byte: byte(character)?,
                start,
                end: start + character.len_utf8(),
            })
        })
        .collect()
}

/// `None` for what is not seen.
fn byte(character: char) -> Option<u8> {
    match u8::try_from(character) {
        Ok(byte) if byte.is_ascii_graphic() => Some(byte),
        _ if is_hidden(character) || character.is_whitespace() => None,
        _ => Some(Sign::OTHER),
    }
}

/// The signs with one layer of escapes undone; `None` where there is none.
fn undo(signs: &[Sign]) -> Option<Vec<Sign>> {
    let mut undone = Vec::with_capacity(signs.len());
    let mut rest = signs;
    let mut has_escapes = false;
    while let Some(first) = rest.first() {
        let read = escape(rest);
        has_escapes |= read.is_some();
        let (character, length) = read.unwrap_or((None, 1));
        let after = rest.get(length..).unwrap_or_default();
        let end = rest.get(length - 1).map_or(first.end, |last| last.end);
        match character {
            // Not an escape.
            None => undone.push(*first),
            Some(character) => undone.extend(byte(character).map(|byte| Sign {
                byte,
                start: first.start,
                end,
            })),
        }
        rest = after;
    }
    has_escapes.then_some(undone)
}

/// The character that an escape at the start of `signs` stands for, and how many signs it takes.
fn escape(signs: &[Sign]) -> Option<(Option<char>, usize)> {
    let text = |from: usize, count: usize| -> Option<String> {
        let found = signs.get(from..from + count)?;
        Some(found.iter().map(|sign| char::from(sign.byte)).collect())
    };
    let hex = |from: usize, count: usize| -> Option<char> {
        let digits = text(from, count)?;
        let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let code = u32::from_str_radix(&digits, 16).ok().filter(|_| is_hex)?;
        Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
    };
    let (character, length) = match signs.first()?.byte {
        b'%' => (hex(1, 2)?, 3),
        b'\\' => match signs.get(1)?.byte {
            b'x' if hex(2, 2).is_some() => (hex(2, 2)?, 4),
            b'u' if hex(2, 4).is_some() => (hex(2, 4)?, 6),
            b'u' if signs.get(2).is_some_and(|sign| sign.byte == b'{') => {
                let digits = until(signs, 3, b'}')?;
                (hex(3, digits)?, 4 + digits)
            }
            b'n' | b'r' | b't' | b'b' | b'f' => (' ', 2),
            other => (char::from(other), 2),
        },
        b'&' => entity(signs)?,
        _ => return None,
    };
    Some((Some(character), length))
}

/// How many signs stand from `from` to `end`.
fn until(signs: &[Sign], from: usize, end: u8) -> Option<usize> {
    const LONGEST: usize = 8;
    let found = signs.get(from..)?;
    found.iter().take(LONGEST).position(|sign| sign.byte == end)
}

/// HTML's `&amp;`, `&#47;` and `&#x2f;`.
fn entity(signs: &[Sign]) -> Option<(char, usize)> {
    let length = until(signs, 1, b';')?;
    let name = signs.get(1..1 + length)?;
    let name: String = name.iter().map(|sign| char::from(sign.byte)).collect();
    let number = |digits: &str, radix| {
        let code = u32::from_str_radix(digits, radix).ok()?;
        char::from_u32(code)
    };
    let character = match name.strip_prefix('#') {
        Some(digits) => match digits.strip_prefix(['x', 'X']) {
            Some(digits) => number(digits, 16)?,
            None => number(digits, 10)?,
        },
        None => match name.to_ascii_lowercase().as_str() {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => return None,
        },
    };
    Some((character, length + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last reading, as text.
    fn read(text: &str) -> String {
        let readings = readings(text);
        let last = readings.last().expect("the text itself");
        last.iter().map(|sign| char::from(sign.byte)).collect()
    }

    #[test]
    fn each_way_to_write_a_character_is_read() {
        for text in [
            "a/b",
            " a\u{200b}/\tb\u{1b}",
            "a%2Fb",
            "a%2fb",
            "a\\/b",
            "a\\u002fb",
            "a\\u002Fb",
            "a\\u{2f}b",
            "a\\x2Fb",
            "a&#47;b",
            "a&#x2f;b",
            "%61%2f%62",
            "a%252Fb",
            "a&amp;#47;b",
            "a\\\\u002fb",
            "a\\n/\\u200bb",
        ] {
            assert_eq!(read(text), "a/b", "{text}");
        }
        assert_eq!(read("&amp;&lt;&GT;&quot;&apos;&eacute;"), "&<>\"'&eacute;");
    }

    #[test]
    fn what_is_no_escape_stays() {
        for text in [
            "100%",
            "%zz",
            "%+1",
            "&;",
            "&#;",
            "&#xfffffff;",
            "a&b",
            "\\",
        ] {
            assert_eq!(read(text), text);
        }
        assert_eq!(read("é"), "\0");
    }

    #[test]
    fn a_sign_knows_where_it_stands() {
        let text = "é%2f\u{200b}x";
        let spans: Vec<&str> = readings(text)[1]
            .iter()
            .map(|sign| &text[sign.start..sign.end])
            .collect();
        assert_eq!(spans, ["é", "%2f", "x"]);
    }
}
