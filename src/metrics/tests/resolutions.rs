//! What changed when: audit entries, versions, and what either leaves out.

use super::desk::{HOUR, at, change, changes, ticket};

#[test]
fn each_kind_of_change_comes_from_the_audit_log_where_it_has_that_kind_and_else_from_history() {
    // The log tells of the priority alone. The agent's change was seen by a sync, and so was the
    // priority's, which is told once.
    let made = ticket("2026-06-01 09:00")
        .entry("PriorityAction", ["Low", "high"], "2026-06-01 10:00")
        .by("a7")
        .seen("2026-06-01 09:30", |version| version.priority = Some(1))
        .seen("2026-06-02 02:30", |version| {
            version.priority = Some(3);
            version.assigned_agent_id = Some("a1");
            version.category_id = Some("c1");
        });
    let events = made.measured().events;
    assert_eq!(
        changes(&events, "priority"),
        [change("1", "3", "2026-06-01 10:00", "")]
    );
    let seen = |to: &str| change("", to, "2026-06-02 02:30", "2026-06-01 09:30");
    assert_eq!(changes(&events, "assignee"), [seen("a1")]);
    assert_eq!(changes(&events, "category"), [seen("c1")]);
    let told: Vec<_> = events
        .iter()
        .map(|event| {
            let actor = (event.actor_type.as_deref(), event.actor_id.as_deref());
            (
                event.position,
                event.kind.as_str(),
                event.source.as_str(),
                actor,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (0, "priority", "audit", (Some("agent"), Some("a7"))),
            (1, "assignee", "history", (None, None)),
            (2, "category", "history", (None, None)),
        ]
    );
}

#[test]
fn an_entry_is_of_the_kind_that_its_type_says_or_that_its_values_show() {
    for (message_type, [from, to], kind) in [
        ("StatusAction", ["Open", "Pending"], "status"),
        ("TICKET_STATUS_UPDATED", ["Open", "Pending"], "status"),
        ("AssignedToChanged", ["a1", "a2"], "assignee"),
        ("PriorityChanged", ["1", "2"], "priority"),
        ("CategoryAction", ["c1", "c2"], "category"),
        ("TagAdded", ["", "t1"], "tag"),
        ("ActionLog", ["Open", "Pending"], "status"),
        ("ActionLog", ["", " spam "], "status"),
    ] {
        let made = ticket("2026-06-01 09:00").entry(message_type, [from, to], "2026-06-01 10:00");
        let events = made.measured().events;
        let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(kinds, [kind], "{message_type}");
    }
    for (message_type, [from, to]) in [
        ("StatusAction", ["Open", " open"]),
        ("StatusAction", ["", " "]),
        ("AssigneeChanged", ["", "Unassigned"]),
        ("PriorityChanged", ["Urgent", "4"]),
        ("ChatbotButton", ["", "I need help"]),
        ("InternalNote", ["Open", "Resolved"]),
        ("ExternalMessage", ["Open", "Resolved"]),
    ] {
        let made = ticket("2026-06-01 09:00").entry(message_type, [from, to], "2026-06-01 10:00");
        assert_eq!(made.measured().events, [], "{message_type} {from} {to}");
    }
    // Nor is one that was deleted.
    let deleted = ticket("2026-06-01 09:00")
        .status("Open", "Resolved", "2026-06-01 10:00")
        .but(|message| message.is_deleted = true);
    assert_eq!(deleted.measured().events, []);
}

#[test]
fn who_made_a_change_is_told_by_its_entry() {
    for (reference, sender, actor) in [
        (Some("ClientMember"), Some("system"), Some("agent")),
        (Some("DiscordUser"), None, Some("customer")),
        (None, Some("customer"), Some("customer")),
        (Some("Chatbot"), Some("agent"), Some("ai")),
        (None, Some("agent"), Some("agent")),
        (None, Some("system"), Some("system")),
        (None, None, None),
    ] {
        let made = ticket("2026-06-01 09:00")
            .status("Open", "Resolved", "2026-06-01 10:00")
            .but(|message| {
                (message.sender_reference_type, message.sender_type) = (reference, sender);
            });
        let events = made.measured().events;
        assert_eq!(
            events[0].actor_type.as_deref(),
            actor,
            "{reference:?} {sender:?}"
        );
    }
}

#[test]
fn an_entry_that_the_system_wrote_is_by_the_sender_that_it_names() {
    for (sender, actor, by) in [
        (None, "system", "automation"),
        (Some("a7"), "agent", "agent"),
        // Who wrote as the customer is no agent here either.
        (Some("c1"), "customer", "agent"),
    ] {
        // Resolved 90 minutes after the last message, a pause after which Mava closes tickets by itself.
        let made = ticket("2026-06-01 09:00")
            .customer("2026-06-01 09:00")
            .but(|message| message.sender_id = Some("c1"))
            .agent("a7", "2026-06-01 09:30")
            .status("Open", "Resolved", "2026-06-01 11:00")
            .but(|message| {
                message.sender_reference_type = None;
                message.sender_type = Some("system");
                message.sender_id = sender;
            })
            .with(|ticket| ticket.status = Some("Resolved"));
        let measured = made.measured();
        let event = &measured.events[0];
        assert_eq!(event.actor_type.as_deref(), Some(actor), "{sender:?}");
        assert_eq!(event.actor_id.as_deref(), sender);
        let metrics = measured.metrics;
        assert_eq!(metrics.resolved_by.as_deref(), Some(by), "{sender:?}");
        assert_eq!(
            metrics.is_auto_resolved,
            Some(sender.is_none()),
            "{sender:?}"
        );
    }
}

#[test]
fn a_ticket_that_was_resolved_before_anybody_looked_was_resolved_when_its_resolution_time_says() {
    let first_seen = ticket("2024-02-28 12:00")
        .seen("2026-06-01 02:30", |version| {
            version.status = Some("Resolved");
            version.resolution_time_ms = Some(48 * HOUR);
            version.csat = Some(4);
        })
        .resolved("2024-03-01 12:00")
        .with(|ticket| ticket.csat = Some(4));
    let measured = first_seen.measured();
    let resolved = [change("", "Resolved", "2024-03-01 12:00", "")];
    assert_eq!(changes(&measured.events, "status"), resolved);
    // The rating came at some time since the ticket was created.
    let rated = change("", "4", "2026-06-01 02:30", "2024-02-28 12:00");
    assert_eq!(changes(&measured.events, "rating"), [rated]);
    assert_eq!(
        measured.metrics.resolution_source.as_deref(),
        Some("resolution_time")
    );
    assert_eq!(measured.metrics.first_resolution_ms, Some(48 * HOUR));
    // A store without versions tells it by the ticket's row.
    let unseen = ticket("2024-02-28 12:00").resolved("2024-03-01 12:00");
    assert_eq!(changes(&unseen.measured().events, "status"), resolved);
}

#[test]
fn resolution_times_that_lead_nowhere_are_not_used() {
    // Syncs found that this desk's resolution times are something else, so the ticket has no resolved_at.
    let made = ticket("2026-06-01 09:00")
        .seen("2026-06-01 10:00", |_| {})
        .seen("2026-06-02 02:30", |version| {
            version.status = Some("Resolved");
            version.resolution_time_ms = Some(HOUR);
        })
        .resolved("2026-06-01 10:00")
        .with(|ticket| ticket.resolved_at = None);
    let measured = made.measured();
    let seen = change("Open", "Resolved", "2026-06-02 02:30", "2026-06-01 10:00");
    assert_eq!(changes(&measured.events, "status"), [seen]);
    assert_eq!(
        measured.metrics.resolution_source.as_deref(),
        Some("history")
    );
    assert_eq!(
        measured.metrics.is_auto_resolved, None,
        "the instant is not known"
    );
    // Nor is one that is later than the look that saw it.
    let late = ticket("2026-06-01 09:00")
        .seen("2026-06-01 10:00", |_| {})
        .seen("2026-06-02 02:30", |version| {
            version.status = Some("Resolved");
            version.resolution_time_ms = Some(100 * HOUR);
        })
        .resolved("2026-06-05 13:00");
    let seen = change("Open", "Resolved", "2026-06-02 02:30", "2026-06-01 10:00");
    assert_eq!(changes(&late.measured().events, "status"), [seen]);
}

#[test]
fn a_ticket_that_was_reopened_and_resolved_between_two_looks_was_resolved_twice() {
    let made = ticket("2026-06-01 09:00")
        .seen("2026-06-01 12:00", |version| {
            version.status = Some("Resolved");
            version.resolution_time_ms = Some(HOUR);
        })
        .seen("2026-06-03 02:30", |version| {
            version.resolution_time_ms = Some(30 * HOUR)
        })
        .resolved("2026-06-02 15:00");
    let measured = made.measured();
    assert_eq!(
        changes(&measured.events, "status"),
        [
            change("", "Resolved", "2026-06-01 10:00", ""),
            change("", "Resolved", "2026-06-02 15:00", ""),
        ]
    );
    let metrics = measured.metrics;
    assert_eq!(metrics.reopen_count, 1);
    assert_eq!(metrics.last_reopened_at, None, "nobody saw when");
    assert_eq!(metrics.reopened_resolution_ms, None);
    assert_eq!(metrics.first_resolved_at, Some(at("2026-06-01 10:00")));
    assert_eq!(metrics.last_resolved_at, Some(at("2026-06-02 15:00")));
}

#[test]
fn a_resolution_that_the_audit_log_leaves_out_is_taken_from_the_resolution_time() {
    // The log has the reopening and no resolution: neither the one before it nor the one after.
    let made = ticket("2026-06-01 09:00")
        .customer("2026-06-01 09:00")
        .status("Resolved", "Open", "2026-06-03 09:00")
        .seen("2026-06-02 02:30", |version| {
            version.status = Some("Resolved");
            version.resolution_time_ms = Some(2 * HOUR);
        })
        .seen("2026-06-04 02:30", |version| {
            version.resolution_time_ms = Some(60 * HOUR)
        })
        .resolved("2026-06-03 21:00");
    let measured = made.measured();
    assert_eq!(
        changes(&measured.events, "status"),
        [
            change("", "Resolved", "2026-06-01 11:00", ""),
            change("Resolved", "Open", "2026-06-03 09:00", ""),
            change("", "Resolved", "2026-06-03 21:00", ""),
        ]
    );
    let metrics = measured.metrics;
    assert_eq!(metrics.first_resolution_ms, Some(2 * HOUR));
    assert_eq!(metrics.reopen_count, 1);
    assert_eq!(metrics.reopened_resolution_ms, Some(12 * HOUR));
    assert_eq!(
        metrics.resolution_source.as_deref(),
        Some("resolution_time")
    );
    // Where no resolution time tells when, there is no such change.
    let untold = ticket("2026-06-01 09:00").status("Resolved", "Open", "2026-06-03 09:00");
    let metrics = untold.measured().metrics;
    assert_eq!((metrics.first_resolved_at, metrics.reopen_count), (None, 1));
}

#[test]
fn an_entry_that_does_not_say_what_was_before_goes_on_from_the_entry_before() {
    let made = ticket("2026-06-01 09:00")
        .status("", "resolved", "2026-06-01 10:00")
        .status("", "OPEN", "2026-06-01 11:00")
        .status("", "Pending", "2026-06-01 12:00")
        .status("", "Resolved", "2026-06-01 13:00")
        .resolved("2026-06-01 13:00");
    let metrics = made.measured().metrics;
    assert_eq!(metrics.reopen_count, 1);
    assert_eq!(metrics.last_reopened_at, Some(at("2026-06-01 11:00")));
    assert_eq!(metrics.full_resolution_ms, Some(4 * HOUR));
    assert_eq!(metrics.resolution_source.as_deref(), Some("audit"));
}

#[test]
fn a_resolved_ticket_that_becomes_spam_is_not_reopened() {
    let made = ticket("2026-06-01 09:00")
        .status("Open", "Resolved", "2026-06-01 10:00")
        .status("Resolved", "Spam", "2026-06-01 11:00")
        .with(|ticket| ticket.status = Some("Spam"));
    let metrics = made.measured().metrics;
    assert_eq!((metrics.reopen_count, metrics.last_reopened_at), (0, None));
    assert_eq!(metrics.last_resolved_at, Some(at("2026-06-01 10:00")));
}

#[test]
fn ratings_are_the_first_the_last_and_the_present_one() {
    let rated = ticket("2026-06-01 09:00")
        .seen("2026-06-02 02:30", |_| {})
        .seen("2026-06-03 02:30", |version| version.csat = Some(2))
        .seen("2026-06-04 02:30", |version| version.csat = Some(5))
        .with(|ticket| ticket.csat = Some(5));
    let metrics = rated.measured().metrics;
    let ratings = (metrics.csat_first, metrics.csat_last, metrics.csat);
    assert_eq!(ratings, (Some(2), Some(5), Some(5)));
    let taken_back = rated
        .seen("2026-06-05 02:30", |version| version.csat = None)
        .with(|ticket| ticket.csat = None);
    let metrics = taken_back.measured().metrics;
    let ratings = (metrics.csat_first, metrics.csat_last, metrics.csat);
    assert_eq!(ratings, (Some(2), Some(5), None));
    let unseen = ticket("2026-06-01 09:00").with(|ticket| ticket.csat = Some(3));
    let metrics = unseen.measured().metrics;
    let ratings = (metrics.csat_first, metrics.csat_last, metrics.csat);
    assert_eq!(ratings, (Some(3), Some(3), Some(3)));
}

#[test]
fn tags_are_put_on_and_taken_off_one_by_one() {
    let made = ticket("2026-06-01 09:00")
        .seen("2026-06-02 02:30", |version| {
            version.tags_json = r#"["a","b"]"#
        })
        .seen("2026-06-03 02:30", |version| {
            version.tags_json = r#"["b","c","d"]"#
        })
        .seen("2026-06-04 02:30", |version| {
            version.tags_json = "what is that"
        });
    let when = |from: &str, to: &str| change(from, to, "2026-06-03 02:30", "2026-06-02 02:30");
    let expected = [when("a", ""), when("", "c"), when("", "d")];
    assert_eq!(changes(&made.measured().events, "tag"), expected);
}

#[test]
fn changes_of_one_instant_are_in_the_order_of_the_thread_and_history_comes_after() {
    let made = ticket("2026-06-01 09:00")
        .entry("PriorityAction", ["1", "2"], "2026-06-01 10:00")
        .status("Open", "Pending", "2026-06-01 10:00")
        .seen("2026-06-01 09:30", |_| {})
        .seen("2026-06-01 10:00", |version| {
            version.csat = Some(1);
            version.assigned_agent_id = Some("a1");
        });
    let events = made.measured().events;
    let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["priority", "status", "assignee", "rating"]);
}

