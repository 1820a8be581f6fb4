//! Numbers by day, by agent, category, tag and customer, and by hour: made of all tickets where a run ends.
//! Every definition stands in `docs/metrics.md`, which is written from here.

use super::column::{Cell, Column, Field, Record, Table, Type};
use super::instant::Instant;

table! {
    /// One row per local day, from the first ticket (of 2010 at the earliest: no desk is older) to a year ahead, without gaps. Key: `day`.
    "days" LocalDay key("day") {
        /// The local date in `time_zone`, `2026-01-31`.
        day: String as Text,
        /// When it begins: `created_at >= starts_at AND created_at < ends_at` finds what happened on it.
        /// Trap: A day of a change of clocks has 23 or 25 hours.
        starts_at: Instant as Instant,
        /// When the next one begins.
        ends_at: Instant as Instant,
        /// The Monday of its week.
        week: String as Text,
        /// The first of its month.
        month: String as Text,
        /// 1 Monday to 7 Sunday.
        /// Trap: SQLite's own begins with Sunday.
        weekday: i64 as Integer,
    }
}

table! {
    /// One row per local hour, from the first ticket to the last run, without gaps: those of `hourly_volume`, with their ends. Key: `starts_at`.
    "hours" LocalHour key("starts_at") {
        /// When the hour begins.
        starts_at: Instant as Instant,
        /// When the next one begins.
        ends_at: Instant as Instant,
        /// The local date.
        day: String as Text,
        /// 1 Monday to 7 Sunday.
        weekday: i64 as Integer,
        /// The local hour, 0 to 23.
        /// Trap: One hour of the year comes twice, one not at all.
        hour: i64 as Integer,
    }
}

table! {
    /// One row per day, origin, category, agent and priority, where any of the numbers is not 0. Days run from the first ticket to
    /// that on which the last finished run began. A number belongs to the day on which it happened, and to the category, agent and
    /// priority that the ticket had at that instant.
    "daily_metrics" DailyMetrics key("day", "source_type", "category_id", "assigned_agent_id", "priority") {
        /// The local date, `2026-01-31`.
        /// Trap: Panels in different zones do not add up.
        day: String as Text,
        /// `tickets.source_type`.
        source_type: Option<String> as Enumeration,
        /// The category at that instant.
        category_id: Option<String> as Id,
        /// The agent at that instant; of `rated` and `csat_sum`, `sender_id` of the last human message at or before the rating.
        /// Trap: Not today's agent.
        assigned_agent_id: Option<String> as Id,
        /// The priority at that instant; NULL where it is no number.
        priority: Option<i64> as Integer,
        /// Tickets created.
        created: i64 as Integer,
        /// Resolutions, each.
        /// Trap: More than tickets that are resolved: one can be resolved twice.
        resolved: i64 as Integer,
        /// Reopenings.
        reopened: i64 as Integer,
        /// Changes of deletion to 1, of tickets that are deleted now. Spam is out.
        /// Trap: The day on which it was seen.
        deleted: i64 as Integer,
        /// Tickets that were open and not deleted at the end of the day, each change taken at `occurred_at`. Tickets that were
        /// deleted later are in it, tickets that are spam now are not. One that is open now although its changes say otherwise
        /// counts from the last change on; one that is not, although no change says so, does not count.
        /// Trap: A sum over days means nothing.
        backlog: i64 as Integer,
        /// Those that were so whatever the instants of changes that are not exact.
        backlog_low: i64 as Integer,
        /// Those that may have been so: a change that is not exact counts as done or not done at each end of a day in
        /// [`not_before`, `occurred_at`). Tickets that are not open although no change says so are in it from `created_at`.
        backlog_high: i64 as Integer,
        /// Replies by humans.
        public_replies: i64 as Integer,
        /// Tickets whose first rating was seen.
        /// Trap: A first backfill sees all old ratings on its own day.
        rated: i64 as Integer,
        /// Sum of their `csat_last`.
        /// Trap: Mean = `csat_sum` / `rated` over many rows, not the mean of means.
        csat_sum: i64 as Integer,
        /// Of first replies given on the day (`first_reply_ms`).
        /// Trap: Medians of several rows cannot be put together: ask `ticket_metrics`.
        median_first_reply_ms: Option<i64> as Integer,
        /// The 90th percentile of those.
        p90_first_reply_ms: Option<i64> as Integer,
        /// Of tickets that are resolved, whose `last_resolved_at` is on the day (`full_resolution_ms`).
        median_full_resolution_ms: Option<i64> as Integer,
        /// The 90th percentile of those.
        p90_full_resolution_ms: Option<i64> as Integer,
        /// `history` from the day of the first `ticket_history.valid_from` on; `resolution_times` before, when only exact instants
        /// are known.
        /// Trap: Before it, a ticket reopened without an audit entry counts as open until its last resolution.
        backlog_source: String as Enumeration,
    }
}

