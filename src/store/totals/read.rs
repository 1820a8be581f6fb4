//! Tickets as totals take them, one after the other in the order of their ids.
//!
//! A value that cannot be read is none: damage is for others to find, and not to be in the way here.

use std::iter::Peekable;

use rusqlite::{Connection, MappedRows, Row, Statement};

use super::super::lenient::{self, flag, number, text};
use crate::metrics::Activity;
use crate::metrics::totals::{Counted, Event, FirstReply, Group, Resolution, Tally};

const TICKETS: &str = "SELECT t.id, t.source_type, t.category_id, t.assigned_agent_id, t.priority,
         t.customer_id, t.status, t.created_at, t.deleted_at IS NOT NULL,
         k.first_reply_at, k.first_reply_agent_id, k.first_reply_ms, k.first_reply_business_ms,
         k.first_resolved_at IS NOT NULL, k.last_resolved_at, k.full_resolution_ms, k.reopen_count,
         k.is_one_touch, k.is_ai_only, k.is_waiting_on_us, t.csat, k.csat_last,
         k.customer_message_count, k.public_reply_count, a.activity
     FROM tickets AS t
     JOIN ticket_metrics AS k ON k.ticket_id = t.id
     LEFT JOIN _ticket_activity AS a ON a.ticket_id = t.id
     ORDER BY t.id";

const EVENTS: &str = "SELECT ticket_id, kind, from_value, to_value, occurred_at, not_before, source
     FROM ticket_events ORDER BY ticket_id, position";

const TAGS: &str = "SELECT ticket_id, tag_id FROM ticket_tags ORDER BY ticket_id, tag_id";

/// Reads all tickets.
pub(super) struct Tickets<'c> {
    tickets: Statement<'c>,
    events: Statement<'c>,
    tags: Statement<'c>,
}

impl<'c> Tickets<'c> {
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            tickets: connection.prepare(TICKETS)?,
            events: connection.prepare(EVENTS)?,
            tags: connection.prepare(TAGS)?,
        })
    }

    /// Hands over one after the other.
    pub(super) fn each(&mut self, mut take: impl FnMut(&Counted)) -> rusqlite::Result<()> {
        let events = self.events.query_map([], event)?;
        let tags = self
            .tags
            .query_map([], |row| Ok((id(row)?, text(row, 1)?)))?;
        let (mut events, mut tags) = (events.peekable(), tags.peekable());
        let mut tickets = self.tickets.query([])?;
        while let Some(row) = tickets.next()? {
            let Some(mut ticket) = counted(row)? else {
                continue;
            };
            of_ticket(&mut events, &ticket.id, |event| ticket.events.extend(event))?;
            of_ticket(&mut tags, &ticket.id, |tag| ticket.tags.extend(tag))?;
            take(&ticket);
        }
        Ok(())
    }
}

/// Takes what belongs to a ticket, and passes over what belongs to those before it.
fn of_ticket<T, F>(
    rows: &mut Peekable<MappedRows<'_, F>>,
    ticket: &str,
    mut take: impl FnMut(T),
) -> rusqlite::Result<()>
where
    F: FnMut(&Row<'_>) -> rusqlite::Result<(String, T)>,
{
    loop {
        match rows.peek() {
            Some(Ok((owner, _))) if owner.as_str() > ticket => return Ok(()),
            None => return Ok(()),
            Some(_) => {}
        }
        let Some(row) = rows.next() else {
            return Ok(());
        };
        let (owner, value) = row?;
        if owner == ticket {
            take(value);
        }
    }
}

fn event(row: &Row<'_>) -> rusqlite::Result<(String, Option<Event>)> {
    let (kind, source) = (text(row, 1)?, text(row, 6)?);
    let event = instant(row, 4)?.and_then(|at| {
        Event::new(
            kind.as_deref()?,
            (text(row, 2).ok()?, text(row, 3).ok()?),
            (at, instant(row, 5).ok()?),
            source.as_deref()?,
        )
    });
    Ok((id(row)?, event))
}

/// `None` of one without an instant of creation.
fn counted(row: &Row<'_>) -> rusqlite::Result<Option<Counted>> {
    let Some(created_at) = instant(row, 7)? else {
        return Ok(None);
    };
    Ok(Some(Counted {
        id: id(row)?,
        group: Group {
            source_type: text(row, 1)?,
            category_id: text(row, 2)?,
            assigned_agent_id: text(row, 3)?,
            priority: number(row, 4)?,
        },
        customer_id: text(row, 5)?,
        status: text(row, 6)?,
        created_at,
        is_deleted: flag(row, 8)?,
        first_reply: FirstReply {
            at: instant(row, 9)?,
            agent_id: text(row, 10)?,
            ms: number(row, 11)?,
            business_ms: number(row, 12)?,
        },
        resolution: Resolution {
            was_resolved: flag(row, 13)?,
            last_at: instant(row, 14)?,
            full_ms: number(row, 15)?,
            reopen_count: number(row, 16)?.unwrap_or_default(),
        },
        tally: Tally {
            is_one_touch: flag(row, 17)?,
            is_ai_only: flag(row, 18)?,
            is_waiting_on_us: flag(row, 19)?,
            csat: number(row, 20)?,
            csat_last: number(row, 21)?,
            customer_messages: number(row, 22)?,
            replies: number(row, 23)?,
        },
        events: Vec::new(),
        tags: Vec::new(),
        activity: Activity::read(text(row, 24)?.as_deref()),
    }))
}

fn id(row: &Row<'_>) -> rusqlite::Result<String> {
    Ok(text(row, 0)?.unwrap_or_default())
}

/// Milliseconds since 1970.
fn instant(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<i64>> {
    let at = lenient::instant(row, index)?;
    Ok(at.map(|at| at.timestamp_millis()))
}
