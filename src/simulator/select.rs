//! Which tickets of the world answer a query, in which order.

use std::cmp::Ordering;
use std::sync::Arc;

use super::query::{Query, SortBy};
use super::quirks::{Order, Quirks, mix};
use super::world::{Entry, Ticket, World};
use crate::table::Instant;

/// The tickets of one page and how many match over all pages.
pub(super) struct Selection {
    pub(super) count: usize,
    pub(super) page: Vec<Arc<Entry>>,
    /// Whether tickets follow after this page.
    pub(super) has_more: bool,
}

/// Answers a query. `number` is the request's, from which shuffled orders are drawn.
pub(super) fn select(world: &World, query: &Query, quirks: &Quirks, number: u64) -> Selection {
    let is_listed = |entry: &Arc<Entry>| !quirks.is_unlisted(&entry.ticket.id);
    let mut selection = match quirks.unlisted {
        Some(_) if quirks.has_full_pages => {
            let all = Query {
                skip: 0,
                limit: usize::MAX,
                ..query.clone()
            };
            let mut selection = select_all(world, &all, quirks, number);
            let listed = selection.page.into_iter().filter(is_listed);
            selection.page = listed.skip(query.skip).take(query.limit).collect();
            selection
        }
        _ => select_all(world, query, quirks, number),
    };
    let end = query.skip.saturating_add(selection.page.len());
    selection.has_more = end < selection.count;
    selection.page.retain(is_listed);
    selection
}

/// The selection with every ticket listed.
fn select_all(world: &World, query: &Query, quirks: &Quirks, number: u64) -> Selection {
    let limit = quirks
        .largest_page
        .map_or(query.limit, |most| query.limit.min(most));
    let from = quirks.start.truncate(query.from);
    let in_range = if quirks.is_empty {
        &[]
    } else if quirks.has_range_on_updated_at {
        world.entries()
    } else {
        range(world.entries(), from, query.until)
    };
    let is_scanned = (query.is_filtered() && !quirks.has_filters_ignored)
        || query.sort_by != SortBy::CreatedAt
        || quirks.order != Order::AsAsked
        || quirks.has_range_on_updated_at
        || quirks.has_shuffled_ties;
    if !is_scanned {
        return Selection {
            count: in_range.len(),
            has_more: false,
            page: if query.is_ascending {
                let page = in_range.iter().skip(query.skip).take(limit);
                page.cloned().collect()
            } else {
                descending(in_range, query.skip, limit)
            },
        };
    }
    let filter = (!quirks.has_filters_ignored).then(|| Filter::new(query));
    let mut found: Vec<&Arc<Entry>> = in_range
        .iter()
        .filter(|entry| {
            let ticket = &entry.ticket;
            let is_in_range = !quirks.has_range_on_updated_at || {
                let changed_at = ticket.updated_at.unwrap_or(ticket.created_at);
                from <= changed_at && changed_at < query.until
            };
            is_in_range && filter.as_ref().is_none_or(|filter| filter.passes(ticket))
        })
        .collect();
    let count = found.len();
    if quirks.has_shuffled_ties || quirks.order == Order::Random {
        found.sort_by_cached_key(|entry| mix(number, &entry.ticket.id));
    }
    let page = skip_and_take(found, query, limit, quirks);
    Selection {
        count,
        page,
        has_more: false,
    }
}

