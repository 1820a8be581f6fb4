//! A light JSON tree that borrows from the text it was read from.

mod reading;
mod text;

use std::borrow::Cow;
use std::fmt::{self, Write};

use self::reading::{Reading, TOO_MANY_VALUES};
pub(crate) use self::text::write_text;
use super::decimal;
use super::escape::{self, Broken, marked};

/// A JSON value. Text borrows where the wire has no escapes; objects keep their entries in the
/// order sent, duplicates included (the last one wins wherever entries are used).
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Json<'a> {
    #[default]
    Null,
    Bool(bool),
    Integer(i64),
    /// Above `i64::MAX`.
    Unsigned(u64),
    /// Any other number, in the digits sent.
    Decimal(Cow<'a, str>),
    Text(Cow<'a, str>),
    /// Text that no database can hold.
    Broken(Box<Broken>),
    Array(Vec<Json<'a>>),
    Object(Entries<'a>),
}

/// An object's entries in the order sent.
pub(crate) type Entries<'a> = Vec<(Cow<'a, str>, Json<'a>)>;

/// Room made for a JSON text before its length is known: about a message's `extra_json`.
const USUAL_TEXT_BYTES: usize = 256;

/// What was read.
pub(crate) struct Read<T> {
    pub(crate) value: T,
    /// Characters that no database can hold.
    pub(crate) replaced: i64,
    /// Whether there may be something in it that the tree's users would pass over: see
    /// [`take_hidden`](super::take_hidden).
    pub(crate) has_hidden: bool,
}

impl<'a> Json<'a> {
    /// Reads a JSON text. Lone surrogates are an error here; see [`with_json`].
    pub(crate) fn parse(text: &'a str) -> serde_json::Result<Read<Self>> {
        Reading::read(text, false)
    }

    /// Adds a text to what is left of an object.
    pub(crate) fn add(&mut self, key: &'static str, text: Option<String>) {
        let Some(text) = text else {
            return;
        };
        let entry = (Cow::Borrowed(key), Self::Text(Cow::Owned(text)));
        match self {
            Self::Object(entries) => entries.push(entry),
            other => *other = Self::Object(vec![entry]),
        }
    }

    /// Whether it is `null`.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The kind of value, in words.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) | Self::Unsigned(_) | Self::Decimal(_) => "a number",
            Self::Text(_) | Self::Broken(_) => "text",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    /// The integer it stands for: a number without a fraction, or a text of one.
    pub(crate) fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(integer) => Some(*integer),
            Self::Decimal(text) => decimal::integer(text),
            Self::Text(text) => text.parse().ok().or_else(|| decimal::integer(text)),
            _ => None,
        }
    }

    /// True or false, or what stands for one: `"true"`, `"false"`, 1, 0.
    pub(crate) fn boolean(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Self::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
            Self::Integer(_) | Self::Text(_) => match self.integer() {
                Some(0) => Some(false),
                Some(1) => Some(true),
                _ => None,
            },
            _ => None,
        }
    }

    /// A scalar as text: text as it is, or with U+FFFD where no database can hold it; numbers and
    /// booleans as their JSON. The value comes back where it is none.
    pub(crate) fn scalar(self) -> Result<Cow<'a, str>, Self> {
        match self {
            Self::Text(text) | Self::Decimal(text) => Ok(text),
            Self::Broken(broken) => Ok(Cow::Owned(broken.shown)),
            Self::Bool(_) | Self::Integer(_) | Self::Unsigned(_) => {
                Ok(Cow::Owned(self.canonical()))
            }
            Self::Null | Self::Array(_) | Self::Object(_) => Err(self),
        }
    }

    /// The id it stands for: a text that is not empty, or `{"$oid": …}` around one. Of a text that no
    /// database can hold it is `json:` and its JSON, so that no two ids become one.
    pub(crate) fn id(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) if text.is_empty() => None,
            Self::Text(text) if escape::is_name(text) => Some(Cow::Owned(escape::name_of(text))),
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Broken(broken) => Some(Cow::Borrowed(broken.name())),
            Self::Object(entries) => match entries.as_slice() {
                [(key, inner @ (Self::Text(_) | Self::Broken(_)))] if key == "$oid" => inner.id(),
                _ => None,
            },
            _ => None,
        }
    }

    /// Compact JSON with every object's keys sorted and unique: equal content, equal text. What no
    /// database can hold is U+FFFD.
    pub(crate) fn canonical(&self) -> String {
        let mut out = String::with_capacity(USUAL_TEXT_BYTES);
        self.write(&mut out, false);
        out
    }

    /// The JSON text with escapes for what no database can hold: all that was sent.
    pub(crate) fn raw(&self) -> String {
        let mut out = String::with_capacity(USUAL_TEXT_BYTES);
        self.write(&mut out, true);
        out
    }

    fn write(&self, out: &mut String, is_raw: bool) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Integer(value) => write_shown(out, value),
            Self::Unsigned(value) => write_shown(out, value),
            Self::Decimal(text) => out.push_str(text),
            Self::Text(text) => write_text(out, text),
            Self::Broken(broken) if is_raw => out.push_str(broken.raw()),
            Self::Broken(broken) => write_text(out, &broken.shown),
            Self::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.write(out, is_raw);
                }
                out.push(']');
            }
            Self::Object(entries) => write_object(out, entries, is_raw),
        }
    }
}

