//! Pages of `GET /api/tickets`.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::body::{Body, DecodeError, Listed};
use super::digest::Digest;
use super::escape::marked;
use super::field::{is_short, read_instant};
use super::json::{Entries, Json, with_json, with_marked_json};
use super::key::TicketKey;
use super::reference::own_short_id;

/// Tickets that a count says at most, more than any desk has: one beyond is taken for this, so that the sum
/// of many is still a number.
const MOST_COUNTED: u64 = 1_000_000_000_000;

/// One page of tickets, as it stands in the body.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<'b> {
    /// How many tickets match the request over all pages, where the API says so.
    pub count: Option<u64>,
    /// Whether more pages follow, where the API says so.
    pub has_more: Option<bool>,
    /// The tickets in the order sent.
    pub tickets: Vec<RawTicket<'b>>,
}

/// A ticket as sent.
#[derive(Debug, Clone, PartialEq)]
pub struct RawTicket<'b> {
    /// Its JSON text.
    pub raw: Cow<'b, str>,
    /// Whether it came with bytes that are no UTF-8: then each `\udcXX` of `raw` is the byte XX.
    pub has_bytes: bool,
}

impl<'b> RawTicket<'b> {
    /// A ticket from its JSON text.
    pub fn new(raw: impl Into<Cow<'b, str>>) -> Self {
        Self {
            raw: raw.into(),
            has_bytes: false,
        }
    }

