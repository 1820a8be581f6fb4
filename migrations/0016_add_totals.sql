-- What all tickets come to by day, agent, category, tag, customer and hour, made anew where a run ends; and views of
-- what is there.

CREATE TABLE days (
    day TEXT NOT NULL,
    starts_at TEXT NOT NULL,
    ends_at TEXT NOT NULL,
    week TEXT NOT NULL,
    month TEXT NOT NULL,
    weekday INTEGER NOT NULL,
    PRIMARY KEY (day)
) STRICT, WITHOUT ROWID;

CREATE TABLE daily_metrics (
    day TEXT NOT NULL,
    source_type TEXT,
    category_id TEXT,
    assigned_agent_id TEXT,
    priority INTEGER,
    created INTEGER NOT NULL,
    resolved INTEGER NOT NULL,
    reopened INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    backlog INTEGER NOT NULL,
    backlog_low INTEGER NOT NULL,
    backlog_high INTEGER NOT NULL,
    public_replies INTEGER NOT NULL,
    rated INTEGER NOT NULL,
    csat_sum INTEGER NOT NULL,
    median_first_reply_ms INTEGER,
    p90_first_reply_ms INTEGER,
    median_full_resolution_ms INTEGER,
    p90_full_resolution_ms INTEGER,
    backlog_source TEXT NOT NULL
) STRICT;
CREATE INDEX daily_metrics_by_day ON daily_metrics (day);

