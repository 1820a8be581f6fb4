-- One row per resolution, reopening and first rating of tickets that are neither deleted nor spam, with what the ticket was at that instant.
-- Not in docs/metrics.md: daily_metrics, agent_daily and agent_metrics are made of it. agent_id is the agent at that instant; of a rating, who wrote last.
-- The days are in here, since SQLite looks up a join with a view of several parts only within the parts.
CREATE VIEW ticket_outcomes AS
SELECT d.day, d.week, d.month, d.number, s.group_id, e.ticket_id, CASE WHEN e.to_value = 'Resolved' THEN 'resolved' ELSE 'reopened' END AS what, NULL AS csat,
    g.source_type, g.category_id, g.assigned_agent_id AS agent_id, g.priority
FROM days d
CROSS JOIN ticket_events e ON e.kind = 'status' AND e.occurred_at >= d.starts_at AND e.occurred_at < d.ends_at
CROSS JOIN ticket_metrics k ON k.ticket_id = e.ticket_id
CROSS JOIN ticket_spans s ON s.ticket_id = e.ticket_id AND s.starts_at <= e.occurred_at AND (s.ends_at > e.occurred_at OR s.ends_at IS NULL)
CROSS JOIN ticket_groups g ON g.id = s.group_id
WHERE k.is_deleted = 0 AND k.is_spam = 0 AND e.to_value IN ('Resolved', 'Open', 'Pending', 'Waiting')
    AND (e.to_value = 'Resolved') = (
        CASE
            WHEN e.from_value IS NOT NULL OR e.source <> 'audit' THEN e.from_value
            ELSE (SELECT p.to_value FROM ticket_events p
                WHERE p.ticket_id = e.ticket_id AND p.kind = 'status' AND p.source = 'audit' AND p.position < e.position
                ORDER BY p.position DESC LIMIT 1)
        END IS NOT 'Resolved')
UNION ALL
SELECT d.day, d.week, d.month, d.number, s.group_id, e.ticket_id, 'rated', k.csat_last, t.source_type, s.category_id,
    CASE
        WHEN EXISTS (SELECT 1 FROM ticket_replies r WHERE r.ticket_id = e.ticket_id AND r.occurred_at <= e.occurred_at)
            THEN (SELECT r.agent_id FROM ticket_replies r
                WHERE r.ticket_id = e.ticket_id AND r.occurred_at <= e.occurred_at ORDER BY r.occurred_at DESC, r.position DESC LIMIT 1)
        WHEN t.message_count IS NOT NULL
            THEN (SELECT m.sender_id FROM live_messages m
                WHERE m.ticket_id = e.ticket_id AND m.is_human AND m.created_at <= e.occurred_at ORDER BY m.created_at DESC, m.position DESC LIMIT 1)
    END, s.priority
FROM days d
CROSS JOIN ticket_events e ON e.kind = 'rating' AND e.occurred_at >= d.starts_at AND e.occurred_at < d.ends_at
CROSS JOIN tickets t ON t.id = e.ticket_id
CROSS JOIN ticket_metrics k ON k.ticket_id = e.ticket_id
CROSS JOIN ticket_spans s ON s.ticket_id = e.ticket_id AND s.starts_at <= e.occurred_at AND (s.ends_at > e.occurred_at OR s.ends_at IS NULL)
WHERE t.deleted_at IS NULL AND t.status IS NOT 'Spam' AND e.to_value IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM ticket_events p
    WHERE p.ticket_id = e.ticket_id AND p.kind = 'rating' AND p.to_value IS NOT NULL AND p.position < e.position);
