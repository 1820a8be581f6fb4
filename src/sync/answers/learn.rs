//! What the index, the hazards and the suspects learn from tickets that were read.

use std::collections::HashSet;

use super::Answers;
use crate::error::Result;
use crate::mava;
use crate::normalize::TicketRows;
use crate::refresh::{Assurance, DAY_MS, KEPT_MS, Kind, Known};
use crate::store::{Field, Group, ReadCommit, TicketRead};
use crate::table::{Instant, Reject};

/// A ticket resolved longer ago than this has no business getting a tag or a category.
const SETTLED_MS: i64 = 30 * DAY_MS;

/// New tags of one ticket that may be part of a bulk change: no more of them are looked into.
const MOST_SUSPECT: usize = 50;

impl Answers<'_> {
    /// Stores tickets that were read, and learns from them.
    pub(in crate::sync) fn take_rows(
        &mut self,
        tickets: &[TicketRows],
        rejects: &[Reject],
        read_at: Instant,
    ) -> Result<()> {
        let snapshot_id = self.session.run.snapshot_id;
        let requests = self.session.run.account.newly_sent();
        let (_, reads) = self.store.commit_read(&ReadCommit {
            snapshot_id,
            tickets,
            rejects,
            requests,
            read_at,
        })?;
        for (rows, read) in tickets.iter().zip(reads) {
            if read.is_second {
                self.take_second(rows)?;
                continue;
            }
            let known = known(rows, read_at);
            if let Some(before) = self.desk.index.take(known.clone()) {
                self.learn(&before, &known, rows, &read)?;
            }
        }
        Ok(())
    }

    fn learn(
        &mut self,
        before: &Known,
        now: &Known,
        rows: &TicketRows,
        read: &TicketRead,
    ) -> Result<()> {
        if !before.is_open && !before.is_resolved || before.is_seen {
            return Ok(());
        }
        if before.is_open {
            return self.prove(before, now);
        }
        let resolved_ms = before.resolved_at_ms();
        let until_ms = now.verified_ms;
        let is_resolved_again = now.is_resolved && now.resolution_ms != before.resolution_ms;
        let is_rated = now.is_rated && !before.is_rated;
        let is_moved = until_ms - resolved_ms > SETTLED_MS && self.suspect(rows, read, until_ms)?;
        let is_other = read.is_changed && !is_resolved_again && !is_rated && !is_moved;
        for (kind, has_changed, applies) in [
            (Kind::Rating, is_rated, !before.is_rated),
            (Kind::Resolution, is_resolved_again, true),
            (Kind::Other, is_other, true),
        ] {
            // What was in a thread that nobody had read is no change.
            let is_news = kind != Kind::Other || !read.is_first_thread;
            if applies && is_news {
                let from_ms = before.known_ms(kind);
                self.desk.hazards.of(kind).learn_between(
                    resolved_ms,
                    from_ms,
                    until_ms,
                    has_changed,
                );
            }
        }
        Ok(())
    }

    /// Notes tags and a category that a long settled ticket got.
    fn suspect(&mut self, rows: &TicketRows, read: &TicketRead, at_ms: i64) -> Result<bool> {
        let Some(before) = &read.before else {
            return Ok(false);
        };
        let tags: HashSet<String> = serde_json::from_str(&before.tags_json).unwrap_or_default();
        let new = rows.tags.iter().filter(|tag| !tags.contains(&tag.id));
        let mut groups: Vec<Group> = new
            .take(MOST_SUSPECT)
            .map(|tag| Group {
                field: Field::Tag,
                value: tag.id.clone(),
            })
            .collect();
        if let Some(category) = &rows.ticket.category_id
            && before.category_id.as_ref() != Some(category)
        {
            groups.push(Group {
                field: Field::Category,
                value: category.clone(),
            });
        }
        for group in &groups {
            self.store.suspect(group, &rows.ticket.id, at_ms)?;
        }
        Ok(!groups.is_empty())
    }

    /// Everything of a kind that happened in a range would have been seen by now.
    pub(in crate::sync) fn assure(
        &mut self,
        kind: Kind,
        window: (i64, i64),
        resolved_from_ms: i64,
    ) -> Result<()> {
        let assurance = Assurance {
            kind,
            from_ms: window.0,
            until_ms: window.1,
            resolved_from_ms,
            at_ms: self.desk.began_ms(),
        };
        if assurance.from_ms >= assurance.until_ms {
            return Ok(());
        }
        let desk = &mut self.desk;
        let hazard = desk.hazards.of(kind);
        assurance.apply(&mut desk.index, |known| {
            let applies = kind != Kind::Rating || !known.is_rated;
            if applies && !known.is_seen {
                let (resolved, from) = (known.resolved_at_ms(), known.known_ms(kind));
                hazard.learn_between(resolved, from, assurance.at_ms, false);
            }
        });
        let since_ms = self.desk.began_ms() - KEPT_MS;
        self.store.commit_assurances(&[assurance], since_ms)
    }
}

fn known(rows: &TicketRows, read_at: Instant) -> Known {
    let ticket = &rows.ticket;
    let status = ticket.status.as_deref();
    let is_resolved = mava::is_resolved(status);
    Known {
        id: ticket.id.as_str().into(),
        created_ms: ticket.created_at.timestamp_millis(),
        verified_ms: read_at.timestamp_millis(),
        rating_known_ms: i64::MIN,
        resolution_known_ms: i64::MIN,
        resolution_ms: ticket.resolution_time_ms.filter(|_| is_resolved),
        is_resolved,
        is_open: mava::is_open(status),
        is_rated: ticket.csat.is_some(),
        is_seen: true,
        is_gone: false,
    }
}
