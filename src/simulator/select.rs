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
}

impl Selection {
    /// Whether tickets follow after this page.
    pub(super) fn has_more(&self, skip: usize) -> bool {
        skip.saturating_add(self.page.len()) < self.count
    }
}

/// Answers a query. `number` is the request's, from which shuffled orders are drawn.
pub(super) fn select(world: &World, query: &Query, quirks: &Quirks, number: u64) -> Selection {
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
            page: if query.is_ascending {
                let page = in_range.iter().skip(query.skip).take(limit);
                page.cloned().collect()
            } else {
                descending(in_range, query.skip, limit)
            },
        };
    }
    let mut found: Vec<&Arc<Entry>> = in_range
        .iter()
        .filter(|entry| {
            let ticket = &entry.ticket;
            let is_in_range = !quirks.has_range_on_updated_at || {
                let changed_at = ticket.updated_at.unwrap_or(ticket.created_at);
                from <= changed_at && changed_at < query.until
            };
            is_in_range && (quirks.has_filters_ignored || matches(ticket, query))
        })
        .collect();
    if quirks.has_shuffled_ties || quirks.order == Order::Random {
        found.sort_by_cached_key(|entry| mix(number, &entry.ticket.id));
    }
    match quirks.order {
        Order::AsAsked if query.is_ascending => {
            found.sort_by(|left, right| compare(&left.ticket, &right.ticket, query.sort_by));
        }
        Order::AsAsked => {
            found.sort_by(|left, right| compare(&right.ticket, &left.ticket, query.sort_by));
        }
        Order::NewestFirst => {
            found.sort_by_key(|entry| std::cmp::Reverse(entry.ticket.created_at));
        }
        Order::Random => {}
    }
    Selection {
        count: found.len(),
        page: found
            .into_iter()
            .skip(query.skip)
            .take(limit)
            .cloned()
            .collect(),
    }
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

fn matches(ticket: &Ticket, query: &Query) -> bool {
    let has = |wanted: &[String], value: Option<&str>| {
        wanted.is_empty() || value.is_some_and(|value| wanted.iter().any(|one| one == value))
    };
    let assignee = ticket.assigned_agent_id.as_deref().unwrap_or("Unassigned");
    let rating = ticket
        .csat
        .map_or_else(|| "no-rating".to_owned(), |csat| csat.to_string());
    has(&query.status, Some(&ticket.status))
        && has(&query.assigned_to, Some(assignee))
        && has(&query.category, ticket.category_id.as_deref())
        && has(&query.csat_values, Some(&rating))
        && has(&query.origin, Some(&ticket.origin))
        && (query.tags.is_empty() || ticket.tag_ids.iter().any(|tag| query.tags.contains(tag)))
}

/// Ascending order; what is absent comes first, as in the database behind the API.
fn compare(left: &Ticket, right: &Ticket, sort_by: SortBy) -> Ordering {
    match sort_by {
        SortBy::CreatedAt => left.created_at.cmp(&right.created_at),
        SortBy::Status => left.status.cmp(&right.status),
        SortBy::Priority => left.priority.cmp(&right.priority),
        SortBy::SourceType => left.origin.cmp(&right.origin),
        SortBy::AssignedTo => left.assigned_agent_id.cmp(&right.assigned_agent_id),
        SortBy::Category => left.category_id.cmp(&right.category_id),
        SortBy::ResolutionTime => left.resolution_time_ms.cmp(&right.resolution_time_ms),
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
    fn more_is_announced_until_the_last_page() {
        let (world, quirks) = (world(), Quirks::default());
        for (skip, has_more) in [(0, true), (4, true), (5, false), (6, false), (100, false)] {
            let selection = select(&world, &query(true, skip, 3), &quirks, 1);
            assert_eq!((selection.count, selection.has_more(skip)), (8, has_more));
        }
    }
}
