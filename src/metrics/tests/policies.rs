//! What policies make of tickets.

use super::desk::{Desk, HOUR, MINUTE, at, office, ticket};
use crate::metrics::{Policy, Schedule, SlaMetric, SlaResult, fingerprint, judge, promises};

fn policy(metric: SlaMetric, hours: i64) -> Policy {
    Policy {
        name: "promise".to_owned(),
        metric,
        within_ms: hours * HOUR,
        priority: Vec::new(),
        category: Vec::new(),
    }
}

fn urgent(hours: i64) -> Policy {
    Policy {
        priority: vec![3, 4],
        ..policy(SlaMetric::FirstReply, hours)
    }
}

fn judged(made: &Desk, policy: &Policy, until: &str) -> Option<SlaResult> {
    judged_by(&Schedule::round_the_clock(), made, policy, until)
}

fn judged_by(schedule: &Schedule, made: &Desk, policy: &Policy, until: &str) -> Option<SlaResult> {
    let policies = std::slice::from_ref(policy);
    let promises = promises(&made.ticket, &made.measured(), policies, schedule);
    let promise = promises.first()?;
    Some(judge(promise, schedule, at(until)))
}

#[test]
fn a_ticket_that_was_made_urgent_after_its_reply_is_not_judged_as_urgent() {
    // A reply after five hours on a ticket of low priority; urgent since an hour later.
    let made = ticket("2026-06-01 09:00")
        .customer("2026-06-01 09:00")
        .agent("a1", "2026-06-01 14:00")
        .entry("PriorityChanged", ["1", "4"], "2026-06-01 15:00")
        .with(|ticket| ticket.priority = Some(4));
    assert_eq!(judged(&made, &urgent(4), "2026-06-30 00:00"), None);
    // Found to be urgent at ten, it is.
    let made = ticket("2026-06-01 09:00")
        .customer("2026-06-01 09:00")
        .entry("PriorityAction", ["", "Urgent"], "2026-06-01 10:00")
        .agent("a1", "2026-06-01 14:00")
        .entry("PriorityAction", ["Urgent", "Low"], "2026-06-01 15:00")
        .with(|ticket| ticket.priority = Some(1));
    let result = judged(&made, &urgent(4), "2026-06-30 00:00").expect("is for it");
    assert_eq!(result.started_at, at("2026-06-01 09:00"));
    assert_eq!(result.due_at, Some(at("2026-06-01 13:00")));
    assert_eq!(result.met_at, Some(at("2026-06-01 14:00")));
    assert_eq!(result.elapsed_ms, 5 * HOUR);
    assert_eq!(result.is_breached, Some(true));
}

#[test]
fn a_promise_is_open_until_it_is_kept_or_late() {
    let made = ticket("2026-06-01 09:00").customer("2026-06-01 09:00");
    let promise = policy(SlaMetric::FirstReply, 4);
    let result = |until: &str| judged(&made, &promise, until).expect("is for it");
    assert_eq!(result("2026-06-01 10:00").is_breached, None);
    assert_eq!(result("2026-06-01 10:00").elapsed_ms, HOUR);
    assert_eq!(result("2026-06-01 13:00").is_breached, None);
    assert_eq!(result("2026-06-01 13:00:00.001").is_breached, Some(true));
    assert_eq!(result("2026-06-01 13:00:00.001").met_at, None);
    // Kept on the very instant, it is kept.
    let kept = made.clone().agent("a1", "2026-06-01 13:00");
    let result = judged(&kept, &promise, "2026-06-30 00:00").expect("is for it");
    assert_eq!(
        (result.is_breached, result.elapsed_ms),
        (Some(false), 4 * HOUR)
    );
    // Resolved without a reply in time: nobody is going to reply.
    let closed = made.resolved("2026-06-01 12:00");
    let result = judged(&closed, &promise, "2026-06-30 00:00").expect("is for it");
    assert_eq!((result.met_at, result.is_breached), (None, Some(false)));
    assert_eq!(result.elapsed_ms, 3 * HOUR);
}

#[test]
fn business_time_is_due_on_another_day() {
    // Friday 16:00, four hours: an hour on Friday, three on Monday.
    let made = ticket("2026-06-05 16:00")
        .customer("2026-06-05 16:00")
        .agent("a1", "2026-06-08 11:59");
    let promise = policy(SlaMetric::FirstReply, 4);
    let result = judged_by(&office("UTC"), &made, &promise, "2026-06-30 00:00");
    let result = result.expect("is for it");
    assert_eq!(result.due_at, Some(at("2026-06-08 12:00")));
    assert_eq!(result.elapsed_ms, 3 * HOUR + 59 * MINUTE);
    assert_eq!(result.is_breached, Some(false));
}

#[test]
fn a_resolution_that_was_taken_back_keeps_no_promise() {
    let made = ticket("2026-06-01 09:00")
        .customer("2026-06-01 09:00")
        .status("Open", "Resolved", "2026-06-01 10:00")
        .status("Resolved", "Open", "2026-06-01 11:00");
    let promise = policy(SlaMetric::Resolution, 8);
    let result = judged(&made, &promise, "2026-06-02 09:00").expect("is for it");
    assert_eq!(result.met_at, None);
    assert_eq!(result.elapsed_ms, 24 * HOUR);
    assert_eq!(result.is_breached, Some(true));
}