table! {
    /// One row per agent and day on which one of the numbers is not 0.
    "agent_daily" AgentDay key("agent_id", "day") {
        /// The agent.
        agent_id: String as Id,
        /// Name, else e-mail, else id.
        /// Trap: Two agents can share one: group by the id.
        agent_name: Option<String> as Text,
        /// The local date.
        day: String as Text,
        /// The Monday of its week.
        week: String as Text,
        /// Replies with this `sender_id`.
        /// Trap: Bursts count once.
        public_replies: i64 as Integer,
        /// Different tickets among them.
        tickets_replied: i64 as Integer,
        /// Tickets whose `first_reply_agent_id` it is and whose `first_reply_at` is on the day.
        first_replies: i64 as Integer,
        /// Resolutions of tickets assigned to the agent at that instant.
        /// Trap: The API rarely says who resolved.
        resolved: i64 as Integer,
        /// Reopenings of tickets assigned to the agent at that instant.
        reopened: i64 as Integer,
        /// As in `daily_metrics`.
        rated: i64 as Integer,
        /// As in `daily_metrics`.
        csat_sum: i64 as Integer,
        /// Of `first_replies`.
        /// Trap: Medians of days do not make that of a week: use `agent_metrics`.
        median_first_reply_ms: Option<i64> as Integer,
        /// That in business time.
        median_first_reply_business_ms: Option<i64> as Integer,
    }
}

table! {
    /// One row per agent and period. Rows of all three kinds of periods stand beside each other: always ask for one.
    "agent_metrics" AgentPeriod key("agent_id", "period", "starts_on") {
        /// The agent.
        agent_id: String as Id,
        /// Name, else e-mail, else id.
        agent_name: Option<String> as Text,
        /// `week`, `month` or `all`.
        /// Trap: Without it everything is counted three times.
        period: String as Enumeration,
        /// The local date on which it begins; NULL for `all`.
        starts_on: Option<String> as Text,
        /// Replies with this `sender_id`.
        public_replies: i64 as Integer,
        /// Different tickets among them.
        tickets_replied: i64 as Integer,
        /// Tickets whose first reply was by the agent and in the period.
        first_replies: i64 as Integer,
        /// Resolutions of tickets assigned to the agent at that instant.
        resolved: i64 as Integer,
        /// Reopenings of tickets assigned to the agent at that instant.
        reopened: i64 as Integer,
        /// As in `daily_metrics`.
        rated: i64 as Integer,
        /// Sum of their `csat_last`; the mean is `csat_sum` / `rated`.
        /// Trap: Name `rated` with it.
        csat_sum: i64 as Integer,
        /// Of `first_replies`.
        median_first_reply_ms: Option<i64> as Integer,
        /// The 90th percentile of those.
        p90_first_reply_ms: Option<i64> as Integer,
        /// That in business time.
        median_first_reply_business_ms: Option<i64> as Integer,
        /// The 90th percentile of those.
        p90_first_reply_business_ms: Option<i64> as Integer,
        /// Of tickets that are resolved, with `last_resolved_at` in the period, and assigned to the agent then.
        median_full_resolution_ms: Option<i64> as Integer,
        /// For `all`: tickets assigned to the agent now that are open. Else NULL.
        /// Trap: Tickets of nobody are in no row: ask `live_tickets`.
        open: Option<i64> as Integer,
        /// For `all`: those of them with `is_waiting_on_us` = 1. Else NULL.
        waiting_on_us: Option<i64> as Integer,
    }
}

