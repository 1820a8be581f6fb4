//! What has no name.

use serde::Serialize;

use crate::store::{Nameless, Unnamed};

/// What `names` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamesMissing {
    /// Tags without a name, those of most tickets first.
    pub tags: Vec<NamelessTag>,
    /// Custom attributes without a label, in the same order.
    pub attributes: Vec<NamelessAttribute>,
}

/// A tag without a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamelessTag {
    /// Its id.
    pub id: String,
    /// Live tickets that have it.
    pub tickets: u64,
    /// Ids of the newest of them, at most three.
    pub examples: Vec<String>,
}

/// A custom attribute without a label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamelessAttribute {
    /// Its id.
    pub id: String,
    /// Live tickets that have it.
    pub tickets: u64,
    /// Customers of live tickets that have it.
    pub customers: u64,
    /// Its most frequent values, at most three, cut at 200 characters.
    pub examples: Vec<String>,
}

impl From<Unnamed> for NamesMissing {
    fn from(unnamed: Unnamed) -> Self {
        Self {
            tags: unnamed.tags.into_iter().map(Into::into).collect(),
            attributes: unnamed.attributes.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<Nameless> for NamelessTag {
    fn from(one: Nameless) -> Self {
        Self {
            id: one.id,
            tickets: one.tickets,
            examples: one.examples,
        }
    }
}

impl From<Nameless> for NamelessAttribute {
    fn from(one: Nameless) -> Self {
        Self {
            id: one.id,
            tickets: one.tickets,
            customers: one.customers,
            examples: one.examples,
        }
    }
}