#[test]
fn a_policy_of_a_category_asks_for_the_one_that_the_ticket_had() {
    let billing = Policy {
        category: vec!["billing".to_owned()],
        ..policy(SlaMetric::FirstReply, 1)
    };
    let made = ticket("2026-06-01 09:00")
        .customer("2026-06-01 09:00")
        .agent("a1", "2026-06-01 14:00")
        .seen("2026-06-01 12:00", |version| {
            version.category_id = Some("billing")
        })
        .seen("2026-06-01 16:00", |version| {
            version.category_id = Some("other")
        })
        .with(|ticket| ticket.category_id = Some("other"));
    assert!(judged(&made, &billing, "2026-06-30 00:00").is_some());
    let unchanged = ticket("2026-06-01 09:00")
        .customer("2026-06-01 09:00")
        .with(|ticket| ticket.category_id = Some("other"));
    assert_eq!(judged(&unchanged, &billing, "2026-06-30 00:00"), None);
}

#[test]
fn deleted_tickets_spam_and_those_that_agents_opened_are_promised_no_reply() {
    let made = ticket("2026-06-01 09:00").customer("2026-06-01 09:00");
    let promise = policy(SlaMetric::FirstReply, 4);
    let until = "2026-06-30 00:00";
    assert!(judged(&made, &promise, until).is_some());
    let deleted = made.clone().with(|ticket| ticket.is_deleted = true);
    assert_eq!(judged(&deleted, &promise, until), None);
    let spam = made.with(|ticket| ticket.status = Some("Spam"));
    assert_eq!(judged(&spam, &promise, until), None);
    let opened = ticket("2026-06-01 09:00")
        .agent("a1", "2026-06-01 09:00")
        .customer("2026-06-01 09:30");
    assert_eq!(judged(&opened, &promise, until), None);
    assert!(judged(&opened, &policy(SlaMetric::Resolution, 4), until).is_some());
}

#[test]
fn a_desk_that_is_never_open_has_nothing_due() {
    let never = Schedule::weekly(chrono_tz::UTC, &Default::default(), &Default::default());
    let made = ticket("2026-06-01 09:00").customer("2026-06-01 09:00");
    let promise = policy(SlaMetric::FirstReply, 4);
    let result = judged_by(&never, &made, &promise, "2026-06-30 00:00");
    let result = result.expect("is for it");
    assert_eq!(
        (result.due_at, result.is_breached, result.elapsed_ms),
        (None, None, 0)
    );
}

#[test]
fn a_clock_that_runs_asks_for_what_the_ticket_has_now() {
    // Urgent by its own row, whatever the last entry of its thread says.
    let made = ticket("2026-06-01 09:00")
        .customer("2026-06-01 09:00")
        .entry("PriorityAction", ["Urgent", "Low"], "2026-06-01 10:00")
        .with(|ticket| ticket.priority = Some(4));
    let result = judged(&made, &urgent(4), "2026-06-01 12:00").expect("is for it");
    assert_eq!((result.is_breached, result.elapsed_ms), (None, 3 * HOUR));
    assert_eq!(
        judged(
            &made.with(|ticket| ticket.priority = None),
            &urgent(4),
            "2026-06-01 12:00"
        ),
        None
    );
}

#[test]
fn a_ticket_has_a_row_of_each_policy_that_is_for_it() {
    let made = ticket("2026-06-01 09:00")
        .customer("2026-06-01 09:00")
        .with(|ticket| ticket.priority = Some(2));
    let named = |name: &str, policy: Policy| Policy {
        name: name.to_owned(),
        ..policy
    };
    let policies = [
        named("z", policy(SlaMetric::Resolution, 8)),
        named("u", urgent(1)),
        named("a", policy(SlaMetric::FirstReply, 1)),
    ];
    let schedule = Schedule::round_the_clock();
    let rows = promises(&made.ticket, &made.measured(), &policies, &schedule);
    let told: Vec<(&str, &str)> = rows
        .iter()
        .map(|row| (row.policy.as_str(), row.metric.as_str()))
        .collect();
    assert_eq!(told, [("a", "first_reply"), ("z", "resolution")]);
    assert!(
        rows.iter()
            .all(|row| row.stopped_at.is_none() && row.elapsed_ms.is_none())
    );
    assert_eq!(fingerprint(&[]), "");
    assert_ne!(fingerprint(&policies), fingerprint(&policies[..2]));
}

#[test]
fn what_lies_out_of_hours_takes_no_time() {
    let made = ticket("2026-06-05 18:00")
        .customer("2026-06-05 18:00")
        .agent("a1", "2026-06-07 12:00");
    let promise = policy(SlaMetric::FirstReply, 4);
    let result = judged_by(&office("UTC"), &made, &promise, "2026-06-30 00:00");
    let result = result.expect("is for it");
    assert_eq!((result.elapsed_ms, result.is_breached), (0, Some(false)));
    assert_eq!(result.due_at, Some(at("2026-06-08 13:00")));
}

#[test]
fn stretches_of_business_time_add_up_to_it() {
    let schedule = office("Europe/Berlin");
    let openings = schedule.openings(at("2026-06-09 00:00"));
    let last = openings.last().expect("a stretch");
    assert_eq!(last.starts_at, at("2026-06-08 07:00"));
    assert_eq!(last.ends_at, at("2026-06-08 15:00"));
    assert_eq!(
        last.before_ms,
        schedule.between(at("2000-01-01 00:00"), last.starts_at)
    );
    let always = Schedule::round_the_clock().openings(at("2026-06-09 00:00"));
    assert_eq!(always.len(), 1);
    assert!(
        always
            .iter()
            .all(|one| one.before_ms == 0 && one.ends_at > at("9999-01-01 00:00"))
    );
}
