//! Categories, agents and tags: an id, or an object with one.

use std::borrow::Cow;

use super::field::{Fields, Path, Unfit, is_short, slots};
use super::json::{Entries, Json};
use super::reject::Rejects;
use crate::table::{Agent, Category, Tag};

/// A row that others refer to.
pub(crate) trait Reference: Sized {
    /// Where only the id was sent.
    fn of_id(id: String) -> Self;
    /// Where an object was sent; `None` without an id in it.
    fn of_object<'a>(entries: Entries<'a>, fields: &mut Fields<'_, 'a>) -> Option<Self>;
}

/// Reads a reference and what its object leaves over. Null and the empty text refer to nothing.
pub(crate) fn read_reference<'a, T: Reference>(
    rejects: &mut Rejects,
    path: Path<'_>,
    value: Json<'a>,
) -> Result<(Option<T>, Json<'a>), Unfit<'a>> {
    match value {
        Json::Null => Ok((None, Json::Null)),
        Json::Text(id) if id.is_empty() => Ok((None, Json::Null)),
        Json::Object(entries) if has_id(&entries) => {
            let mut fields = Fields::new(rejects, path);
            let row = T::of_object(entries, &mut fields);
            Ok((row, fields.left_over()))
        }
        other => match other.id().map(Cow::into_owned) {
            Some(id) => Ok((Some(T::of_id(id)), Json::Null)),
            None => Err(Unfit::new(other, "an id or an object with one")),
        },
    }
}

/// Whether an object has an id of its own.
pub(crate) fn has_id(entries: &Entries<'_>) -> bool {
    own_id(entries).is_some()
}

/// An object's own id, as [`Fields::id`] will read it.
pub(crate) fn own_id<'e>(entries: &'e Entries<'_>) -> Option<Cow<'e, str>> {
    first_id(entries, |_| true)
}

/// The own id of an object that rows belong to, as [`Fields::short_id`] will read it.
pub(crate) fn own_short_id<'e>(entries: &'e Entries<'_>) -> Option<Cow<'e, str>> {
    first_id(entries, is_short)
}

/// The first of `id` and `_id` that is one; the last value of each counts.
fn first_id<'e>(entries: &'e Entries<'_>, is_fit: fn(&str) -> bool) -> Option<Cow<'e, str>> {
    let last = |name: &str| {
        entries
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .and_then(|(_, value)| value.id())
            .filter(|id| is_fit(id))
    };
    last("id").or_else(|| last("_id"))
}

slots!(CategorySlots {
    id: "id",
    mongo_id: "_id",
    name: "name",
    is_archived: "isArchived",
});

impl Reference for Category {
    fn of_id(id: String) -> Self {
        Self {
            id,
            name: None,
            is_archived: None,
        }
    }

    fn of_object<'a>(entries: Entries<'a>, fields: &mut Fields<'_, 'a>) -> Option<Self> {
        let slots = CategorySlots::fill(entries, fields);
        Some(Self {
            id: fields.id(slots.id, slots.mongo_id)?,
            name: fields.text("name", slots.name),
            is_archived: fields.boolean("isArchived", slots.is_archived),
        })
    }
}

slots!(AgentSlots {
    id: "id",
    mongo_id: "_id",
    username: "username",
    name: "name",
    email: "email",
    wallet_address: "walletAddress",
});

impl Reference for Agent {
    fn of_id(id: String) -> Self {
        Self {
            id,
            name: None,
            email: None,
            wallet_address: None,
        }
    }

    fn of_object<'a>(entries: Entries<'a>, fields: &mut Fields<'_, 'a>) -> Option<Self> {
        let slots = AgentSlots::fill(entries, fields);
        Some(Self {
            id: fields.id(slots.id, slots.mongo_id)?,
            // `username` is what the list of agents documents, so lists and tickets agree.
            name: fields.text_of([("username", slots.username), ("name", slots.name)]),
            email: fields.text("email", slots.email),
            wallet_address: fields.text("walletAddress", slots.wallet_address),
        })
    }
}

slots!(TagSlots {
    id: "id",
    mongo_id: "_id",
    name: "name",
});

impl Reference for Tag {
    fn of_id(id: String) -> Self {
        Self { id, name: None }
    }

    fn of_object<'a>(entries: Entries<'a>, fields: &mut Fields<'_, 'a>) -> Option<Self> {
        let slots = TagSlots::fill(entries, fields);
        Some(Self {
            id: fields.id(slots.id, slots.mongo_id)?,
            name: fields.text("name", slots.name),
        })
    }
}
