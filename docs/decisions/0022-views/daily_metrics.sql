-- One row per local day, origin, category, agent and priority, where any of the numbers is not 0.
-- Rows are counted by one number made of the day's and the group's (ticket_groups), which sorts far faster than five texts.
-- Percentiles: r is percent_rank(), (rank - 1) / (count - 1), so the two nearest values are the greatest with r <= p and the least with r > p; they are one
-- and the same where equal values reach over p (more values have r <= p than stand below it).
CREATE VIEW daily_metrics AS
WITH d AS MATERIALIZED (
    SELECT number * 1000000 AS key, day, starts_at, ends_at FROM days
    WHERE ends_at > (SELECT created_at FROM tickets WHERE status IS NOT 'Spam' ORDER BY created_at LIMIT 1)
        AND starts_at <= (SELECT started_at FROM snapshots WHERE finished_at IS NOT NULL ORDER BY id DESC LIMIT 1)
), measured AS (
    SELECT (SELECT x.number FROM days x WHERE x.starts_at <= k.first_reply_at ORDER BY x.starts_at DESC LIMIT 1) * 1000000 + s.group_id AS key, 5 AS what, k.first_reply_ms AS ms
    FROM ticket_metrics k
    CROSS JOIN ticket_spans s ON s.ticket_id = k.ticket_id AND s.starts_at <= k.first_reply_at
        AND (s.ends_at > k.first_reply_at OR s.ends_at IS NULL)
    WHERE k.first_reply_ms IS NOT NULL AND k.is_deleted = 0 AND k.is_spam = 0
    UNION ALL
    SELECT (SELECT x.number FROM days x WHERE x.starts_at <= k.last_resolved_at ORDER BY x.starts_at DESC LIMIT 1) * 1000000 + s.group_id, 6, k.full_resolution_ms
    FROM ticket_metrics k
    CROSS JOIN ticket_spans s ON s.ticket_id = k.ticket_id AND s.starts_at <= k.last_resolved_at
        AND (s.ends_at > k.last_resolved_at OR s.ends_at IS NULL)
    WHERE k.full_resolution_ms IS NOT NULL AND k.is_deleted = 0 AND k.is_spam = 0
), parts AS (
    SELECT d.key + s.group_id AS key, 1 AS what, 1 AS n, NULL AS p90
    FROM d
    CROSS JOIN tickets t ON t.created_at >= d.starts_at AND t.created_at < d.ends_at
    CROSS JOIN ticket_spans s ON s.ticket_id = t.id AND s.starts_at <= t.created_at AND (s.ends_at > t.created_at OR s.ends_at IS NULL)
    WHERE t.deleted_at IS NULL AND t.status IS NOT 'Spam'
    UNION ALL
    SELECT d.key + s.group_id, 2, 1, NULL
    FROM d
    CROSS JOIN ticket_events e ON e.kind = 'deletion' AND e.occurred_at >= d.starts_at AND e.occurred_at < d.ends_at
    CROSS JOIN ticket_metrics k ON k.ticket_id = e.ticket_id
    CROSS JOIN ticket_spans s ON s.ticket_id = e.ticket_id AND s.starts_at <= e.occurred_at AND (s.ends_at > e.occurred_at OR s.ends_at IS NULL)
    WHERE k.is_deleted = 1 AND k.is_spam = 0 AND e.to_value = '1'
    UNION ALL
    SELECT (SELECT x.number FROM days x WHERE x.starts_at <= r.occurred_at ORDER BY x.starts_at DESC LIMIT 1) * 1000000 + s.group_id, 3, 1, NULL
    FROM ticket_replies r
    CROSS JOIN ticket_spans s ON s.ticket_id = r.ticket_id AND s.starts_at <= r.occurred_at AND (s.ends_at > r.occurred_at OR s.ends_at IS NULL)
    CROSS JOIN ticket_metrics k ON k.ticket_id = r.ticket_id
    WHERE k.is_deleted = 0 AND k.is_spam = 0
    UNION ALL
    SELECT number * 1000000 + group_id, CASE what WHEN 'resolved' THEN 7 ELSE 8 END, 1, NULL
    FROM ticket_outcomes
    WHERE csat IS NULL AND what <> 'rated'
    UNION ALL
    -- n is 1 for the upper bound alone, 2 for the backlog too, 3 for the lower bound too
    SELECT x.number * 1000000 + s.group_id, 4, s.backlog + s.backlog_low + 1, NULL
    FROM ticket_spans s
    CROSS JOIN days x ON x.ends_at > s.starts_at AND x.ends_at <= ifnull(s.ends_at, '9999')
    WHERE s.backlog_high = 1
        AND +x.starts_at <= (SELECT started_at FROM snapshots WHERE finished_at IS NOT NULL ORDER BY id DESC LIMIT 1)
    UNION ALL
    SELECT key, what,
        (2 * max(CASE WHEN r <= 0.5 THEN ms END) + 1
            + CASE WHEN (count(*) - 1) % 2 AND sum(r <= 0.5) = (count(*) - 1) / 2 + 1
                THEN min(CASE WHEN r > 0.5 THEN ms END) - max(CASE WHEN r <= 0.5 THEN ms END) ELSE 0 END) / 2,
        (20 * max(CASE WHEN r <= 0.9 THEN ms END) + 10
            + CASE WHEN (count(*) - 1) * 9 % 10 AND sum(r <= 0.9) = (count(*) - 1) * 9 / 10 + 1
                THEN 2 * ((count(*) - 1) * 9 % 10) * (min(CASE WHEN r > 0.9 THEN ms END) - max(CASE WHEN r <= 0.9 THEN ms END)) ELSE 0 END) / 20
    FROM (
        SELECT key, what, ms, percent_rank() OVER (PARTITION BY key, what ORDER BY ms) AS r
        FROM measured
    )
    GROUP BY key, what
), sums AS (
    SELECT key / 1000000 AS number, key % 1000000 AS group_id,
        sum(what = 1) AS created,
        sum(what = 7) AS resolved,
        sum(what = 8) AS reopened,
        sum(what = 2) AS deleted,
        sum(what = 4 AND n >= 2) AS backlog,
        sum(what = 4 AND n = 3) AS backlog_low,
        sum(what = 4) AS backlog_high,
        sum(CASE WHEN what = 3 THEN n ELSE 0 END) AS public_replies,
        max(CASE WHEN what = 5 THEN n END) AS first_reply,
        max(CASE WHEN what = 5 THEN p90 END) AS first_reply_p90,
        max(CASE WHEN what = 6 THEN n END) AS full_resolution,
        max(CASE WHEN what = 6 THEN p90 END) AS full_resolution_p90
    FROM parts
    GROUP BY key
), rows AS (
    SELECT x.day, g.source_type, g.category_id, g.assigned_agent_id, g.priority, s.created, s.resolved, s.reopened, 0 AS rated, 0 AS csat, s.deleted, s.backlog,
        s.backlog_low, s.backlog_high, s.public_replies, s.first_reply, s.first_reply_p90, s.full_resolution, s.full_resolution_p90
    FROM sums s
    CROSS JOIN days x ON x.number = s.number
    CROSS JOIN ticket_groups g ON g.id = s.group_id
    WHERE s.number BETWEEN (SELECT min(key) FROM d) / 1000000 AND (SELECT max(key) FROM d) / 1000000
    UNION ALL
    SELECT day, source_type, category_id, agent_id, priority, 0, 0, 0, 1, csat, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL
    FROM ticket_outcomes
    WHERE csat IS NOT NULL AND day IN (SELECT day FROM d)
)
SELECT day, source_type, category_id, assigned_agent_id, priority,
    sum(created) AS created,
    sum(resolved) AS resolved,
    sum(reopened) AS reopened,
    sum(deleted) AS deleted,
    sum(backlog) AS backlog,
    sum(backlog_low) AS backlog_low,
    sum(backlog_high) AS backlog_high,
    sum(public_replies) AS public_replies,
    sum(rated) AS rated,
    sum(csat) AS csat_sum,
    max(first_reply) AS median_first_reply_ms,
    max(first_reply_p90) AS p90_first_reply_ms,
    max(full_resolution) AS median_full_resolution_ms,
    max(full_resolution_p90) AS p90_full_resolution_ms,
    CASE WHEN day >= (SELECT h.day FROM days h WHERE h.starts_at <= (SELECT min(valid_from) FROM ticket_history) ORDER BY h.starts_at DESC LIMIT 1)
        THEN 'history' ELSE 'resolution_times' END AS backlog_source
FROM rows
GROUP BY day, source_type, category_id, assigned_agent_id, priority;
