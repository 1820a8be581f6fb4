-- What a sync knew at its end of what it had not seen. Internal.
CREATE TABLE _sync_outcomes (
    snapshot_id INTEGER NOT NULL PRIMARY KEY REFERENCES snapshots (id) DEFERRABLE INITIALLY DEFERRED,
    ratings_outstanding INTEGER,
    refresh_within_days INTEGER NOT NULL,
    remarks_json TEXT NOT NULL
) STRICT;
