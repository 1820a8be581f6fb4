//! Who wrote what, in which order, and who is to write next.

use super::desk::{DAY, HOUR, MINUTE, at, ticket};
use crate::metrics::{Case, Message, Schedule, measure};

#[test]
fn a_ticket_without_messages_counts_0_and_one_whose_thread_was_never_read_counts_nothing() {
    let made = ticket("2026-06-01 09:00");
    let metrics = made.measured().metrics;
    assert_eq!(metrics.opened_by.as_deref(), Some("other"));
    assert_eq!(metrics.customer_message_count, Some(0));
    assert_eq!(metrics.waiting_on_agent_ms, Some(0));
    assert_eq!(metrics.is_waiting_on_us, None);
    assert_eq!(metrics.waiting_since, None);
    assert_eq!(metrics.reply_rule, None);
    let case = Case {
        ticket: made.ticket,
        messages: None,
        versions: &[],
    };
    let metrics = measure(&case, &Schedule::round_the_clock()).metrics;
    assert_eq!(metrics.opened_by, None);
    assert_eq!(metrics.customer_message_count, None);
    assert_eq!(metrics.public_reply_count, None);
    assert_eq!(metrics.waiting_on_agent_ms, None);
    assert_eq!(metrics.is_waiting_on_us, None);
    assert_eq!(metrics.was_handed_off, None);
    assert_eq!(metrics.reopen_count, 0);
}

#[test]
fn a_telegram_group_without_customer_rating_and_ai_has_its_replies() {
    // Many write, all as customers, none is one.
    let person = |name: &'static str| {
        move |message: &mut Message<'static>| {
            (message.sender_id, message.sender_reference_type) = (Some(name), None);
        }
    };
    let made = ticket("2026-06-01 09:00")
        .customer("2026-06-01 09:00")
        .but(person("u1"))
        .customer("2026-06-01 09:01")
        .but(person("u2"))
        .agent("a1", "2026-06-01 09:05")
        .customer("2026-06-01 09:06")
        .but(person("u3"));
    let metrics = made.measured().metrics;
    assert_eq!(metrics.customer_message_count, Some(3));
    assert_eq!(metrics.first_reply_ms, Some(5 * MINUTE));
    assert_eq!(
        (metrics.csat, metrics.csat_first, metrics.csat_last),
        (None, None, None)
    );
    assert_eq!(metrics.was_handed_off, None);
    assert_eq!(metrics.is_waiting_on_us, Some(true));
}

#[test]
fn a_message_without_a_sender_counts_nowhere_and_stops_no_clock() {
    let made = ticket("2026-06-01 09:00")
        .customer("2026-06-01 09:00")
        .message("2026-06-01 09:10", Message::default())
        .agent("a1", "2026-06-01 09:20");
    let metrics = made.measured().metrics;
    assert_eq!(metrics.first_reply_ms, Some(20 * MINUTE));
    assert_eq!(metrics.customer_message_count, Some(1));
    assert_eq!(metrics.public_reply_count, Some(1));
    assert_eq!(metrics.waiting_on_agent_ms, Some(20 * MINUTE));
}

#[test]
fn a_message_without_an_instant_is_counted_and_is_in_no_clock() {
    let timeless = |message: &mut Message<'static>| message.created_at = None;
    let made = ticket("2026-06-01 09:00")
        .customer("2026-06-01 09:00")
        .customer("2026-06-01 09:10")
        .but(timeless)
        .note("a1", "2026-06-01 09:15")
        .but(timeless)
        .agent("a1", "2026-06-01 09:05")
        .but(timeless);
    let metrics = made.measured().metrics;
    assert_eq!(metrics.customer_message_count, Some(2));
    assert_eq!(metrics.private_note_count, Some(1));
    assert_eq!(metrics.public_reply_count, Some(0));
    assert_eq!(metrics.first_reply_at, None);
}

#[test]
fn messages_of_one_instant_are_in_the_order_of_the_thread_however_they_are_given() {
    let mut made = ticket("2026-06-01 09:00")
        .customer("2026-06-01 09:00")
        .agent("a1", "2026-06-01 09:00")
        .customer("2026-06-01 09:00");
    let metrics = made.measured().metrics;
    assert_eq!(metrics.is_waiting_on_us, Some(true));
    made.messages.reverse();
    assert_eq!(made.measured().metrics, metrics);
}

#[test]
fn a_deleted_message_opens_nothing_and_is_nobodys_turn() {
    let made = ticket("2026-06-01 09:00")
        .agent("a1", "2026-06-01 09:00")
        .but(|message| message.is_deleted = true)
        .customer("2026-06-01 09:05")
        .agent("a1", "2026-06-01 09:10")
        .customer("2026-06-01 09:20")
        .but(|message| message.is_deleted = true);
    let metrics = made.measured().metrics;
    assert_eq!(metrics.opened_by.as_deref(), Some("customer"));
    assert_eq!(metrics.first_reply_ms, Some(5 * MINUTE));
    assert_eq!(metrics.customer_message_count, Some(1));
    assert_eq!(metrics.is_waiting_on_us, Some(false));
}

