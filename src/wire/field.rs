//! Reading an object's fields: what fits goes to the row, what does not becomes a reject, and
//! whatever has no column is left over for `extra_json`.

use std::borrow::Cow;
use std::fmt;

use super::instant;
use super::json::{Entries, Json};
use super::reject::Rejects;
use crate::table::Instant;

/// Items that one list of a ticket may have, and attachments a thread: each becomes a row.
pub(crate) const MOST_ITEMS: usize = 250_000;

/// What a list with more is told to be.
const SHORT_LIST: &str = "a list of at most 250000 items";

/// The longest id of a ticket, a message or a customer, in bytes: every row that belongs to one
/// repeats it.
const LONGEST_ID: usize = 1_024;

/// Whether an id is no longer than ids are.
pub(crate) fn is_short(id: &str) -> bool {
    id.len() <= LONGEST_ID
}

/// A place in a ticket, shown as `messages[3].content`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Path<'p> {
    Root,
    Field(&'p Path<'p>, &'static str),
    Item(&'p Path<'p>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(Self::Root, key) => out.write_str(key),
            Self::Field(parent, key) => write!(out, "{parent}.{key}"),
            Self::Item(parent, index) => write!(out, "{parent}[{index}]"),
        }
    }
}

/// A value that is not what its field holds.
#[derive(Debug)]
pub(crate) struct Unfit<'a> {
    pub(crate) value: Json<'a>,
    pub(crate) expected: &'static str,
}

impl<'a> Unfit<'a> {
    pub(crate) fn new(value: Json<'a>, expected: &'static str) -> Self {
        Self { value, expected }
    }

    /// A list of more than [`MOST_ITEMS`].
    pub(crate) fn too_many(value: Json<'a>) -> Self {
        Self::new(value, SHORT_LIST)
    }

