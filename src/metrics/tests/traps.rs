//! Each trap that others fell into is a ticket here.

use super::desk::{DAY, HOUR, MINUTE, at, change, changes, office, ticket};
use crate::metrics::Schedule;

#[test]
fn notes_audit_entries_automation_the_ai_and_deleted_messages_are_no_replies() {
    // The customer writes at 9. A note, an audit entry, an automatic message, the AI and a deleted
    // message follow, each ten minutes after the last. The first human reply is at 10: one hour.
    let made = ticket("2026-06-01 09:00")
        .customer("2026-06-01 09:00")
        .note("a1", "2026-06-01 09:10")
        .status("Open", "Pending", "2026-06-01 09:20")
        .by("a1")
        .automatic("2026-06-01 09:30")
        .ai("2026-06-01 09:40")
        .agent("a1", "2026-06-01 09:50")
        .but(|message| message.is_deleted = true)
        .agent("a2", "2026-06-01 10:00");
    let metrics = made.measured().metrics;
    assert_eq!(metrics.first_reply_at, Some(at("2026-06-01 10:00")));
    assert_eq!(metrics.first_reply_ms, Some(HOUR));
    assert_eq!(metrics.first_reply_agent_id.as_deref(), Some("a2"));
    assert_eq!(metrics.first_ai_reply_at, Some(at("2026-06-01 09:40")));
    assert_eq!(metrics.first_ai_reply_ms, Some(40 * MINUTE));
    assert_eq!(metrics.public_reply_count, Some(1));
    assert_eq!(metrics.ai_reply_count, Some(1));
    assert_eq!(metrics.private_note_count, Some(1));
    assert_eq!(metrics.customer_message_count, Some(1));
    assert_eq!(metrics.agent_count, Some(1));
    assert_eq!(metrics.reply_rule.as_deref(), Some("reference_type"));
}

#[test]
fn a_ticket_without_a_reply_has_none_and_not_a_reply_after_0() {
    let metrics = ticket("2026-06-01 09:00")
        .customer("2026-06-01 09:00")
        .measured()
        .metrics;
    assert_eq!(metrics.first_reply_at, None);
    assert_eq!(metrics.first_reply_ms, None);
    assert_eq!(metrics.first_reply_business_ms, None);
    assert_eq!(metrics.first_reply_from_creation_ms, None);
    assert_eq!(metrics.public_reply_count, Some(0));
}

#[test]
fn a_ticket_that_an_agent_opened_has_no_first_reply() {
    // The agent writes as the ticket is created, the customer answers, the agent goes on: nobody replied to
    // a customer who had asked.
    let made = ticket("2026-06-01 09:00")
        .agent("a1", "2026-06-01 09:00")
        .customer("2026-06-01 11:00")
        .agent("a1", "2026-06-01 11:30");
    let metrics = made.measured().metrics;
    assert_eq!(metrics.opened_by.as_deref(), Some("agent"));
    assert_eq!(
        metrics.first_customer_message_at,
        Some(at("2026-06-01 11:00"))
    );
    assert_eq!(metrics.first_reply_at, None);
    assert_eq!(metrics.first_reply_ms, None);
    assert_eq!(metrics.first_reply_from_creation_ms, None);
    // The opening message and the answer.
    assert_eq!(metrics.public_reply_count, Some(2));
}

#[test]
fn what_an_agent_wrote_in_the_channel_before_the_ticket_is_no_reply() {
    // The ticket is made at 9 of what the customer wrote at 8:59; the agent had written at 8.
    let made = ticket("2026-06-01 09:00")
        .agent("a1", "2026-06-01 08:00")
        .customer("2026-06-01 08:59")
        .agent("a2", "2026-06-01 09:10");
    let metrics = made.measured().metrics;
    assert_eq!(metrics.opened_by.as_deref(), Some("customer"));
    assert_eq!(metrics.first_reply_ms, Some(11 * MINUTE));
    assert_eq!(metrics.first_reply_from_creation_ms, Some(10 * MINUTE));
    assert_eq!(
        (metrics.public_reply_count, metrics.agent_count),
        (Some(1), Some(1))
    );
}