#[test]
fn a_resolution_at_the_very_instant_of_the_creation_or_of_the_look_is_exact() {
    let created = ticket("2026-06-01 09:00").resolved("2026-06-01 09:00");
    let at_once = [change("", "Resolved", "2026-06-01 09:00", "")];
    assert_eq!(changes(&created.measured().events, "status"), at_once);
    let seen = created.clone().seen("2026-06-01 09:00", |version| {
        version.status = Some("Resolved");
        version.resolution_time_ms = Some(0);
    });
    assert_eq!(changes(&seen.measured().events, "status"), at_once);
    // A millisecond later than the look is not.
    let late = created.seen("2026-06-01 09:00", |version| {
        version.status = Some("Resolved");
        version.resolution_time_ms = Some(1);
    });
    let seen = [change(
        "",
        "Resolved",
        "2026-06-01 09:00",
        "2026-06-01 09:00",
    )];
    assert_eq!(changes(&late.measured().events, "status"), seen);
}

#[test]
fn a_resolved_ticket_that_changes_otherwise_or_whose_time_becomes_known_was_not_resolved_again() {
    let resolved = ticket("2026-06-01 09:00").resolved("2026-06-01 10:00");
    let same = resolved
        .clone()
        .seen("2026-06-01 12:00", |version| {
            version.status = Some("Resolved");
            version.resolution_time_ms = Some(HOUR);
        })
        .seen("2026-06-02 12:00", |version| version.csat = Some(4))
        .seen("2026-06-03 12:00", |version| {
            version.resolution_time_ms = Some(HOUR / 2)
        });
    assert_eq!(same.measured().metrics.reopen_count, 0);
    let known = resolved
        .seen("2026-06-01 12:00", |version| {
            version.status = Some("Resolved")
        })
        .seen("2026-06-02 12:00", |version| {
            version.resolution_time_ms = Some(HOUR)
        });
    let measured = known.measured();
    assert_eq!(measured.metrics.reopen_count, 0);
    let seen = [change(
        "",
        "Resolved",
        "2026-06-01 12:00",
        "2026-06-01 09:00",
    )];
    assert_eq!(changes(&measured.events, "status"), seen);
}
