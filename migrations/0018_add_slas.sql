-- What policies of [[sla]] come to. What does not depend on the present is stored per ticket and policy; the view reads
-- the clocks that run, by stored stretches of business time.

CREATE TABLE _ticket_slas (
    ticket_id TEXT NOT NULL,
    policy TEXT NOT NULL,
    metric TEXT NOT NULL,
    started_at TEXT NOT NULL,
    due_at TEXT,
    met_at TEXT,
    stopped_at TEXT,
    elapsed_ms INTEGER,
    snapshot_id INTEGER NOT NULL REFERENCES snapshots (id) DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (ticket_id, policy)
) STRICT, WITHOUT ROWID;

CREATE TABLE _openings (
    starts_at TEXT NOT NULL PRIMARY KEY,
    ends_at TEXT NOT NULL,
    before_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- By which policies the rows of tickets were computed; by which hours the openings were laid out, and until when.
ALTER TABLE _metrics ADD COLUMN policies TEXT NOT NULL DEFAULT '';
ALTER TABLE _metrics ADD COLUMN openings TEXT NOT NULL DEFAULT '';
ALTER TABLE _metrics ADD COLUMN openings_until_ms INTEGER NOT NULL DEFAULT 0;

-- Business time until an instant is that before the last opening that began, and as much of it as is over.
CREATE VIEW sla_results AS
WITH clock AS (
    SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now') AS now
), until AS MATERIALIZED (
    SELECT now, (SELECT before_ms + (strftime('%s', substr(min(now, ends_at), 1, 19)) - strftime('%s', substr(starts_at, 1, 19))) * 1000
            + substr(min(now, ends_at), 21, 3) - substr(starts_at, 21, 3)
        FROM _openings WHERE starts_at <= now ORDER BY starts_at DESC LIMIT 1) AS ms
    FROM clock
)
SELECT s.ticket_id, s.policy, s.metric, s.started_at, s.due_at, s.met_at,
    CASE
        WHEN s.stopped_at IS NOT NULL THEN s.elapsed_ms
        ELSE max(0, ifnull((SELECT u.ms FROM until u), 0) - ifnull(
            (SELECT o.before_ms + (strftime('%s', substr(min(s.started_at, o.ends_at), 1, 19)) - strftime('%s', substr(o.starts_at, 1, 19))) * 1000
                + substr(min(s.started_at, o.ends_at), 21, 3) - substr(o.starts_at, 21, 3)
            FROM _openings o WHERE o.starts_at <= s.started_at ORDER BY o.starts_at DESC LIMIT 1), 0))
    END AS elapsed_ms,
    CASE
        WHEN coalesce(s.stopped_at, (SELECT u.now FROM until u)) > s.due_at THEN 1
        WHEN s.stopped_at IS NOT NULL THEN 0
    END AS is_breached
FROM _ticket_slas s;
