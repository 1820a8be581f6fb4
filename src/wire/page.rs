//! Pages of `GET /api/tickets`.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::body::{Body, DecodeError, Listed};
use super::digest::Digest;
use super::escape::without_lone_surrogates;
use super::field::read_instant;
use super::json::{Json, with_json};
use crate::table::Instant;

/// One page of tickets.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// How many tickets match the request over all pages, where the API says so.
    pub count: Option<u64>,
    /// Whether more pages follow, where the API says so.
    pub has_more: Option<bool>,
    /// The tickets in the order sent.
    pub tickets: Vec<RawTicket>,
}

/// A ticket as sent, with what paging needs to know of it: also of one that the normaliser will
/// reject.
#[derive(Debug, Clone, PartialEq)]
pub struct RawTicket {
    /// Its id; `None` without a usable one.
    pub id: Option<String>,
    /// When it was created, to the millisecond; `None` without a usable instant.
    pub created_at: Option<Instant>,
    /// Its JSON text.
    pub raw: String,
    /// Characters of `raw` that are U+FFFD in place of invalid UTF-8.
    pub replaced_characters: i64,
}

impl RawTicket {
    /// A ticket from its JSON text.
    pub fn new(raw: impl Into<String>) -> Self {
        let raw = raw.into();
        let key = Key::of(&raw);
        Self {
            id: key.id,
            created_at: key.created_at,
            raw,
            replaced_characters: 0,
        }
    }

    /// What tells it from other tickets: its id, or `raw-` and a hash of its text.
    pub fn identity(&self) -> Cow<'_, str> {
        match &self.id {
            Some(id) => Cow::Borrowed(id),
            None => {
                let mut digest = Digest::default();
                digest.text(&self.raw);
                Cow::Owned(format!("raw-{}", digest.hex()))
            }
        }
    }
}

/// Decodes a page.
///
/// Invalid UTF-8 becomes U+FFFD, counted with the ticket it stands in. `count` and `hasMore` are
/// taken from the top level or from `pagination`.
///
/// # Errors
/// Where the body is no JSON object with an array `tickets`, and why.
pub fn decode_page(body: &[u8]) -> Result<Page, DecodeError> {
    let body = Body::new(body);
    let envelope = body.envelope("tickets")?;
    if envelope.is_bare {
        return Err(DecodeError::NotAnObject);
    }
    let items = match envelope.list {
        Listed::Items(items) => items,
        Listed::Missing => return Err(DecodeError::Missing("tickets")),
        Listed::NotAnArray => return Err(DecodeError::NotAnArray("tickets")),
    };
    let mut page = Page {
        count: envelope.count.and_then(|raw| read(raw, count)),
        has_more: envelope.has_more.and_then(|raw| read(raw, flag)),
        tickets: items
            .into_iter()
            .map(|item| RawTicket {
                replaced_characters: body.replaced_in(item.get()),
                ..RawTicket::new(item.get())
            })
            .collect(),
    };
    if let Some(pagination) = envelope.pagination {
        read(pagination, |pagination| {
            let Json::Object(entries) = pagination else {
                return None;
            };
            let last = |name: &str| entries.iter().rev().find(|(key, _)| key == name);
            page.count = page
                .count
                .or(last("count").and_then(|(_, value)| count(value)));
            page.has_more = page
                .has_more
                .or(last("hasMore").and_then(|(_, value)| flag(value)));
            Some(())
        });
    }
    Ok(page)
}

fn read<T>(raw: &RawValue, take: impl FnOnce(&Json<'_>) -> Option<T>) -> Option<T> {
    with_json(raw.get(), |read| take(&read.value))
        .ok()
        .flatten()
}

fn count(value: &Json<'_>) -> Option<u64> {
    value.integer().and_then(|count| u64::try_from(count).ok())
}

fn flag(value: &Json<'_>) -> Option<bool> {
    match value {
        Json::Bool(flag) => Some(*flag),
        _ => None,
    }
}

/// What paging needs of a ticket.
#[derive(Debug, Default)]
struct Key {
    id: Option<String>,
    created_at: Option<Instant>,
}

impl Key {
    fn of(raw: &str) -> Self {
        let parse = |text: &str| {
            serde_json::from_str::<KeyParts<'_>>(text)
                .ok()
                .map(Self::from)
        };
        parse(raw)
            .or_else(|| parse(&without_lone_surrogates(raw).0))
            .unwrap_or_default()
    }
}

impl From<KeyParts<'_>> for Key {
    fn from(parts: KeyParts<'_>) -> Self {
        let id = |raw| read(raw, |value| value.id().map(str::to_owned));
        Self {
            id: parts
                .id
                .and_then(id)
                .or_else(|| parts.mongo_id.and_then(id)),
            created_at: parts
                .created_at
                .and_then(|raw| read(raw, |value| read_instant(value.clone()).ok().flatten())),
        }
    }
}

/// The entries of a ticket that make its [`Key`]; all else is passed over, however deep.
#[derive(Debug, Default)]
struct KeyParts<'a> {
    id: Option<&'a RawValue>,
    mongo_id: Option<&'a RawValue>,
    created_at: Option<&'a RawValue>,
}

impl<'de> Deserialize<'de> for KeyParts<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_map(KeyVisitor)
    }
}

struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = KeyParts<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a ticket")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut parts = KeyParts::default();
        while let Some(key) = entries.next_key::<Name>()? {
            match key {
                Name::Id => parts.id = Some(entries.next_value()?),
                Name::MongoId => parts.mongo_id = Some(entries.next_value()?),
                Name::CreatedAt => parts.created_at = Some(entries.next_value()?),
                Name::Other => {
                    entries.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(parts)
    }
}

#[derive(Deserialize)]
#[serde(field_identifier)]
enum Name {
    #[serde(rename = "id")]
    Id,
    #[serde(rename = "_id")]
    MongoId,
    #[serde(rename = "createdAt")]
    CreatedAt,
    #[serde(other)]
    Other,
}