#[test]
fn the_clock_starts_with_the_customers_message_and_not_with_the_creation() {
    // Created at 9 by a form, the customer's message comes at 10, the reply at 10:20.
    let made = ticket("2026-06-01 09:00")
        .customer("2026-06-01 10:00")
        .agent("a1", "2026-06-01 10:20");
    let metrics = made.measured().metrics;
    assert_eq!(metrics.first_reply_ms, Some(20 * MINUTE));
    assert_eq!(metrics.first_reply_from_creation_ms, Some(80 * MINUTE));
}

#[test]
fn a_reply_at_the_very_instant_of_the_question_took_0_and_not_nothing() {
    let made = ticket("2026-06-01 09:00")
        .agent("a1", "2026-06-01 10:00")
        .but(|message| message.position = 5)
        .customer("2026-06-01 10:00");
    assert_eq!(
        made.measured().metrics.opened_by.as_deref(),
        Some("customer")
    );
    assert_eq!(made.measured().metrics.first_reply_ms, Some(0));
}

#[test]
fn a_night_in_which_clocks_change_is_as_long_as_it_was() {
    // Berlin, Saturday 28 March 2026 12:00 (11:00 UTC) to Monday 09:30 (07:30 UTC): 44 hours and a half
    // have passed, one less than the clocks show. Business time is the half hour of Monday.
    let made = ticket("2026-03-28 11:00")
        .customer("2026-03-28 11:00")
        .agent("a1", "2026-03-30 07:30");
    let metrics = made.measured_by(&office("Europe/Berlin")).metrics;
    assert_eq!(metrics.first_reply_ms, Some(44 * HOUR + 30 * MINUTE));
    assert_eq!(metrics.first_reply_business_ms, Some(30 * MINUTE));
    // Open round the clock, business time is that of the calendar, to the millisecond.
    let metrics = made.measured_by(&Schedule::round_the_clock()).metrics;
    assert_eq!(metrics.first_reply_business_ms, metrics.first_reply_ms);
    // In October, Saturday 24th 12:00 (10:00 UTC) to Monday 09:30 (08:30 UTC): an hour more than shown.
    let made = ticket("2026-10-24 10:00")
        .customer("2026-10-24 10:00")
        .agent("a1", "2026-10-26 08:30");
    let metrics = made.measured_by(&office("Europe/Berlin")).metrics;
    assert_eq!(metrics.first_reply_ms, Some(46 * HOUR + 30 * MINUTE));
    assert_eq!(metrics.first_reply_business_ms, Some(30 * MINUTE));
}

#[test]
fn a_reply_out_of_hours_took_0_and_not_nothing() {
    // Saturday, an hour.
    let made = ticket("2026-06-06 10:00")
        .customer("2026-06-06 10:00")
        .agent("a1", "2026-06-06 11:00")
        .resolved("2026-06-06 12:00");
    let metrics = made.measured_by(&office("Europe/Berlin")).metrics;
    assert_eq!(metrics.first_reply_business_ms, Some(0));
    assert_eq!(metrics.full_resolution_business_ms, Some(0));
    assert_eq!(metrics.full_resolution_ms, Some(2 * HOUR));
}

#[test]
fn each_time_zone_has_its_own_business_time_and_all_else_is_alike() {
    // Monday 14:00 to 18:00 UTC: in New York 10:00 to 14:00, in Berlin 16:00 to 20:00, closed at 17:00.
    let made = ticket("2026-06-01 14:00")
        .customer("2026-06-01 14:00")
        .agent("a1", "2026-06-01 18:00");
    let new_york = made.measured_by(&office("America/New_York")).metrics;
    let mut berlin = made.measured_by(&office("Europe/Berlin")).metrics;
    assert_eq!(new_york.first_reply_business_ms, Some(4 * HOUR));
    assert_eq!(berlin.first_reply_business_ms, Some(HOUR));
    berlin.first_reply_business_ms = new_york.first_reply_business_ms;
    assert_eq!(berlin, new_york);
}

