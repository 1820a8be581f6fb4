//! Totals of tickets made by hand, each with its value in words.

use super::*;
use crate::metrics::Activity;
use crate::table::parse_instant;

const DAY: i64 = 86_400_000;

fn instant(text: &str) -> Instant {
    parse_instant(text).expect("an instant")
}

fn ms(text: &str) -> i64 {
    instant(text).timestamp_millis()
}

/// A ticket of a Monday, open.
fn ticket(id: &str) -> Counted {
    Counted {
        id: id.to_owned(),
        group: Group {
            source_type: Some("web".to_owned()),
            category_id: Some("billing".to_owned()),
            assigned_agent_id: Some("ann".to_owned()),
            priority: Some(2),
        },
        customer_id: Some("cleo".to_owned()),
        status: Some("Open".to_owned()),
        created_at: ms("2024-03-04T10:00:00Z"),
        ..Counted::default()
    }
}

/// A change: kind, from, to, when, since when at the earliest.
fn event(kind: &str, from: Option<&str>, to: Option<&str>, at: &str, since: Option<&str>) -> Event {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let source = match since {
        Some(_) => "history",
        None => "audit",
    };
    let when = (ms(at), since.map(ms));
    Event::new(kind, (owned(from), owned(to)), when, source).expect("a kind")
}

/// The totals of these tickets, of a run that began on Friday, March 8.
fn totals(tickets: &[Counted]) -> Totals {
    let zone = "Europe/Berlin".parse().expect("a zone");
    let (from, until) = (
        instant("2024-03-01T00:00:00Z"),
        instant("2024-03-20T00:00:00Z"),
    );
    let calendar = Calendar::new(zone, from, until);
    let hours = calendar.hour_rows();
    let span = Span {
        last_run: instant("2024-03-08T12:00:00Z"),
        first_seen: Some(instant("2024-03-06T00:00:00Z")),
    };
    let mut counter = Counter::new(&calendar, &hours, span);
    tickets.iter().for_each(|ticket| counter.add(ticket));
    counter.rows(&DisplayNames::default())
}

/// The backlog of each day, the day as of March, with its bounds.
fn backlog(ticket: Counted) -> Vec<(u32, i64, i64, i64)> {
    let daily = totals(&[ticket]).daily;
    daily
        .iter()
        .map(|row| {
            let day = row.day[8..].parse().expect("a day");
            (day, row.backlog, row.backlog_low, row.backlog_high)
        })
        .collect()
}

#[test]
fn a_ticket_is_in_the_backlog_of_each_day_at_whose_end_it_is_open_and_there() {
    let steady = backlog(ticket("a"));
    assert_eq!(steady, [4, 5, 6, 7, 8].map(|day| (day, 1, 1, 1)));
    let resolved = Counted {
        status: Some("Resolved".to_owned()),
        events: vec![event(
            "status",
            Some("Open"),
            Some("Resolved"),
            "2024-03-05T22:59:59.999Z",
            None,
        )],
        ..ticket("a")
    };
    // The last millisecond of the 5th in Berlin: its end is after that. The resolution has a row of its own.
    assert_eq!(backlog(resolved), [(4, 1, 1, 1), (5, 0, 0, 0)]);
    let spam = Counted {
        status: Some("Spam".to_owned()),
        ..ticket("a")
    };
    assert_eq!(backlog(spam), []);
}

