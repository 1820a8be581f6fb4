//! What is served, held against the stories of the tickets.

use std::collections::{BTreeMap, BTreeSet};

use mava_export::simulator::{Actor, Happening, Simulator, Story, What};
use mava_export::table::{Instant, instant_text};
use serde_json::{Value, json};

use super::super::get;

/// Every ticket that the simulator serves, by id.
async fn served(simulator: &Simulator) -> BTreeMap<String, Value> {
    let mut served = BTreeMap::new();
    for page in 0.. {
        let target = format!(
            "/api/tickets?startDate=2024-01-01&endDate=2024-12-30&limit=100&skip={}&sortOrder=asc&includeMessages=true",
            100 * page
        );
        let (status, mut answer) = get(simulator, &target).await;
        assert_eq!(status, 200, "{answer}");
        let tickets = answer["tickets"].as_array_mut().expect("tickets");
        if tickets.is_empty() {
            break;
        }
        for ticket in tickets.drain(..) {
            let id = ticket["id"].as_str().expect("an id").to_owned();
            assert!(served.insert(id, ticket).is_none());
        }
    }
    served
}

/// The values that changes of one kind lead to, one after the other, and what they say was before.
pub(super) fn chain(happened: &[Happening], kind: &str) -> Vec<(Option<String>, Option<String>)> {
    let of_kind = happened.iter().filter(|one| one.what.word() == kind);
    of_kind.map(|one| one.what.values()).collect()
}

/// Holds the field of a ticket against what the truth says it was at first and has become.
fn hold(
    ticket: &Value,
    field: &str,
    first: Option<String>,
    chain: &[(Option<String>, Option<String>)],
) {
    let mut value = first;
    for (from, to) in chain {
        assert_eq!(
            (&value, from == to),
            (from, false),
            "{field} of {}",
            ticket["id"]
        );
        value = to.clone();
    }
    let shown = match &ticket[field] {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    assert_eq!(shown, value, "{field} of {}", ticket["id"]);
}

/// Holds a served ticket against its story.
fn hold_to_story(ticket: &Value, story: &Story, now: Instant) {
    let (opened, happened) = (story.opened(), story.happenings(now));
    let text = |value: &str| Some(value.to_owned());
    hold(
        ticket,
        "status",
        text(&opened.status),
        &chain(happened, "status"),
    );
    hold(
        ticket,
        "assignedTo",
        opened.assigned_agent_id.clone(),
        &chain(happened, "assignee"),
    );
    hold(
        ticket,
        "category",
        opened.category_id.clone(),
        &chain(happened, "category"),
    );
    let priority = opened.priority.map(|priority| priority.to_string());
    hold(ticket, "priority", priority, &chain(happened, "priority"));
    hold(ticket, "csat", None, &chain(happened, "rating"));
    hold(ticket, "aiStatus", None, &chain(happened, "ai_status"));
    let mut tags: BTreeSet<String> = opened.tag_ids.iter().cloned().collect();
    for (removed, added) in chain(happened, "tag_removed")
        .into_iter()
        .chain(chain(happened, "tag_added"))
    {
        assert!(removed.is_none() || added.is_none());
    }
    for one in happened {
        match &one.what {
            What::TagAdded(id) => assert!(tags.insert(id.to_string())),
            What::TagRemoved(id) => assert!(tags.remove(&**id)),
            _ => {}
        }
    }
    let shown = ticket["tags"].as_array().expect("tags").iter();
    let shown: Vec<&str> = shown.filter_map(Value::as_str).collect();
    assert_eq!(
        shown
            .iter()
            .map(|id| (*id).to_owned())
            .collect::<BTreeSet<_>>(),
        tags
    );
    assert_eq!(shown.len(), tags.len());
    let resolved = story
        .resolutions(now)
        .last()
        .filter(|_| ticket["status"] == "Resolved");
    let time = resolved.map(|one| (one.at - opened.created_at).num_milliseconds());
    assert_eq!(ticket["resolutionTime"], json!(time));
    let last = happened
        .last()
        .expect("a creation")
        .at
        .max(opened.created_at);
    assert_eq!(ticket["updatedAt"], instant_text(last));
    hold_thread(ticket, story, happened);
}

/// What an entry of the audit log is called.
fn entry(what: &What) -> Option<&'static str> {
    match what {
        What::Status { .. } => Some("StatusChanged"),
        What::Assignee { .. } => Some("AssigneeChanged"),
        What::Priority { .. } => Some("PriorityChanged"),
        What::Category { .. } => Some("CategoryChanged"),
        _ => None,
    }
}

/// Holds a thread against the story: the same messages and entries, in the order of time.
fn hold_thread(ticket: &Value, story: &Story, happened: &[Happening]) {
    let thread = ticket["messages"].as_array().expect("a thread");
    let told: Vec<&Happening> = happened
        .iter()
        .filter(|one| one.is_shown)
        .filter(|one| matches!(one.what, What::Message | What::Note) || entry(&one.what).is_some())
        .collect();
    assert_eq!(thread.len(), told.len(), "{ticket}");
    let touched = |number: u32, is_deletion: bool| {
        happened.iter().any(|one| match one.what {
            What::MessageEdited(of) => !is_deletion && of == number,
            What::MessageDeleted(of) => is_deletion && of == number,
            _ => false,
        })
    };
    for (message, one) in thread.iter().zip(told) {
        assert_eq!(message["createdAt"], instant_text(one.at));
        let (from, to) = one.what.values();
        if let Some(kind) = entry(&one.what) {
            assert_eq!(message["messageType"], kind);
            assert_eq!(message["senderType"], "system");
            assert_eq!(message["senderReferenceType"], Value::Null);
            assert_eq!(message["actionLogFrom"], json!(from));
            assert_eq!(message["actionLogTo"], json!(to));
            let agent = matches!(one.by, Actor::Agent(_))
                .then(|| one.by.id())
                .flatten();
            assert_eq!(message["sender"], json!(agent));
            continue;
        }
        let is_note = one.what == What::Note;
        assert_eq!(
            message["messageType"],
            if is_note {
                "InternalNote"
            } else {
                "ExternalMessage"
            }
        );
        assert_eq!(message["isEdited"], touched(one.number, false));
        assert_eq!(message["isDeleted"], touched(one.number, true));
        assert_eq!(message["actionLogTo"], Value::Null);
        let reference = &message["senderReferenceType"];
        match &one.by {
            Actor::Agent(_) => {
                assert!(message["senderType"] == "agent" && reference == "ClientMember")
            }
            Actor::Customer(_) => {
                let kind = if story.opened().origin == "discord" {
                    "DiscordUser"
                } else {
                    "Customer"
                };
                assert!(message["senderType"] == "customer" && reference == kind);
            }
            by => assert!(
                *by == Actor::Ai && message["senderType"] != "customer" && reference.is_null()
            ),
        }
        assert!(message["sender"].is_null() || message["sender"] == json!(one.by.id()));
    }
}

/// Holds all that is served against all stories.
pub(super) async fn hold_all(simulator: &Simulator, now: Instant) -> BTreeMap<String, Value> {
    let served = served(simulator).await;
    let world = simulator.world();
    let work = world.work().expect("a desk at work");
    let mut there = 0;
    for story in work.stories() {
        let ticket = served.get(story.ticket_id());
        assert_eq!(
            ticket.is_some(),
            story.state(now).is_some(),
            "{}",
            story.ticket_id()
        );
        if let Some(ticket) = ticket {
            hold_to_story(ticket, story, now);
            there += 1;
        }
    }
    assert_eq!(there, served.len());
    served
}