#[test]
fn a_ticket_that_was_merged_away_says_that_it_is_deleted_and_between_which_looks_it_went() {
    // Seen on the 1st, gone on the 5th at 02:30: at most then, at least after the last change seen.
    let made = ticket("2026-06-01 09:00")
        .customer("2026-06-01 09:00")
        .seen("2026-06-02 02:30", |_| {})
        .seen("2026-06-05 02:30", |version| version.is_deleted = true)
        .with(|ticket| ticket.is_deleted = true);
    let measured = made.measured();
    assert!(measured.metrics.is_deleted && !measured.metrics.is_spam);
    // Nobody waits for it any more.
    assert_eq!(measured.metrics.is_waiting_on_us, Some(false));
    assert_eq!(measured.metrics.waiting_since, None);
    let gone = change("0", "1", "2026-06-05 02:30", "2026-06-02 02:30");
    assert_eq!(changes(&measured.events, "deletion"), [gone]);
}

#[test]
fn a_deletion_that_is_taken_back_takes_its_event_back_and_a_ticket_that_comes_again_has_two() {
    let there = ticket("2026-06-01 09:00").seen("2026-06-02 02:30", |_| {});
    let again = there
        .clone()
        .seen("2026-06-05 02:30", |version| version.is_deleted = true)
        .seen("2026-06-06 02:30", |version| version.is_deleted = false);
    assert_eq!(changes(&there.measured().events, "deletion"), []);
    assert_eq!(
        changes(&again.measured().events, "deletion"),
        [
            change("0", "1", "2026-06-05 02:30", "2026-06-02 02:30"),
            change("1", "0", "2026-06-06 02:30", "2026-06-05 02:30"),
        ]
    );
}

#[test]
fn spam_says_so_and_is_neither_open_nor_resolved() {
    let made = ticket("2026-06-01 09:00")
        .customer("2026-06-01 09:00")
        .status("Open", "Spam", "2026-06-01 09:05")
        .with(|ticket| ticket.status = Some("Spam"));
    let metrics = made.measured().metrics;
    assert!(metrics.is_spam);
    assert_eq!(metrics.is_waiting_on_us, Some(false));
    assert_eq!(metrics.is_one_touch, None);
    assert_eq!(metrics.first_resolved_at, None);
    // It waited for five minutes, until it was spam.
    assert_eq!(metrics.waiting_on_agent_ms, Some(5 * MINUTE));
}

#[test]
fn a_backlog_counts_by_when_a_ticket_was_resolved_and_not_by_when_a_sync_looked() {
    // Resolved on the 3rd at 16:00, which its resolution time says, 55 hours; the sync of the 4th at
    // 02:30 saw it.
    let made = ticket("2026-06-01 09:00")
        .customer("2026-06-01 09:00")
        .seen("2026-06-02 02:30", |_| {})
        .seen("2026-06-04 02:30", |version| {
            version.status = Some("Resolved");
            version.resolution_time_ms = Some(55 * HOUR);
        })
        .resolved("2026-06-03 16:00");
    let measured = made.measured();
    let resolved = change("Open", "Resolved", "2026-06-03 16:00", "");
    assert_eq!(changes(&measured.events, "status"), [resolved]);
    assert_eq!(
        measured.metrics.resolution_source.as_deref(),
        Some("resolution_time")
    );
    assert_eq!(measured.metrics.full_resolution_ms, Some(55 * HOUR));
    // Reopened on some day before the sync of the 9th: only bounds are known.
    let reopened = made
        .seen("2026-06-09 02:30", |version| {
            version.status = Some("Open");
            version.resolution_time_ms = None;
        })
        .with(|ticket| {
            ticket.status = Some("Open");
            (ticket.resolved_at, ticket.resolution_time_ms) = (None, None);
        });
    assert_eq!(
        changes(&reopened.measured().events, "status"),
        [
            change("Open", "Resolved", "2026-06-03 16:00", ""),
            change("Resolved", "Open", "2026-06-09 02:30", "2026-06-04 02:30"),
        ]
    );
}

