//! A light JSON tree that borrows from the text it was read from.

use std::borrow::Cow;
use std::fmt::{self, Write};

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::escape::without_lone_surrogates;

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
    Float(f64),
    Text(Cow<'a, str>),
    Array(Vec<Json<'a>>),
    Object(Entries<'a>),
}

/// An object's entries in the order sent.
pub(crate) type Entries<'a> = Vec<(Cow<'a, str>, Json<'a>)>;

/// Room made for the entries of the objects that are being read, one within the other: about a
/// ticket's and a message's.
const USUAL_ENTRIES: usize = 64;

/// Room made for a JSON text before its length is known: about a message's `extra_json`.
const USUAL_TEXT_BYTES: usize = 256;

/// Values that a text may hold, objects and arrays among them: far more than the longest thread, and
/// about half a gigabyte as a tree.
const MOST_VALUES: usize = 10_000_000;

/// How an error says that there are more.
const TOO_MANY_VALUES: &str = "too many values";

/// What was read, and how many characters became U+FFFD on the way.
pub(crate) struct Read<T> {
    pub(crate) value: T,
    pub(crate) replaced: i64,
}

impl<'a> Json<'a> {
    /// Reads a JSON text. NUL characters become U+FFFD. Lone surrogates are an error here; see
    /// [`with_json`].
    pub(crate) fn parse(text: &'a str) -> serde_json::Result<Read<Self>> {
        let mut reading = Reading {
            replaced: 0,
            values: 0,
            open: Vec::with_capacity(USUAL_ENTRIES),
        };
        let mut reader = serde_json::Deserializer::from_str(text);
        let value = Tree(&mut reading).deserialize(&mut reader)?;
        reader.end()?;
        Ok(Read {
            value,
            replaced: reading.replaced,
        })
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
            Self::Integer(_) | Self::Unsigned(_) | Self::Float(_) => "a number",
            Self::Text(_) => "text",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    /// The integer it stands for: a number without a fraction, or a text of one.
    pub(crate) fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(integer) => Some(*integer),
            Self::Float(float) => integral(*float),
            Self::Text(text) => text
                .parse()
                .ok()
                .or_else(|| text.parse().ok().and_then(integral)),
            _ => None,
        }
    }

    /// The id it stands for: a text that is not empty, or `{"$oid": …}` around one.
    pub(crate) fn id(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(&**text).filter(|text| !text.is_empty()),
            Self::Object(entries) => match entries.as_slice() {
                [(key, Self::Text(text))] if key == "$oid" => {
                    Some(&**text).filter(|text| !text.is_empty())
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Compact JSON with every object's keys sorted and unique: equal content, equal text.
    pub(crate) fn canonical(&self) -> String {
        let mut out = String::with_capacity(USUAL_TEXT_BYTES);
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Integer(value) => write_shown(out, value),
            Self::Unsigned(value) => write_shown(out, value),
            Self::Float(value) => match serde_json::Number::from_f64(*value) {
                Some(number) => write_shown(out, &number),
                None => out.push_str("null"),
            },
            Self::Text(text) => write_text(out, text),
            Self::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(entries) => write_object(out, entries),
        }
    }
}

fn write_object(out: &mut String, entries: &Entries<'_>) {
    if entries.is_sorted_by(|(left, _), (right, _)| left < right) {
        return write_entries(out, entries.iter());
    }
    let mut sorted: Vec<&(Cow<'_, str>, Json<'_>)> = entries.iter().collect();
    // Stable, so the last of equal keys is the last one sent.
    sorted.sort_by(|(left, _), (right, _)| left.cmp(right));
    sorted.reverse();
    sorted.dedup_by(|(later, _), (kept, _)| later == kept);
    write_entries(out, sorted.into_iter().rev());
}

fn write_entries<'e, 'a: 'e>(
    out: &mut String,
    entries: impl Iterator<Item = &'e (Cow<'a, str>, Json<'a>)>,
) {
    out.push('{');
    for (index, (key, value)) in entries.enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_text(out, key);
        out.push(':');
        value.write(out);
    }
    out.push('}');
}

fn write_shown(out: &mut String, value: &impl fmt::Display) {
    // Writing to a String has no way to fail.
    let _ = write!(out, "{value}");
}

fn write_text(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest
        .bytes()
        .position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\')
    {
        let (plain, special) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(plain);
        let mut after = special.chars();
        match after.next() {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some(control) => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            None => {}
        }
        rest = after.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

/// Integers up to 2^53 have exactly one double; beyond, the integer meant is unknown.
fn integral(float: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "no fraction, and within 53 bits"
    )]
    (float.fract() == 0.0 && float.abs() <= EXACT).then_some(float as i64)
}

/// Reads `text` and hands the tree to `take`; where lone surrogates stand in the way, reads a
/// copy in which they are U+FFFD.
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
    let (clean, lone) = without_lone_surrogates(text);
    if lone == 0 {
        return Err(reason(&error));
    }
    match Json::parse(&clean) {
        Ok(mut read) => {
            read.replaced += lone;
            Ok(take(read))
        }
        Err(error) => Err(reason(&error)),
    }
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

/// What a tree is built with.
struct Reading<'de> {
    /// Characters replaced so far.
    replaced: i64,
    /// Values read so far.
    values: usize,
    /// The entries of all objects not yet closed, the innermost last: an object is cut off at its
    /// end, in one allocation of its size.
    open: Entries<'de>,
}