#[test]
fn a_change_that_was_only_seen_counts_when_it_was_seen_and_widens_the_bounds_until_then() {
    let seen = Counted {
        status: Some("Resolved".to_owned()),
        events: vec![event(
            "status",
            Some("Open"),
            Some("Resolved"),
            "2024-03-07T01:30:00Z",
            Some("2024-03-05T01:30:00Z"),
        )],
        ..ticket("a")
    };
    assert_eq!(
        backlog(seen),
        [(4, 1, 1, 1), (5, 1, 0, 1), (6, 1, 0, 1), (7, 0, 0, 0)]
    );
    let gone = Counted {
        is_deleted: true,
        events: vec![event(
            "deletion",
            Some("0"),
            Some("1"),
            "2024-03-06T01:30:00Z",
            Some("2024-03-05T01:30:00Z"),
        )],
        ..ticket("a")
    };
    // It was there until then, and is counted as deleted on the day on which that was seen.
    let totals = totals(std::slice::from_ref(&gone));
    let daily: Vec<_> = totals.daily.iter().collect();
    let deleted: Vec<i64> = daily.iter().map(|row| row.deleted).collect();
    assert_eq!((deleted, daily[0].created), (vec![0, 0, 1], 0));
    assert_eq!(backlog(gone), [(4, 1, 1, 1), (5, 1, 0, 1), (6, 0, 0, 0)]);
}

#[test]
fn what_a_ticket_is_now_outweighs_its_last_change() {
    // Open now, although it was resolved: from the last change on.
    let open = Counted {
        events: vec![event(
            "status",
            Some("Open"),
            Some("Resolved"),
            "2024-03-06T10:00:00Z",
            None,
        )],
        ..ticket("a")
    };
    assert_eq!(backlog(open), [4, 5, 6, 7, 8].map(|day| (day, 1, 1, 1)));
    // Not open, although no change says so: at most.
    let closed = Counted {
        status: Some("Archived".to_owned()),
        ..ticket("a")
    };
    assert_eq!(backlog(closed), [4, 5, 6, 7, 8].map(|day| (day, 0, 0, 1)));
}

#[test]
fn what_happens_belongs_to_the_agent_the_category_and_the_priority_of_its_instant() {
    let moved = Counted {
        status: Some("Resolved".to_owned()),
        events: vec![
            event(
                "priority",
                Some("2"),
                Some("4"),
                "2024-03-04T11:00:00Z",
                None,
            ),
            event("assignee", None, Some("bea"), "2024-03-05T10:00:00Z", None),
            event(
                "status",
                Some("Open"),
                Some("Resolved"),
                "2024-03-05T12:00:00Z",
                None,
            ),
            event(
                "assignee",
                Some("bea"),
                Some("ann"),
                "2024-03-06T10:00:00Z",
                None,
            ),
            event(
                "status",
                Some("Resolved"),
                Some("Open"),
                "2024-03-07T10:00:00Z",
                None,
            ),
            event(
                "status",
                None,
                Some("Resolved"),
                "2024-03-07T12:00:00Z",
                None,
            ),
        ],
        ..ticket("a")
    };
    let totals = totals(&[moved]);
    let told = |row: crate::table::DailyMetrics| {
        let day: u32 = row.day[8..].parse().expect("a day");
        let agent = row.assigned_agent_id.clone().unwrap_or_default();
        (
            day,
            agent,
            row.priority,
            [row.created, row.resolved, row.reopened],
        )
    };
    let told: Vec<_> = totals.daily.iter().map(told).collect();
    let expected = [
        (4, "", Some(2), [1, 0, 0]),
        (4, "", Some(4), [0, 0, 0]),
        (5, "bea", Some(4), [0, 1, 0]),
        (7, "ann", Some(4), [0, 1, 1]),
    ];
    let expected =
        expected.map(|(day, agent, priority, counts)| (day, agent.to_owned(), priority, counts));
    assert_eq!(told, expected);
    let agents: Vec<_> = totals
        .agent_days
        .iter()
        .map(|row| (row.agent_id.as_str(), row.resolved))
        .collect();
    assert_eq!(agents, [("ann", 1), ("bea", 1)]);
}