#[test]
fn where_no_message_says_what_its_sender_is_the_status_of_the_ai_decides() {
    let plain = |message: &mut Message<'static>| message.sender_reference_type = None;
    let thread = |ai_status: Option<&'static str>| {
        let made = ticket("2026-06-01 09:00")
            .customer("2026-06-01 09:00")
            .but(plain)
            .ai("2026-06-01 09:01")
            .agent("a1", "2026-06-01 09:30")
            .but(plain)
            .with(|ticket| ticket.ai_status = ai_status);
        let metrics = made.measured().metrics;
        assert_eq!(metrics.reply_rule.as_deref(), Some("sender_type"));
        let first = metrics.first_reply_ms.map(|passed| passed / MINUTE);
        (first, metrics.public_reply_count, metrics.ai_reply_count)
    };
    // Nobody says that there is an AI: both are human, and of two senders.
    assert_eq!(thread(None), (Some(1), Some(2), Some(0)));
    assert_eq!(thread(Some("Disabled")), (Some(1), Some(2), Some(0)));
    // The AI solved it: both are the AI's.
    assert_eq!(thread(Some("Solved")), (None, Some(0), Some(2)));
    // It handed over: who has an account is human.
    assert_eq!(thread(Some("HandedOver")), (Some(30), Some(1), Some(1)));
    assert_eq!(thread(Some("handed_off")), (Some(30), Some(1), Some(1)));
    // Handed over, and nobody has an account: a human wrote, one cannot tell which.
    let nameless = ticket("2026-06-01 09:00")
        .customer("2026-06-01 09:00")
        .but(plain)
        .ai("2026-06-01 09:01")
        .with(|ticket| ticket.ai_status = Some("HandedOver"));
    assert_eq!(nameless.measured().metrics.public_reply_count, Some(1));
}

#[test]
fn one_message_that_says_what_its_sender_is_is_enough_for_the_thread() {
    // Only the customer's message says so: the agent's, which does not, is the AI's.
    let made = ticket("2026-06-01 09:00")
        .customer("2026-06-01 09:00")
        .ai("2026-06-01 09:01");
    let metrics = made.clone().measured().metrics;
    assert_eq!(metrics.reply_rule.as_deref(), Some("reference_type"));
    assert_eq!(
        (metrics.first_reply_at, metrics.ai_reply_count),
        (None, Some(1))
    );
    // A deleted message says so too.
    let made = ticket("2026-06-01 09:00")
        .customer("2026-06-01 08:00")
        .but(|message| message.is_deleted = true)
        .ai("2026-06-01 09:01");
    let metrics = made.measured().metrics;
    assert_eq!(metrics.reply_rule.as_deref(), Some("reference_type"));
}

#[test]
fn a_ticket_that_the_ai_passed_on_was_handed_off_and_one_it_solved_is_its_own() {
    let asked = ticket("2026-06-01 09:00")
        .customer("2026-06-01 09:00")
        .ai("2026-06-01 09:01");
    let passed_on = asked.clone().agent("a1", "2026-06-01 10:00");
    let metrics = passed_on.resolved("2026-06-01 11:30").measured().metrics;
    assert_eq!(metrics.was_handed_off, Some(true));
    assert_eq!(metrics.is_ai_only, Some(false));
    assert_eq!(metrics.resolved_by.as_deref(), Some("agent"));
    let solved = asked
        .clone()
        .resolved("2026-06-01 09:30")
        .measured()
        .metrics;
    assert_eq!(solved.was_handed_off, Some(false));
    assert_eq!(solved.is_ai_only, Some(true));
    assert_eq!(solved.resolved_by.as_deref(), Some("ai"));
    // Open, it is nobody's yet.
    assert_eq!(asked.measured().metrics.is_ai_only, None);
    // A human before the AI took nothing over from it.
    let before = ticket("2026-06-01 09:00")
        .customer("2026-06-01 09:00")
        .agent("a1", "2026-06-01 09:30")
        .ai("2026-06-01 10:00");
    assert_eq!(before.measured().metrics.was_handed_off, Some(false));
    // Resolved without any reply: not the AI's.
    let silent = ticket("2026-06-01 09:00").customer("2026-06-01 09:00");
    let metrics = silent.resolved("2026-06-01 09:30").measured().metrics;
    assert_eq!(metrics.is_ai_only, Some(false));
    assert_eq!(metrics.resolved_by, None);
}

