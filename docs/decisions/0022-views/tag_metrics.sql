-- One row per tag and period, of the tickets created in it that have the tag now: one with two tags is in two rows.
-- ntile(2): see category_metrics.
CREATE VIEW tag_metrics AS
WITH base AS MATERIALIZED (
    SELECT d.week, d.month, g.tag_id AS tag_id,
        t.status IS 'Resolved' AS is_resolved,
        k.reopen_count > 0 AS was_reopened,
        t.status IS NOT NULL AND t.status IN ('Open', 'Pending', 'Waiting') AS is_open,
        t.csat,
        k.first_resolved_at IS NOT NULL AND t.source_type IS NOT 'telegram-group' AS is_ratable,
        k.first_reply_ms,
        k.full_resolution_ms
    FROM days d
    CROSS JOIN tickets t ON t.created_at >= d.starts_at AND t.created_at < d.ends_at
    CROSS JOIN ticket_metrics k ON k.ticket_id = t.id
    CROSS JOIN ticket_tags g ON g.ticket_id = t.id
    WHERE k.is_deleted = 0 AND k.is_spam = 0
), spread AS NOT MATERIALIZED (
    SELECT 'week' AS period, week AS starts_on, * FROM base
    UNION ALL
    SELECT 'month', month, * FROM base
    UNION ALL
    SELECT 'all', NULL, * FROM base
), parts AS (
    SELECT period, starts_on, tag_id, count(*) AS created,
        sum(is_resolved) AS resolved,
        sum(was_reopened) AS reopened,
        sum(is_open) AS open,
        count(csat) AS rated,
        ifnull(sum(csat), 0) AS csat_sum,
        sum(is_ratable) AS ratable,
        NULL AS what, NULL AS median
    FROM spread
    GROUP BY period, starts_on, tag_id
    UNION ALL
    SELECT period, starts_on, tag_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'first_reply',
        CASE
            WHEN count(*) % 2 THEN max(CASE WHEN half = 1 THEN ms END)
            ELSE (max(CASE WHEN half = 1 THEN ms END) + min(CASE WHEN half = 2 THEN ms END) + 1) / 2
        END
    FROM (
        SELECT period, starts_on, tag_id, first_reply_ms AS ms, ntile(2) OVER (PARTITION BY period, starts_on, tag_id ORDER BY first_reply_ms) AS half
        FROM spread
        WHERE first_reply_ms IS NOT NULL
    )
    GROUP BY period, starts_on, tag_id
    UNION ALL
    SELECT period, starts_on, tag_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'full_resolution',
        CASE
            WHEN count(*) % 2 THEN max(CASE WHEN half = 1 THEN ms END)
            ELSE (max(CASE WHEN half = 1 THEN ms END) + min(CASE WHEN half = 2 THEN ms END) + 1) / 2
        END
    FROM (
        SELECT period, starts_on, tag_id, full_resolution_ms AS ms, ntile(2) OVER (PARTITION BY period, starts_on, tag_id ORDER BY full_resolution_ms) AS half
        FROM spread
        WHERE full_resolution_ms IS NOT NULL
    )
    GROUP BY period, starts_on, tag_id
)
SELECT p.tag_id, coalesce(c.name, p.tag_id) AS tag_name, p.period, p.starts_on,
    max(p.created) AS created,
    max(p.resolved) AS resolved,
    max(p.reopened) AS reopened,
    max(p.open) AS open,
    max(p.rated) AS rated,
    max(p.csat_sum) AS csat_sum,
    max(p.ratable) AS ratable,
    max(CASE WHEN p.what = 'first_reply' THEN p.median END) AS median_first_reply_ms,
    max(CASE WHEN p.what = 'full_resolution' THEN p.median END) AS median_full_resolution_ms
FROM parts p
LEFT JOIN tags c ON c.id = p.tag_id
GROUP BY p.period, p.starts_on, p.tag_id;
