//! The parameters of `GET /api/tickets`, read as strictly as the API's page allows.

use chrono::{Duration, NaiveDate};

use crate::table::{Instant, parse_instant};

/// The longest range served. The API says "1 year" without saying how many days that is; the
/// simulator takes the shorter reading, so that a client that passes here passes there.
pub(super) const LONGEST_DAYS: i64 = 365;

/// What tickets can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SortBy {
    CreatedAt,
    Status,
    Priority,
    SourceType,
    AssignedTo,
    Category,
    ResolutionTime,
}

/// A request for tickets, all of it legal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) from: Instant,
    pub(super) until: Instant,
    pub(super) limit: usize,
    pub(super) skip: usize,
    pub(super) status: Vec<String>,
    pub(super) assigned_to: Vec<String>,
    pub(super) category: Vec<String>,
    pub(super) tags: Vec<String>,
    pub(super) csat_values: Vec<String>,
    pub(super) origin: Vec<String>,
    pub(super) sort_by: SortBy,
    pub(super) is_ascending: bool,
    pub(super) has_messages: bool,
}

const STATUSES: &[&str] = &["Open", "Resolved", "Pending", "Waiting"];
const RATINGS: &[&str] = &["1", "2", "3", "4", "5", "no-rating"];
const ORIGINS: &[&str] = &["web", "discord", "telegram", "telegram-group", "email"];

impl Query {
    /// Reads decoded parameters; unknown ones are ignored. The error is the text of the 400.
    pub(super) fn parse(parameters: &[(String, String)]) -> Result<Self, String> {
        let given = Parameters(parameters);
        let from = given.instant("startDate")?;
        let until = given.instant("endDate")?;
        if until <= from {
            return Err("endDate must be after startDate".into());
        }
        if until - from > Duration::days(LONGEST_DAYS) {
            return Err("the range must not exceed 1 year".into());
        }
        let sort_by = match given.once("sortBy")? {
            None | Some("createdAt") => SortBy::CreatedAt,
            Some("status") => SortBy::Status,
            Some("priority") => SortBy::Priority,
            Some("sourceType") => SortBy::SourceType,
            Some("assignedTo") => SortBy::AssignedTo,
            Some("category") => SortBy::Category,
            Some("resolutionTime") => SortBy::ResolutionTime,
            Some(_) => return Err("sortBy is not one of the sortable fields".into()),
        };
        let is_ascending = match given.once("sortOrder")? {
            Some("asc") => true,
            None | Some("desc") => false,
            Some(_) => return Err("sortOrder must be asc or desc".into()),
        };
        let has_messages = match given.once("includeMessages")? {
            Some("true") => true,
            None | Some("false") => false,
            Some(_) => return Err("includeMessages must be true or false".into()),
        };
        Ok(Self {
            from,
            until,
            limit: given.integer("limit", 50, 1, 100)?,
            skip: given.integer("skip", 0, 0, usize::MAX)?,
            status: given.words("status", STATUSES)?,
            assigned_to: given.all("assignedTo"),
            category: given.all("category"),
            tags: given.all("tags"),
            csat_values: given.words("csatValues", RATINGS)?,
            origin: given.words("origin", ORIGINS)?,
            sort_by,
            is_ascending,
            has_messages,
        })
    }

    /// Whether any filter is set.
    pub(super) fn is_filtered(&self) -> bool {
        [
            &self.status,
            &self.assigned_to,
            &self.category,
            &self.tags,
            &self.csat_values,
            &self.origin,
        ]
        .iter()
        .any(|values| !values.is_empty())
    }
}

struct Parameters<'a>(&'a [(String, String)]);

impl<'a> Parameters<'a> {
    fn values(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    fn all(&self, name: &str) -> Vec<String> {
        self.values(name).map(str::to_owned).collect()
    }

    fn words(&self, name: &str, known: &[&str]) -> Result<Vec<String>, String> {
        let values = self.all(name);
        if values.iter().all(|value| known.contains(&value.as_str())) {
            Ok(values)
        } else {
            Err(format!("{name} must be one of {}", known.join(", ")))
        }
    }

    fn once(&self, name: &str) -> Result<Option<&'a str>, String> {
        let mut values = self.values(name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(format!("{name} must be given once")),
            (value, None) => Ok(value),
        }
    }

    fn instant(&self, name: &str) -> Result<Instant, String> {
        let text = self
            .once(name)?
            .ok_or_else(|| format!("{name} is required"))?;
        NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .ok()
            .and_then(|date| date.and_hms_opt(0, 0, 0))
            .map(|midnight| midnight.and_utc())
            .or_else(|| parse_instant(text))
            .and_then(|instant| Instant::from_timestamp_millis(instant.timestamp_millis()))
            .ok_or_else(|| format!("{name} must be an ISO 8601 date"))
    }

    fn integer(
        &self,
        name: &str,
        default: usize,
        least: usize,
        most: usize,
    ) -> Result<usize, String> {
        match self.once(name)? {
            None => Ok(default),
            Some(text) => text
                .parse()
                .ok()
                .filter(|value| (least..=most).contains(value))
                .ok_or_else(|| format!("{name} is out of range")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Query, String> {
        let parameters: Vec<_> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        Query::parse(&parameters)
    }

    const RANGE: &str = "startDate=2024-01-01&endDate=2024-02-01";

    #[test]
    fn what_is_not_given_takes_the_documented_default() {
        let query = read(RANGE).expect("legal");
        assert_eq!((query.limit, query.skip), (50, 0));
        assert_eq!(query.sort_by, SortBy::CreatedAt);
        assert!(!query.is_ascending && !query.has_messages && !query.is_filtered());
    }

    #[test]
    fn a_year_of_365_days_is_the_longest_range() {
        assert!(read("startDate=2024-01-01&endDate=2024-12-31").is_ok());
        assert!(read("startDate=2024-01-01&endDate=2024-12-31T00:00:00.001Z").is_err());
    }

    #[test]
    fn dates_and_instants_with_offsets_are_the_same_range() {
        assert_eq!(
            read("startDate=2024-01-01T02:00:00.0009+02:00&endDate=2024-02-01"),
            read(RANGE)
        );
    }

    #[test]
    fn repeated_filters_are_kept_and_unknown_parameters_ignored() {
        let query = read(&format!("{RANGE}&status=Open&status=Waiting&colour=red")).expect("legal");
        assert_eq!(query.status, ["Open", "Waiting"]);
        assert!(query.is_filtered());
    }

    #[test]
    fn what_the_page_calls_wrong_is_refused() {
        for wrong in [
            "limit=0",
            "limit=101",
            "limit=-1",
            "limit=ten",
            "limit=",
            "skip=-1",
            "skip=1.5",
            "sortBy=updatedAt",
            "sortOrder=up",
            "status=open",
            "csatValues=6",
            "origin=fax",
            "includeMessages=1",
            "startDate=2024-01-02",
            "limit=1&limit=2",
        ] {
            assert!(read(&format!("{RANGE}&{wrong}")).is_err(), "{wrong}");
        }
        for wrong in [
            "",
            "startDate=2024-01-01",
            "endDate=2024-01-01",
            "startDate=2024-13-01&endDate=2024-02-01",
            "startDate=x&endDate=2024-02-01",
            "startDate=2024-02-01&endDate=2024-02-01",
            "startDate=2024-02-02&endDate=2024-02-01",
            "startDate=2024-01-01&endDate=2025-01-01",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
