-- One row per agent and local day on which one of the numbers is not 0.
CREATE VIEW agent_daily AS
WITH firsts AS MATERIALIZED (
    SELECT d.day, k.first_reply_agent_id AS agent_id, k.first_reply_ms AS ms, k.first_reply_business_ms AS business_ms
    FROM ticket_metrics k
    CROSS JOIN days d ON d.number = (SELECT x.number FROM days x WHERE x.starts_at <= k.first_reply_at ORDER BY x.starts_at DESC LIMIT 1)
    WHERE k.first_reply_at IS NOT NULL AND k.is_deleted = 0 AND k.is_spam = 0 AND k.first_reply_agent_id IS NOT NULL
), parts AS (
    SELECT agent_id, day, 'first_reply' AS what, count(*) AS n, NULL AS tickets,
        CASE
            WHEN count(*) % 2 THEN max(CASE WHEN half = 1 THEN ms END)
            ELSE (max(CASE WHEN half = 1 THEN ms END) + min(CASE WHEN half = 2 THEN ms END) + 1) / 2
        END AS median
    FROM (SELECT agent_id, day, ms, ntile(2) OVER (PARTITION BY agent_id, day ORDER BY ms) AS half FROM firsts)
    GROUP BY agent_id, day
    UNION ALL
    SELECT agent_id, day, 'business', NULL, NULL,
        CASE
            WHEN count(*) % 2 THEN max(CASE WHEN half = 1 THEN ms END)
            ELSE (max(CASE WHEN half = 1 THEN ms END) + min(CASE WHEN half = 2 THEN ms END) + 1) / 2
        END
    FROM (SELECT agent_id, day, business_ms AS ms, ntile(2) OVER (PARTITION BY agent_id, day ORDER BY business_ms) AS half FROM firsts)
    GROUP BY agent_id, day
    UNION ALL
    SELECT r.agent_id, d.day, 'replies', count(*), count(DISTINCT r.ticket_id), NULL
    FROM days d
    CROSS JOIN ticket_replies r ON r.occurred_at >= d.starts_at AND r.occurred_at < d.ends_at
    CROSS JOIN ticket_metrics k ON k.ticket_id = r.ticket_id
    WHERE k.is_deleted = 0 AND k.is_spam = 0 AND r.agent_id IS NOT NULL
    GROUP BY r.agent_id, d.day
    UNION ALL
    SELECT o.agent_id, o.day, o.what, o.csat, NULL, NULL
    FROM ticket_outcomes o
    WHERE o.agent_id IS NOT NULL
)
SELECT p.agent_id, coalesce(a.name, a.email, p.agent_id) AS agent_name, p.day, w.week,
    sum(CASE WHEN what = 'replies' THEN n ELSE 0 END) AS public_replies,
    sum(CASE WHEN what = 'replies' THEN tickets ELSE 0 END) AS tickets_replied,
    sum(CASE WHEN what = 'first_reply' THEN n ELSE 0 END) AS first_replies,
    sum(what = 'resolved') AS resolved,
    sum(what = 'reopened') AS reopened,
    sum(what = 'rated') AS rated,
    sum(CASE WHEN what = 'rated' THEN n ELSE 0 END) AS csat_sum,
    max(CASE WHEN what = 'first_reply' THEN median END) AS median_first_reply_ms,
    max(CASE WHEN what = 'business' THEN median END) AS median_first_reply_business_ms
FROM parts p
JOIN days w ON w.day = p.day
LEFT JOIN agents a ON a.id = p.agent_id
GROUP BY p.agent_id, p.day;
