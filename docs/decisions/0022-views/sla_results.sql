-- One row per ticket and policy of [[sla]]. Whether a policy applies and when it is due are computed in business time and stored in ticket_slas;
-- this view adds what goes on until now: stopped_at is NULL where the clock runs. Business time until an instant is that before the last opening
-- that began, and how much of it is over.
CREATE VIEW sla_results AS
WITH clock AS (
    SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now') AS now
), until AS MATERIALIZED (
    SELECT now, (SELECT before_ms + (strftime('%s', substr(min(now, ends_at), 1, 19)) - strftime('%s', substr(starts_at, 1, 19))) * 1000
            + substr(min(now, ends_at), 21, 3) - substr(starts_at, 21, 3)
        FROM openings WHERE starts_at <= now ORDER BY starts_at DESC LIMIT 1) AS ms
    FROM clock
)
SELECT s.ticket_id, s.policy, s.metric, s.started_at, s.due_at, s.met_at,
    CASE
        WHEN s.stopped_at IS NOT NULL THEN s.elapsed_ms
        ELSE max(0, ifnull((SELECT u.ms FROM until u), 0) - ifnull(
            (SELECT o.before_ms + (strftime('%s', substr(min(s.started_at, o.ends_at), 1, 19)) - strftime('%s', substr(o.starts_at, 1, 19))) * 1000
                + substr(min(s.started_at, o.ends_at), 21, 3) - substr(o.starts_at, 21, 3)
            FROM openings o WHERE o.starts_at <= s.started_at ORDER BY o.starts_at DESC LIMIT 1), 0))
    END AS elapsed_ms,
    CASE
        WHEN coalesce(s.stopped_at, (SELECT u.now FROM until u)) > s.due_at THEN 1
        WHEN s.stopped_at IS NOT NULL THEN 0
    END AS is_breached
FROM ticket_slas s;
