-- One row per agent and period (week, month, all).
-- Percentiles: r is percent_rank(), (rank - 1) / (count - 1), so the two nearest values are the greatest with r <= p and the least with r > p; they are one
-- and the same where equal values reach over p (more values have r <= p than stand below it).
CREATE VIEW agent_metrics AS
WITH firsts AS MATERIALIZED (
    SELECT d.week, d.month, k.first_reply_agent_id AS agent_id, k.first_reply_ms AS ms, k.first_reply_business_ms AS business_ms
    FROM ticket_metrics k
    CROSS JOIN days d ON d.number = (SELECT x.number FROM days x WHERE x.starts_at <= k.first_reply_at ORDER BY x.starts_at DESC LIMIT 1)
    WHERE k.first_reply_at IS NOT NULL AND k.is_deleted = 0 AND k.is_spam = 0 AND k.first_reply_agent_id IS NOT NULL
), fulls AS MATERIALIZED (
    SELECT d.week, d.month, s.assigned_agent_id AS agent_id, k.full_resolution_ms AS ms
    FROM ticket_metrics k
    CROSS JOIN ticket_spans s ON s.ticket_id = k.ticket_id AND s.starts_at <= k.last_resolved_at
        AND (s.ends_at > k.last_resolved_at OR s.ends_at IS NULL)
    CROSS JOIN days d ON d.number = (SELECT x.number FROM days x WHERE x.starts_at <= k.last_resolved_at ORDER BY x.starts_at DESC LIMIT 1)
    WHERE k.full_resolution_ms IS NOT NULL AND k.is_deleted = 0 AND k.is_spam = 0 AND s.assigned_agent_id IS NOT NULL
), replied AS MATERIALIZED (
    SELECT d.week, d.month, r.agent_id, r.ticket_id, count(*) AS n
    FROM ticket_replies r
    CROSS JOIN ticket_metrics k ON k.ticket_id = r.ticket_id
    CROSS JOIN days d ON d.number = (SELECT x.number FROM days x WHERE x.starts_at <= r.occurred_at ORDER BY x.starts_at DESC LIMIT 1)
    WHERE k.is_deleted = 0 AND k.is_spam = 0 AND r.agent_id IS NOT NULL
    GROUP BY r.ticket_id, r.agent_id, d.week, d.month
), happened AS MATERIALIZED (
    SELECT week, month, agent_id, what, count(*) AS n, sum(csat) AS csat FROM ticket_outcomes WHERE agent_id IS NOT NULL GROUP BY agent_id, what, week, month
), firsts_spread AS NOT MATERIALIZED (
    SELECT 'week' AS period, week AS starts_on, * FROM firsts
    UNION ALL
    SELECT 'month', month, * FROM firsts
    UNION ALL
    SELECT 'all', NULL, * FROM firsts
), fulls_spread AS NOT MATERIALIZED (
    SELECT 'week' AS period, week AS starts_on, * FROM fulls
    UNION ALL
    SELECT 'month', month, * FROM fulls
    UNION ALL
    SELECT 'all', NULL, * FROM fulls
), replied_spread AS NOT MATERIALIZED (
    SELECT 'week' AS period, week AS starts_on, * FROM replied
    UNION ALL
    SELECT 'month', month, * FROM replied
    UNION ALL
    SELECT 'all', NULL, * FROM replied
), happened_spread AS NOT MATERIALIZED (
    SELECT 'week' AS period, week AS starts_on, * FROM happened
    UNION ALL
    SELECT 'month', month, * FROM happened
    UNION ALL
    SELECT 'all', NULL, * FROM happened
), parts AS (
    SELECT period, starts_on, agent_id, 'first_reply' AS what, count(*) AS n, NULL AS other,
        (2 * max(CASE WHEN r <= 0.5 THEN ms END) + 1
            + CASE WHEN (count(*) - 1) % 2 AND sum(r <= 0.5) = (count(*) - 1) / 2 + 1
                THEN min(CASE WHEN r > 0.5 THEN ms END) - max(CASE WHEN r <= 0.5 THEN ms END) ELSE 0 END) / 2 AS median,
        (20 * max(CASE WHEN r <= 0.9 THEN ms END) + 10
            + CASE WHEN (count(*) - 1) * 9 % 10 AND sum(r <= 0.9) = (count(*) - 1) * 9 / 10 + 1
                THEN 2 * ((count(*) - 1) * 9 % 10) * (min(CASE WHEN r > 0.9 THEN ms END) - max(CASE WHEN r <= 0.9 THEN ms END)) ELSE 0 END) / 20 AS p90
    FROM (
        SELECT period, starts_on, agent_id, ms, percent_rank() OVER (PARTITION BY period, starts_on, agent_id ORDER BY ms) AS r
        FROM firsts_spread
    )
    GROUP BY period, starts_on, agent_id
    UNION ALL
    SELECT period, starts_on, agent_id, 'business', NULL, NULL,
        (2 * max(CASE WHEN r <= 0.5 THEN ms END) + 1
            + CASE WHEN (count(*) - 1) % 2 AND sum(r <= 0.5) = (count(*) - 1) / 2 + 1
                THEN min(CASE WHEN r > 0.5 THEN ms END) - max(CASE WHEN r <= 0.5 THEN ms END) ELSE 0 END) / 2,
        (20 * max(CASE WHEN r <= 0.9 THEN ms END) + 10
            + CASE WHEN (count(*) - 1) * 9 % 10 AND sum(r <= 0.9) = (count(*) - 1) * 9 / 10 + 1
                THEN 2 * ((count(*) - 1) * 9 % 10) * (min(CASE WHEN r > 0.9 THEN ms END) - max(CASE WHEN r <= 0.9 THEN ms END)) ELSE 0 END) / 20
    FROM (
        SELECT period, starts_on, agent_id, business_ms AS ms, percent_rank() OVER (PARTITION BY period, starts_on, agent_id ORDER BY business_ms) AS r
        FROM firsts_spread
    )
    GROUP BY period, starts_on, agent_id
    UNION ALL
    SELECT period, starts_on, agent_id, 'full_resolution', NULL, NULL,
        (2 * max(CASE WHEN r <= 0.5 THEN ms END) + 1
            + CASE WHEN (count(*) - 1) % 2 AND sum(r <= 0.5) = (count(*) - 1) / 2 + 1
                THEN min(CASE WHEN r > 0.5 THEN ms END) - max(CASE WHEN r <= 0.5 THEN ms END) ELSE 0 END) / 2,
        NULL
    FROM (
        SELECT period, starts_on, agent_id, ms, percent_rank() OVER (PARTITION BY period, starts_on, agent_id ORDER BY ms) AS r
        FROM fulls_spread
    )
    GROUP BY period, starts_on, agent_id
    UNION ALL
    SELECT period, starts_on, agent_id, 'replies', sum(n), count(DISTINCT ticket_id), NULL, NULL
    FROM replied_spread
    GROUP BY period, starts_on, agent_id
    UNION ALL
    SELECT period, starts_on, agent_id, what, sum(n), sum(csat), NULL, NULL
    FROM happened_spread
    GROUP BY period, starts_on, agent_id, what
    UNION ALL
    SELECT 'all', NULL, t.assigned_agent_id, 'open', count(*), sum(k.is_waiting_on_us IS 1), NULL, NULL
    FROM tickets t
    CROSS JOIN ticket_metrics k ON k.ticket_id = t.id
    WHERE t.status IN ('Open', 'Pending', 'Waiting') AND t.deleted_at IS NULL AND t.assigned_agent_id IS NOT NULL
    GROUP BY t.assigned_agent_id
)
SELECT p.agent_id, coalesce(a.name, a.email, p.agent_id) AS agent_name, p.period, p.starts_on,
    ifnull(max(CASE WHEN what = 'replies' THEN n END), 0) AS public_replies,
    ifnull(max(CASE WHEN what = 'replies' THEN other END), 0) AS tickets_replied,
    ifnull(max(CASE WHEN what = 'first_reply' THEN n END), 0) AS first_replies,
    ifnull(max(CASE WHEN what = 'resolved' THEN n END), 0) AS resolved,
    ifnull(max(CASE WHEN what = 'reopened' THEN n END), 0) AS reopened,
    ifnull(max(CASE WHEN what = 'rated' THEN n END), 0) AS rated,
    ifnull(max(CASE WHEN what = 'rated' THEN other END), 0) AS csat_sum,
    max(CASE WHEN what = 'first_reply' THEN median END) AS median_first_reply_ms,
    max(CASE WHEN what = 'first_reply' THEN p90 END) AS p90_first_reply_ms,
    max(CASE WHEN what = 'business' THEN median END) AS median_first_reply_business_ms,
    max(CASE WHEN what = 'business' THEN p90 END) AS p90_first_reply_business_ms,
    max(CASE WHEN what = 'full_resolution' THEN median END) AS median_full_resolution_ms,
    CASE WHEN period = 'all' THEN ifnull(max(CASE WHEN what = 'open' THEN n END), 0) END AS open,
    CASE WHEN period = 'all' THEN ifnull(max(CASE WHEN what = 'open' THEN other END), 0) END AS waiting_on_us
FROM parts p
LEFT JOIN agents a ON a.id = p.agent_id
GROUP BY p.period, p.starts_on, p.agent_id;