fn write_object(out: &mut String, entries: &Entries<'_>, is_raw: bool) {
    if entries.is_sorted_by(|(left, _), (right, _)| left < right) {
        return write_entries(out, entries.iter(), is_raw);
    }
    let mut sorted: Vec<&(Cow<'_, str>, Json<'_>)> = entries.iter().collect();
    // Stable, so the last of equal keys is the last one sent.
    sorted.sort_by(|(left, _), (right, _)| left.cmp(right));
    sorted.reverse();
    sorted.dedup_by(|(later, _), (kept, _)| later == kept);
    write_entries(out, sorted.into_iter().rev(), is_raw);
}

fn write_entries<'e, 'a: 'e>(
    out: &mut String,
    entries: impl Iterator<Item = &'e (Cow<'a, str>, Json<'a>)>,
    is_raw: bool,
) {
    out.push('{');
    for (index, (key, value)) in entries.enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_text(out, key);
        out.push(':');
        value.write(out, is_raw);
    }
    out.push('}');
}

fn write_shown(out: &mut String, value: &impl fmt::Display) {
    // Writing to a String has no way to fail.
    let _ = write!(out, "{value}");
}

/// Reads `text` and hands the tree to `take`, also where lone surrogates stand in it.
///
/// # Errors
/// Why the text cannot be read, in words without any of it.
pub(crate) fn with_json<T>(
    text: &str,
    take: impl FnOnce(Read<Json<'_>>) -> T,
) -> Result<T, &'static str> {
    let error = match Json::parse(text) {
        Ok(read) => return Ok(take(read)),
        Err(error) => error,
    };
    let Some(marked) = marked(text) else {
        return Err(reason(&error));
    };
    match Reading::read(&marked, true) {
        Ok(read) => Ok(take(read)),
        Err(error) => Err(reason(&error)),
    }
}

/// Reads a part of a text that [`marked`] gave.
pub(crate) fn with_marked_json<T>(
    marked: &str,
    take: impl FnOnce(Read<Json<'_>>) -> T,
) -> Option<T> {
    Reading::read(marked, true).ok().map(take)
}

fn reason(error: &serde_json::Error) -> &'static str {
    // serde_json tells these apart only in its message.
    let message = error.to_string();
    if message.starts_with("recursion limit") {
        "nested too deeply"
    } else if message.starts_with(TOO_MANY_VALUES) {
        "holds more than 10000000 values"
    } else if message.starts_with("number out of range") {
        "holds a number out of range"
    } else {
        "not readable as JSON"
    }
}

#[cfg(test)]
mod tests {
    use super::reading::MOST_VALUES;
    use super::*;
    use proptest::prelude::*;