table! {
    /// One row per category and period; tickets without one have `category_id` NULL.
    "category_metrics" CategoryPeriod key("category_id", "period", "starts_on") {
        /// The category that the ticket has now.
        /// Trap: Not the one it had then, unlike `daily_metrics`.
        category_id: Option<String> as Id,
        /// Its name, else its id.
        category_name: Option<String> as Text,
        /// `week`, `month` or `all`.
        period: String as Enumeration,
        /// The local date on which it begins; NULL for `all`.
        starts_on: Option<String> as Text,
        /// Tickets created in the period. All the other columns are of these tickets, whenever what they count happened.
        created: i64 as Integer,
        /// Those that are resolved now.
        resolved: i64 as Integer,
        /// Those with `reopen_count` > 0.
        reopened: i64 as Integer,
        /// Those with `is_one_touch` = 1.
        /// Trap: Of `resolved`.
        one_touch: i64 as Integer,
        /// Those with `is_ai_only` = 1.
        /// Trap: Of `resolved`.
        ai_only: i64 as Integer,
        /// Those that are open now.
        open: i64 as Integer,
        /// Those with a `csat`.
        rated: i64 as Integer,
        /// Sum of `csat`; the mean is `csat_sum` / `rated`.
        csat_sum: i64 as Integer,
        /// Those that were ever resolved (`first_resolved_at` is set) and do not come from `telegram-group`, where nobody can rate.
        /// The response rate is `rated` / `ratable`.
        /// Trap: Not of all tickets: nobody is asked before the resolution.
        ratable: i64 as Integer,
        /// Median of `first_reply_ms`.
        median_first_reply_ms: Option<i64> as Integer,
        /// That in business time.
        median_first_reply_business_ms: Option<i64> as Integer,
        /// Median of `full_resolution_ms`.
        median_full_resolution_ms: Option<i64> as Integer,
    }
}

table! {
    /// One row per tag and period, of tickets that have the tag now: one with two tags is in two rows.
    "tag_metrics" TagPeriod key("tag_id", "period", "starts_on") {
        /// The tag.
        /// Trap: Sums over tags count tickets more than once.
        tag_id: String as Id,
        /// Its name, else its id.
        tag_name: Option<String> as Text,
        /// `week`, `month` or `all`.
        period: String as Enumeration,
        /// The local date on which it begins; NULL for `all`.
        starts_on: Option<String> as Text,
        /// Tickets created in the period. All the other columns are of these tickets, whenever what they count happened.
        created: i64 as Integer,
        /// Those that are resolved now.
        resolved: i64 as Integer,
        /// Those with `reopen_count` > 0.
        reopened: i64 as Integer,
        /// Those that are open now.
        open: i64 as Integer,
        /// Those with a `csat`.
        rated: i64 as Integer,
        /// Sum of `csat`; the mean is `csat_sum` / `rated`.
        csat_sum: i64 as Integer,
        /// As in `category_metrics`. The response rate is `rated` / `ratable`.
        ratable: i64 as Integer,
        /// Median of `first_reply_ms`.
        median_first_reply_ms: Option<i64> as Integer,
        /// Median of `full_resolution_ms`.
        median_full_resolution_ms: Option<i64> as Integer,
    }
}

table! {
    /// One row per customer with a ticket. Tickets of telegram groups have no customer and are in no row.
    "customer_metrics" CustomerTotals key("customer_id") {
        /// The customer.
        /// Trap: One person can be several customers.
        customer_id: String as Id,
        /// Name, else e-mail, else id.
        customer_name: Option<String> as Text,
        /// Tickets.
        tickets: i64 as Integer,
        /// Those that are open.
        open: i64 as Integer,
        /// Those that are resolved.
        resolved: i64 as Integer,
        /// Tickets created at most 604,800,000 ms (7 days) after the `created_at` of the customer's ticket before (by `created_at`,
        /// then `id`).
        /// Trap: The rate is of all tickets: sum of this / sum of `tickets`.
        repeats_within_a_week: i64 as Integer,
        /// `created_at` of the first ticket.
        first_ticket_at: Instant as Instant,
        /// Of the last.
        last_ticket_at: Instant as Instant,
        /// Sum of `customer_message_count`.
        customer_messages: Option<i64> as Integer,
        /// Sum of `public_reply_count`.
        public_replies: Option<i64> as Integer,
        /// Tickets with a `csat`.
        rated: i64 as Integer,
        /// Sum of `csat`.
        csat_sum: i64 as Integer,
        /// Median of `first_reply_ms`.
        median_first_reply_ms: Option<i64> as Integer,
    }
}

table! {
    /// One row per hour from the first ticket to the last run, those in which nothing happened included.
    "hourly_volume" HourVolume key("starts_at") {
        /// When the hour begins.
        starts_at: Instant as Instant,
        /// The local date.
        day: String as Text,
        /// 1 Monday to 7 Sunday, local.
        /// Trap: SQLite's own begins with Sunday, and in UTC.
        weekday: i64 as Integer,
        /// The local hour, 0 to 23.
        /// Trap: One hour of the year comes twice, one not at all. In zones with half hours an hour begins at the full local one;
        /// what a change of clocks leaves of one is a row too.
        hour: i64 as Integer,
        /// Tickets created.
        created: i64 as Integer,
        /// Messages by the customer.
        customer_messages: i64 as Integer,
        /// Replies by humans.
        public_replies: i64 as Integer,
    }
}