#[test]
fn a_rating_belongs_to_who_wrote_last_before_it() {
    let rated = Counted {
        tally: Tally {
            csat: Some(4),
            csat_last: Some(4),
            ..Tally::default()
        },
        events: vec![event(
            "rating",
            None,
            Some("4"),
            "2024-03-06T01:30:00Z",
            Some("2024-03-04T10:00:00Z"),
        )],
        activity: Activity {
            replies: vec![
                (ms("2024-03-04T10:05:00Z"), Some("ann".to_owned())),
                (ms("2024-03-05T10:05:00Z"), Some("bea".to_owned())),
                (ms("2024-03-06T10:05:00Z"), Some("ann".to_owned())),
            ],
            ..Activity::default()
        },
        ..ticket("a")
    };
    let totals = totals(&[rated]);
    let told = |row: &AgentPeriod| {
        (
            row.agent_id.clone(),
            row.rated,
            row.csat_sum,
            row.public_replies,
            row.tickets_replied,
        )
    };
    let all = totals.agents.iter().filter(|row| row.period == "all");
    let all: Vec<_> = all.map(told).collect();
    // Two replies of one ticket are one ticket replied to.
    assert_eq!(
        all,
        [
            ("ann".to_owned(), 0, 0, 2, 1),
            ("bea".to_owned(), 1, 4, 1, 1)
        ]
    );
    // Of the open ticket that is assigned to ann.
    let open: Vec<_> = totals
        .agents
        .iter()
        .filter(|row| row.period == "all")
        .map(|row| row.open)
        .collect();
    assert_eq!(open, [Some(1), Some(0)]);
    assert!(
        totals
            .agents
            .iter()
            .all(|row| row.open.is_some() == (row.period == "all"))
    );
}

#[test]
fn a_ticket_within_seven_days_of_the_one_before_is_a_repetition_and_a_millisecond_later_it_is_none()
{
    let at = |id: &str, created_at: i64| Counted {
        created_at,
        ..ticket(id)
    };
    let first = ms("2024-03-04T10:00:00Z");
    let tickets = [
        at("b", first + 7 * DAY),
        at("a", first),
        at("c", first + 14 * DAY + 1),
    ];
    let rows = totals(&tickets).customers;
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (rows[0].tickets, rows[0].open, rows[0].repeats_within_a_week),
        (3, 3, 1)
    );
}

#[test]
fn hours_are_local_ones_from_the_first_ticket_to_the_last_run_and_none_is_left_out() {
    let written = Counted {
        activity: Activity {
            customer: vec![
                ms("2024-03-04T09:00:00Z"),
                ms("2024-03-04T23:59:00Z"),
                ms("2024-03-09T10:00:00Z"),
            ],
            ..Activity::default()
        },
        ..ticket("a")
    };
    let hours = totals(&[written]).hours;
    // 11:00 in Berlin, until 13:00 of the 8th.
    assert_eq!(
        (hours[0].day.as_str(), hours[0].hour, hours[0].created),
        ("2024-03-04", 11, 1)
    );
    assert_eq!(hours.len(), 4 * 24 + 3);
    let written: Vec<_> = hours
        .iter()
        .filter(|row| row.customer_messages > 0)
        .collect();
    // One was before the first hour, one after the last run.
    assert_eq!(written.len(), 1);
    assert_eq!(
        (written[0].day.as_str(), written[0].hour, written[0].weekday),
        ("2024-03-05", 0, 2)
    );
}

#[test]
fn groups_of_telegram_cannot_be_rated_and_a_ticket_with_two_tags_is_in_both() {
    let resolution = Resolution {
        was_resolved: true,
        ..Resolution::default()
    };
    let of = |id: &str, source: &str, tags: &[&str]| Counted {
        group: Group {
            source_type: Some(source.to_owned()),
            ..ticket(id).group
        },
        resolution: resolution.clone(),
        tags: tags.iter().map(ToString::to_string).collect(),
        ..ticket(id)
    };
    let totals = totals(&[
        of("a", "telegram-group", &["vip"]),
        of("b", "web", &["refund", "vip"]),
    ]);
    let all = totals
        .categories
        .iter()
        .find(|row| row.period == "all")
        .expect("a row");
    assert_eq!((all.created, all.ratable, all.rated), (2, 1, 0));
    let tags = totals.tags.iter().filter(|row| row.period == "all");
    let tags: Vec<_> = tags
        .map(|row| (row.tag_id.as_str(), row.created, row.ratable))
        .collect();
    assert_eq!(tags, [("refund", 1, 1), ("vip", 2, 1)]);
}