#[test]
fn a_bot_that_closes_is_told_apart_from_an_agent_who_does() {
    // The agent's reply is at 9:30. Mava closes the ticket a day later, in a job of the hour: 10:00.
    let idle = ticket("2026-06-01 09:00")
        .customer("2026-06-01 09:00")
        .agent("a1", "2026-06-01 09:30")
        .status("Open", "Resolved", "2026-06-02 10:00")
        .resolved("2026-06-02 10:00");
    let metrics = idle.measured().metrics;
    assert_eq!(metrics.is_auto_resolved, Some(true));
    assert_eq!(metrics.resolved_by.as_deref(), Some("automation"));
    // The same at the same instant, but the entry names the agent.
    let metrics = idle.by("a1").measured().metrics;
    assert_eq!(metrics.is_auto_resolved, Some(false));
    assert_eq!(metrics.resolved_by.as_deref(), Some("agent"));
}

#[test]
fn pauses_after_which_mava_closes_are_60_to_120_minutes_and_a_day_ends_included() {
    for (minutes, milliseconds, is_automatic) in [
        (60, -1, false),
        (60, 0, true),
        (120, 0, true),
        (120, 1, false),
        (24 * 60, -1, false),
        (24 * 60, 0, true),
        (25 * 60, 0, true),
        (25 * 60, 1, false),
    ] {
        let mut made = ticket("2026-06-01 09:00")
            .customer("2026-06-01 09:00")
            .ai("2026-06-01 09:30")
            .status("Open", "Resolved", "2026-06-01 09:30");
        let pause = chrono::TimeDelta::milliseconds(minutes * MINUTE + milliseconds);
        let entry = made.messages.last_mut().unwrap();
        entry.created_at = Some(at("2026-06-01 09:30") + pause);
        made.ticket.status = Some("Resolved");
        let metrics = made.measured().metrics;
        assert_eq!(
            metrics.is_auto_resolved,
            Some(is_automatic),
            "{minutes} {milliseconds}"
        );
        let by = if is_automatic { "automation" } else { "ai" };
        assert_eq!(metrics.resolved_by.as_deref(), Some(by));
    }
}

#[test]
fn a_reopened_ticket_is_also_timed_from_its_reopening() {
    // Resolved after 2 hours, opened again four days later, resolved 3 hours after that.
    let made = ticket("2026-06-01 09:00")
        .customer("2026-06-01 09:00")
        .agent("a1", "2026-06-01 10:00")
        .status("Open", "Resolved", "2026-06-01 11:00")
        .customer("2026-06-05 11:00")
        .status("Resolved", "Open", "2026-06-05 11:00")
        .agent("a1", "2026-06-05 13:00")
        .status("Open", "Resolved", "2026-06-05 14:00")
        .resolved("2026-06-05 14:00");
    let metrics = made.measured().metrics;
    assert_eq!(metrics.first_resolution_ms, Some(2 * HOUR));
    assert_eq!(metrics.full_resolution_ms, Some(4 * DAY + 5 * HOUR));
    assert_eq!(metrics.reopened_resolution_ms, Some(3 * HOUR));
    assert_eq!(metrics.reopen_count, 1);
    assert_eq!(metrics.last_reopened_at, Some(at("2026-06-05 11:00")));
    assert_eq!(metrics.is_two_touch, Some(false), "it was reopened");
    // It waited on the agent from 9 to 10 and from 11 to 13 of the 5th, on the customer from 10 to 11 and
    // from 13 to 14. The days in which it was resolved are nobody's.
    assert_eq!(metrics.waiting_on_agent_ms, Some(3 * HOUR));
    assert_eq!(metrics.waiting_on_customer_ms, Some(2 * HOUR));
}

#[test]
fn a_resolution_that_happened_is_no_ticket_that_is_resolved() {
    // Resolved on the 1st, opened again on the 2nd, and open since.
    let made = ticket("2026-06-01 09:00")
        .customer("2026-06-01 09:00")
        .agent("a1", "2026-06-01 10:00")
        .status("Open", "Resolved", "2026-06-01 11:00")
        .customer("2026-06-02 11:00")
        .status("Resolved", "Open", "2026-06-02 11:00");
    let metrics = made.measured().metrics;
    assert_eq!(metrics.last_resolved_at, Some(at("2026-06-01 11:00")));
    assert_eq!(metrics.first_resolution_ms, Some(2 * HOUR));
    assert_eq!(metrics.full_resolution_ms, None);
    assert_eq!(metrics.full_resolution_business_ms, None);
    assert_eq!(metrics.reopened_resolution_ms, None);
    assert_eq!(metrics.reopen_count, 1);
    assert_eq!(metrics.is_one_touch, None);
    assert_eq!(metrics.is_waiting_on_us, Some(true));
    assert_eq!(metrics.waiting_since, Some(at("2026-06-02 11:00")));
}