    /// Reports it; the value comes back, to be left over.
    pub(crate) fn report(self, rejects: &mut Rejects, path: Path<'_>) -> Json<'a> {
        rejects.add(
            path.to_string(),
            format!("expected {}, got {}", self.expected, self.value.kind()),
            self.value.raw().into(),
        );
        self.value
    }
}

/// What a reader of one value gives: `None` for null.
pub(crate) type Reading<'a, T> = Result<Option<T>, Unfit<'a>>;

/// Reads text. Another scalar is its JSON.
pub(crate) fn read_text(value: Json<'_>) -> Reading<'_, String> {
    match value {
        Json::Null => Ok(None),
        value => match value.scalar() {
            Ok(text) => Ok(Some(text.into_owned())),
            Err(other) => Err(Unfit::new(other, "text")),
        },
    }
}

/// Reads another system's id, which may be sent as a number.
fn read_foreign_id(value: Json<'_>) -> Reading<'_, String> {
    match value {
        Json::Null => Ok(None),
        Json::Integer(_) | Json::Unsigned(_) | Json::Decimal(_) => Ok(Some(value.canonical())),
        Json::Text(text) => Ok(Some(text.into_owned())),
        Json::Broken(broken) => Ok(Some(broken.name().to_owned())),
        other => Err(Unfit::new(other, "an id")),
    }
}

/// Reads an integer or a text of one.
fn read_integer(value: Json<'_>) -> Reading<'_, i64> {
    if value.is_null() {
        return Ok(None);
    }
    value
        .integer()
        .map(Some)
        .ok_or_else(|| Unfit::new(value, "an integer"))
}

/// Reads true or false, or what stands for one.
fn read_boolean(value: Json<'_>) -> Reading<'_, bool> {
    if value.is_null() {
        return Ok(None);
    }
    value
        .boolean()
        .map(Some)
        .ok_or_else(|| Unfit::new(value, "a boolean"))
}

/// Reads an instant: ISO 8601 text, milliseconds or seconds since 1970 as a number or a text of one,
/// or `{"$date": …}` around any of them. The empty text is null.
pub(crate) fn read_instant(value: Json<'_>) -> Reading<'_, Instant> {
    fn instant_of(value: &Json<'_>) -> Option<Instant> {
        match value {
            Json::Text(text) => instant::parse(text).or_else(|| instant::from_digits(text)),
            Json::Integer(number) => instant::from_number(*number),
            Json::Decimal(text) => match value.integer() {
                Some(number) => instant::from_number(number),
                None => instant::from_digits(text),
            },
            Json::Object(entries) => match entries.as_slice() {
                [(key, inner)] if key == "$date" && !matches!(inner, Json::Object(_)) => {
                    instant_of(inner)
                }
                _ => None,
            },
            _ => None,
        }
    }
    match &value {
        Json::Null => Ok(None),
        Json::Text(text) if text.is_empty() => Ok(None),
        _ => instant_of(&value)
            .map(Some)
            .ok_or_else(|| Unfit::new(value, "an instant in the years 0 to 9999")),
    }
}

/// Reads an id; the empty text is null.
fn read_id(value: Json<'_>) -> Reading<'_, String> {
    match value {
        Json::Null => Ok(None),
        Json::Text(text) if text.is_empty() => Ok(None),
        other => match other.id().map(Cow::into_owned) {
            Some(id) => Ok(Some(id)),
            None => Err(Unfit::new(other, "an id")),
        },
    }
}

/// An id that is no longer than ids are.
fn read_short_id(value: Json<'_>) -> Reading<'_, String> {
    let is_fit = value.id().is_none_or(|id| is_short(&id));
    match is_fit {
        true => read_id(value),
        false => Err(Unfit::new(value, "an id of at most 1024 bytes")),
    }
}

/// The fields of one object on their way into a row.
pub(crate) struct Fields<'f, 'a> {
    rejects: &'f mut Rejects,
    path: Path<'f>,
    rest: Entries<'a>,
}

impl<'f, 'a> Fields<'f, 'a> {
    /// Of the object at `path`.
    pub(crate) fn new(rejects: &'f mut Rejects, path: Path<'f>) -> Self {
        Self {
            rejects,
            path,
            rest: Vec::new(),
        }
    }

    /// Leaves a known key's value over as it is.
    pub(crate) fn leave(&mut self, key: &'static str, value: Json<'a>) {
        if !value.is_null() {
            self.rest.push((Cow::Borrowed(key), value));
        }
    }

    /// Leaves over all entries but those that `take` takes the value of, in place.
    pub(crate) fn leave_all_but(
        &mut self,
        mut entries: Entries<'a>,
        mut take: impl FnMut(&str, &mut Json<'a>) -> bool,
    ) {
        entries.retain_mut(|(key, value)| !take(key, value));
        if self.rest.is_empty() {
            self.rest = entries;
        } else {
            self.rest.append(&mut entries);
        }
    }

    /// Reports a value that does not fit and leaves it over.
    pub(crate) fn unfit(&mut self, key: &'static str, unfit: Unfit<'a>) {
        let value = unfit.report(self.rejects, Path::Field(&self.path, key));
        self.leave(key, value);
    }

    /// The first of the spellings that fits. A further one that says something else is left over.
    fn first_of<T: PartialEq>(
        &mut self,
        spellings: impl IntoIterator<Item = (&'static str, Json<'a>)>,
        read: impl Fn(Json<'a>) -> Reading<'a, T>,
    ) -> Option<T> {
        let mut found = None;
        for (key, value) in spellings {
            if value.is_null() {
                continue;
            }
            let again = found.is_some().then(|| value.clone());
            match (read(value), again) {
                (Ok(first), None) => found = first,
                (Ok(other), Some(value)) if other != found => self.leave(key, value),
                (Ok(_), Some(_)) => {}
                (Err(unfit), _) => self.unfit(key, unfit),
            }
        }
        found
    }

    /// Text.
    pub(crate) fn text(&mut self, key: &'static str, value: Json<'a>) -> Option<String> {
        self.first_of([(key, value)], read_text)
    }

    /// Text; of an object or an array its JSON. Such a value is left over too, so that it can be told from
    /// a text that looks like it.
    pub(crate) fn text_or_json(&mut self, key: &'static str, value: Json<'a>) -> Option<String> {
        match value.scalar() {
            Ok(text) => Some(text.into_owned()),
            Err(Json::Null) => None,
            Err(other) => {
                let text = other.canonical();
                self.leave(key, other);
                Some(text)
            }
        }
    }

    /// Text under the first of two keys that has it.
    pub(crate) fn text_of(&mut self, spellings: [(&'static str, Json<'a>); 2]) -> Option<String> {
        self.first_of(spellings, read_text)
    }

    /// The id of an object that rows belong to: one that is far longer than ids are does not fit, and
    /// the other one is taken.
    pub(crate) fn short_id(&mut self, id: Json<'a>, mongo_id: Json<'a>) -> Option<String> {
        self.first_of([("id", id), ("_id", mongo_id)], read_short_id)
    }

    /// The object's own id, under `id` or `_id`.
    pub(crate) fn id(&mut self, id: Json<'a>, mongo_id: Json<'a>) -> Option<String> {
        self.first_of([("id", id), ("_id", mongo_id)], read_id)
    }

    /// Another system's id.
    pub(crate) fn foreign_id(&mut self, key: &'static str, value: Json<'a>) -> Option<String> {
        self.first_of([(key, value)], read_foreign_id)
    }

    /// An integer.
    pub(crate) fn integer(&mut self, key: &'static str, value: Json<'a>) -> Option<i64> {
        self.first_of([(key, value)], read_integer)
    }

    /// True or false.
    pub(crate) fn boolean(&mut self, key: &'static str, value: Json<'a>) -> Option<bool> {
        self.first_of([(key, value)], read_boolean)
    }

    /// An instant.
    pub(crate) fn instant(&mut self, key: &'static str, value: Json<'a>) -> Option<Instant> {
        self.first_of([(key, value)], read_instant)
    }

    /// The value of `key`, read by `read`, which gives what it leaves over along with the rest.
    pub(crate) fn nested<T>(
        &mut self,
        key: &'static str,
        value: Json<'a>,
        read: impl FnOnce(&mut Rejects, Path<'_>, Json<'a>) -> Result<(T, Json<'a>), Unfit<'a>>,
    ) -> Option<T> {
        match read(self.rejects, Path::Field(&self.path, key), value) {
            Ok((read, left)) => {
                self.leave(key, left);
                Some(read)
            }
            Err(unfit) => {
                self.unfit(key, unfit);
                None
            }
        }
    }

    /// Each item of an array but nulls; `read` gives what it leaves over. Leftovers keep their
    /// places in the array, with nulls before them.
    pub(crate) fn each_item(
        &mut self,
        key: &'static str,
        value: Json<'a>,
        mut read: impl FnMut(&mut Rejects, Path<'_>, Json<'a>) -> Result<Json<'a>, Unfit<'a>>,
    ) {
        let items = match value {
            Json::Null => return,
            Json::Array(items) if items.len() > MOST_ITEMS => {
                return self.unfit(key, Unfit::too_many(Json::Array(items)));
            }
            Json::Array(items) => items,
            other => return self.unfit(key, Unfit::new(other, "an array")),
        };
        let path = Path::Field(&self.path, key);
        let mut left_over = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            if item.is_null() {
                continue;
            }
            let path = Path::Item(&path, index);
            let left = read(self.rejects, path, item)
                .unwrap_or_else(|unfit| unfit.report(self.rejects, path));
            if !left.is_null() {
                left_over.resize(index, Json::Null);
                left_over.push(left);
            }
        }
        if !left_over.is_empty() {
            self.leave(key, Json::Array(left_over));
        }
    }

    /// What is left over: null, or an object with sorted, unique keys and no nulls.
    pub(crate) fn left_over(self) -> Json<'a> {
        let mut rest = self.rest;
        rest.sort_by(|(left, _), (right, _)| left.cmp(right));
        // Of equal keys the last one sent stays.
        rest.reverse();
        rest.dedup_by(|(later, _), (kept, _)| later == kept);
        rest.reverse();
        rest.retain(|(_, value)| !value.is_null());
        if rest.is_empty() {
            Json::Null
        } else {
            Json::Object(rest)
        }
    }

    /// What is left over as canonical JSON; `None` where nothing is.
    pub(crate) fn extra_json(self) -> Option<String> {
        match self.left_over() {
            Json::Null => None,
            left => Some(left.canonical()),
        }
    }
}

/// Defines a struct with a slot for each known key, filled in one pass over an object's entries:
/// the last of equal keys wins, unknown keys are left over.
macro_rules! slots {
    ($name:ident { $($slot:ident: $key:literal),+ $(,)? }) => {
        #[derive(Default)]
        struct $name<'a> {
            $( $slot: $crate::wire::Json<'a>, )+
        }

        impl<'a> $name<'a> {
            fn fill(
                entries: $crate::wire::Entries<'a>,
                fields: &mut $crate::wire::Fields<'_, 'a>,
            ) -> Self {
                let mut slots = Self::default();
                fields.leave_all_but(entries, |key, value| {
                    match key {
                        $( $key => slots.$slot = std::mem::take(value), )+
                        _ => return false,
                    }
                    true
                });
                slots
            }
        }
    };
}
pub(crate) use slots;
