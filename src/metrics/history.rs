//! Changes that the versions of a ticket tell, and the resolution times in them.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::change::{Change, Kind, Source, Value};
use super::input::{Case, Ticket, Version};
use super::later;
use crate::mava;
use crate::table::Instant;

/// A ticket's versions, in order.
pub(super) struct History<'a> {
    ticket: Ticket<'a>,
    versions: Vec<&'a Version<'a>>,
    /// Those that are not deleted.
    live: Vec<&'a Version<'a>>,
}

impl<'a> History<'a> {
    pub(super) fn of(case: &Case<'a>) -> Self {
        let mut versions: Vec<&Version<'_>> = case.versions.iter().collect();
        versions.sort_by_key(|version| version.valid_from);
        let live = versions.iter().filter(|version| !version.is_deleted);
        Self {
            ticket: case.ticket,
            live: live.copied().collect(),
            versions,
        }
    }

    /// Changes of these kinds alone, in no order between kinds.
    pub(super) fn changes(&self, is_wanted: impl Fn(Kind) -> bool) -> Vec<Change<'a>> {
        let mut changes = Vec::new();
        if is_wanted(Kind::Status) {
            changes.extend(self.statuses());
        }
        if is_wanted(Kind::Assignee) {
            let agent = |version: &Version<'a>| version.assigned_agent_id.map(Cow::Borrowed);
            changes.extend(self.differences(Kind::Assignee, agent));
        }
        if is_wanted(Kind::Priority) {
            let priority = |version: &Version<'a>| number(version.priority);
            changes.extend(self.differences(Kind::Priority, priority));
        }
        if is_wanted(Kind::Category) {
            let category = |version: &Version<'a>| version.category_id.map(Cow::Borrowed);
            changes.extend(self.differences(Kind::Category, category));
        }
        if is_wanted(Kind::Tag) {
            changes.extend(self.tags());
        }
        changes.extend(self.ratings());
        changes.extend(self.deletions());
        changes
    }

    /// Instants of resolutions that resolution times tell exactly, in order.
    pub(super) fn resolutions(&self) -> BTreeSet<Instant> {
        let told = self
            .live
            .iter()
            .filter_map(|version| self.resolved(version));
        told.chain(self.ticket.resolved_at).collect()
    }

    /// When a resolved version was resolved. None where the desk's resolution times do not lead to it.
    fn resolved(&self, version: &Version<'_>) -> Option<Instant> {
        let ticket = &self.ticket;
        let is_wrong = mava::is_resolved(ticket.status)
            && ticket.resolution_time_ms.is_some()
            && ticket.resolved_at.is_none();
        if is_wrong || !mava::is_resolved(version.status) {
            return None;
        }
        later(ticket.created_at, version.resolution_time_ms?)
    }

    fn statuses(&self) -> Vec<Change<'a>> {
        let Some(first) = self.live.first() else {
            return self.never_seen().into_iter().collect();
        };
        let mut changes = Vec::new();
        let mut last = self.ticket.created_at;
        if mava::is_resolved(first.status) {
            changes.push(match self.known(first, last) {
                Some(at) => Change::resolution(at),
                None => Change {
                    not_before: Some(last.min(first.valid_from)),
                    at: first.valid_from,
                    ..Change::resolution(last)
                },
            });
        }
        for (before, version) in self.pairs() {
            last = changes.last().map_or(last, |change: &Change<'_>| change.at);
            let known = self.known(version, last);
            if before.status != version.status {
                let status = |version: &Version<'a>| version.status.map(Cow::Borrowed);
                let mut change = seen(Kind::Status, before, version, &status);
                if let Some(at) = known {
                    (change.at, change.not_before) = (at, None);
                }
                changes.push(change);
            } else if before.resolution_time_ms < version.resolution_time_ms
                && self.resolved(before).is_some()
            {
                changes.extend(known.map(Change::resolution));
            }
        }
        changes
    }

    /// A ticket that has no version, so that only its row tells.
    fn never_seen(&self) -> Option<Change<'a>> {
        let ticket = &self.ticket;
        let at = ticket.resolved_at.filter(|at| *at >= ticket.created_at);
        at.filter(|_| mava::is_resolved(ticket.status))
            .map(Change::resolution)
    }

    /// When a version was resolved, if that is neither before `last` nor after it was seen.
    fn known(&self, version: &Version<'_>, last: Instant) -> Option<Instant> {
        let at = self.resolved(version)?;
        (last <= at && at <= version.valid_from).then_some(at)
    }

    /// Each live version with the one before.
    fn pairs(&self) -> impl Iterator<Item = (&'a Version<'a>, &'a Version<'a>)> {
        let later = self.live.iter().skip(1);
        self.live.iter().copied().zip(later.copied())
    }

    fn differences(
        &self,
        kind: Kind,
        value: impl Fn(&Version<'a>) -> Value<'a>,
    ) -> Vec<Change<'a>> {
        let all = self
            .pairs()
            .map(|(one, next)| seen(kind, one, next, &value));
        all.filter(|change| change.from != change.to).collect()
    }

    fn tags(&self) -> Vec<Change<'a>> {
        let mut changes = Vec::new();
        for (before, version) in self.pairs() {
            if before.tags_json == version.tags_json {
                continue;
            }
            let (Some(had), Some(has)) = (tags(before), tags(version)) else {
                continue;
            };
            let nothing = seen(Kind::Tag, before, version, &|_| None);
            let off = had.difference(&has).map(|tag| Change {
                from: Some(Cow::Owned(tag.clone())),
                ..nothing.clone()
            });
            let on = has.difference(&had).map(|tag| Change {
                to: Some(Cow::Owned(tag.clone())),
                ..nothing.clone()
            });
            changes.extend(off.chain(on));
        }
        changes
    }

    fn ratings(&self) -> Vec<Change<'a>> {
        let rating = |version: &Version<'a>| number(version.csat);
        let first = self.live.first().filter(|version| version.csat.is_some());
        let first = first.map(|version| self.since_creation(version, Kind::Rating, &rating));
        let all = first
            .into_iter()
            .chain(self.differences(Kind::Rating, rating));
        all.collect()
    }

    fn deletions(&self) -> Vec<Change<'a>> {
        let word = |version: &Version<'a>| -> Value<'a> {
            let word = if version.is_deleted { "1" } else { "0" };
            Some(Cow::Borrowed(word))
        };
        let first = self.versions.first().filter(|version| version.is_deleted);
        let first = first.map(|version| Change {
            from: Some(Cow::Borrowed("0")),
            ..self.since_creation(version, Kind::Deletion, &word)
        });
        let later = self.versions.iter().skip(1);
        let pairs = self.versions.iter().zip(later);
        let all = pairs.map(|(one, next)| seen(Kind::Deletion, one, next, &word));
        let differ = all.filter(|change| change.from != change.to);
        first.into_iter().chain(differ).collect()
    }

    /// What the first version has, from nothing.
    fn since_creation(
        &self,
        first: &Version<'a>,
        kind: Kind,
        value: &impl Fn(&Version<'a>) -> Value<'a>,
    ) -> Change<'a> {
        Change {
            kind,
            from: None,
            to: value(first),
            at: first.valid_from,
            not_before: Some(self.ticket.created_at.min(first.valid_from)),
            source: Source::History,
        }
    }
}

/// What tells a version from the one before.
fn seen<'a>(
    kind: Kind,
    before: &Version<'a>,
    version: &Version<'a>,
    value: &impl Fn(&Version<'a>) -> Value<'a>,
) -> Change<'a> {
    Change {
        kind,
        from: value(before),
        to: value(version),
        at: version.valid_from,
        not_before: Some(before.valid_from),
        source: Source::History,
    }
}

fn number<'a>(number: Option<i64>) -> Value<'a> {
    number.map(|number| Cow::Owned(number.to_string()))
}

/// Ids of a version's tags; none where they cannot be read.
fn tags(version: &Version<'_>) -> Option<BTreeSet<String>> {
    serde_json::from_str(version.tags_json).ok()
}
