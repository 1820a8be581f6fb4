//! Filters as typed, by name or by id, made into the ids that the API takes.

use tokio_util::sync::CancellationToken;

use crate::api::Client;
use crate::error::{Error, Result};
use crate::extract::{self, Lookups};
use crate::mava::UNASSIGNED;
use crate::settings::Filters;
use crate::spelling;
use crate::store::Store;

/// Digits of an id of the API.
const ID_LENGTH: usize = 24;

/// Known names that an error lists; the rest is counted.
const LISTED: usize = 8;

/// Filters with ids alone.
#[derive(Debug)]
pub(crate) struct Resolved {
    /// Each list sorted and without doubles, so that equal filters are equal.
    pub(crate) filters: Filters,
    /// The lists of categories and agents, where they had to be asked for.
    pub(crate) lookups: Option<Lookups>,
}

/// One of the things that a filter may name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    id: String,
    name: Option<String>,
    email: Option<String>,
    is_archived: bool,
}

/// All that is known of what a filter may name.
struct Names {
    flag: &'static str,
    /// What one of them is, in words.
    word: &'static str,
    known: Vec<Known>,
    /// Whether the API has a list of them, and it came.
    is_listed: bool,
}

/// The filters with an id for each name: of the categories and agents that the API lists, and of
/// those and the tags that the store knows. Ids are taken as they are, and nothing is asked where
/// there are no names.
///
/// # Errors
/// [`Usage`](crate::error::ErrorKind::Usage) for a name that nobody has, or several; or the lists
/// cannot be had.
pub(crate) async fn resolve(
    client: &Client,
    cancel: &CancellationToken,
    store: Option<&Store>,
    filters: &Filters,
) -> Result<Resolved> {
    let mut resolved = Resolved {
        filters: filters.clone(),
        lookups: None,
    };
    if !has_names(filters) {
        return Ok(resolved);
    }
    let is_listed = is_named(&filters.category) || is_named(&filters.assigned_to);
    let lookups = match is_listed {
        true => Some(extract::lookups(client, cancel).await?),
        false => None,
    };
    let categories = lookups.as_ref().and_then(|lists| lists.categories.as_ref());
    let categories = categories.map(|list| {
        let known = list.rows.iter().map(|row| Known {
            id: row.id.clone(),
            name: row.name.clone(),
            email: None,
            is_archived: row.is_archived == Some(true),
        });
        known.collect()
    });
    let agents = lookups.as_ref().and_then(|lists| lists.agents.as_ref());
    let agents = agents.map(|list| {
        let known = list.rows.iter().map(|row| Known {
            id: row.id.clone(),
            name: row.name.clone(),
            email: row.email.clone(),
            is_archived: false,
        });
        known.collect()
    });
    let names = |flag, word, table, listed: Option<Vec<Known>>| -> Result<Names> {
        Ok(Names {
            flag,
            word,
            is_listed: listed.is_some(),
            known: with_stored(store, table, listed.unwrap_or_default())?,
        })
    };
    let category = names("--category", "category", "categories", categories)?;
    let tag = names("--tag", "tag", "tags", None)?;
    let agent = names("--assigned-to", "agent", "agents", agents)?;
    resolved.filters.category = category.ids(&filters.category)?;
    resolved.filters.tag = tag.ids(&filters.tag)?;
    resolved.filters.assigned_to = agent.ids(&filters.assigned_to)?;
    resolved.lookups = lookups;
    Ok(resolved)
}

/// Whether one of the values is no id, so that it has to be looked up.
pub(crate) fn has_names(filters: &Filters) -> bool {
    let values = [&filters.category, &filters.tag, &filters.assigned_to];
    values.into_iter().any(|values| is_named(values))
}

fn is_named(values: &[String]) -> bool {
    values.iter().any(|value| !is_id(value))
}

