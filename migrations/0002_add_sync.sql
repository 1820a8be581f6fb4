-- What a sync keeps beside the rows. All internal.

-- The server's clock when the run began; a run that is taken up again keeps it.
ALTER TABLE _runs ADD COLUMN server_time_ms INTEGER;

-- Single numbers: when the last complete sync began, how resolution times proved.
CREATE TABLE _sync (
    name TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE _sync_steps (
    snapshot_id INTEGER NOT NULL REFERENCES snapshots (id) DEFERRABLE INITIALLY DEFERRED,
    step TEXT NOT NULL,
    is_done INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    tickets_read INTEGER NOT NULL,
    tickets_changed INTEGER NOT NULL,
    PRIMARY KEY (snapshot_id, step)
) STRICT, WITHOUT ROWID;

-- How often resolved tickets change, learnt by the time since their resolution.
CREATE TABLE _hazards (
    kind TEXT NOT NULL,
    bin INTEGER NOT NULL,
    finds REAL NOT NULL,
    exposure_days REAL NOT NULL,
    PRIMARY KEY (kind, bin)
) STRICT, WITHOUT ROWID;

-- Tickets created in a range and resolved at or after an instant had not changed in one way.
CREATE TABLE _vouches (
    kind TEXT NOT NULL,
    from_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    resolved_from_ms INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    CHECK (from_ms < until_ms)
) STRICT;

-- Values that turned up on tickets nobody should be working on any more.
CREATE TABLE _suspicions (
    field TEXT NOT NULL CHECK (field IN ('tag', 'category')),
    value TEXT NOT NULL,
    ticket_id TEXT NOT NULL,
    seen_at_ms INTEGER NOT NULL,
    PRIMARY KEY (field, value, ticket_id)
) STRICT, WITHOUT ROWID;

-- Windows of a bulk change that are still to be listed by its value.
CREATE TABLE _campaigns (
    field TEXT NOT NULL CHECK (field IN ('tag', 'category')),
    value TEXT NOT NULL,
    from_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    position_ms INTEGER NOT NULL,
    PRIMARY KEY (field, value, from_ms),
    CHECK (from_ms < until_ms)
) STRICT, WITHOUT ROWID;
