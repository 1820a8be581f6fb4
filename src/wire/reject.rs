//! What could not be represented, kept raw.

use std::borrow::Cow;

use super::digest::Digest;
use super::hidden::Hidden;
use super::key::TicketKey;
use crate::table::Reject;

/// A reject keeps so many bytes of JSON at most, the note where it is cut included.
const MOST_RAW: usize = 1 << 20;

/// Room for that note.
const NOTE: usize = 128;

/// Rejects of one ticket, or of one list, that are kept one by one; the others together as one.
const MOST_REJECTS: usize = 1_000;

/// A reject of one value, whose id follows from ticket, path and raw value, so that the same one met
/// again is the same row. Of a value that is too long the beginning is kept, and it says so.
fn reject(ticket_id: Option<&str>, path: String, reason: String, raw_json: Cow<'_, str>) -> Reject {
    let mut digest = at(ticket_id, &path);
    digest.text(&raw_json);
    let length = raw_json.len();
    known(ticket_id, path, reason, raw_json, length, digest.hex())
}

/// What a reject's id is made of, but for its value.
fn at(ticket_id: Option<&str>, path: &str) -> Digest {
    let mut digest = Digest::default();
    match ticket_id {
        Some(id) => digest.text(id),
        None => digest.null(),
    }
    digest.text(path);
    digest
}

/// A reject of this id, of a value of `length` bytes; of a longer one than is kept, `raw_json` may be
/// the beginning only.
fn known(
    ticket_id: Option<&str>,
    path: String,
    reason: String,
    raw_json: Cow<'_, str>,
    length: usize,
    id: String,
) -> Reject {
    let (reason, raw_json) = match length {
        0..=MOST_RAW => (reason, raw_json.into_owned()),
        length => cut(&reason, &raw_json, length, &id),
    };
    Reject {
        id,
        ticket_id: ticket_id.map(str::to_owned),
        path,
        reason,
        raw_json,
        created_at: None,
    }
}

/// The reject of a whole ticket.
pub(crate) fn whole_reject(key: TicketKey, reason: String, raw_json: Cow<'_, str>) -> Reject {
    Reject {
        created_at: key.created_at,
        ..reject(key.id.as_deref(), String::new(), reason, raw_json)
    }
}

/// The beginning of a value of `length` bytes, with a note where it is cut. The note holds the id, which
/// is made of the whole: a change behind the cut shows.
fn cut(reason: &str, raw_json: &str, length: usize, id: &str) -> (String, String) {
    let kept = raw_json.floor_char_boundary(MOST_RAW - NOTE);
    let beginning = raw_json.get(..kept).unwrap_or_default();
    (
        format!("{reason}; only the first {kept} of {length} bytes are kept"),
        format!("{beginning}…[cut here: {kept} of {length} bytes are kept; {id}]"),
    )
}

/// The thread of a ticket on which the API fails: the ticket is stored without.
pub(crate) fn unread_thread(ticket_id: &str) -> Reject {
    let reason = "the API fails on the messages of this ticket".to_owned();
    reject(
        Some(ticket_id),
        "messages".to_owned(),
        reason,
        "null".into(),
    )
}

/// Whether a reject's path leads to the thread (`messages`) or into it (`messages[3].content`).
pub(crate) fn is_of_thread(path: &str) -> bool {
    path.strip_prefix("messages")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '.']))
}

/// Collects the rejects of one ticket, or of one list.
#[derive(Debug, Default)]
pub(crate) struct Rejects {
    ticket_id: Option<String>,
    found: Vec<Reject>,
    /// Whether one may be found twice: a value that does not fit its column and hides something.
    has_hidden: bool,
    rest: Option<Rest>,
}

/// What was found beyond [`MOST_REJECTS`].
#[derive(Debug)]
struct Rest {
    /// Where the first one stands.
    path: String,
    count: usize,
    /// Their raw values, with commas between them, as far as they are kept.
    raw_json: String,
    /// How long all of that is.
    length: usize,
    /// Over all of it.
    digest: Digest,
}

impl Rejects {
    /// None yet, of the ticket `ticket_id`.
    pub(crate) fn of(ticket_id: &str) -> Self {
        Self {
            ticket_id: Some(ticket_id.to_owned()),
            ..Self::default()
        }
    }

