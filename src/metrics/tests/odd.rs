//! Whatever the API may send: nothing panics, and what always holds does.

use chrono::DateTime;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::desk::office;
use crate::metrics::{
    Case, Message, Policy, Schedule, SlaMetric, Ticket, TicketEvent, TicketMetrics, Version, judge,
    measure, promises,
};
use crate::table::Instant;

const WORDS: [&str; 22] = [
    "customer",
    "agent",
    "system",
    "ClientMember",
    "Customer",
    "DiscordUser",
    "ExternalMessage",
    "InternalNote",
    "StatusAction",
    "PriorityChanged",
    "AssigneeChanged",
    "CategoryAction",
    "TagAdded",
    "Open",
    "Pending",
    "Waiting",
    "Resolved",
    "Spam",
    "Unassigned",
    "",
    "9",
    "HandedOver",
];

fn word() -> impl Strategy<Value = Option<&'static str>> {
    prop_oneof![1 => Just(None), 5 => select(&WORDS[..]).prop_map(Some)]
}

/// Mostly within an hour, so that many fall together; now and then anywhere.
fn instant() -> impl Strategy<Value = Instant> {
    prop_oneof![
        9 => (0_i64..60).prop_map(|minute| 1_780_000_000_000 + minute * 60_000),
        1 => select(vec![i64::MIN, -62_135_596_800_000, 0, 253_402_300_799_999, i64::MAX]),
    ]
    .prop_map(|at| {
        DateTime::from_timestamp_millis(at).unwrap_or(match at {
            ..0 => DateTime::<chrono::Utc>::MIN_UTC,
            _ => DateTime::<chrono::Utc>::MAX_UTC,
        })
    })
}

fn number() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![
        Just(None),
        (0_i64..6).prop_map(Some),
        (0_i64..4_000_000).prop_map(Some),
        any::<i64>().prop_map(Some),
    ]
}

fn message() -> impl Strategy<Value = Message<'static>> {
    let words = [word(), word(), word(), word(), word(), word()];
    (
        words,
        prop::option::weighted(0.9, instant()),
        prop::bool::weighted(0.1),
        -3_i64..30,
    )
        .prop_map(
            |(
                [sender_type, sender_id, reference, kind, from, to],
                created_at,
                is_deleted,
                position,
            )| {
                Message {
                    position,
                    sender_type,
                    sender_id,
                    sender_reference_type: reference,
                    message_type: kind,
                    created_at,
                    is_deleted,
                    action_log_from: from,
                    action_log_to: to,
                }
            },
        )
}

fn version() -> impl Strategy<Value = Version<'static>> {
    let tags = select(vec![
        "[]",
        r#"["a"]"#,
        r#"["a","b"]"#,
        "",
        "{",
        "[1]",
        "null",
    ]);
    (
        instant(),
        [word(), word(), word()],
        [number(), number(), number()],
        tags,
        any::<bool>(),
    )
        .prop_map(
            |(valid_from, [status, category, agent], numbers, tags_json, is_deleted)| {
                let [priority, csat, resolution_time_ms] = numbers;
                Version {
                    valid_from,
                    status,
                    priority,
                    category_id: category,
                    assigned_agent_id: agent,
                    tags_json,
                    csat,
                    resolution_time_ms,
                    is_deleted,
                }
            },
        )
}

fn ticket() -> impl Strategy<Value = Ticket<'static>> {
    let words = [word(), word(), word(), word()];
    (
        words,
        [number(), number(), number()],
        instant(),
        prop::option::of(instant()),
        any::<bool>(),
    )
        .prop_map(
            |([status, category, agent, ai_status], numbers, created_at, resolved_at, gone)| {
                let [priority, resolution_time_ms, csat] = numbers;
                Ticket {
                    id: "t1",
                    status,
                    priority,
                    category_id: category,
                    assigned_agent_id: agent,
                    created_at,
                    resolved_at,
                    resolution_time_ms,
                    csat,
                    ai_status,
                    is_deleted: gone,
                }
            },
        )
}

/// What holds of every row.
fn assert_sound(metrics: &TicketMetrics, events: &[TicketEvent]) {
    let durations = [
        metrics.first_reply_ms,
        metrics.first_reply_business_ms,
        metrics.first_reply_from_creation_ms,
        metrics.first_ai_reply_ms,
        metrics.first_resolution_ms,
        metrics.full_resolution_ms,
        metrics.full_resolution_business_ms,
        metrics.reopened_resolution_ms,
        metrics.unassigned_ms,
        metrics.waiting_on_agent_ms,
        metrics.waiting_on_customer_ms,
    ];
    assert!(
        durations.iter().flatten().all(|passed| *passed >= 0),
        "{durations:?}"
    );
    assert!(metrics.first_reply_business_ms <= metrics.first_reply_ms);
    assert_eq!(
        metrics.first_reply_at.is_some(),
        metrics.first_reply_ms.is_some()
    );
    assert_eq!(
        metrics.full_resolution_ms.is_some(),
        metrics.full_resolution_business_ms.is_some()
    );
    assert!(metrics.first_resolved_at <= metrics.last_resolved_at);
    assert_eq!(
        metrics.last_resolved_at.is_some(),
        metrics.resolution_source.is_some()
    );
    assert!(metrics.reopen_count >= 0 && metrics.handoff_count >= 0);
    for (place, event) in (0..).zip(events) {
        assert_eq!(event.position, place);
        assert_ne!(event.from_value, event.to_value);
        assert!(
            event
                .not_before
                .is_none_or(|bound| bound <= event.occurred_at)
        );
    }
    assert!(events.is_sorted_by_key(|event| event.occurred_at));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_is_sent_gives_sound_rows_in_whatever_order_it_is_given(
        ticket in ticket(),
        messages in prop::option::weighted(0.9, vec(message(), 0..12)),
        versions in vec(version(), 0..5),
        until in instant(),
        within_ms in number(),
    ) {
        let schedule = Schedule::round_the_clock();
        let messages = messages.map(|mut messages| {
            for (place, message) in (0_i64..).zip(&mut messages) {
                message.position = message.position * 100 + place;
            }
            messages
        });
        let case = Case { ticket, messages: messages.as_deref(), versions: &versions };
        let measured = measure(&case, &schedule);
        assert_sound(&measured.metrics, &measured.events);
        for metric in [SlaMetric::FirstReply, SlaMetric::Resolution] {
            let policy = Policy {
                name: "any".to_owned(),
                metric,
                within_ms: within_ms.unwrap_or(i64::MAX),
                priority: Vec::new(),
                category: Vec::new(),
            };
            for promise in promises(&ticket, &measured, &[policy], &schedule) {
                prop_assert!(judge(&promise, &schedule, until).elapsed_ms >= 0);
            }
        }
        let turned = messages.as_ref().map(|messages| messages.iter().rev().copied().collect::<Vec<_>>());
        let again = Case { messages: turned.as_deref(), ..case };
        prop_assert_eq!(measure(&again, &schedule), measured);
    }
}

#[test]
fn odd_tickets_have_sound_business_time() {
    let schedule = office("Europe/Berlin");
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(500));
    let inputs = (ticket(), vec(message(), 0..12), vec(version(), 0..5));
    let result = runner.run(&inputs, |(ticket, messages, versions)| {
        let case = Case {
            ticket,
            messages: Some(&messages),
            versions: &versions,
        };
        let measured = measure(&case, &schedule);
        assert_sound(&measured.metrics, &measured.events);
        Ok(())
    });
    result.expect("all are sound");
}
