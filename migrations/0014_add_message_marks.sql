-- What metrics need of messages as columns: whether one was edited or deleted, what kind of sender it has, and what an
-- entry of the audit log says was before and after. The table is made anew, so that columns stand in the order of
-- src/table.rs. Right after this file the program fills it: it takes the values out of extra_json, renews the hashes of
-- the threads, and puts this table in the place of the other.
CREATE TABLE _messages_kept (
    id TEXT NOT NULL,
    ticket_id TEXT NOT NULL REFERENCES tickets (id) DEFERRABLE INITIALLY DEFERRED,
    position INTEGER NOT NULL,
    sender_type TEXT,
    sender_reference_type TEXT,
    sender_name TEXT,
    sender_id TEXT,
    message_type TEXT,
    content TEXT,
    created_at TEXT,
    updated_at TEXT,
    is_edited INTEGER,
    is_deleted INTEGER,
    action_log_from TEXT,
    action_log_to TEXT,
    extra_json TEXT,
    PRIMARY KEY (ticket_id, id)
) STRICT;
