-- Stored tables that the views need, besides ticket_metrics and ticket_events. See NOTES.md.

CREATE TABLE days (
    day TEXT NOT NULL PRIMARY KEY,
    starts_at TEXT NOT NULL,
    ends_at TEXT NOT NULL,
    week TEXT NOT NULL,
    month TEXT NOT NULL,
    weekday INTEGER NOT NULL,
    number INTEGER NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX days_by_start ON days (starts_at);
CREATE UNIQUE INDEX days_by_end ON days (ends_at);

CREATE TABLE hours (
    starts_at TEXT NOT NULL PRIMARY KEY,
    ends_at TEXT NOT NULL,
    day TEXT NOT NULL,
    weekday INTEGER NOT NULL,
    hour INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE openings (
    starts_at TEXT NOT NULL PRIMARY KEY,
    ends_at TEXT NOT NULL,
    before_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE ticket_slas (
    ticket_id TEXT NOT NULL REFERENCES tickets (id) DEFERRABLE INITIALLY DEFERRED,
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
-- Three tables that the metrics room keeps, in the page's transaction, like ticket_metrics. The first two replace the views of these names in
-- test/ (which define their rows in SQL, and are what the room's rows are compared with).

CREATE TABLE ticket_replies (
    ticket_id TEXT NOT NULL REFERENCES tickets (id) DEFERRABLE INITIALLY DEFERRED,
    position INTEGER NOT NULL,
    occurred_at TEXT NOT NULL,
    agent_id TEXT,
    PRIMARY KEY (ticket_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE ticket_spans (
    ticket_id TEXT NOT NULL REFERENCES tickets (id) DEFERRABLE INITIALLY DEFERRED,
    starts_at TEXT NOT NULL,
    ends_at TEXT,
    category_id TEXT,
    assigned_agent_id TEXT,
    priority INTEGER,
    backlog INTEGER NOT NULL,
    backlog_low INTEGER NOT NULL,
    backlog_high INTEGER NOT NULL,
    group_id INTEGER NOT NULL REFERENCES ticket_groups (id) DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (ticket_id, starts_at)
) STRICT, WITHOUT ROWID;

CREATE TABLE ticket_groups (
    id INTEGER NOT NULL PRIMARY KEY,
    source_type TEXT,
    category_id TEXT,
    assigned_agent_id TEXT,
    priority INTEGER
) STRICT;
CREATE UNIQUE INDEX ticket_groups_by_all ON ticket_groups (
    ifnull(source_type, ''), ifnull(category_id, ''), ifnull(assigned_agent_id, ''), ifnull(priority, -9223372036854775808));
CREATE INDEX ticket_events_by_instant ON ticket_events (kind, occurred_at);
CREATE INDEX messages_by_customers ON messages (created_at, ticket_id, is_deleted, message_type) WHERE sender_type = 'customer';
CREATE INDEX ticket_replies_by_instant ON ticket_replies (occurred_at, agent_id);
CREATE INDEX ticket_spans_by_backlog ON ticket_spans (starts_at, ends_at, group_id, backlog, backlog_low) WHERE backlog_high = 1;
