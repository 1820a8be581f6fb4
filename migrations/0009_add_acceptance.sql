-- Rejects that somebody accepted do not count for the exit code, and a whole ticket in rejects has
-- the creation that it came with: it tells two tickets of one id apart, and says where it is counted.
-- The tables are made anew, so that columns stand in the order of src/table.rs.
CREATE TABLE _rejects_kept (
    id TEXT NOT NULL PRIMARY KEY,
    ticket_id TEXT,
    path TEXT NOT NULL,
    reason TEXT NOT NULL,
    raw_json TEXT NOT NULL,
    created_at TEXT,
    snapshot_id INTEGER NOT NULL REFERENCES snapshots (id) DEFERRABLE INITIALLY DEFERRED,
    accepted_at TEXT
) STRICT;

INSERT INTO _rejects_kept (id, ticket_id, path, reason, raw_json, snapshot_id)
    SELECT id, ticket_id, path, reason, raw_json, snapshot_id FROM rejects;

-- place_ms is where a whole ticket is counted: its creation, else the start of the slice it came in.
CREATE TABLE _rejects_seen (
    reject_id TEXT NOT NULL PRIMARY KEY REFERENCES rejects (id) ON DELETE CASCADE,
    snapshot_id INTEGER NOT NULL REFERENCES snapshots (id) DEFERRABLE INITIALLY DEFERRED,
    hash BLOB,
    place_ms INTEGER
) STRICT, WITHOUT ROWID;

-- Kept apart until the rejects are back in their place.
CREATE TEMP TABLE rejects_met AS SELECT reject_id, snapshot_id, hash FROM _rejects_met;

DROP TABLE _rejects_met;
DROP TABLE rejects;
ALTER TABLE _rejects_kept RENAME TO rejects;
CREATE INDEX rejects_by_ticket ON rejects (ticket_id);
ALTER TABLE _rejects_seen RENAME TO _rejects_met;
INSERT INTO _rejects_met (reject_id, snapshot_id, hash)
    SELECT reject_id, snapshot_id, hash FROM temp.rejects_met;
DROP TABLE temp.rejects_met;
