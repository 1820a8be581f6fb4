//! The truth of a desk at work as lines of JSON.

use serde::Serialize;

use super::Work;
use super::happening::{Happening, What};
use super::story::Story;
use crate::table::{Instant, instant_text};

/// What a ticket was when it was created.
#[derive(Serialize)]
struct Opened<'a> {
    origin: &'a str,
    customer_id: Option<&'a str>,
    status: &'a str,
    assigned_agent_id: Option<&'a str>,
    priority: Option<i64>,
    category_id: Option<&'a str>,
    tag_ids: &'a [String],
}

/// Something that happened, as it is told, in this order.
#[derive(Serialize)]
struct Line<'a> {
    at: String,
    kind: &'static str,
    ticket_id: &'a str,
    created_at: String,
    number: u32,
    from: Option<String>,
    to: Option<String>,
    actor: &'static str,
    actor_id: Option<&'a str>,
    is_shown: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    opened: Option<Opened<'a>>,
}

/// The backlog at an instant.
#[derive(Serialize)]
struct Backlog {
    at: String,
    kind: &'static str,
    count: usize,
}

impl Work {
    /// A line of JSON for each thing that happens to any ticket in `[from, until)`, in the order of time:
    /// `at`, `kind`, `ticket_id`, the ticket's `created_at`, the `number` of what happens on it, `from`, `to`,
    /// `actor`, `actor_id` and `is_shown`. That of a creation also has `opened`: what the ticket was then.
    /// The channel before a ticket comes with its creation.
    pub fn lines(&self, from: Instant, until: Instant) -> String {
        let mut told: Vec<(&Story, &Happening)> = self
            .moved(from, until)
            .flat_map(|story| story.between(from, until).iter().map(|one| (&**story, one)))
            .collect();
        told.sort_by_key(|(_, one)| one.at);
        let lines = told.iter().filter_map(|(story, one)| line(story, one));
        lines.map(|line| line + "\n").collect()
    }

    /// A line of JSON with the backlog just before `at`: `at`, `kind` (`backlog`) and `count`.
    pub fn backlog_line(&self, at: Instant) -> String {
        let backlog = Backlog {
            at: instant_text(at),
            kind: "backlog",
            count: self.backlog(at).count(),
        };
        serde_json::to_string(&backlog).unwrap_or_default() + "\n"
    }
}

fn line(story: &Story, one: &Happening) -> Option<String> {
    let (from, to) = one.what.values();
    let opened = &story.opened;
    serde_json::to_string(&Line {
        at: instant_text(one.at),
        kind: one.what.word(),
        ticket_id: &opened.id,
        created_at: instant_text(opened.created_at),
        number: one.number,
        from,
        to,
        actor: one.by.word(),
        actor_id: one.by.id(),
        is_shown: one.is_shown,
        opened: (one.what == What::Created).then(|| Opened {
            origin: &opened.origin,
            customer_id: opened.customer_id.as_deref(),
            status: &opened.status,
            assigned_agent_id: opened.assigned_agent_id.as_deref(),
            priority: opened.priority,
            category_id: opened.category_id.as_deref(),
            tag_ids: &opened.tag_ids,
        }),
    })
    .ok()
}
