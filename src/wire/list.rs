//! The lists that come whole: `GET /api/categories` and `GET /api/agents`.

use super::body::{Body, DecodeError, Listed};
use super::field::{Path, Unfit};
use super::json::{Json, with_json};
use super::reference::{Reference, read_reference};
use super::reject::Rejects;
use crate::table::{Agent, Category, Reject};

/// A list's rows, and what of it could not be represented.
#[derive(Debug, Clone, PartialEq)]
pub struct List<T> {
    /// One row per usable entry, in the order sent.
    pub rows: Vec<T>,
    /// Entries without an id and values of the wrong type; paths such as `categories[3].name`.
    pub rejects: Vec<Reject>,
    /// Characters that became U+FFFD.
    pub replaced_characters: i64,
}

/// Decodes the list of categories: an array, or an object with an array `categories`. The list
/// holds active categories, so each is not archived unless it says so.
///
/// # Errors
/// Where the body is neither, and why.
pub fn decode_categories(body: &[u8]) -> Result<List<Category>, DecodeError> {
    let mut list: List<Category> = decode(body, "categories")?;
    for category in &mut list.rows {
        category.is_archived.get_or_insert(false);
    }
    Ok(list)
}

/// Decodes the list of agents: an array, or an object with an array `agents`.
///
/// # Errors
/// Where the body is neither, and why.
pub fn decode_agents(body: &[u8]) -> Result<List<Agent>, DecodeError> {
    decode(body, "agents")
}

fn decode<T: Reference>(body: &[u8], key: &'static str) -> Result<List<T>, DecodeError> {
    let body = Body::new(body);
    let items = match body.envelope(key)?.list {
        Listed::Items(items) => items,
        Listed::Missing => return Err(DecodeError::Missing(key)),
        Listed::NotAnArray => return Err(DecodeError::NotAnArray(key)),
    };
    let mut rejects = Rejects::default();
    let mut rows = Vec::with_capacity(items.len());
    let mut replaced_characters = 0;
    let path = Path::Field(&Path::Root, key);
    for (index, item) in items.into_iter().enumerate() {
        let path = Path::Item(&path, index);
        replaced_characters += body.replaced_in(item.get());
        let read = with_json(item.get(), |read| {
            replaced_characters += read.replaced;
            match entry(&mut rejects, path, read.value) {
                Ok(row) => rows.push(row),
                Err(unfit) => {
                    unfit.report(&mut rejects, path);
                }
            }
        });
        if let Err(reason) = read {
            rejects.add(path.to_string(), reason.to_owned(), item.get().to_owned());
        }
    }
    Ok(List {
        rows,
        rejects: rejects.into_found(),
        replaced_characters,
    })
}

fn entry<'a, T: Reference>(
    rejects: &mut Rejects,
    path: Path<'_>,
    value: Json<'a>,
) -> Result<T, Unfit<'a>> {
    match value {
        Json::Null => Err(Unfit::new(Json::Null, "an entry")),
        value => {
            let (row, _) = read_reference(rejects, path, value)?;
            row.ok_or_else(|| Unfit::new(Json::Text("".into()), "an id"))
        }
    }
}
