//! A JSON text on its way to a tree: what it borrows, what no database can hold, and how much it may be.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::super::decimal::Decimals;
use super::super::escape::{self, Parsed};
use super::{Entries, Json, Read};

/// Room made for the entries of the objects that are being read, one within the other: about a
/// ticket's and a message's.
const USUAL_ENTRIES: usize = 64;

/// Objects up to this many entries are searched for keys that come twice without a set of them.
const FEW_ENTRIES: usize = 64;

/// Values that a text may hold, objects and arrays among them: far more than the longest thread, and
/// about half a gigabyte as a tree.
pub(super) const MOST_VALUES: usize = 10_000_000;

/// How an error says that there are more.
pub(super) const TOO_MANY_VALUES: &str = "too many values";

/// What a tree is built with.
pub(super) struct Reading<'de> {
    /// Whether the text may hold marks.
    is_marked: bool,
    /// Characters that no database can hold so far.
    replaced: i64,
    /// Whether users of the tree would pass something over.
    has_hidden: bool,
    /// Values read so far.
    values: usize,
    /// The entries of all objects not yet closed, the innermost last: an object is cut off at its
    /// end, in one allocation of its size.
    open: Entries<'de>,
    /// The digits of the numbers that no integer holds, as far as they are still to be read.
    decimals: Decimals<'de>,
}

impl<'de> Reading<'de> {
    /// Reads a JSON text, which may hold marks.
    pub(super) fn read(text: &'de str, is_marked: bool) -> serde_json::Result<Read<Json<'de>>> {
        let mut reading = Reading {
            is_marked,
            replaced: 0,
            has_hidden: false,
            values: 0,
            open: Vec::with_capacity(USUAL_ENTRIES),
            decimals: Decimals::of(text),
        };
        let mut reader = serde_json::Deserializer::from_str(text);
        let value = Tree(&mut reading).deserialize(&mut reader)?;
        reader.end()?;
        Ok(Read {
            value,
            replaced: reading.replaced,
            has_hidden: reading.has_hidden,
        })
    }

    /// A text as it was parsed, from its borrowed or its owned form.
    fn text(&mut self, text: Cow<'de, str>) -> Json<'de> {
        match escape::parsed(&text, self.is_marked) {
            Parsed::Plain => Json::Text(text),
            Parsed::Text(text) => Json::Text(Cow::Owned(text)),
            Parsed::Broken(broken) => {
                self.replaced += broken.replaced;
                self.has_hidden = true;
                Json::Broken(Box::new(broken))
            }
        }
    }

    /// A key. One that no database can hold is what stands for it.
    fn key(&mut self, key: Cow<'de, str>) -> Cow<'de, str> {
        match escape::parsed(&key, self.is_marked) {
            Parsed::Plain if escape::is_name(&key) => Cow::Owned(escape::name_of(&key)),
            Parsed::Plain => key,
            Parsed::Text(key) => Cow::Owned(key),
            Parsed::Broken(broken) => {
                self.replaced += broken.replaced;
                self.has_hidden = true;
                Cow::Owned(broken.name().to_owned())
            }
        }
    }
}

/// Whether a key of an object comes twice in it.
fn has_twice(entries: &[(Cow<'_, str>, Json<'_>)]) -> bool {
    if entries.len() > FEW_ENTRIES {
        let mut keys = HashSet::with_capacity(entries.len());
        return !entries.iter().all(|(key, _)| keys.insert(key.as_ref()));
    }
    // Keys that differ in what they are sorted into here differ; nearly all do.
    let mut taken = 0u128;
    entries.iter().enumerate().any(|(place, (key, _))| {
        let bit = 1u128 << drawer(key);
        let is_free = taken & bit == 0;
        taken |= bit;
        !is_free && entries.iter().take(place).any(|(other, _)| other == key)
    })
}

/// One of 128 drawers for a key, by its length and three of its letters.
fn drawer(key: &str) -> u32 {
    let bytes = key.as_bytes();
    let letter = |place: usize| bytes.get(place).copied().map_or(0, u32::from);
    let (first, middle) = (letter(0), letter(bytes.len() / 2));
    let last = letter(bytes.len().saturating_sub(1));
    let length = u32::try_from(bytes.len()).unwrap_or(0);
    (first ^ (middle << 1) ^ (last << 3) ^ length.wrapping_mul(37)) & 127
}

/// Builds the tree.
struct Tree<'c, 'de>(&'c mut Reading<'de>);

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
        Ok(Json::Decimal(self.0.decimals.next(value)))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Json<'de>, E> {
        // Only escapes and marks bring in what cannot be held: a raw NUL is no JSON.
        if !self.0.is_marked {
            return Ok(Json::Text(Cow::Borrowed(value)));
        }
        Ok(self.0.text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json<'de>, E> {
        Ok(self.0.text(Cow::Owned(value.to_owned())))
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
        let entries = self.0.open.split_off(start);
        self.0.has_hidden |= has_twice(&entries);
        Ok(Json::Object(entries))
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
        // One that stands for another has quotes, so it came with escapes.
        if !self.0.0.is_marked {
            return Ok(Cow::Borrowed(value));
        }
        Ok(self.0.0.key(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(self.0.0.key(Cow::Owned(value.to_owned())))
    }
}
