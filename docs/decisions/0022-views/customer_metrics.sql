-- One row per customer with a ticket that is neither deleted nor spam.
CREATE VIEW customer_metrics AS
WITH theirs AS (
    SELECT t.customer_id, t.status, t.created_at, t.csat, k.customer_message_count, k.public_reply_count, k.first_reply_ms,
        lag(t.created_at) OVER (PARTITION BY t.customer_id ORDER BY t.created_at, t.id) AS before_at,
        ntile(2) OVER (PARTITION BY t.customer_id, k.first_reply_ms IS NULL ORDER BY k.first_reply_ms) AS half
    FROM tickets t
    JOIN ticket_metrics k ON k.ticket_id = t.id
    WHERE t.customer_id IS NOT NULL AND k.is_deleted = 0 AND k.is_spam = 0
)
SELECT o.customer_id, coalesce(c.name, c.email, o.customer_id) AS customer_name,
    count(*) AS tickets,
    sum(o.status IS NOT NULL AND o.status IN ('Open', 'Pending', 'Waiting')) AS open,
    sum(o.status IS 'Resolved') AS resolved,
    sum(CASE
        WHEN o.before_at IS NULL THEN 0
        ELSE (strftime('%s', substr(o.created_at, 1, 19)) - strftime('%s', substr(o.before_at, 1, 19))) * 1000
            + substr(o.created_at, 21, 3) - substr(o.before_at, 21, 3) <= 604800000
    END) AS repeats_within_a_week,
    min(o.created_at) AS first_ticket_at,
    max(o.created_at) AS last_ticket_at,
    sum(o.customer_message_count) AS customer_messages,
    sum(o.public_reply_count) AS public_replies,
    count(o.csat) AS rated,
    ifnull(sum(o.csat), 0) AS csat_sum,
    CASE
        WHEN count(o.first_reply_ms) % 2 THEN max(CASE WHEN o.half = 1 THEN o.first_reply_ms END)
        ELSE (max(CASE WHEN o.half = 1 THEN o.first_reply_ms END) + min(CASE WHEN o.half = 2 THEN o.first_reply_ms END) + 1) / 2
    END AS median_first_reply_ms
FROM theirs o
LEFT JOIN customers c ON c.id = o.customer_id
GROUP BY o.customer_id;
