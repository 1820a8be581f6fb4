//! What Mava's API documents about tickets and about asking for them: words, sizes, and what a filter
//! selects. Each stands here once.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::table::{Tag, Ticket};

/// Statuses of tickets that are not resolved.
pub const OPEN: [&str; 3] = ["Open", "Pending", "Waiting"];

/// The status of resolved tickets.
pub const RESOLVED: &str = "Resolved";

/// Statuses that the API takes as a filter. Tickets may have others, such as `Spam`: those are neither
/// open nor resolved.
pub const STATUSES: [&str; 4] = [OPEN[0], OPEN[1], OPEN[2], RESOLVED];

/// Channels that the API takes as a filter.
pub const ORIGINS: [&str; 5] = ["web", "discord", "telegram", TELEGRAM_GROUP, "email"];

/// The origin of tickets without a customer, which nobody can rate.
pub const TELEGRAM_GROUP: &str = "telegram-group";

/// Ratings that the API takes as a filter.
pub const RATINGS: [&str; 5] = ["1", "2", "3", "4", "5"];

/// The `csatValues` of tickets without a rating.
pub const NO_RATING: &str = "no-rating";

/// The `assignedTo` of tickets without an agent.
pub const UNASSIGNED: &str = "Unassigned";

/// Most tickets of one page.
pub const PAGE: usize = 100;

/// [`PAGE`], as the parameter `limit`.
pub const PAGE_LIMIT: u32 = 100;

/// Days of the longest range of creation that one request is sure to have accepted. The API documents
/// "1 year" without saying whether that is 365 or 366 days, so the shorter one.
pub const LONGEST_DAYS: i64 = 365;

/// Filters by so many values, and tickets of so many tags, are compared by a set.
const FEW: usize = 16;

/// Whether a ticket of this status waits for somebody.
pub fn is_open(status: Option<&str>) -> bool {
    status.is_some_and(|status| OPEN.contains(&status))
}

/// Whether a ticket of this status is resolved.
pub fn is_resolved(status: Option<&str>) -> bool {
    status == Some(RESOLVED)
}

/// Which tickets to fetch: of each parameter, those that have one of its values.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Filters {
    /// `status`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<String>,
    /// `origin`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub origin: Vec<String>,
    /// `category`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub category: Vec<String>,
    /// `tags`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tag: Vec<String>,
    /// `assignedTo`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assigned_to: Vec<String>,
}