    /// Adds one.
    pub(crate) fn add(&mut self, path: String, reason: String, raw_json: Cow<'_, str>) {
        if self.found.len() < MOST_REJECTS {
            let reject = reject(self.ticket_id.as_deref(), path, reason, raw_json);
            if !self.has_hidden || self.found.iter().all(|known| known.id != reject.id) {
                self.found.push(reject);
            }
            return;
        }
        let ticket_id = self.ticket_id.as_deref();
        let rest = self.rest.get_or_insert_with(|| Rest {
            digest: at(ticket_id, &path),
            path,
            count: 0,
            raw_json: String::new(),
            length: "]".len(),
        });
        // A bracket before the first one, a comma before each other.
        let before = match rest.count {
            0 => '[',
            _ => ',',
        };
        rest.count += 1;
        rest.length += before.len_utf8() + raw_json.len();
        rest.digest.text(&raw_json);
        // One more than is kept, which is cut.
        if rest.raw_json.len() <= MOST_RAW {
            rest.raw_json.push(before);
            rest.raw_json.push_str(&raw_json);
        }
    }

    /// Adds what a tree hid.
    pub(crate) fn add_hidden(&mut self, hidden: impl IntoIterator<Item = Hidden>) {
        for hidden in hidden {
            self.has_hidden = true;
            self.add(
                hidden.path,
                hidden.reason.to_owned(),
                hidden.raw_json.into(),
            );
        }
    }

    /// Gives them away.
    pub(crate) fn into_found(mut self) -> Vec<Reject> {
        if let Some(rest) = self.rest {
            let reason = format!(
                "this and the {} values after it could not be represented either: more than {MOST_REJECTS} \
                 are not kept one by one",
                rest.count - 1
            );
            let raw_json = rest.raw_json + "]";
            self.found.push(known(
                self.ticket_id.as_deref(),
                rest.path,
                reason,
                raw_json.into(),
                rest.length,
                rest.digest.hex(),
            ));
        }
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_value_the_beginning_is_kept_and_it_says_so() {
        // A character of three bytes stands across the cut.
        let long = "€".repeat(700_000);
        let of = |raw: &str| reject(Some("t1"), "x".into(), "expected text".into(), raw.into());
        let kept = of(&long);
        assert!(kept.raw_json.len() <= MOST_RAW, "{}", kept.raw_json.len());
        assert!(kept.raw_json.starts_with("€€€"));
        let note = "…[cut here: 1048446 of 2100000 bytes are kept; ";
        assert!(kept.raw_json.contains(note), "{}", kept.reason);
        assert_eq!(
            kept.reason,
            "expected text; only the first 1048446 of 2100000 bytes are kept"
        );
        let other = of(&format!("{}$", &long[..long.len() - 3]));
        assert_ne!((other.id, other.raw_json), (kept.id, kept.raw_json));
    }

    #[test]
    fn a_value_that_just_fits_is_kept_whole() {
        let raw = "a".repeat(MOST_RAW);
        let kept = reject(None, String::new(), "no id".into(), raw.as_str().into());
        assert_eq!((kept.reason.as_str(), kept.raw_json), ("no id", raw));
    }

    #[test]
    fn very_many_rejects_are_kept_in_one_beyond_the_first_thousand() {
        let mut rejects = Rejects::of("t1");
        for number in 0..MOST_REJECTS + 3 {
            rejects.add(
                format!("tags[{number}]"),
                "no".into(),
                number.to_string().into(),
            );
        }
        let found = rejects.into_found();
        assert_eq!(found.len(), MOST_REJECTS + 1);
        let rest = &found[MOST_REJECTS];
        assert_eq!(
            (rest.path.as_str(), rest.raw_json.as_str()),
            ("tags[1000]", "[1000,1001,1002]")
        );
        insta::assert_snapshot!(rest.reason, @"this and the 2 values after it could not be represented either: more than 1000 are not kept one by one");
    }

    #[test]
    fn of_very_many_long_rejects_the_whole_length_is_told_and_a_change_behind_the_cut_shows() {
        let of = |last: &str| {
            let mut rejects = Rejects::default();
            for _ in 0..MOST_REJECTS + 8 {
                rejects.add(String::new(), "no".into(), "a".repeat(300_000).into());
            }
            rejects.add(String::new(), "no".into(), last.into());
            rejects.into_found().pop().expect("one more")
        };
        let rest = of("1");
        assert!(rest.raw_json.len() <= MOST_RAW, "{}", rest.raw_json.len());
        let told = "only the first 1048448 of 2400011 bytes are kept";
        assert!(rest.reason.ends_with(told), "{}", rest.reason);
        assert!(rest.raw_json.contains("[cut here: 1048448 of 2400011"));
        let other = of("2");
        assert_eq!(rest.reason, other.reason);
        assert_ne!((rest.id, rest.raw_json), (other.id, other.raw_json));
    }
}