#[test]
fn waiting_runs_from_the_first_of_several_messages_and_notes_do_not_turn_it() {
    // The customer writes at 9 and 9:30; a note at 9:40 is no answer. Asked at 10, answered at 12.
    let made = ticket("2026-06-01 09:00")
        .customer("2026-06-01 09:00")
        .customer("2026-06-01 09:30")
        .note("a1", "2026-06-01 09:40");
    let metrics = made.measured().metrics;
    assert_eq!(metrics.is_waiting_on_us, Some(true));
    assert_eq!(metrics.waiting_since, Some(at("2026-06-01 09:00")));
    // It runs: nothing is over.
    assert_eq!(metrics.waiting_on_agent_ms, Some(0));
    let answered = made
        .agent("a1", "2026-06-01 10:00")
        .agent("a1", "2026-06-01 11:00")
        .customer("2026-06-01 12:00")
        .entry("TagsChanged", ["", "x"], "2026-06-01 13:00");
    let metrics = answered.measured().metrics;
    assert_eq!(metrics.waiting_on_agent_ms, Some(HOUR));
    assert_eq!(metrics.waiting_on_customer_ms, Some(2 * HOUR));
    assert_eq!(metrics.waiting_since, Some(at("2026-06-01 12:00")));
}

#[test]
fn what_was_written_before_the_ticket_waits_from_its_creation() {
    let made = ticket("2026-06-01 09:00")
        .customer("2026-06-01 07:00")
        .agent("a1", "2026-06-01 08:00")
        .agent("a1", "2026-06-01 09:45");
    // The agent's first message is from before the ticket.
    let metrics = made.measured().metrics;
    assert_eq!(metrics.waiting_on_agent_ms, Some(45 * MINUTE));
    assert_eq!(metrics.first_reply_ms, Some(2 * HOUR + 45 * MINUTE));
}

#[test]
fn the_time_without_an_agent_ends_with_an_assignment_or_with_the_resolution() {
    // Nobody's from 9 to 10 and from 12 to 15.
    let made = ticket("2026-06-01 09:00")
        .entry("AssigneeChanged", ["", "a1"], "2026-06-01 10:00")
        .entry("AssigneeChanged", ["a1", "Unassigned"], "2026-06-01 12:00")
        .entry("AssigneeChanged", ["unassigned", "a2"], "2026-06-01 15:00");
    let metrics = made.measured().metrics;
    assert_eq!(metrics.unassigned_ms, Some(4 * HOUR));
    assert_eq!(
        metrics.handoff_count, 1,
        "from a1 to a2, with nobody in between"
    );
    // An entry between the two is missing: the second says that a2 had it.
    let torn = ticket("2026-06-01 09:00")
        .entry("AssigneeChanged", ["", "a1"], "2026-06-01 10:00")
        .entry("AssigneeChanged", ["a2", "a1"], "2026-06-01 12:00");
    assert_eq!(torn.measured().metrics.handoff_count, 1);
    // Never assigned, resolved after two hours.
    let never = ticket("2026-06-01 09:00").resolved("2026-06-01 11:00");
    assert_eq!(never.measured().metrics.unassigned_ms, Some(2 * HOUR));
    // Open and nobody's: it runs.
    let open = ticket("2026-06-01 09:00").measured().metrics;
    assert_eq!((open.unassigned_ms, open.handoff_count), (Some(0), 0));
    // Somebody's since before anybody looked.
    let assigned = ticket("2026-06-01 09:00")
        .seen("2026-06-02 02:30", |version| {
            version.assigned_agent_id = Some("a1")
        })
        .with(|ticket| ticket.assigned_agent_id = Some("a1"));
    assert_eq!(assigned.measured().metrics.unassigned_ms, None);
    let passed_on = assigned
        .seen("2026-06-03 02:30", |version| {
            version.assigned_agent_id = Some("a2")
        })
        .measured()
        .metrics;
    assert_eq!(
        (passed_on.unassigned_ms, passed_on.handoff_count),
        (None, 1)
    );
    // Nobody's when first seen, assigned until the next look: a day and 17 hours and a half.
    let seen = ticket("2026-06-01 09:00")
        .seen("2026-06-02 02:30", |_| {})
        .seen("2026-06-03 02:30", |version| {
            version.assigned_agent_id = Some("a1")
        });
    assert_eq!(
        seen.measured().metrics.unassigned_ms,
        Some(DAY + 17 * HOUR + 30 * MINUTE)
    );
}

#[test]
fn replies_of_several_agents_are_several_agents() {
    let made = ticket("2026-06-01 09:00")
        .customer("2026-06-01 09:00")
        .agent("a1", "2026-06-01 09:10")
        .agent("a2", "2026-06-01 10:10")
        .agent("a1", "2026-06-01 11:10")
        .note("a3", "2026-06-01 12:10");
    let metrics = made.measured().metrics;
    assert_eq!(metrics.agent_count, Some(2));
    assert_eq!(metrics.public_reply_count, Some(3));
}
