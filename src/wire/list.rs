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
        Listed::TooMany => return Err(DecodeError::TooMany(key)),
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
            rejects.add(path.to_string(), reason.to_owned(), item.get().into());
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

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(rejects: &[Reject]) -> Vec<String> {
        rejects
            .iter()
            .map(|reject| format!("{}: {} {}", reject.path, reject.reason, reject.raw_json))
            .collect()
    }

    #[test]
    fn categories_come_in_an_array_or_under_their_key() {
        let expected = vec![
            Category {
                id: "c1".into(),
                name: Some("Billing".into()),
                is_archived: Some(false),
            },
            Category {
                id: "c2".into(),
                name: None,
                is_archived: Some(true),
            },
        ];
        for body in [
            r#"[{"id":"c1","name":"Billing","color":"red"},{"_id":"c2","isArchived":true}]"#,
            r#"{"categories":[{"_id":"c1","id":"c1","name":"Billing"},{"id":"c2","name":null,"isArchived":true}],"count":2}"#,
        ] {
            let list = decode_categories(body.as_bytes()).expect(body);
            assert_eq!(list.rows, expected, "{body}");
            assert_eq!(list.rejects, []);
        }
    }

    #[test]
    fn an_agents_user_name_is_its_name() {
        let body = r#"{"agents":[
            {"id":"a1","username":"ana","email":"ana@example.com","walletAddress":"0x1"},
            {"id":"a2","name":"Bo","username":null,"email":null},
            {"id":"a3","name":"Cy C.","username":"cy"}
        ]}"#;
        let list = decode_agents(body.as_bytes()).expect(body);
        let names: Vec<_> = list
            .rows
            .iter()
            .map(|agent| agent.name.as_deref().unwrap_or("-"))
            .collect();
        assert_eq!(names, ["ana", "Bo", "cy"]);
        assert_eq!(list.rows[0].wallet_address.as_deref(), Some("0x1"));
    }

    #[test]
    fn an_unusable_entry_is_a_reject_and_hides_no_other() {
        let body = r#"[{"name":"no id"},null,42,{"id":"c1","name":["x"]},{"id":"c2","name":"\ud800\u0000"},"",[[1e999]]]"#;
        let list = decode_categories(body.as_bytes()).expect(body);
        assert_eq!(list.rows.len(), 2);
        assert_eq!(list.rows[1].name.as_deref(), Some("\u{fffd}\u{fffd}"));
        assert_eq!(list.replaced_characters, 2);
        assert_eq!(
            shown(&list.rejects),
            [
                r#"categories[0]: expected an id or an object with one, got an object {"name":"no id"}"#,
                "categories[1]: expected an entry, got null null",
                "categories[2]: expected an id or an object with one, got a number 42",
                r#"categories[3].name: expected text, got an array ["x"]"#,
                r#"categories[5]: expected an id, got text """#,
                "categories[6]: holds a number out of range [[1e999]]",
            ]
        );
    }

    #[test]
    fn a_body_that_is_no_list_says_why() {
        assert_eq!(
            decode_agents(b"{\"categories\":[]}"),
            Err(DecodeError::Missing("agents"))
        );
        assert_eq!(
            decode_agents(b"{\"agents\":{}}"),
            Err(DecodeError::NotAnArray("agents"))
        );
        assert_eq!(decode_agents(b"7"), Err(DecodeError::NotAnObject));
        assert_eq!(decode_agents(b"<html>"), Err(DecodeError::Html));
    }
}
