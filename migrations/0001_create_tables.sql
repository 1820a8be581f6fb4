-- Tables for people: columns, order, nullability and keys are those of src/table.rs; a test
-- compares both ways. Big rows live in rowid tables, small ones in their key's own tree.
-- Foreign keys are checked at the commit: one that may fail in the middle of a transaction makes
-- SQLite keep a copy of each page that a DELETE touches, which made changed
-- tickets take half as long again.

CREATE TABLE snapshots (
    id INTEGER NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    outcome TEXT NOT NULL,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    range_from TEXT NOT NULL,
    range_until TEXT NOT NULL,
    filters_json TEXT,
    has_messages INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    tickets_read INTEGER NOT NULL,
    tickets_new INTEGER NOT NULL,
    tickets_changed INTEGER NOT NULL,
    tickets_deleted INTEGER NOT NULL,
    unverified_slices INTEGER NOT NULL,
    rejects INTEGER NOT NULL,
    replaced_characters INTEGER NOT NULL
) STRICT;

CREATE TABLE categories (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT,
    is_archived INTEGER,
    snapshot_id INTEGER NOT NULL REFERENCES snapshots (id) DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

CREATE TABLE agents (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT,
    email TEXT,
    wallet_address TEXT,
    snapshot_id INTEGER NOT NULL REFERENCES snapshots (id) DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

CREATE TABLE tags (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT,
    snapshot_id INTEGER NOT NULL REFERENCES snapshots (id) DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

CREATE TABLE customers (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT,
    email TEXT,
    wallet_address TEXT,
    discord_author_id TEXT,
    telegram_author_id TEXT,
    created_at TEXT,
    updated_at TEXT,
    extra_json TEXT,
    snapshot_id INTEGER NOT NULL REFERENCES snapshots (id) DEFERRABLE INITIALLY DEFERRED
) STRICT;

CREATE TABLE customer_attributes (
    customer_id TEXT NOT NULL REFERENCES customers (id) DEFERRABLE INITIALLY DEFERRED,
    position INTEGER NOT NULL,
    attribute_id TEXT,
    label TEXT,
    value TEXT,
    PRIMARY KEY (customer_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE tickets (
    id TEXT NOT NULL PRIMARY KEY,
    status TEXT,
    priority INTEGER,
    source_type TEXT,
    category_id TEXT REFERENCES categories (id) DEFERRABLE INITIALLY DEFERRED,
    assigned_agent_id TEXT REFERENCES agents (id) DEFERRABLE INITIALLY DEFERRED,
    customer_id TEXT REFERENCES customers (id) DEFERRABLE INITIALLY DEFERRED,
    email_subject TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT,
    resolved_at TEXT,
    resolution_time_ms INTEGER,
    csat INTEGER,
    ai_status TEXT,
    message_count INTEGER,
    customer_message_count INTEGER,
    agent_message_count INTEGER,
    system_message_count INTEGER,
    private_note_count INTEGER,
    first_customer_message_at TEXT,
    first_agent_reply_at TEXT,
    first_reply_time_ms INTEGER,
    last_message_at TEXT,
    last_message_sender_type TEXT,
    extra_json TEXT,
    snapshot_id INTEGER NOT NULL REFERENCES snapshots (id) DEFERRABLE INITIALLY DEFERRED,
    deleted_at TEXT
) STRICT;

CREATE INDEX tickets_by_created_at ON tickets (created_at);
CREATE INDEX tickets_by_customer ON tickets (customer_id);

CREATE TABLE messages (
    id TEXT NOT NULL,
    ticket_id TEXT NOT NULL REFERENCES tickets (id) DEFERRABLE INITIALLY DEFERRED,
    position INTEGER NOT NULL,
    sender_type TEXT,
    sender_name TEXT,
    sender_id TEXT,
    message_type TEXT,
    content TEXT,
    created_at TEXT,
    updated_at TEXT,
    extra_json TEXT,
    PRIMARY KEY (ticket_id, id)
) STRICT;

CREATE TABLE message_attachments (
    ticket_id TEXT NOT NULL REFERENCES tickets (id) DEFERRABLE INITIALLY DEFERRED,
    message_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    file_name TEXT,
    url TEXT,
    file_type TEXT,
    PRIMARY KEY (ticket_id, message_id, position),
    FOREIGN KEY (ticket_id, message_id) REFERENCES messages (ticket_id, id) DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

CREATE TABLE ticket_attributes (
    ticket_id TEXT NOT NULL REFERENCES tickets (id) DEFERRABLE INITIALLY DEFERRED,
    position INTEGER NOT NULL,
    attribute_id TEXT,
    label TEXT,
    value TEXT,
    PRIMARY KEY (ticket_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE ticket_tags (
    ticket_id TEXT NOT NULL REFERENCES tickets (id) DEFERRABLE INITIALLY DEFERRED,
    tag_id TEXT NOT NULL REFERENCES tags (id) DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (ticket_id, tag_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE ticket_discord_users (
    ticket_id TEXT NOT NULL REFERENCES tickets (id) DEFERRABLE INITIALLY DEFERRED,
    position INTEGER NOT NULL,
    user_name TEXT NOT NULL,
    PRIMARY KEY (ticket_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE ticket_history (
    ticket_id TEXT NOT NULL REFERENCES tickets (id) DEFERRABLE INITIALLY DEFERRED,
    valid_from TEXT NOT NULL,
    valid_until TEXT,
    status TEXT,
    priority INTEGER,
    category_id TEXT REFERENCES categories (id) DEFERRABLE INITIALLY DEFERRED,
    assigned_agent_id TEXT REFERENCES agents (id) DEFERRABLE INITIALLY DEFERRED,
    tags_json TEXT NOT NULL,
    csat INTEGER,
    ai_status TEXT,
    resolution_time_ms INTEGER,
    message_count INTEGER,
    is_deleted INTEGER NOT NULL,
    snapshot_id INTEGER NOT NULL REFERENCES snapshots (id) DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (ticket_id, valid_from)
) STRICT, WITHOUT ROWID;

-- No reference to tickets: a ticket that could not be stored at all has no row there.
CREATE TABLE rejects (
    id TEXT NOT NULL PRIMARY KEY,
    ticket_id TEXT,
    path TEXT NOT NULL,
    reason TEXT NOT NULL,
    raw_json TEXT NOT NULL,
    snapshot_id INTEGER NOT NULL REFERENCES snapshots (id) DEFERRABLE INITIALLY DEFERRED
) STRICT;

CREATE INDEX rejects_by_ticket ON rejects (ticket_id);

-- Internal tables. Instants are milliseconds since 1970, for arithmetic.

-- What an unfinished run needs beside its snapshot row; gone when the run ends.
CREATE TABLE _runs (
    snapshot_id INTEGER NOT NULL PRIMARY KEY REFERENCES snapshots (id) DEFERRABLE INITIALLY DEFERRED,
    is_until_open INTEGER NOT NULL,
    has_lookups INTEGER NOT NULL
) STRICT;

-- The slices of unfinished runs, and those of ended runs that stayed unverified.
-- Position: by key (position_ms) or by offset (skip, overlap_id).
CREATE TABLE _slices (
    snapshot_id INTEGER NOT NULL REFERENCES snapshots (id) DEFERRABLE INITIALLY DEFERRED,
    number INTEGER NOT NULL,
    from_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    position_ms INTEGER,
    skip INTEGER,
    overlap_id TEXT,
    state TEXT NOT NULL CHECK (state IN ('open', 'sealed', 'unverified')),
    reason TEXT,
    tickets INTEGER NOT NULL,
    pages INTEGER NOT NULL,
    PRIMARY KEY (snapshot_id, number),
    CHECK (from_ms < until_ms),
    CHECK ((position_ms IS NULL) <> (skip IS NULL))
) STRICT, WITHOUT ROWID;

-- What tells a changed ticket from one read again. thread_hash is NULL until a run with messages
-- read it; verified_at_ms is its last full read; seen_snapshot the last run that met it at all.
CREATE TABLE _ticket_index (
    id TEXT NOT NULL PRIMARY KEY REFERENCES tickets (id) DEFERRABLE INITIALLY DEFERRED,
    created_at_ms INTEGER NOT NULL,
    head_hash BLOB NOT NULL,
    thread_hash BLOB,
    verified_at_ms INTEGER NOT NULL,
    seen_snapshot INTEGER NOT NULL,
    is_deleted INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The same for customers; observed_at_ms orders what the lanes of one run saw.
CREATE TABLE _customer_index (
    id TEXT NOT NULL PRIMARY KEY REFERENCES customers (id) DEFERRABLE INITIALLY DEFERRED,
    hash BLOB NOT NULL,
    observed_at_ms INTEGER NOT NULL,
    seen_snapshot INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
