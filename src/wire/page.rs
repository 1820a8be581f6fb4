//! Pages of `GET /api/tickets`.

use std::fmt;

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::body::{Body, DecodeError, Listed};
use super::digest::Digest;
use super::escape::without_lone_surrogates;
use super::field::read_instant;
use super::json::{Entries, Json, with_json};
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

/// A ticket as sent.
#[derive(Debug, Clone, PartialEq)]
pub struct RawTicket {
    /// Its JSON text.
    pub raw: String,
    /// Characters of `raw` that are U+FFFD in place of invalid UTF-8.
    pub replaced_characters: i64,
}

impl RawTicket {
    /// A ticket from its JSON text.
    pub fn new(raw: impl Into<String>) -> Self {
        Self {
            raw: raw.into(),
            replaced_characters: 0,
        }
    }

    /// What paging needs to know of it, also where it gives no rows. Reads the text again: of a
    /// ticket that gives rows, these know it too.
    pub fn key(&self) -> TicketKey {
        TicketKey::of(&self.raw)
    }

    /// What tells it from other tickets where it has no id: `raw-` and a hash of its text.
    pub fn stand_in(&self) -> String {
        let mut digest = Digest::default();
        digest.text(&self.raw);
        format!("raw-{}", digest.hex())
    }

    /// A number that is another where its text is another.
    pub fn version(&self) -> u128 {
        let mut digest = Digest::default();
        digest.text(&self.raw);
        u128::from_be_bytes(digest.hash())
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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TicketKey {
    /// Its id; `None` without a usable one.
    pub id: Option<String>,
    /// When it was created, to the millisecond; `None` without a usable instant.
    pub created_at: Option<Instant>,
}

impl TicketKey {
    /// The key in a ticket's entries; the last of several of one name counts.
    pub(crate) fn in_entries(entries: &Entries<'_>) -> Self {
        let last = |name: &str| {
            let named = entries.iter().rev().find(|(key, _)| key == name);
            named.map(|(_, value)| value)
        };
        let id = |name| last(name)?.id().map(str::to_owned);
        Self {
            id: id("id").or_else(|| id("_id")),
            created_at: last("createdAt")
                .and_then(|value| read_instant(value.clone()).ok().flatten()),
        }
    }

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

impl From<KeyParts<'_>> for TicketKey {
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

/// The entries of a ticket that make its [`TicketKey`]; all else is passed over, however deep.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::instant_text;
    use proptest::prelude::*;

    fn page(body: &str) -> Page {
        decode_page(body.as_bytes()).expect(body)
    }

    #[test]
    fn count_and_has_more_are_taken_from_either_place() {
        for (body, count, has_more) in [
            (
                r#"{"count":7,"tickets":[],"pagination":{"hasMore":true}}"#,
                Some(7),
                Some(true),
            ),
            (
                r#"{"tickets":[],"pagination":{"count":"7","hasMore":false}}"#,
                Some(7),
                Some(false),
            ),
            (
                r#"{"hasMore":true,"tickets":[],"count":"12"}"#,
                Some(12),
                Some(true),
            ),
            (
                r#"{"tickets":[],"count":7.0,"pagination":null}"#,
                Some(7),
                None,
            ),
            (
                r#"{"tickets":[],"count":-1,"pagination":[1],"hasMore":"yes"}"#,
                None,
                None,
            ),
            (r#"{"tickets":[]}"#, None, None),
            ("\u{feff}{\"tickets\":[]}", None, None),
            (
                r#"{"count":1,"tickets":{},"count":2,"tickets":[]}"#,
                Some(2),
                None,
            ),
        ] {
            let page = page(body);
            assert_eq!((page.count, page.has_more), (count, has_more), "{body}");
        }
    }

    #[test]
    fn a_body_that_is_no_page_says_why_and_shows_nothing_of_it() {
        let mut reasons = String::new();
        for body in [
            "",
            "  \n",
            "<!doctype html><title>Bad gateway secret</title>",
            r#"{"count":1,"tickets":[{"id":"a","createdA"#,
            r#"{"tickets":[]"#,
            r#"upstream secret"#,
            r#"{"tickets":[],}"#,
            r#"{"tickets":[]} secret"#,
            r#"{"error":"secret"}"#,
            r#"{"tickets":null}"#,
            r#"{"tickets":"secret"}"#,
            r#"{"tickets":{"a":"secret"}}"#,
            r#"[{"id":"secret"}]"#,
            r#""secret""#,
            "null",
        ] {
            let reason = decode_page(body.as_bytes()).expect_err(body).to_string();
            assert!(!reason.contains("secret"), "{reason}");
            reasons.push_str(&reason);
            reasons.push('\n');
        }
        insta::assert_snapshot!(reasons, @r"
        the body is empty
        the body is empty
        the body is HTML, not JSON
        the body ends in the middle of its JSON
        the body ends in the middle of its JSON
        the body is not JSON at line 1 column 1
        the body is not JSON at line 1 column 15
        the body is not JSON at line 1 column 16
        the body has no `tickets`
        `tickets` in the body is not an array
        `tickets` in the body is not an array
        `tickets` in the body is not an array
        the body is JSON, but not an object
        the body is JSON, but not an object
        the body is JSON, but not an object
        ");
    }

    #[test]
    fn one_unreadable_ticket_does_not_hide_the_others_or_its_own_key() {
        let deep = format!("{}{}", "[".repeat(4000), "]".repeat(4000));
        let page = page(&format!(
            r#"{{"tickets":[
                {{"x":{deep},"id":"deep","createdAt":"2026-01-31T09:05:00Z"}},
                {{"id":"lone","createdAt":1769850300123,"x":"\ud83d","\ud83d":1}},
                {{"x":1e999,"_id":{{"$oid":"oid"}},"createdAt":{{"$date":"2026-01-31"}}}},
                {{"id":42,"_id":"second","id":"","createdAt":"soon"}},
                {{"id":"first","id":"last","createdAt":null}},
                {{}}, 42, null, "text", []
            ]}}"#
        ));
        let keys: Vec<String> = page
            .tickets
            .iter()
            .map(|ticket| {
                format!(
                    "{} {}",
                    ticket.key().id.as_deref().unwrap_or("-"),
                    ticket.key().created_at.map_or("-".to_owned(), instant_text)
                )
            })
            .collect();
        assert_eq!(
            keys,
            [
                "deep 2026-01-31T09:05:00.000Z",
                "lone 2026-01-31T09:05:00.123Z",
                "oid 2026-01-31T00:00:00.000Z",
                "second -",
                "last -",
                "- -",
                "- -",
                "- -",
                "- -",
                "- -",
            ]
        );
        assert_eq!(page.tickets[6].raw, "42");
    }

    #[test]
    fn a_ticket_without_an_id_is_told_apart_by_its_text() {
        let page = page(r#"{"tickets":[{"x":1},{"x":2},{"x":1}]}"#);
        let names: Vec<_> = page.tickets.iter().map(RawTicket::stand_in).collect();
        assert!(names[0].starts_with("raw-"));
        assert_ne!(names[0], names[1]);
        assert_eq!(names[0], names[2]);
    }

    #[test]
    fn invalid_utf_8_is_counted_with_the_ticket_it_stands_in() {
        let body = b"{\"x\":\"\xff\",\"tickets\":[{\"id\":\"a\"},{\"id\":\"b\",\"x\":\"\xff\xfe\xe2\x82\"},{\"id\":\"\xef\xbf\xbd\"}]}";
        let page = decode_page(body).expect("readable");
        let counts: Vec<i64> = page
            .tickets
            .iter()
            .map(|ticket| ticket.replaced_characters)
            .collect();
        assert_eq!(counts, [0, 3, 0]);
        assert_eq!(
            page.tickets[1].raw,
            "{\"id\":\"b\",\"x\":\"\u{fffd}\u{fffd}\u{fffd}\"}"
        );
        assert_eq!(decode_page(&body[..60]), Err(DecodeError::CutOff));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            text in "(\\PC|[\\[\\]{}:,\"\\\\]|\"tickets\":|\"id\":){0,40}",
        ) {
            let _ = decode_page(&bytes);
            let _ = decode_page(text.as_bytes());
            let mut around = b"{\"tickets\":[{\"id\":\"a\",\"x\":\"".to_vec();
            around.extend(&bytes);
            around.extend(b"\"}]}");
            let _ = decode_page(&around);
        }

        #[test]
        fn a_page_cut_anywhere_is_an_error(cut in 0usize..1000) {
            let body = "{\"count\":1,\"tickets\":[{\"id\":\"a\",\"createdAt\":\"2026-01-31\",\"name\":\"é\\ud83d\"}],\"pagination\":{\"hasMore\":false}}";
            let cut = cut % body.len();
            prop_assert!(decode_page(&body.as_bytes()[..cut]).is_err());
        }
    }
}
