//! Numbers by local hour.

use super::Counted;
use crate::table::{HourVolume, Instant, LocalHour};

/// Counts by hour.
#[derive(Debug)]
pub(super) struct Hourly<'h> {
    hours: &'h [LocalHour],
    last_run: Instant,
    /// When the first ticket was created.
    first: Option<i64>,
    sums: Vec<Sums>,
}

#[derive(Debug, Default, Clone)]
struct Sums {
    created: i64,
    customer_messages: i64,
    replies: i64,
}

impl<'h> Hourly<'h> {
    pub(super) fn new(hours: &'h [LocalHour], last_run: Instant) -> Self {
        Self {
            hours,
            last_run,
            first: None,
            sums: vec![Sums::default(); hours.len()],
        }
    }

    /// Counts a ticket that is there.
    pub(super) fn add(&mut self, ticket: &Counted) {
        let created_at = ticket.created_at;
        self.first = Some(self.first.map_or(created_at, |first| first.min(created_at)));
        self.at(created_at, |sums| sums.created += 1);
        for at in &ticket.activity.customer {
            self.at(*at, |sums| sums.customer_messages += 1);
        }
        for (at, _) in &ticket.activity.replies {
            self.at(*at, |sums| sums.replies += 1);
        }
    }

    fn at(&mut self, at: i64, count: impl FnOnce(&mut Sums)) {
        let begun = self
            .hours
            .partition_point(|hour| hour.starts_at.timestamp_millis() <= at);
        let place = begun.checked_sub(1);
        let hour = place.and_then(|place| self.hours.get(place));
        let is_within = hour.is_some_and(|hour| at < hour.ends_at.timestamp_millis());
        if let Some(sums) = place.and_then(|place| self.sums.get_mut(place))
            && is_within
        {
            count(sums);
        }
    }

    pub(super) fn rows(self) -> Vec<HourVolume> {
        let Some(first) = self.first else {
            return Vec::new();
        };
        let hours = self.hours.iter().zip(self.sums);
        let within = hours.filter(|(hour, _)| {
            hour.ends_at.timestamp_millis() > first && hour.starts_at <= self.last_run
        });
        let row = |(hour, sums): (&LocalHour, Sums)| HourVolume {
            created: sums.created,
            customer_messages: sums.customer_messages,
            public_replies: sums.replies,
            ..HourVolume::empty(hour)
        };
        within.map(row).collect()
    }
}

impl HourVolume {
    /// The row of an hour in which nothing happened.
    pub fn empty(hour: &LocalHour) -> Self {
        Self {
            starts_at: hour.starts_at,
            day: hour.day.clone(),
            weekday: hour.weekday,
            hour: hour.hour,
            created: 0,
            customer_messages: 0,
            public_replies: 0,
        }
    }
}