#[test]
fn a_burst_of_chat_messages_is_one_reply() {
    // Three messages within minutes, the third ten minutes after the second: one reply. A fourth comes
    // ten minutes and a second later: another one.
    let burst = ticket("2026-06-01 09:00")
        .customer("2026-06-01 09:00")
        .agent("a1", "2026-06-01 09:05")
        .agent("a1", "2026-06-01 09:06")
        .agent("a1", "2026-06-01 09:16");
    assert_eq!(burst.measured().metrics.public_reply_count, Some(1));
    let late = burst.clone().agent("a1", "2026-06-01 09:26:01");
    assert_eq!(late.measured().metrics.public_reply_count, Some(2));
    // Another agent's is another reply, and so is one after a word of the customer's.
    let other = burst.clone().agent("a2", "2026-06-01 09:17");
    assert_eq!(other.measured().metrics.public_reply_count, Some(2));
    let asked = burst
        .clone()
        .customer("2026-06-01 09:17")
        .agent("a1", "2026-06-01 09:18");
    assert_eq!(asked.measured().metrics.public_reply_count, Some(2));
    // Resolved, the burst is one touch.
    let metrics = burst.resolved("2026-06-01 10:00").measured().metrics;
    assert_eq!(metrics.is_one_touch, Some(true));
    assert_eq!(metrics.is_two_touch, Some(false));
}

#[test]
fn three_years_are_not_cut_off_after_52_weeks() {
    // Monday 5 June 2023 09:00 to Monday 1 June 2026 17:00 in UTC: 156 weeks and a day, of 40 and 8 hours.
    let made = ticket("2023-06-05 09:00")
        .customer("2023-06-05 09:00")
        .agent("a1", "2026-06-01 17:00")
        .resolved("2026-06-01 17:00");
    let metrics = made.measured_by(&office("UTC")).metrics;
    assert_eq!(metrics.first_reply_business_ms, Some((156 * 40 + 8) * HOUR));
    assert_eq!(metrics.full_resolution_ms, Some(156 * 7 * DAY + 8 * HOUR));
}

#[test]
fn a_leap_day_counts() {
    // 28 February 12:00 to 1 March 12:00: two days in 2024, one in 2025.
    for (year, days) in [(2024, 2), (2025, 1)] {
        let made = ticket(&format!("{year}-02-28 12:00"))
            .customer(&format!("{year}-02-28 12:00"))
            .agent("a1", &format!("{year}-03-01 12:00"));
        assert_eq!(made.measured().metrics.first_reply_ms, Some(days * DAY));
    }
}

#[test]
fn without_an_audit_entry_a_pause_of_an_hour_and_a_half_may_be_an_agents() {
    let made = ticket("2026-06-01 09:00")
        .customer("2026-06-01 09:00")
        .agent("a1", "2026-06-01 10:00");
    let hour = made.clone().resolved("2026-06-01 11:30").measured().metrics;
    assert_eq!(hour.is_auto_resolved, None);
    assert_eq!(hour.resolved_by.as_deref(), Some("agent"));
    let day = made.resolved("2026-06-02 10:30").measured().metrics;
    assert_eq!(day.is_auto_resolved, Some(true));
    assert_eq!(day.resolved_by.as_deref(), Some("automation"));
}

#[test]
fn what_was_written_at_the_very_instant_of_a_resolution_came_before_it() {
    // The agent answers and resolves in one go, a day after the question.
    let made = ticket("2026-06-01 09:00")
        .customer("2026-06-01 09:00")
        .agent("a1", "2026-06-02 09:30")
        .resolved("2026-06-02 09:30");
    let metrics = made.measured().metrics;
    assert_eq!(metrics.is_auto_resolved, Some(false), "the pause is 0");
    assert_eq!(metrics.resolved_by.as_deref(), Some("agent"));
}
