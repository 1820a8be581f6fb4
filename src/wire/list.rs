//! The lists that come whole: `GET /api/categories` and `GET /api/agents`.

use super::body::{Body, DecodeError, Listed};
use super::field::{Path, Unfit};
use super::hidden::take_hidden;
use super::json::{Json, Read, with_json};
use super::reference::{Reference, read_reference};
use super::reject::Rejects;
use crate::table::{Agent, Category, Reject};

/// A list's rows, and what of it could not be represented.
#[derive(Debug, Clone, PartialEq)]
pub struct List<T> {
    /// One row per usable entry, in the order sent.
    pub rows: Vec<T>,
    /// Of each row its place in the list as sent.
    places: Vec<usize>,
    /// Entries without an id and values of the wrong type; paths such as `categories[3].name`.
    pub rejects: Vec<Reject>,
    /// Characters stored as U+FFFD.
    pub replaced_characters: i64,
}

/// Decodes the list of categories: an array, or an object with an array `categories`. The list
/// holds active categories, so each is not archived unless it says so.
///
/// # Errors
/// Where the body is neither, and why.
pub fn decode_categories(body: &[u8]) -> Result<List<Category>, DecodeError> {
    let mut list: List<Category> = decode(body, "categories")?;
    for (category, place) in list.rows.iter_mut().zip(&list.places) {
        let path = format!("categories[{place}].isArchived");
        // A word that nobody understands is not one for "no".
        if category.is_archived.is_none() && list.rejects.iter().all(|reject| reject.path != path) {
            category.is_archived = Some(false);
        }
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
    let mut list = Listing::default();
    let path = Path::Field(&Path::Root, key);
    for (index, item) in items.into_iter().enumerate() {
        let path = Path::Item(&path, index);
        let has_bytes = body.has_bytes_in(item.get());
        let read = with_json(item.get(), |read| list.take(path, index, read, has_bytes));
        if let Err(reason) = read {
            let raw_json = item.get().into();
            list.rejects
                .add(path.to_string(), reason.to_owned(), raw_json);
        }
    }
    Ok(List {
        rows: list.rows,
        places: list.places,
        rejects: list.rejects.into_found(),
        replaced_characters: list.replaced_characters,
    })
}

/// A list on its way.
struct Listing<T> {
    rows: Vec<T>,
    places: Vec<usize>,
    rejects: Rejects,
    replaced_characters: i64,
}

impl<T> Default for Listing<T> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            places: Vec::new(),
            rejects: Rejects::default(),
            replaced_characters: 0,
        }
    }
}

impl<T: Reference> Listing<T> {
    fn take(&mut self, path: Path<'_>, index: usize, mut read: Read<Json<'_>>, has_bytes: bool) {
        self.replaced_characters += read.replaced;
        if read.has_hidden {
            match take_hidden(&mut read.value, &path.to_string(), has_bytes) {
                Ok(hidden) => self.rejects.add_hidden(hidden),
                Err(reason) => {
                    let raw_json = read.value.raw().into();
                    return self
                        .rejects
                        .add(path.to_string(), reason.to_owned(), raw_json);
                }
            }
        }
        match entry(&mut self.rejects, path, read.value) {
            Ok(row) => {
                self.rows.push(row);
                self.places.push(index);
            }
            Err(unfit) => {
                unfit.report(&mut self.rejects, path);
            }
        }
    }
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
                r#"categories[4].name: holds half of a surrogate pair, which no database can hold "\ud800\u0000""#,
                r#"categories[5]: expected an id, got text """#,
                "categories[6]: holds a number out of range [[1e999]]",
            ]
        );
    }

    #[test]
    fn a_word_for_archived_that_nobody_understands_says_neither() {
        let body = r#"[{"id":"c0"},{"id":"c1","isArchived":"false"},{"id":"c2","isArchived":"true"},5,
            {"id":"c3","isArchived":"often"},{"id":"c4","isArchived":null},{"id":"c5","isArchived":1}]"#;
        let list = decode_categories(body.as_bytes()).expect(body);
        let archived: Vec<_> = list
            .rows
            .iter()
            .map(|category| category.is_archived)
            .collect();
        assert_eq!(
            archived,
            [
                Some(false),
                Some(false),
                Some(true),
                None,
                Some(false),
                Some(true)
            ]
        );
        assert_eq!(
            shown(&list.rejects),
            [
                "categories[3]: expected an id or an object with one, got a number 5",
                r#"categories[4].isArchived: expected a boolean, got text "often""#,
            ]
        );
    }

    #[test]
    fn what_a_list_says_twice_and_what_no_database_holds_is_kept() {
        let body = b"[{\"id\":\"c1\",\"name\":\"old\",\"name\":\"new\"},{\"id\":\"c\\u0000\",\"name\":\"caf\xe9\"}]";
        let list = decode_categories(body).expect("a list");
        let ids: Vec<&str> = list
            .rows
            .iter()
            .map(|category| category.id.as_str())
            .collect();
        assert_eq!(ids, ["c1", r#"json:"c\u0000""#]);
        insta::assert_snapshot!(shown(&list.rejects).join("\n"), @r#"
        categories[0].name: this key comes again later in its object, where the value is another "old"
        categories[1].id: holds NUL, which no database can hold "c\u0000"
        categories[1].name: holds bytes that are no UTF-8: each is written as \udc and its two hex digits "caf\udce9"
        "#);
        let twice = br#"{"agents":[{"id":"a1"}],"agents":[]}"#;
        assert_eq!(decode_agents(twice), Err(DecodeError::Twice("agents")));
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