/// Whether this is an id, whatever it is of: so the API writes them.
fn is_id(value: &str) -> bool {
    value == UNASSIGNED
        || value.len() == ID_LENGTH && value.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// What the API lists, and what else the store knows.
fn with_stored(store: Option<&Store>, table: &str, mut known: Vec<Known>) -> Result<Vec<Known>> {
    let Some(store) = store else {
        return Ok(known);
    };
    let columns = match table {
        "categories" => "id, name, NULL, coalesce(is_archived, false)",
        "agents" => "id, name, email, false",
        _ => "id, name, NULL, false",
    };
    let read = || -> rusqlite::Result<Vec<Known>> {
        let sql = format!("SELECT {columns} FROM {table} ORDER BY id");
        let mut statement = store.connection().prepare(&sql)?;
        let rows = statement.query_map([], |row| {
            Ok(Known {
                id: row.get(0)?,
                name: row.get(1)?,
                email: row.get(2)?,
                is_archived: row.get(3)?,
            })
        })?;
        rows.collect()
    };
    let stored = read().map_err(unread)?;
    for one in stored {
        if !known.iter().any(|listed| listed.id == one.id) {
            known.push(one);
        }
    }
    Ok(known)
}

fn unread(error: rusqlite::Error) -> Error {
    Error::failed("cannot look up the filters").because(error)
}

impl Names {
    fn ids(&self, values: &[String]) -> Result<Vec<String>> {
        let ids = values.iter().map(|value| self.id(value));
        let mut ids = ids.collect::<Result<Vec<_>>>()?;
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    /// The id that a value is or names.
    fn id(&self, value: &str) -> Result<String> {
        if is_id(value) || self.known.iter().any(|one| one.id == value) {
            return Ok(value.to_owned());
        }
        let wanted = folded(value);
        let is_it =
            |text: &Option<String>| text.as_deref().is_some_and(|text| folded(text) == wanted);
        let found = self
            .known
            .iter()
            .filter(|one| is_it(&one.name) || is_it(&one.email));
        match found.collect::<Vec<_>>().as_slice() {
            [one] => {
                tracing::info!("{} {value} is {}", self.flag, one.id);
                Ok(one.id.clone())
            }
            [] => Err(self.nobody(value)),
            several => Err(self.ambiguous(value, several)),
        }
    }

    fn nobody(&self, value: &str) -> Error {
        let (flag, word) = (self.flag, self.word);
        let error = Error::usage(format!("{flag} {value}: no {word} of this name is known"));
        let names = || self.known.iter().filter(|one| one.name.is_some());
        let nearest = spelling::nearest(value, names().filter_map(|one| one.name.as_deref()));
        let meant = nearest.and_then(|name| names().find(|one| one.name.as_deref() == Some(name)));
        if let Some(one) = meant {
            return error.help(format!("did you mean {}?", one.shown()));
        }
        let known: Vec<String> = names().take(LISTED).map(Known::shown).collect();
        let more = match names().count().saturating_sub(LISTED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        error.help(match (known.is_empty(), word) {
            (false, "tag") => format!(
                "the store knows {}{more}; the API has no list of tags, so a name is found only among those that a run \
                 has stored: for any other, give its id",
                known.join(", ")
            ),
            (false, _) => format!("known are {}{more}", known.join(", ")),
            (true, "tag") => "the API has no list of tags, and no run has stored the name of one yet: give the tag's id"
                .to_owned(),
            (true, _) if self.is_listed => format!("the API lists none: give the {word}'s id"),
            (true, _) => format!("the API's list could not be read: give the {word}'s id"),
        })
    }

    fn ambiguous(&self, value: &str, several: &[&Known]) -> Error {
        let several: Vec<String> = several.iter().map(|one| one.shown()).collect();
        Error::usage(format!(
            "{} {value} is the name of {} of them",
            self.flag,
            several.len()
        ))
        .help(format!(
            "give the id of the one that you mean: {}",
            several.join(", ")
        ))
    }
}

impl Known {
    fn shown(&self) -> String {
        let name = self.name.as_deref().unwrap_or_default();
        let archived = if self.is_archived { ", archived" } else { "" };
        // A comma parts values.
        let use_id = if name.contains(',') {
            ", by its id"
        } else {
            ""
        };
        format!("{name} ({}{archived}{use_id})", self.id)
    }
}

/// Names are the same whatever their case and the blanks around them.
fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

/// A remark for each category, tag and agent that neither the lists just read nor any ticket in the
/// store knows. Where the store knows none of its kind at all, nothing can be told.
///
/// # Errors
/// The store cannot be read.
pub(super) fn unknown(store: &Store, filters: &Filters) -> Result<Vec<String>> {
    let mut remarks = Vec::new();
    for (flag, table, ids) in [
        ("--category", "categories", &filters.category),
        ("--tag", "tags", &filters.tag),
        ("--assigned-to", "agents", &filters.assigned_to),
    ] {
        let sql = format!("SELECT count(*), count(*) FILTER (WHERE id = ?1) FROM {table}");
        for id in ids.iter().filter(|id| *id != UNASSIGNED) {
            let (all, same): (i64, i64) = store
                .connection()
                .query_row(&sql, [id], |row| Ok((row.get(0)?, row.get(1)?)))
                .map_err(unread)?;
            if all > 0 && same == 0 {
                remarks.push(format!(
                    "{flag} {id} is the id of none of the {all} {table} that are known: no ticket may match it"
                ));
            }
        }
    }
    Ok(remarks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn names(word: &'static str, names: &[(&str, &str)]) -> Names {
        let known = names.iter().map(|(id, name)| Known {
            id: (*id).to_owned(),
            name: (!name.is_empty()).then(|| (*name).to_owned()),
            email: name
                .split_once(' ')
                .map(|(first, _)| format!("{first}@example.org")),
            is_archived: false,
        });
        Names {
            flag: "--category",
            word,
            known: known.collect(),
            is_listed: true,
        }
    }

    fn told(names: &Names, value: &str) -> String {
        let error = names.id(value).expect_err(value);
        assert_eq!(error.kind(), ErrorKind::Usage);
        format!("{error}\n{}", error.help_text().unwrap_or_default())
    }

    #[test]
    fn a_name_in_any_case_an_address_or_an_id_is_an_id() {
        let known = names(
            "agent",
            &[
                ("a1", "Billing"),
                ("a2", "Ärger & Lob"),
                ("a3", ""),
                ("a4", "Ada Lee"),
            ],
        );
        for (value, id) in [
            ("Billing", "a1"),
            ("BILLING", "a1"),
            ("ärger & lob", "a2"),
            ("a3", "a3"),
            ("ada@EXAMPLE.org", "a4"),
            ("65f0c1a2b3c4d5e6f7a8b9c0", "65f0c1a2b3c4d5e6f7a8b9c0"),
            (UNASSIGNED, UNASSIGNED),
        ] {
            assert_eq!(known.id(value).expect(value), id);
        }
        let ids = ["Billing", "a1", "a2"].map(str::to_owned);
        assert_eq!(known.ids(&ids).expect("known"), ["a1", "a2"]);
    }

    #[test]
    fn a_name_of_nobody_or_of_several_is_refused_with_the_way_out() {
        let known = names(
            "category",
            &[
                ("c1", "Billing"),
                ("c2", "Refunds"),
                ("c3", "refunds"),
                ("c4", "Keys, lost"),
            ],
        );
        insta::assert_snapshot!(told(&known, "Biling"), @r#"
        --category Biling: no category of this name is known
        did you mean Billing (c1)?
        "#);
        insta::assert_snapshot!(told(&known, "Refunds"), @r#"
        --category Refunds is the name of 2 of them
        give the id of the one that you mean: Refunds (c2), refunds (c3)
        "#);
        insta::assert_snapshot!(told(&known, "zzz"), @r#"
        --category zzz: no category of this name is known
        known are Billing (c1), Refunds (c2), refunds (c3), Keys, lost (c4, by its id)
        "#);
        insta::assert_snapshot!(told(&known, "keys"), @r#"
        --category keys: no category of this name is known
        known are Billing (c1), Refunds (c2), refunds (c3), Keys, lost (c4, by its id)
        "#);
        insta::assert_snapshot!(told(&names("tag", &[]), "urgent"), @r#"
        --category urgent: no tag of this name is known
        the API has no list of tags, and no run has stored the name of one yet: give the tag's id
        "#);
        insta::assert_snapshot!(told(&names("tag", &[("t1", "vip")]), "urgent"), @r#"
        --category urgent: no tag of this name is known
        the store knows vip (t1); the API has no list of tags, so a name is found only among those that a run has stored: for any other, give its id
        "#);
        insta::assert_snapshot!(told(&names("category", &[]), "Billing"), @r#"
        --category Billing: no category of this name is known
        the API lists none: give the category's id
        "#);
    }
}
