//! What the API says of a message beside its text: whether it was edited or deleted, what kind of sender
//! it has, and what an entry of the audit log says was before and after.
//!
//! An earlier version left all of it in `extra_json`. [`Moving`] takes it out of there, with the reader
//! of the normaliser: what comes of it is what the normaliser makes of the message as it was sent.

use std::collections::BTreeSet;

use crate::table::{Cell, Reject};
use crate::wire::{Fields, Json, Path, Rejects, slots, with_json};

/// The thread of a ticket.
pub(super) const MESSAGES: Path<'static> = Path::Field(&Path::Root, "messages");

slots!(Slots {
    reference_type: "senderReferenceType",
    is_edited: "isEdited",
    is_deleted: "isDeleted",
    action_log_from: "actionLogFrom",
    action_log_to: "actionLogTo",
});

/// The columns, by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) sender_reference_type: Option<String>,
    pub(crate) is_edited: Option<bool>,
    pub(crate) is_deleted: Option<bool>,
    pub(crate) action_log_from: Option<String>,
    pub(crate) action_log_to: Option<String>,
}

/// Reads them from what was sent under the keys of [`Slots`], in that order. What does not fit is reported and left over.
pub(super) fn read<'a>(fields: &mut Fields<'_, 'a>, sent: [Json<'a>; 5]) -> Marks {
    let [reference_type, is_edited, is_deleted, from, to] = sent;
    Marks {
        sender_reference_type: fields.text("senderReferenceType", reference_type),
        is_edited: fields.boolean("isEdited", is_edited),
        is_deleted: fields.boolean("isDeleted", is_deleted),
        action_log_from: fields.text_or_json("actionLogFrom", from),
        action_log_to: fields.text_or_json("actionLogTo", to),
    }
}

/// Whether the `extra_json` that an earlier version wrote says that its message was deleted. The mark of a
/// message that it quotes is none of its own.
pub(crate) fn is_marked_deleted(extra_json: Option<&str>) -> bool {
    // Nearly all are not, and need no reading.
    extra_json
        .filter(|text| text.contains("isDeleted"))
        .is_some_and(|text| Moving::default().next(Some(text)).marks.is_deleted == Some(true))
}

/// A message once its columns are taken out of its `extra_json`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) marks: Marks,
    /// What is left.
    pub(crate) extra_json: Option<String>,
}

impl Moved {
    /// What is in a column that was taken out, or in `extra_json`; `None` of any other column.
    pub(crate) fn cell(&self, column: &str) -> Option<Cell<'_>> {
        fn text(value: &Option<String>) -> Cell<'_> {
            value.as_deref().map_or(Cell::Null, Cell::Text)
        }
        fn mark<'a>(value: Option<bool>) -> Cell<'a> {
            value.map_or(Cell::Null, |is_so| Cell::Integer(is_so.into()))
        }
        let marks = &self.marks;
        Some(match column {
            "sender_reference_type" => text(&marks.sender_reference_type),
            "is_edited" => mark(marks.is_edited),
            "is_deleted" => mark(marks.is_deleted),
            "action_log_from" => text(&marks.action_log_from),
            "action_log_to" => text(&marks.action_log_to),
            "extra_json" => text(&self.extra_json),
            _ => return None,
        })
    }
}

/// Takes the columns out of the `extra_json` of the messages of one thread, which come in its order.
#[derive(Debug, Default)]
pub(crate) struct Moving {
    rejects: Rejects,
    /// Places in the list as it was sent of what is no message in the store.
    skipped: BTreeSet<usize>,
    /// The place of the next message.
    place: usize,
}

impl Moving {
    /// In the thread of this ticket, which has rejects at these paths.
    pub(crate) fn of<'p>(ticket_id: &str, paths: impl Iterator<Item = &'p str>) -> Self {
        Self {
            rejects: Rejects::of(ticket_id),
            skipped: paths.filter_map(place_of).collect(),
            place: 0,
        }
    }

    /// The next message. What is no JSON object, which no version wrote, stays as it is.
    pub(crate) fn next(&mut self, extra_json: Option<&str>) -> Moved {
        while self.skipped.contains(&self.place) {
            self.place += 1;
        }
        let place = self.place;
        self.place += 1;
        let Some(text) = extra_json else {
            return Moved::default();
        };
        let moved = with_json(text, |read| match read.value {
            Json::Object(entries) => {
                let mut fields = Fields::new(&mut self.rejects, Path::Item(&MESSAGES, place));
                let slots = Slots::fill(entries, &mut fields);
                let marks = self::read(
                    &mut fields,
                    [
                        slots.reference_type,
                        slots.is_edited,
                        slots.is_deleted,
                        slots.action_log_from,
                        slots.action_log_to,
                    ],
                );
                Some(Moved {
                    marks,
                    extra_json: fields.extra_json(),
                })
            }
            _ => None,
        });
        moved.ok().flatten().unwrap_or_else(|| Moved {
            marks: Marks::default(),
            extra_json: Some(text.to_owned()),
        })
    }

    /// What did not fit, but for what the ticket's rejects, as path and raw value, have already: a text that no
    /// database can hold.
    pub(crate) fn into_rejects(self, known: &[(String, String)]) -> Vec<Reject> {
        let mut found = self.rejects.into_found();
        found.retain(|reject| {
            let is_it = |(path, raw): &&(String, String)| {
                *path == reject.path && is_same(raw, &reject.raw_json)
            };
            known.iter().find(is_it).is_none()
        });
        found
    }
}

/// The place of an item that is kept as a whole: 3 of `messages[3]`.
fn place_of(path: &str) -> Option<usize> {
    let place = path.strip_prefix("messages[")?.strip_suffix(']')?;
    place.parse().ok()
}

/// Whether a raw value is this one, of which U+FFFD may stand for what the raw one has.
fn is_same(raw: &str, stored: &str) -> bool {
    raw == stored || with_json(raw, |read| read.value.canonical() == stored).unwrap_or(false)
}