/// The page asked for of what was found, which is in the order of ties.
fn skip_and_take(
    found: Vec<&Arc<Entry>>,
    query: &Query,
    limit: usize,
    quirks: &Quirks,
) -> Vec<Arc<Entry>> {
    let (sort_by, is_ascending) = match quirks.order {
        Order::AsAsked => (query.sort_by, query.is_ascending),
        Order::NewestFirst => (SortBy::CreatedAt, false),
        Order::Random => {
            let page = found.into_iter().skip(query.skip).take(limit);
            return page.cloned().collect();
        }
    };
    let has_nulls_first = quirks.has_nulls_first && sort_by == SortBy::ResolutionTime;
    let order = |left: &(Key<'_>, usize, _), right: &(Key<'_>, usize, _)| {
        let by_key = if is_ascending {
            left.0.cmp(&right.0)
        } else {
            right.0.cmp(&left.0)
        };
        let nulls = if has_nulls_first {
            right.0.is_absent().cmp(&left.0.is_absent())
        } else {
            Ordering::Equal
        };
        nulls.then(by_key).then(left.1.cmp(&right.1))
    };
    let mut keyed: Vec<(Key<'_>, usize, &Arc<Entry>)> = found
        .into_iter()
        .enumerate()
        .map(|(rank, entry)| (Key::of(&entry.ticket, sort_by, quirks), rank, entry))
        .collect();
    // What comes after the page need not be in order.
    let end = query.skip.saturating_add(limit);
    if end < keyed.len() {
        keyed.select_nth_unstable_by(end, order);
        keyed.truncate(end);
    }
    if query.skip > 0 && query.skip < keyed.len() {
        keyed.select_nth_unstable_by(query.skip, order);
    }
    let mut page = keyed.split_off(query.skip.min(keyed.len()));
    page.sort_unstable_by(order);
    page.into_iter()
        .map(|(_, _, entry)| Arc::clone(entry))
        .collect()
}

fn range(entries: &[Arc<Entry>], from: Instant, until: Instant) -> &[Arc<Entry>] {
    let start = entries.partition_point(|entry| entry.ticket.created_at < from);
    let end = entries.partition_point(|entry| entry.ticket.created_at < until);
    entries.get(start..end).unwrap_or_default()
}

/// A page of sorted entries, newest first, with ties in world order.
fn descending(entries: &[Arc<Entry>], skip: usize, limit: usize) -> Vec<Arc<Entry>> {
    (skip..entries.len())
        .take(limit)
        .filter_map(|place| {
            let mirrored = entries.len() - 1 - place;
            let created_at = entries.get(mirrored)?.ticket.created_at;
            let first = entries.partition_point(|entry| entry.ticket.created_at < created_at);
            let end = entries.partition_point(|entry| entry.ticket.created_at <= created_at);
            entries.get(first + (end - 1 - mirrored)).cloned()
        })
        .collect()
}

/// The filters of a query, read once for many tickets.
struct Filter<'a> {
    query: &'a Query,
    /// Ratings let through, `None` being no rating.
    ratings: Vec<Option<i64>>,
}

impl<'a> Filter<'a> {
    fn new(query: &'a Query) -> Self {
        let ratings = query.csat_values.iter().map(|value| value.parse().ok());
        Self {
            query,
            ratings: ratings.collect(),
        }
    }

    fn passes(&self, ticket: &Ticket) -> bool {
        let query = self.query;
        let has = |wanted: &[String], value: Option<&str>| {
            wanted.is_empty() || value.is_some_and(|value| wanted.iter().any(|one| one == value))
        };
        let assignee = ticket.assigned_agent_id.as_deref().unwrap_or("Unassigned");
        has(&query.status, Some(&ticket.status))
            && has(&query.assigned_to, Some(assignee))
            && has(&query.category, ticket.category_id.as_deref())
            && (self.ratings.is_empty() || self.ratings.contains(&ticket.csat))
            && has(&query.origin, Some(&ticket.origin))
            && (query.tags.is_empty() || ticket.tag_ids.iter().any(|tag| query.tags.contains(tag)))
    }
}

/// What tickets are sorted by. What is absent comes first, as in the database behind the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key<'a> {
    Instant(Instant),
    Number(Option<i64>),
    Text(Option<&'a str>),
}

impl<'a> Key<'a> {
    fn of(ticket: &'a Ticket, sort_by: SortBy, quirks: &Quirks) -> Self {
        match sort_by {
            SortBy::CreatedAt => Self::Instant(ticket.created_at),
            SortBy::Status => Self::Text(Some(&ticket.status)),
            SortBy::Priority => Self::Number(ticket.priority),
            SortBy::SourceType => Self::Text(Some(&ticket.origin)),
            SortBy::AssignedTo => Self::Text(ticket.assigned_agent_id.as_deref()),
            SortBy::Category => Self::Text(ticket.category_id.as_deref()),
            SortBy::ResolutionTime => Self::Number(quirks.resolution_time.of(ticket)),
        }
    }

