//! What differs, with the names of its categories, agents and tags.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::error::Result;
use crate::plan::verify::{Group, Subset, Tally};
use crate::report::Difference;
use crate::store::Store;

/// Differences, with the names that the store knows.
///
/// # Errors
/// The store cannot be read.
pub(super) fn named(store: &Store, tallies: &[Tally]) -> Result<Vec<Difference>> {
    let mut names = Names::default();
    tallies
        .iter()
        .map(|tally| {
            Ok(Difference {
                from: tally.window.from(),
                until: tally.window.until(),
                group: tally.subset.group.word().to_owned(),
                value: tally.subset.value.clone(),
                name: names.of(store, &tally.subset)?,
                store: tally.store,
                api: tally.api,
                difference: tally.difference(),
            })
        })
        .collect()
}

/// The names that the store knows of values, each group read once.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<Group, HashMap<String, Option<String>>>);

impl Names {
    /// The name of a value, if the store knows one.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(super) fn of(&mut self, store: &Store, subset: &Subset) -> Result<Option<String>> {
        let known = match self.0.entry(subset.group) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let known = store.known_values(subset.group)?.into_iter();
                place.insert(known.collect())
            }
        };
        Ok(known.get(&subset.value).cloned().flatten())
    }
}
