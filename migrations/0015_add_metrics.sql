-- Metrics of tickets, and what changed when. Both follow from the other rows of a ticket; those of tickets that
-- are stored already are computed by the next run that writes.

CREATE TABLE ticket_metrics (
    ticket_id TEXT NOT NULL PRIMARY KEY REFERENCES tickets (id) DEFERRABLE INITIALLY DEFERRED,
    is_deleted INTEGER NOT NULL,
    is_spam INTEGER NOT NULL,
    opened_by TEXT,
    first_customer_message_at TEXT,
    first_reply_at TEXT,
    first_reply_agent_id TEXT,
    first_reply_ms INTEGER,
    first_reply_business_ms INTEGER,
    first_reply_from_creation_ms INTEGER,
    first_ai_reply_at TEXT,
    first_ai_reply_ms INTEGER,
    customer_message_count INTEGER,
    public_reply_count INTEGER,
    ai_reply_count INTEGER,
    private_note_count INTEGER,
    is_one_touch INTEGER,
    is_two_touch INTEGER,
    is_ai_only INTEGER,
    was_handed_off INTEGER,
    first_resolved_at TEXT,
    last_resolved_at TEXT,
    first_resolution_ms INTEGER,
    full_resolution_ms INTEGER,
    full_resolution_business_ms INTEGER,
    reopened_resolution_ms INTEGER,
    reopen_count INTEGER NOT NULL,
    last_reopened_at TEXT,
    agent_count INTEGER,
    handoff_count INTEGER NOT NULL,
    unassigned_ms INTEGER,
    waiting_on_agent_ms INTEGER,
    waiting_on_customer_ms INTEGER,
    is_waiting_on_us INTEGER,
    waiting_since TEXT,
    resolved_by TEXT,
    is_auto_resolved INTEGER,
    csat INTEGER,
    csat_first INTEGER,
    csat_last INTEGER,
    reply_rule TEXT,
    resolution_source TEXT,
    snapshot_id INTEGER NOT NULL REFERENCES snapshots (id) DEFERRABLE INITIALLY DEFERRED
) STRICT;

CREATE TABLE ticket_events (
    ticket_id TEXT NOT NULL REFERENCES tickets (id) DEFERRABLE INITIALLY DEFERRED,
    position INTEGER NOT NULL,
    kind TEXT NOT NULL,
    from_value TEXT,
    to_value TEXT,
    occurred_at TEXT NOT NULL,
    not_before TEXT,
    actor_type TEXT,
    actor_id TEXT,
    source TEXT NOT NULL,
    snapshot_id INTEGER NOT NULL REFERENCES snapshots (id) DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (ticket_id, position)
) STRICT, WITHOUT ROWID;

-- Over the runs that last changed a ticket's rows of both. Internal.
ALTER TABLE _ticket_index ADD COLUMN metrics_hash BLOB;

-- By which version of the definitions and which business hours the rows above were computed, and while they
-- are computed anew, the last ticket that was. No row: none were computed. Internal.
CREATE TABLE _metrics (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    definitions INTEGER NOT NULL,
    hours TEXT NOT NULL,
    is_current INTEGER NOT NULL,
    last_ticket TEXT
) STRICT;