    fn is_absent(self) -> bool {
        matches!(self, Self::Number(None) | Self::Text(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::world::Directory;

    fn at(milliseconds: i64) -> Instant {
        Instant::from_timestamp_millis(1_700_000_000_000 + milliseconds).expect("in range")
    }

    fn query(is_ascending: bool, skip: usize, limit: usize) -> Query {
        let parameters = [
            ("startDate", at(0).to_rfc3339()),
            ("endDate", at(1_000).to_rfc3339()),
            (
                "sortOrder",
                if is_ascending { "asc" } else { "desc" }.to_owned(),
            ),
            ("skip", skip.to_string()),
            ("limit", limit.to_string()),
        ]
        .map(|(key, value)| (key.to_owned(), value));
        Query::parse(&parameters).expect("legal")
    }

    fn world() -> World {
        let tickets = [0, 1, 1, 1, 2, 3, 3, 4]
            .into_iter()
            .enumerate()
            .map(|(number, offset)| Ticket::new(number.to_string(), at(offset)))
            .collect();
        World::new(Directory::default(), tickets)
    }

    fn ids(world: &World, query: &Query, quirks: &Quirks, number: u64) -> String {
        select(world, query, quirks, number)
            .page
            .iter()
            .map(|entry| entry.ticket.id.as_str())
            .collect()
    }

    #[test]
    fn ties_stay_in_world_order_in_both_directions() {
        let (world, quirks) = (world(), Quirks::default());
        assert_eq!(ids(&world, &query(true, 0, 100), &quirks, 1), "01234567");
        assert_eq!(ids(&world, &query(false, 0, 100), &quirks, 1), "75641230");
    }

    #[test]
    fn pages_put_together_are_the_whole_in_both_directions_and_both_ways_of_answering() {
        let world = world();
        let scanned = Quirks {
            has_range_on_updated_at: true,
            ..Quirks::default()
        };
        for quirks in [Quirks::default(), scanned] {
            for is_ascending in [true, false] {
                let whole = ids(&world, &query(is_ascending, 0, 100), &quirks, 1);
                for limit in 1..9 {
                    let pages: String = (0..8)
                        .step_by(limit)
                        .map(|skip| ids(&world, &query(is_ascending, skip, limit), &quirks, 1))
                        .collect();
                    assert_eq!(pages, whole);
                }
            }
        }
    }

    #[test]
    fn shuffled_ties_change_from_request_to_request_and_nothing_else_does() {
        let world = world();
        let quirks = Quirks {
            has_shuffled_ties: true,
            ..Quirks::default()
        };
        let seen: std::collections::BTreeSet<String> = (0..50)
            .map(|number| ids(&world, &query(true, 0, 100), &quirks, number))
            .collect();
        assert_eq!(seen.len(), 12);
        assert!(
            seen.iter()
                .all(|ids| ids.starts_with('0') && ids.ends_with('7'))
        );
    }

    #[test]
    fn a_page_of_a_sort_is_that_part_of_the_whole() {
        let mut tickets: Vec<Ticket> = Vec::new();
        for number in 0..50 {
            let mut ticket = Ticket::new(format!("{number:02}"), at(number));
            if number % 4 > 0 {
                ticket.resolve(at(number + number * 7 % 11));
            }
            tickets.push(ticket);
        }
        let world = World::new(Directory::default(), tickets);
        let ask = |is_ascending, skip, limit, quirks: &Quirks| {
            let mut query = query(is_ascending, skip, limit);
            query.sort_by = SortBy::ResolutionTime;
            let page = select(&world, &query, quirks, 1).page;
            let of =
                |entry: &Arc<Entry>| (entry.ticket.id.clone(), entry.ticket.resolution_time_ms);
            page.iter().map(of).collect::<Vec<_>>()
        };
        let nulls_first = Quirks {
            has_nulls_first: true,
            ..Quirks::default()
        };
        for quirks in [Quirks::default(), nulls_first] {
            for is_ascending in [true, false] {
                let whole = ask(is_ascending, 0, 100, &quirks);
                assert_eq!(whole.len(), 50);
                let nulls: Vec<bool> = whole.iter().map(|(_, time)| time.is_none()).collect();
                assert_eq!(nulls[0], is_ascending || quirks.has_nulls_first);
                let times: Vec<i64> = whole.iter().filter_map(|(_, time)| *time).collect();
                assert!(
                    times.is_sorted_by(|one, next| one == next || (one < next) == is_ascending)
                );
                for limit in [1, 7, 50] {
                    let pages = (0..50).step_by(limit);
                    let pages: Vec<_> = pages
                        .flat_map(|skip| ask(is_ascending, skip, limit, &quirks))
                        .collect();
                    assert_eq!(pages, whole);
                }
            }
        }
    }

    #[test]
    fn more_is_announced_until_the_last_page() {
        let (world, quirks) = (world(), Quirks::default());
        for (skip, has_more) in [(0, true), (4, true), (5, false), (6, false), (100, false)] {
            let selection = select(&world, &query(true, skip, 3), &quirks, 1);
            assert_eq!((selection.count, selection.has_more), (8, has_more));
        }
    }
}