/// Builds the tree.
struct Tree<'c, 'de>(&'c mut Reading<'de>);

impl Tree<'_, '_> {
    /// Only escapes bring NUL in (a raw one is no JSON), so only unescaped copies come here.
    fn text(&mut self, text: &str) -> String {
        if text.contains('\0') {
            self.0.replaced += i64::try_from(text.matches('\0').count()).unwrap_or(i64::MAX);
            text.replace('\0', "\u{fffd}")
        } else {
            text.to_owned()
        }
    }
}

impl<'de> DeserializeSeed<'de> for Tree<'_, 'de> {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Json<'de>, D::Error> {
        self.0.values += 1;
        if self.0.values > MOST_VALUES {
            return Err(D::Error::custom(TOO_MANY_VALUES));
        }
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_, 'de> {
    type Value = Json<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(i64::try_from(value).map_or(Json::Unsigned(value), Json::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json<'de>, E> {
        Ok(Json::Float(value))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(mut self, value: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(self.text(value))))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json<'de>, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(Tree(&mut *self.0))? {
            array.push(item);
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json<'de>, A::Error> {
        let start = self.0.open.len();
        while let Some(key) = entries.next_key_seed(Key(Tree(&mut *self.0)))? {
            let value = entries.next_value_seed(Tree(&mut *self.0))?;
            self.0.open.push((key, value));
        }
        Ok(Json::Object(self.0.open.split_off(start)))
    }
}

/// Reads an object's key, borrowed where it has no escapes.
struct Key<'c, 'de>(Tree<'c, 'de>);

impl<'de> DeserializeSeed<'de> for Key<'_, 'de> {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key<'_, 'de> {
    type Value = Cow<'de, str>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(value))
    }

    fn visit_str<E>(mut self, value: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(self.0.text(value)))
    }
}

#[cfg(test)]
mod tests {
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
            ("1e21", "1e+21", 0),
            (r#""\u00e9\/\n\u0001\"\\""#, "\"é/\\n\\u0001\\\"\\\\\"", 0),
            (r#""\u0000a\u0000""#, "\"\u{fffd}a\u{fffd}\"", 2),
            (r#"{"\u0000":"\ud800"}"#, "{\"\u{fffd}\":\"\u{fffd}\"}", 2),
            (r#"{"\udc00":1}"#, "{\"\u{fffd}\":1}", 1),
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
            ("1e300", None),
            ("true", None),
            ("[3]", None),
        ] {
            let read = with_json(text, |read| read.value.integer());
            assert_eq!(read, Ok(expected), "{text}");
        }
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
            let (read, replaced) = with_json(&json, |read| match read.value {
                Json::Text(text) => (text.into_owned(), read.replaced),
                _ => unreachable!("a string"),
            }).expect("readable");
            prop_assert_eq!(read, text);
            prop_assert_eq!(usize::try_from(replaced).expect("few"), lone + nuls);
        }
    }
}
