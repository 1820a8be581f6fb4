//! A response's body: from bytes to the parts of the envelope, each still raw JSON text.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::escape::text_of;

/// Items that the array of a body may have: a page has up to 100, and no desk has as many categories or
/// agents. Each takes some memory before anything is known of it.
pub(crate) const MOST_LISTED: usize = 100_000;

/// Why a body could not be used, without any of its content. The request may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeError {
    /// Nothing but white space.
    Empty,
    /// Markup: most often a proxy's error page.
    Html,
    /// Ends before its JSON does.
    CutOff,
    /// Not JSON, from this place on.
    NotJson {
        /// Line, from 1.
        line: usize,
        /// Column in bytes, from 1.
        column: usize,
    },
    /// JSON of another kind than an object (or, for a list, an array).
    NotAnObject,
    /// An object that lacks this array.
    Missing(&'static str),
    /// An object in which this is no array.
    NotAnArray(&'static str),
    /// An object in which this comes twice and is not the same both times.
    Twice(&'static str),
    /// The array has more items than any answer to what was asked.
    TooMany(&'static str),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => out.write_str("the body is empty"),
            Self::Html => out.write_str("the body is HTML, not JSON"),
            Self::CutOff => out.write_str("the body ends in the middle of its JSON"),
            Self::NotJson { line, column } => {
                write!(out, "the body is not JSON at line {line} column {column}")
            }
            Self::NotAnObject => out.write_str("the body is JSON, but not an object"),
            Self::Missing(key) => write!(out, "the body has no `{key}`"),
            Self::NotAnArray(key) => write!(out, "`{key}` in the body is not an array"),
            Self::Twice(key) => write!(out, "`{key}` comes twice in the body and differs"),
            Self::TooMany(key) => {
                write!(out, "`{key}` in the body has more than {MOST_LISTED} items")
            }
        }
    }
}

impl std::error::Error for DecodeError {}

/// A body as text, and where it is not what was sent.
pub struct Body<'b> {
    pub(crate) text: Cow<'b, str>,
    /// Byte offsets in `text` of what stands for bytes that are no UTF-8, ascending.
    escaped_at: Vec<usize>,
}

impl<'b> Body<'b> {
    /// Reads bytes as UTF-8; each that is none becomes a JSON escape, as Python's `surrogateescape`
    /// writes it.
    pub fn new(bytes: &'b [u8]) -> Self {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        if let Ok(text) = std::str::from_utf8(bytes) {
            return Self {
                text: Cow::Borrowed(text),
                escaped_at: Vec::new(),
            };
        }
        let (text, escaped_at) = text_of(bytes);
        Self {
            text: Cow::Owned(text),
            escaped_at,
        }
    }

    /// Whether bytes that are no UTF-8 stand in `part`, a slice of the text.
    pub(crate) fn has_bytes_in(&self, part: &str) -> bool {
        if self.escaped_at.is_empty() {
            return false;
        }
        let from = part
            .as_ptr()
            .addr()
            .saturating_sub(self.text.as_ptr().addr());
        let until = from.saturating_add(part.len());
        let next = self.escaped_at.partition_point(|at| *at < from);
        self.escaped_at.get(next).is_some_and(|at| *at < until)
    }

    /// Takes the envelope apart; `list` names the array that matters.
    pub(crate) fn envelope(&self, list: &'static str) -> Result<Envelope<'_>, DecodeError> {
        let start = self.text.trim_start();
        if start.is_empty() {
            return Err(DecodeError::Empty);
        }
        if start.starts_with('<') {
            return Err(DecodeError::Html);
        }
        let mut reader = serde_json::Deserializer::from_str(&self.text);
        let envelope = Opening(list)
            .deserialize(&mut reader)
            .and_then(|envelope| reader.end().map(|()| envelope));
        let envelope = envelope.map_err(|error| match error.classify() {
            serde_json::error::Category::Eof => DecodeError::CutOff,
            serde_json::error::Category::Data => DecodeError::NotAnObject,
            _ => DecodeError::NotJson {
                line: error.line(),
                column: error.column(),
            },
        })?;
        match (&envelope.list, envelope.twice) {
            (Listed::TooMany, _) => Err(DecodeError::TooMany(list)),
            (_, Some(key)) => Err(DecodeError::Twice(key)),
            (_, None) => Ok(envelope),
        }
    }
}

/// A body's parts.
#[derive(Debug, Default)]
pub(crate) struct Envelope<'a> {
    pub(crate) count: Option<&'a RawValue>,
    pub(crate) has_more: Option<&'a RawValue>,
    pub(crate) pagination: Option<&'a RawValue>,
    pub(crate) list: Listed<'a>,
    /// Whether the body was the array itself.
    pub(crate) is_bare: bool,
    /// A key that came twice and was not the same both times.
    twice: Option<&'static str>,
}

/// The array that matters.
#[derive(Debug, Default)]
pub(crate) enum Listed<'a> {
    /// Not there.
    #[default]
    Missing,
    /// There, but no array.
    NotAnArray,
    /// There, with more than [`MOST_LISTED`] items.
    TooMany,
    /// Its items.
    Items(Vec<&'a RawValue>),
}

impl Listed<'_> {
    /// Whether both are there and the same, item by item.
    fn is_same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Items(items), Self::Items(others)) => items
                .iter()
                .map(|item| item.get())
                .eq(others.iter().map(|item| item.get())),
            _ => false,
        }
    }
}

impl<'a> Envelope<'a> {
    /// Takes the value of a key, which may have come before.
    fn take(&mut self, key: &'static str, value: &'a RawValue) {
        let place = match key {
            "count" => &mut self.count,
            "hasMore" => &mut self.has_more,
            _ => &mut self.pagination,
        };
        if place.is_some_and(|before| before.get() != value.get()) {
            self.twice = Some(key);
        }
        *place = Some(value);
    }

    fn take_list(&mut self, key: &'static str, list: Listed<'a>) {
        if !matches!(self.list, Listed::Missing) && !self.list.is_same_as(&list) {
            self.twice = Some(key);
        }
        self.list = list;
    }
}

struct Opening(&'static str);

impl<'de> DeserializeSeed<'de> for Opening {
    type Value = Envelope<'de>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Opening {
    type Value = Envelope<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object or an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        Ok(Envelope {
            list: List.visit_seq(items)?,
            is_bare: true,
            ..Envelope::default()
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut envelope = Envelope::default();
        while let Some(key) = entries.next_key::<Cow<'de, str>>()? {
            match &*key {
                "count" => envelope.take("count", entries.next_value()?),
                "hasMore" => envelope.take("hasMore", entries.next_value()?),
                "pagination" => envelope.take("pagination", entries.next_value()?),
                key if key == self.0 => {
                    envelope.take_list(self.0, entries.next_value_seed(List)?);
                }
                _ => {
                    entries.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(envelope)
    }
}

struct List;

impl<'de> DeserializeSeed<'de> for List {
    type Value = Listed<'de>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for List {
    type Value = Listed<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<&'de RawValue>()? {
            if list.len() == MOST_LISTED {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(Listed::TooMany);
            }
            list.push(item);
        }
        Ok(Listed::Items(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Listed::NotAnArray)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Listed::NotAnArray)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Listed::NotAnArray)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Listed::NotAnArray)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Listed::NotAnArray)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Listed::NotAnArray)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Listed::NotAnArray)
    }
}
