-- The backlog of each day alone, by the same groups as daily_metrics, for questions about some days: SQLite cannot carry a condition on `day` into
-- all parts of daily_metrics, and computes all of it.
-- The plus signs keep SQLite from looking up a ticket's days by anything but ends_at.
CREATE VIEW daily_backlog AS
SELECT +d.day AS day, g.source_type, g.category_id, g.assigned_agent_id, g.priority,
    sum(s.backlog) AS backlog, sum(s.backlog_low) AS backlog_low, count(*) AS backlog_high
FROM ticket_spans s
CROSS JOIN days d ON d.ends_at > s.starts_at AND d.ends_at <= ifnull(s.ends_at, '9999')
CROSS JOIN ticket_groups g ON g.id = s.group_id
WHERE s.backlog_high = 1
    AND +d.starts_at <= (SELECT started_at FROM snapshots WHERE finished_at IS NOT NULL ORDER BY id DESC LIMIT 1)
GROUP BY d.day, s.group_id;