    /// What paging needs to know of it, also where it gives no rows. Reads the text again: of a
    /// ticket that gives rows, these know it too.
    pub fn key(&self) -> TicketKey {
        TicketKey::of(&self.raw)
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
/// Bytes that are no UTF-8 become escapes, see [`RawTicket`]. `count` and `hasMore` are taken from the
/// top level or from `pagination`.
///
/// # Errors
/// Where the body is no JSON object with an array `tickets`, or says one of these twice in two ways, and
/// why.
pub fn decode_page<'b>(body: &'b Body<'_>) -> Result<Page<'b>, DecodeError> {
    let envelope = body.envelope("tickets")?;
    if envelope.is_bare {
        return Err(DecodeError::NotAnObject);
    }
    let items = match envelope.list {
        Listed::Items(items) => items,
        Listed::Missing => return Err(DecodeError::Missing("tickets")),
        Listed::NotAnArray => return Err(DecodeError::NotAnArray("tickets")),
        Listed::TooMany => return Err(DecodeError::TooMany("tickets")),
    };
    let mut page = Page {
        count: envelope.count.and_then(|raw| read(raw, count)),
        has_more: envelope.has_more.and_then(|raw| read(raw, flag)),
        tickets: items
            .into_iter()
            .map(|item| RawTicket {
                has_bytes: body.has_bytes_in(item.get()),
                ..RawTicket::new(item.get())
            })
            .collect(),
    };
    let Some(pagination) = envelope.pagination else {
        return Ok(page);
    };
    let read = with_json(pagination.get(), |read| match read.value {
        Json::Object(entries) => paginate(&mut page, &entries),
        _ => Ok(()),
    });
    read.unwrap_or(Ok(()))?;
    Ok(page)
}

/// Adds what `pagination` says and the top level does not.
fn paginate(page: &mut Page, entries: &Entries<'_>) -> Result<(), DecodeError> {
    let only = |name: &'static str| {
        let mut named = entries.iter().filter(|(key, _)| key == name);
        let first = named.next().map(|(_, value)| value);
        match named.all(|(_, value)| Some(value) == first) {
            true => Ok(first),
            false => Err(DecodeError::Twice(name)),
        }
    };
    let (counted, more) = (only("count")?, only("hasMore")?);
    page.count = page.count.or(counted.and_then(count));
    page.has_more = page.has_more.or(more.and_then(flag));
    Ok(())
}

fn read<T>(raw: &RawValue, take: impl FnOnce(&Json<'_>) -> Option<T>) -> Option<T> {
    with_json(raw.get(), |read| take(&read.value))
        .ok()
        .flatten()
}

/// How many tickets are said to match, up to [`MOST_COUNTED`].
fn count(value: &Json<'_>) -> Option<u64> {
    let count = value.integer().and_then(|count| u64::try_from(count).ok());
    count.map(|count| count.min(MOST_COUNTED))
}

fn flag(value: &Json<'_>) -> Option<bool> {
    value.boolean()
}

impl TicketKey {
    /// The key in a ticket's entries; the last of several of one name counts.
    pub(crate) fn in_entries(entries: &Entries<'_>) -> Self {
        let last = |name: &str| {
            let named = entries.iter().rev().find(|(key, _)| key == name);
            named.map(|(_, value)| value)
        };
        Self {
            id: own_short_id(entries).map(Cow::into_owned),
            created_at: last("createdAt")
                .and_then(|value| read_instant(value.clone()).ok().flatten()),
        }
    }

    fn of(raw: &str) -> Self {
        if let Ok(parts) = serde_json::from_str::<KeyParts<'_>>(raw) {
            return parts.key(|raw, take| with_json(raw, |read| take(read.value)).ok());
        }
        // Half of a surrogate pair in a field's name, or no JSON at all.
        let Some(marked) = marked(raw) else {
            return Self::default();
        };
        match serde_json::from_str::<KeyParts<'_>>(&marked) {
            Ok(parts) => parts.key(|raw, take| with_marked_json(raw, |read| take(read.value))),
            Err(_) => Self::default(),
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

/// What reads the JSON text of a part.
type Take<'t> = &'t mut dyn FnMut(Json<'_>);

impl KeyParts<'_> {
    fn key(&self, read: impl Fn(&str, Take<'_>) -> Option<()>) -> TicketKey {
        let id = |part: Option<&RawValue>| {
            let mut id = None;
            read(part?.get(), &mut |value| {
                id = value.id().filter(|id| is_short(id)).map(Cow::into_owned);
            });
            id
        };
        let created_at = self.created_at.and_then(|part| {
            let mut created_at = None;
            read(part.get(), &mut |value| {
                created_at = read_instant(value).ok().flatten();
            });
            created_at
        });
        TicketKey {
            id: id(self.id).or_else(|| id(self.mongo_id)),
            created_at,
        }
    }
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

    fn decoded(body: &[u8]) -> Result<Page<'_>, DecodeError> {
        decode_page(Box::leak(Box::new(Body::new(body))))
    }

    fn page(body: &str) -> Page<'_> {
        decoded(body.as_bytes()).expect(body)
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
                r#"{"tickets":[],"count":1000000000001,"pagination":{"hasMore":true}}"#,
                Some(MOST_COUNTED),
                Some(true),
            ),
            (
                r#"{"tickets":[],"pagination":{"count":9223372036854775807}}"#,
                Some(MOST_COUNTED),
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
                r#"{"hasMore":"true","tickets":[],"pagination":{"count":"4"}}"#,
                Some(4),
                Some(true),
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
            let reason = decoded(body.as_bytes()).expect_err(body).to_string();
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
        let body = format!(
            r#"{{"tickets":[
                {{"x":{deep},"id":"deep","createdAt":"2026-01-31T09:05:00Z"}},
                {{"id":"lone","createdAt":1769850300123,"x":"\ud83d","\ud83d":1}},
                {{"x":1e999,"_id":{{"$oid":"oid"}},"createdAt":{{"$date":"2026-01-31"}}}},
                {{"id":42,"_id":"second","id":"","createdAt":"soon"}},
                {{"id":"first","id":"last","createdAt":null}},
                {{"id":"c\u0000","createdAt":1769850300}},
                {{"\ud83d":1,"_id":"c\ud83d","createdAt":"1769850300"}},
                {{}}, 42, null, "text", []
            ]}}"#
        );
        let page = page(&body);
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
                "json:\"c\\u0000\" 2026-01-31T09:05:00.000Z",
                "json:\"c\\ud83d\" 2026-01-31T09:05:00.000Z",
                "- -",
                "- -",
                "- -",
                "- -",
                "- -",
            ]
        );
        assert_eq!(page.tickets[8].raw, "42");
    }

    #[test]
    fn bytes_that_are_no_utf_8_are_told_with_the_ticket_they_stand_in() {
        let body = b"{\"x\":\"\xff\",\"tickets\":[{\"id\":\"a\"},{\"id\":\"b\",\"x\":\"\xff\xfe\xe2\x82\"},{\"id\":\"\xef\xbf\xbd\"}]}";
        let page = decoded(body).expect("readable");
        let tickets = page.tickets.iter();
        let has_bytes: Vec<bool> = tickets.map(|ticket| ticket.has_bytes).collect();
        assert_eq!(has_bytes, [false, true, false]);
        assert_eq!(
            page.tickets[1].raw,
            r#"{"id":"b","x":"\udcff\udcfe\udce2\udc82"}"#
        );
        assert_eq!(page.tickets[2].key().id.as_deref(), Some("\u{fffd}"));
        assert_eq!(decoded(&body[..60]), Err(DecodeError::CutOff));
    }

    #[test]
    fn a_list_of_far_too_many_items_is_no_answer_and_none_of_it_is_kept() {
        let of =
            |items: usize| format!("{{\"tickets\":[{}1],\"count\":7}}", "1,".repeat(items - 1));
        let most = of(super::super::body::MOST_LISTED);
        assert_eq!(page(&most).tickets.len(), super::super::body::MOST_LISTED);
        let more = of(super::super::body::MOST_LISTED + 1);
        let error = decoded(more.as_bytes()).expect_err("too many");
        assert_eq!(error, DecodeError::TooMany("tickets"));
        assert_eq!(
            error.to_string(),
            "`tickets` in the body has more than 100000 items"
        );
    }

    #[test]
    fn an_id_far_longer_than_ids_are_is_none() {
        let of = |length: usize| {
            format!(
                r#"{{"id":"{}","createdAt":"2026-01-31"}}"#,
                "a".repeat(length)
            )
        };
        assert!(TicketKey::of(&of(1_024)).id.is_some());
        assert_eq!(TicketKey::of(&of(1_025)).id, None);
    }

    #[test]
    fn what_the_envelope_says_twice_in_two_ways_is_no_page() {
        for (body, key) in [
            (
                r#"{"count":1,"tickets":[{"id":"a"}],"tickets":[]}"#,
                "tickets",
            ),
            (r#"{"tickets":[],"tickets":[{"id":"a"}]}"#, "tickets"),
            (r#"{"tickets":[{"id":"a"}],"tickets":null}"#, "tickets"),
            (r#"{"count":301,"tickets":[],"count":300}"#, "count"),
            (
                r#"{"hasMore":true,"tickets":[],"hasMore":false}"#,
                "hasMore",
            ),
            (
                r#"{"tickets":[],"pagination":{"count":2},"pagination":{"count":1}}"#,
                "pagination",
            ),
            (
                r#"{"tickets":[],"pagination":{"count":2,"count":1}}"#,
                "count",
            ),
            (
                r#"{"tickets":[],"pagination":{"hasMore":true,"hasMore":false}}"#,
                "hasMore",
            ),
        ] {
            assert_eq!(
                decoded(body.as_bytes()),
                Err(DecodeError::Twice(key)),
                "{body}"
            );
        }
        let same = r#"{"count":1,"tickets":[{"id":"a"}],"count":1,"tickets":[{"id":"a"}],"pagination":{"hasMore":false,"hasMore":false}}"#;
        let page = page(same);
        assert_eq!(
            (page.count, page.has_more, page.tickets.len()),
            (Some(1), Some(false), 1)
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            text in "(\\PC|[\\[\\]{}:,\"\\\\]|\"tickets\":|\"id\":){0,40}",
        ) {
            let _ = decode_page(&Body::new(&bytes));
            let _ = decode_page(&Body::new(text.as_bytes()));
            let mut around = b"{\"tickets\":[{\"id\":\"a\",\"x\":\"".to_vec();
            around.extend(&bytes);
            around.extend(b"\"}]}");
            let _ = decode_page(&Body::new(&around));
        }

        #[test]
        fn a_page_cut_anywhere_is_an_error(cut in 0usize..1000) {
            let body = "{\"count\":1,\"tickets\":[{\"id\":\"a\",\"createdAt\":\"2026-01-31\",\"name\":\"é\\ud83d\"}],\"pagination\":{\"hasMore\":false}}";
            let cut = cut % body.len();
            prop_assert!(decode_page(&Body::new(&body.as_bytes()[..cut])).is_err());
        }
    }
}
