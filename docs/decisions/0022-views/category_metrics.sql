-- One row per category and period, of the tickets created in it; the category is that which a ticket has now.
-- ntile(2) cuts a group in halves, of which the first is the larger: the median lies where they meet.
CREATE VIEW category_metrics AS
WITH base AS MATERIALIZED (
    SELECT d.week, d.month, t.category_id AS category_id,
        t.status IS 'Resolved' AS is_resolved,
        k.reopen_count > 0 AS was_reopened,
        k.is_one_touch,
        k.is_ai_only,
        t.status IS NOT NULL AND t.status IN ('Open', 'Pending', 'Waiting') AS is_open,
        t.csat,
        k.first_resolved_at IS NOT NULL AND t.source_type IS NOT 'telegram-group' AS is_ratable,
        k.first_reply_ms,
        k.first_reply_business_ms,
        k.full_resolution_ms
    FROM days d
    CROSS JOIN tickets t ON t.created_at >= d.starts_at AND t.created_at < d.ends_at
    CROSS JOIN ticket_metrics k ON k.ticket_id = t.id
    WHERE k.is_deleted = 0 AND k.is_spam = 0
), spread AS NOT MATERIALIZED (
    SELECT 'week' AS period, week AS starts_on, * FROM base
    UNION ALL
    SELECT 'month', month, * FROM base
    UNION ALL
    SELECT 'all', NULL, * FROM base
), parts AS (
    SELECT period, starts_on, category_id, count(*) AS created,
        sum(is_resolved) AS resolved,
        sum(was_reopened) AS reopened,
        sum(is_one_touch IS 1) AS one_touch,
        sum(is_ai_only IS 1) AS ai_only,
        sum(is_open) AS open,
        count(csat) AS rated,
        ifnull(sum(csat), 0) AS csat_sum,
        sum(is_ratable) AS ratable,
        NULL AS what, NULL AS median
    FROM spread
    GROUP BY period, starts_on, category_id
    UNION ALL
    SELECT period, starts_on, category_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'first_reply',
        CASE
            WHEN count(*) % 2 THEN max(CASE WHEN half = 1 THEN ms END)
            ELSE (max(CASE WHEN half = 1 THEN ms END) + min(CASE WHEN half = 2 THEN ms END) + 1) / 2
        END
    FROM (
        SELECT period, starts_on, category_id, first_reply_ms AS ms, ntile(2) OVER (PARTITION BY period, starts_on, category_id ORDER BY first_reply_ms) AS half
        FROM spread
        WHERE first_reply_ms IS NOT NULL
    )
    GROUP BY period, starts_on, category_id
    UNION ALL
    SELECT period, starts_on, category_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'first_reply_business',
        CASE
            WHEN count(*) % 2 THEN max(CASE WHEN half = 1 THEN ms END)
            ELSE (max(CASE WHEN half = 1 THEN ms END) + min(CASE WHEN half = 2 THEN ms END) + 1) / 2
        END
    FROM (
        SELECT period, starts_on, category_id, first_reply_business_ms AS ms, ntile(2) OVER (PARTITION BY period, starts_on, category_id ORDER BY first_reply_business_ms) AS half
        FROM spread
        WHERE first_reply_business_ms IS NOT NULL
    )
    GROUP BY period, starts_on, category_id
    UNION ALL
    SELECT period, starts_on, category_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'full_resolution',
        CASE
            WHEN count(*) % 2 THEN max(CASE WHEN half = 1 THEN ms END)
            ELSE (max(CASE WHEN half = 1 THEN ms END) + min(CASE WHEN half = 2 THEN ms END) + 1) / 2
        END
    FROM (
        SELECT period, starts_on, category_id, full_resolution_ms AS ms, ntile(2) OVER (PARTITION BY period, starts_on, category_id ORDER BY full_resolution_ms) AS half
        FROM spread
        WHERE full_resolution_ms IS NOT NULL
    )
    GROUP BY period, starts_on, category_id
)
SELECT p.category_id, coalesce(c.name, p.category_id) AS category_name, p.period, p.starts_on,
    max(p.created) AS created,
    max(p.resolved) AS resolved,
    max(p.reopened) AS reopened,
    max(p.one_touch) AS one_touch,
    max(p.ai_only) AS ai_only,
    max(p.open) AS open,
    max(p.rated) AS rated,
    max(p.csat_sum) AS csat_sum,
    max(p.ratable) AS ratable,
    max(CASE WHEN p.what = 'first_reply' THEN p.median END) AS median_first_reply_ms,
    max(CASE WHEN p.what = 'first_reply_business' THEN p.median END) AS median_first_reply_business_ms,
    max(CASE WHEN p.what = 'full_resolution' THEN p.median END) AS median_full_resolution_ms
FROM parts p
LEFT JOIN categories c ON c.id = p.category_id
GROUP BY p.period, p.starts_on, p.category_id;