impl Filters {
    /// Whether nothing is filtered out.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Whether a ticket is among those that these filters, and these ratings, select. An empty list selects
/// every value. Channels, categories and agents are compared whatever their case, since a desk may show
/// them otherwise than the filter takes them. Statuses are not: what is open and what is resolved goes by
/// the very words. Nor are ids of tags.
pub fn matches(filters: &Filters, ratings: &[String], ticket: &Ticket, tags: &[Tag]) -> bool {
    let has = |wanted: &[String], value: Option<&str>| {
        wanted.is_empty()
            || value.is_some_and(|value| wanted.iter().any(|one| one.eq_ignore_ascii_case(value)))
    };
    let assignee = ticket.assigned_agent_id.as_deref().unwrap_or(UNASSIGNED);
    let rating = ticket.csat.map(|csat| csat.to_string());
    let status = ticket.status.as_ref();
    (filters.status.is_empty() || status.is_some_and(|status| filters.status.contains(status)))
        && has(&filters.origin, ticket.source_type.as_deref())
        && has(&filters.category, ticket.category_id.as_deref())
        && has(&filters.assigned_to, Some(assignee))
        && has(ratings, Some(rating.as_deref().unwrap_or(NO_RATING)))
        && (filters.tag.is_empty() || has_one(tags, &filters.tag))
}

/// Whether one of the tags is among those wanted.
fn has_one(tags: &[Tag], wanted: &[String]) -> bool {
    if tags.len() <= FEW || wanted.len() <= FEW {
        return tags.iter().any(|tag| wanted.contains(&tag.id));
    }
    let wanted: HashSet<&str> = wanted.iter().map(String::as_str).collect();
    tags.iter().any(|tag| wanted.contains(tag.id.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalize;
    use crate::wire::{self, Body};

    #[test]
    fn a_page_is_as_long_as_its_limit() {
        assert_eq!(usize::try_from(PAGE_LIMIT), Ok(PAGE));
    }

    #[test]
    fn a_status_is_open_or_resolved_or_neither() {
        for status in STATUSES {
            let (open, resolved) = (is_open(Some(status)), is_resolved(Some(status)));
            assert_eq!(
                (open, resolved),
                (status != "Resolved", status == "Resolved")
            );
        }
        for other in [None, Some("Spam"), Some("open"), Some("")] {
            assert!(!is_open(other) && !is_resolved(other), "{other:?}");
        }
    }

    fn ticket(fields: &str) -> normalize::TicketRows {
        let page = format!(
            r#"{{"count":1,"tickets":[{{"_id":"t","createdAt":"2024-01-01T00:00:00.000Z"{fields}}}]}}"#
        );
        let body = Body::new(page.as_bytes());
        let page = wire::decode_page(&body).expect("a page");
        match normalize::ticket(&page.tickets[0], false) {
            normalize::Outcome::Rows(rows) => *rows,
            normalize::Outcome::Reject(reject) => panic!("{reject:?}"),
        }
    }

    #[test]
    fn a_filter_selects_what_has_one_of_its_values() {
        let words = |words: &[&str]| -> Vec<String> {
            words.iter().map(|word| (*word).to_owned()).collect()
        };
        let full = ticket(
            r#","status":"Open","sourceType":"web","category":{"_id":"c1","name":"Billing"},
               "assignedTo":{"_id":"a1","name":"Bo"},"csat":4,"tags":[{"_id":"g1","name":"x"},{"_id":"g2","name":"y"}]"#,
        );
        let bare = ticket("");
        let of = |set: fn(&mut Filters, Vec<String>), values: &[&str]| {
            let mut filters = Filters::default();
            set(&mut filters, words(values));
            (filters, Vec::new())
        };
        let rated = |values: &[&str]| (Filters::default(), words(values));
        // (filters and ratings, whether they select the full ticket, and the bare one)
        let cases = [
            ((Filters::default(), Vec::new()), true, true),
            (
                of(|it, to| it.status = to, &["Open", "Pending"]),
                true,
                false,
            ),
            (of(|it, to| it.status = to, &["open"]), false, false),
            (of(|it, to| it.status = to, &["Resolved"]), false, false),
            (of(|it, to| it.origin = to, &["WEB"]), true, false),
            (of(|it, to| it.origin = to, &["email"]), false, false),
            (of(|it, to| it.category = to, &["c1"]), true, false),
            (of(|it, to| it.category = to, &["Billing"]), false, false),
            (of(|it, to| it.assigned_to = to, &["a1"]), true, false),
            (
                of(|it, to| it.assigned_to = to, &["Unassigned"]),
                false,
                true,
            ),
            (
                of(|it, to| it.assigned_to = to, &["a2", "Unassigned"]),
                false,
                true,
            ),
            (of(|it, to| it.tag = to, &["g2", "g9"]), true, false),
            (of(|it, to| it.tag = to, &["g9"]), false, false),
            (rated(&["4", "5"]), true, false),
            (rated(&["5"]), false, false),
            (rated(&["no-rating"]), false, true),
        ];
        for ((filters, ratings), is_full, is_bare) in cases {
            let of = |rows: &normalize::TicketRows| {
                matches(&filters, &ratings, &rows.ticket, &rows.tags)
            };
            assert_eq!(
                (of(&full), of(&bare)),
                (is_full, is_bare),
                "{filters:?} {ratings:?}"
            );
        }
    }

    #[test]
    fn many_tags_are_compared_as_few_are() {
        let tags: Vec<String> = (0..40)
            .map(|tag| format!(r#"{{"_id":"g{tag}"}}"#))
            .collect();
        let rows = ticket(&format!(r#","tags":[{}]"#, tags.join(",")));
        let select = |from: u32| {
            let filters = Filters {
                tag: (from..from + 20).map(|tag| format!("g{tag}")).collect(),
                ..Filters::default()
            };
            matches(&filters, &[], &rows.ticket, &rows.tags)
        };
        assert!(select(39) && select(0));
        assert!(!select(40));
    }
}