CREATE TABLE agent_daily (
    agent_id TEXT NOT NULL,
    agent_name TEXT,
    day TEXT NOT NULL,
    week TEXT NOT NULL,
    public_replies INTEGER NOT NULL,
    tickets_replied INTEGER NOT NULL,
    first_replies INTEGER NOT NULL,
    resolved INTEGER NOT NULL,
    reopened INTEGER NOT NULL,
    rated INTEGER NOT NULL,
    csat_sum INTEGER NOT NULL,
    median_first_reply_ms INTEGER,
    median_first_reply_business_ms INTEGER,
    PRIMARY KEY (agent_id, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE agent_metrics (
    agent_id TEXT NOT NULL,
    agent_name TEXT,
    period TEXT NOT NULL,
    starts_on TEXT,
    public_replies INTEGER NOT NULL,
    tickets_replied INTEGER NOT NULL,
    first_replies INTEGER NOT NULL,
    resolved INTEGER NOT NULL,
    reopened INTEGER NOT NULL,
    rated INTEGER NOT NULL,
    csat_sum INTEGER NOT NULL,
    median_first_reply_ms INTEGER,
    p90_first_reply_ms INTEGER,
    median_first_reply_business_ms INTEGER,
    p90_first_reply_business_ms INTEGER,
    median_full_resolution_ms INTEGER,
    open INTEGER,
    waiting_on_us INTEGER
) STRICT;
CREATE INDEX agent_metrics_by_key ON agent_metrics (agent_id, period, starts_on);

CREATE TABLE category_metrics (
    category_id TEXT,
    category_name TEXT,
    period TEXT NOT NULL,
    starts_on TEXT,
    created INTEGER NOT NULL,
    resolved INTEGER NOT NULL,
    reopened INTEGER NOT NULL,
    one_touch INTEGER NOT NULL,
    ai_only INTEGER NOT NULL,
    open INTEGER NOT NULL,
    rated INTEGER NOT NULL,
    csat_sum INTEGER NOT NULL,
    ratable INTEGER NOT NULL,
    median_first_reply_ms INTEGER,
    median_first_reply_business_ms INTEGER,
    median_full_resolution_ms INTEGER
) STRICT;
CREATE INDEX category_metrics_by_key ON category_metrics (category_id, period, starts_on);

CREATE TABLE tag_metrics (
    tag_id TEXT NOT NULL,
    tag_name TEXT,
    period TEXT NOT NULL,
    starts_on TEXT,
    created INTEGER NOT NULL,
    resolved INTEGER NOT NULL,
    reopened INTEGER NOT NULL,
    open INTEGER NOT NULL,
    rated INTEGER NOT NULL,
    csat_sum INTEGER NOT NULL,
    ratable INTEGER NOT NULL,
    median_first_reply_ms INTEGER,
    median_full_resolution_ms INTEGER
) STRICT;
CREATE INDEX tag_metrics_by_key ON tag_metrics (tag_id, period, starts_on);

CREATE TABLE customer_metrics (
    customer_id TEXT NOT NULL,
    customer_name TEXT,
    tickets INTEGER NOT NULL,
    open INTEGER NOT NULL,
    resolved INTEGER NOT NULL,
    repeats_within_a_week INTEGER NOT NULL,
    first_ticket_at TEXT NOT NULL,
    last_ticket_at TEXT NOT NULL,
    customer_messages INTEGER,
    public_replies INTEGER,
    rated INTEGER NOT NULL,
    csat_sum INTEGER NOT NULL,
    median_first_reply_ms INTEGER,
    PRIMARY KEY (customer_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE hourly_volume (
    starts_at TEXT NOT NULL,
    day TEXT NOT NULL,
    weekday INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    created INTEGER NOT NULL,
    customer_messages INTEGER NOT NULL,
    public_replies INTEGER NOT NULL,
    PRIMARY KEY (starts_at)
) STRICT, WITHOUT ROWID;

-- When people wrote in a ticket's thread, so that totals need not read threads again. Internal.
CREATE TABLE _ticket_activity (
    ticket_id TEXT NOT NULL PRIMARY KEY,
    activity TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What the totals were made of, and the latest instant of anything in them. No row: none were made. Internal.
CREATE TABLE _totals (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    made_of TEXT NOT NULL,
    last_run TEXT NOT NULL,
    latest TEXT
) STRICT;

-- Columns of custom attributes in tickets_wide and customers_wide, in order: none is ever taken away. Internal.
CREATE TABLE _wide_columns (
    owner TEXT NOT NULL,
    place INTEGER NOT NULL,
    name TEXT NOT NULL,
    wanted TEXT NOT NULL,
    label TEXT,
    attribute_id TEXT,
    PRIMARY KEY (owner, place)
) STRICT, WITHOUT ROWID;

-- When each hour of hourly_volume begins and ends. What a change of clocks leaves of an hour ends with the next one's beginning.
CREATE VIEW hours AS
SELECT starts_at,
    lead(starts_at, 1, strftime('%Y-%m-%dT%H:%M:%fZ', starts_at, '+1 hour')) OVER (ORDER BY starts_at) AS ends_at,
    day, weekday, hour
FROM hourly_volume;

-- Tickets that are there: those without deleted_at. Spam is in it.
CREATE VIEW live_tickets AS
SELECT t.*,
    t.status IS NOT NULL AND t.status IN ('Open', 'Pending', 'Waiting') AS is_open,
    t.status IS 'Spam' AS is_spam
FROM tickets t
WHERE t.deleted_at IS NULL;

-- Messages that were not deleted, of tickets that were not, with what docs/metrics.md ("Messages") says of each: whether it is public, and whether
-- it is of a human. A thread of the rule `sender_type` has no message with a sender_reference_type, so only agents' messages without one ask for
-- the rule.
CREATE VIEW live_messages AS
SELECT m.*,
    (m.message_type IS NULL OR m.message_type = 'ExternalMessage')
        AND (m.sender_type IS 'customer' OR m.sender_type IS 'agent' OR m.sender_reference_type IS 'ClientMember') AS is_public,
    CASE
        WHEN m.message_type <> 'ExternalMessage' OR m.sender_type IS 'customer' THEN 0
        WHEN m.sender_reference_type IS 'ClientMember' THEN 1
        WHEN m.sender_type IS NOT 'agent' THEN 0
        WHEN m.sender_reference_type IS NOT NULL THEN 0
        WHEN coalesce(
            (SELECT k.reply_rule FROM ticket_metrics k WHERE k.ticket_id = m.ticket_id),
            (SELECT 'reference_type' FROM messages o WHERE o.ticket_id = m.ticket_id AND o.sender_reference_type IS NOT NULL LIMIT 1),
            'sender_type') = 'reference_type' THEN 0
        WHEN instr(lower(t.ai_status), 'handed') OR instr(lower(t.ai_status), 'hando') OR instr(lower(t.ai_status), 'hand o')
            OR instr(lower(t.ai_status), 'hand_o') OR instr(lower(t.ai_status), 'hand-o') OR instr(lower(t.ai_status), 'escalat')
            OR instr(lower(t.ai_status), 'transfer')
            THEN m.sender_id IS NOT NULL OR NOT EXISTS (
                SELECT 1 FROM messages o
                WHERE o.ticket_id = m.ticket_id AND o.sender_type = 'agent' AND o.sender_id IS NOT NULL AND o.is_deleted IS NOT 1
                    AND (o.message_type IS NULL OR o.message_type = 'ExternalMessage'))
        WHEN instr(lower(t.ai_status), 'solved') AND NOT instr(lower(t.ai_status), 'unsolved')
            AND NOT instr(lower(t.ai_status), 'unresolved') AND NOT instr(lower(t.ai_status), 'not')
            THEN 0
        ELSE 1
    END AS is_human
FROM messages m
JOIN tickets t ON t.id = m.ticket_id
WHERE m.is_deleted IS NOT 1 AND t.deleted_at IS NULL;

-- Tickets and customers with a column for each custom attribute: made again where one is seen for the first time.
CREATE VIEW tickets_wide AS
SELECT o.*,
    coalesce(c.name, o.category_id) AS category_name,
    coalesce(a.name, a.email, o.assigned_agent_id) AS agent_name,
    coalesce(p.name, p.email, o.customer_id) AS customer_name,
    (SELECT group_concat(name, ', ') FROM (
        SELECT coalesce(g.name, x.tag_id) AS name FROM ticket_tags AS x LEFT JOIN tags AS g ON g.id = x.tag_id
        WHERE x.ticket_id = o.id ORDER BY 1)) AS tag_names
FROM tickets AS o
LEFT JOIN categories AS c ON c.id = o.category_id
LEFT JOIN agents AS a ON a.id = o.assigned_agent_id
LEFT JOIN customers AS p ON p.id = o.customer_id
WHERE o.deleted_at IS NULL;

CREATE VIEW customers_wide AS
SELECT o.*
FROM customers AS o;
