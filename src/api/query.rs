//! What is asked of the API, typed.

use std::fmt;

use crate::mava::Filters;
use crate::table::instant_text;
use crate::window::Window;

/// The longest address that can be sent, in bytes: HTTP libraries count it in 16 bits. Most servers take
/// less, and answer 414 or 431 past that.
pub const LONGEST_URL: usize = 65_534;

/// What `GET /api/tickets` can sort by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SortBy {
    /// Creation.
    #[default]
    CreatedAt,
    /// Status.
    Status,
    /// Priority.
    Priority,
    /// Origin.
    SourceType,
    /// Agent.
    AssignedTo,
    /// Category.
    Category,
    /// Time from creation to resolution.
    ResolutionTime,
}

impl SortBy {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::CreatedAt => "createdAt",
            Self::Status => "status",
            Self::Priority => "priority",
            Self::SourceType => "sourceType",
            Self::AssignedTo => "assignedTo",
            Self::Category => "category",
            Self::ResolutionTime => "resolutionTime",
        }
    }
}

/// The direction of a sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SortOrder {
    /// Smallest first.
    #[default]
    Ascending,
    /// Largest first.
    Descending,
}

impl SortOrder {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ascending => "asc",
            Self::Descending => "desc",
        }
    }
}

/// `GET /api/tickets` with every documented parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketsQuery {
    /// `startDate` (inclusive) and `endDate` (exclusive).
    pub window: Window,
    /// `skip`.
    pub skip: u32,
    /// `limit`, 1 to 100.
    pub limit: u32,
    /// `sortBy`.
    pub sort_by: SortBy,
    /// `sortOrder`.
    pub sort_order: SortOrder,
    /// `includeMessages`.
    pub has_messages: bool,
    /// `status`, `origin`, `category`, `tags`, `assignedTo`.
    pub filters: Filters,
    /// `csatValues`: `1` to `5`, `no-rating`.
    pub csat_values: Vec<String>,
    /// Whether it is sent on a connection of its own: see [`Get::is_alone`].
    pub is_alone: bool,
}

impl TicketsQuery {
    /// The window's tickets from its start on, oldest first, in pages of `limit`.
    pub fn of(window: Window, limit: u32) -> Self {
        Self {
            window,
            skip: 0,
            limit,
            sort_by: SortBy::default(),
            sort_order: SortOrder::default(),
            has_messages: false,
            filters: Filters::default(),
            csat_values: Vec::new(),
            is_alone: false,
        }
    }

    /// The request on a connection of its own.
    #[must_use]
    pub fn alone(self) -> Self {
        Self {
            is_alone: true,
            ..self
        }
    }

    /// The request that asks for it.
    pub fn get(&self) -> Get {
        let mut pairs = vec![
            ("startDate", instant_text(self.window.from())),
            ("endDate", instant_text(self.window.until())),
            ("limit", self.limit.to_string()),
            ("skip", self.skip.to_string()),
            ("sortBy", self.sort_by.word().to_owned()),
            ("sortOrder", self.sort_order.word().to_owned()),
            ("includeMessages", self.has_messages.to_string()),
        ];
        let repeated = [
            ("status", &self.filters.status),
            ("origin", &self.filters.origin),
            ("category", &self.filters.category),
            ("tags", &self.filters.tag),
            ("assignedTo", &self.filters.assigned_to),
            ("csatValues", &self.csat_values),
        ];
        for (name, values) in repeated {
            pairs.extend(values.iter().map(|value| (name, value.clone())));
        }
        Get {
            path: "/api/tickets",
            pairs,
            window: Some(self.window),
            is_alone: self.is_alone,
        }
    }
}

/// One `GET` request, without base URL and key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Get {
    /// The path, from the root.
    pub path: &'static str,
    /// Query parameters in order, repeated ones repeated.
    pub pairs: Vec<(&'static str, String)>,
    /// The range it asks for, for errors and logs.
    pub window: Option<Window>,
    /// Whether it is sent on a connection that no request used before and none uses after, so that
    /// no late answer to another request can be taken for its own.
    pub is_alone: bool,
}

impl Get {
    /// `GET /api/categories`.
    pub fn categories() -> Self {
        Self::plain("/api/categories")
    }

    /// `GET /api/agents`.
    pub fn agents() -> Self {
        Self::plain("/api/agents")
    }

    fn plain(path: &'static str) -> Self {
        Self {
            path,
            pairs: Vec::new(),
            window: None,
            is_alone: false,
        }
    }

    /// Its address at the API that `base_url` leads to.
    pub(crate) fn url(&self, base_url: &reqwest::Url) -> reqwest::Url {
        let mut url = base_url.clone();
        let path = format!("{}{}", url.path().trim_end_matches('/'), self.path);
        url.set_path(&path);
        if !self.pairs.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.pairs);
        }
        url
    }

    /// The flag whose values make the request longest, and how many there are; `None` without a
    /// filter by ids.
    pub(crate) fn longest_filter(&self) -> Option<(&'static str, usize)> {
        const FLAGS: [(&str, &str); 3] = [
            ("--category", "category"),
            ("--tag", "tags"),
            ("--assigned-to", "assignedTo"),
        ];
        let values = |parameter: &'static str| {
            let named = self
                .pairs
                .iter()
                .filter(move |(name, _)| *name == parameter);
            named.map(|(name, value)| name.len() + value.len())
        };
        FLAGS
            .into_iter()
            .map(|(flag, parameter)| {
                let length: usize = values(parameter).sum();
                (length, flag, values(parameter).count())
            })
            .filter(|(_, _, count)| *count > 0)
            .max_by_key(|(length, ..)| *length)
            .map(|(_, flag, count)| (flag, count))
    }
}

impl fmt::Display for Get {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "GET {}", self.path)?;
        match self.window {
            Some(window) => write!(out, " for {window}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_parameter_is_sent_and_filters_are_repeated() {
        let day = |text| crate::window::parse(text).expect("a day");
        let window = Window::new(day("2024-01-01"), day("2024-02-01")).expect("not empty");
        let query = TicketsQuery {
            skip: 3,
            sort_by: SortBy::ResolutionTime,
            sort_order: SortOrder::Descending,
            has_messages: true,
            filters: Filters {
                status: vec!["Open".into(), "Waiting".into()],
                origin: vec!["web".into()],
                category: vec!["c1".into()],
                tag: vec!["t1".into(), "t2".into()],
                assigned_to: vec!["Unassigned".into()],
            },
            csat_values: vec!["5".into(), "no-rating".into()],
            ..TicketsQuery::of(window, 50)
        };
        let shown: Vec<String> = query
            .get()
            .pairs
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(
            shown,
            [
                "startDate=2024-01-01T00:00:00.000Z",
                "endDate=2024-02-01T00:00:00.000Z",
                "limit=50",
                "skip=3",
                "sortBy=resolutionTime",
                "sortOrder=desc",
                "includeMessages=true",
                "status=Open",
                "status=Waiting",
                "origin=web",
                "category=c1",
                "tags=t1",
                "tags=t2",
                "assignedTo=Unassigned",
                "csatValues=5",
                "csatValues=no-rating",
            ]
        );
        assert_eq!(
            query.get().to_string(),
            "GET /api/tickets for [2024-01-01, 2024-02-01)"
        );
    }
}
