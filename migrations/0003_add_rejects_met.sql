-- The run that last met a reject, apart from the reject: its row changes only where it does.
CREATE TABLE _rejects_met (
    reject_id TEXT NOT NULL PRIMARY KEY REFERENCES rejects (id) ON DELETE CASCADE,
    snapshot_id INTEGER NOT NULL REFERENCES snapshots (id) DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

INSERT INTO _rejects_met (reject_id, snapshot_id) SELECT id, snapshot_id FROM rejects;
