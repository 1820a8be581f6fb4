//! What a ticket had at an instant, by its changes.

/// The values of one kind, one after the other.
#[derive(Debug, Clone)]
pub(super) struct Timeline<'a> {
    first: Option<&'a str>,
    /// Instants in milliseconds, in order, each with what it led to.
    steps: Vec<(i64, Option<&'a str>)>,
}

impl<'a> Timeline<'a> {
    /// Of changes in order: when, from what, to what. Without one, it is what the ticket has now.
    pub(super) fn of(
        changes: impl Iterator<Item = (i64, Option<&'a str>, Option<&'a str>)>,
        now: Option<&'a str>,
    ) -> Self {
        let mut timeline = Self {
            first: now,
            steps: Vec::new(),
        };
        for (at, from, to) in changes {
            if timeline.steps.is_empty() {
                timeline.first = from;
            }
            timeline.steps.push((at, to));
        }
        timeline
    }

    /// The value at an instant, changes at it included.
    pub(super) fn at(&self, at: i64) -> Option<&'a str> {
        let passed = self.steps.partition_point(|(step, _)| *step <= at);
        let last = passed
            .checked_sub(1)
            .and_then(|place| self.steps.get(place));
        last.map_or(self.first, |(_, value)| *value)
    }
}