    fn canonical(text: &str) -> Result<(String, i64), &'static str> {
        with_json(text, |read| (read.value.canonical(), read.replaced))
    }

    #[test]
    fn canonical_text_sorts_keys_and_keeps_the_last_of_equal_ones() {
        for (text, expected, replaced) in [
            (
                r#" {"b": 1, "a": [true, null, -2.5]} "#,
                r#"{"a":[true,null,-2.5],"b":1}"#,
                0,
            ),
            (r#"{"a":1,"b":2,"a":3}"#, r#"{"a":3,"b":2}"#, 0),
            (r#"{"a":{"z":{},"y":[]}}"#, r#"{"a":{"y":[],"z":{}}}"#, 0),
            ("18446744073709551615", "18446744073709551615", 0),
            ("0.1", "0.1", 0),
            ("1e21", "1e21", 0),
            ("[-0,1.10,1E5]", "[-0,1.10,1E5]", 0),
            ("1234567890123456789012345", "1234567890123456789012345", 0),
            (r#""\u00e9\/\n\u0001\"\\""#, "\"é/\\n\\u0001\\\"\\\\\"", 0),
            (r#""\u0000a\u0000""#, "\"\u{fffd}a\u{fffd}\"", 2),
            (
                r#"{"\u0000":"\ud800"}"#,
                "{\"json:\\\"\\\\u0000\\\"\":\"\u{fffd}\"}",
                2,
            ),
            (
                r#"{"\udc00":1,"\ufffd":2}"#,
                "{\"json:\\\"\\\\udc00\\\"\":1,\"\u{fffd}\":2}",
                1,
            ),
            (r#""\ud83d\ude00""#, "\"😀\"", 0),
        ] {
            assert_eq!(
                canonical(text),
                Ok((expected.to_owned(), replaced)),
                "{text}"
            );
        }
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        assert_eq!(canonical(&"[".repeat(200)), Err("nested too deeply"));
        let many = format!("[{}1]", "1,".repeat(MOST_VALUES - 1));
        assert_eq!(canonical(&many), Err("holds more than 10000000 values"));
        assert_eq!(canonical("1e999"), Err("holds a number out of range"));
        assert_eq!(canonical("{"), Err("not readable as JSON"));
        assert_eq!(canonical(r#"["\ud800","#), Err("not readable as JSON"));
    }

    #[test]
    fn integers_are_read_from_numbers_and_texts_without_a_fraction() {
        for (text, expected) in [
            ("3", Some(3)),
            ("3.0", Some(3)),
            ("-0.0", Some(0)),
            (r#""3""#, Some(3)),
            (r#""3.0""#, Some(3)),
            (r#""-12""#, Some(-12)),
            ("3.5", None),
            (r#""high""#, None),
            (r#""""#, None),
            (r#""NaN""#, None),
            (r#""inf""#, None),
            ("18446744073709551615", None),
            ("3.00000000000000000001", None),
            ("1e3", Some(1_000)),
            ("1e300", None),
            ("true", None),
            ("[3]", None),
        ] {
            let read = with_json(text, |read| read.value.integer());
            assert_eq!(read, Ok(expected), "{text}");
        }
    }

    /// The UTF-16 units of a JSON string.
    fn units_of(json: &str) -> Vec<u16> {
        let mut units = Vec::new();
        let mut rest = &json[1..json.len() - 1];
        while let Some(first) = rest.chars().next() {
            let (taken, unit) = match (first, rest.as_bytes().get(1)) {
                ('\\', Some(b'u')) => (6, u16::from_str_radix(&rest[2..6], 16).expect("hex")),
                ('\\', Some(escaped)) => (2, u16::from(*escaped)),
                _ => {
                    units.extend(first.encode_utf16(&mut [0; 2]).iter());
                    rest = &rest[first.len_utf8()..];
                    continue;
                }
            };
            units.push(unit);
            rest = &rest[taken..];
        }
        units
    }

    /// JSON values of every kind, as serde_json holds them.
    pub(crate) fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(serde_json::Value::from),
            any::<i64>().prop_map(serde_json::Value::from),
            any::<u64>().prop_map(serde_json::Value::from),
            any::<f64>().prop_map(serde_json::Value::from),
            "\\PC{0,6}|[\\x00-\\x20\"\\\\]{0,4}".prop_map(serde_json::Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
                proptest::collection::vec(("[a-e]{0,2}", inner), 0..6)
                    .prop_map(|entries| serde_json::Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn canonical_text_means_what_was_read(value in any_json()) {
            let text = value.to_string();
            let (canonical, replaced) = canonical(&text).expect("serde_json wrote it");
            let again: serde_json::Value = serde_json::from_str(&canonical).expect("JSON");
            if replaced == 0 {
                prop_assert_eq!(&again, &value);
            }
            prop_assert!(!canonical.contains('\0') && !canonical.contains("\\u0000"));
            prop_assert_eq!(super::tests::canonical(&canonical), Ok((canonical, 0)));
        }

        #[test]
        fn surrogate_escapes_in_any_order_are_read(units in proptest::collection::vec(
            prop_oneof![0xD7F0u32..0xE010, Just(0), Just(0x5c), Just(0x22)], 0..12,
        )) {
            let escaped: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let units: Vec<u16> = units.iter().map(|unit| u16::try_from(*unit).expect("16 bits")).collect();
            let lone = char::decode_utf16(units.iter().copied()).filter(Result::is_err).count();
            let nuls = units.iter().filter(|unit| **unit == 0).count();
            let text = String::from_utf16_lossy(&units).replace('\0', "\u{fffd}");
            let json = format!("\"{escaped}\"");
            let (read, raw, replaced) = with_json(&json, |read| {
                let raw = read.value.raw();
                (read.value.scalar().expect("a string").into_owned(), raw, read.replaced)
            }).expect("readable");
            prop_assert_eq!(read, text);
            prop_assert_eq!(usize::try_from(replaced).expect("few"), lone + nuls);
            // All of it is in the raw text: read again, that is the same.
            let again = with_json(&raw, |read| read.value.raw()).expect("readable");
            prop_assert_eq!(&again, &raw);
            let lone_again = units_of(&raw);
            prop_assert_eq!(lone_again, units);
        }
    }
}
